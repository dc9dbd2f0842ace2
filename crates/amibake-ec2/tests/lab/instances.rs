//! Launches: what EC2 refuses, with its code, and which words a person reads.

use amibake_ec2::lab::{Lab, Options, Times};
use amibake_ec2::model::{BlockDevice, BlockDeviceTarget, EbsDevice, MetadataOptions, RunInstances, Tag};
use amibake_ec2::{Ec2, SubnetId};

use crate::support::*;

/// Launches with a change and compares the answer: `ok`, or code and message.
async fn check(ec2: &dyn Ec2, change: impl FnOnce(&mut RunInstances), expected: &str) {
    let mut request = launch(ec2, "").await;
    change(&mut request);
    let answer = match ec2.run_instance(request).await {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.to_string().trim_start_matches("RunInstances: ").to_owned(),
    };
    assert_eq!(answer, expected);
}

fn device(ebs_device: EbsDevice) -> impl FnOnce(&mut RunInstances) {
    move |request| request.block_devices = vec![ebs("/dev/sdf", ebs_device)]
}

fn volume(kind: &str, size: i32) -> EbsDevice {
    EbsDevice { volume_type: Some(kind.to_owned()), volume_size: Some(size), ..EbsDevice::default() }
}

#[tokio::test]
async fn a_launch_is_checked_as_ec2_checks_it() {
    let (_, ec2) = instant();
    let ec2 = &*ec2;
    check(ec2, |_| {}, "ok").await;
    check(ec2, |r| r.image = "ami-xyz".to_owned(), "InvalidAMIID.Malformed: Invalid id: \"ami-xyz\" (expecting \"ami-...\")").await;
    check(ec2, |r| r.image = "ami-12345678".to_owned(), "InvalidAMIID.NotFound: The image id '[ami-12345678]' does not exist").await;
    check(ec2, |r| r.instance_type = "t2.mikro".to_owned(), "InvalidParameterValue: Invalid value 't2.mikro' for InstanceType.").await;
    check(
        ec2,
        |r| r.instance_type = "t4g.micro".to_owned(),
        "InvalidParameterValue: The architecture 'arm64' of the specified instance type does not match the architecture 'x86_64' of the specified AMI. \
         Specify an instance type and an AMI that have matching architectures, and try again.",
    )
    .await;
    check(ec2, |r| r.key_name = Some("k".to_owned()), "InvalidKeyPair.NotFound: The key pair 'k' does not exist").await;
    check(
        ec2,
        |r| r.iam_instance_profile = Some("p".to_owned()),
        "InvalidParameterValue: Value (p) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
    )
    .await;
    check(ec2, |r| r.user_data = Some("x".repeat(22_000)), "InvalidParameterValue: User data is limited to 16384 bytes").await;
    check(ec2, |r| r.availability_zone = Some("us-east-2z".to_owned()), "InvalidParameterValue: Invalid availability zone: [us-east-2z]")
        .await;
    check(ec2, |r| r.client_token = "x".repeat(65), "InvalidParameterValue: Client token length cannot exceed 64 characters.").await;
    check(ec2, |r| r.instance_tags = vec![tag("a", "1"), tag("a", "2")], "InvalidParameterValue: Duplicate tag key 'a' specified.").await;
    let many: Vec<Tag> = (0..51).map(|n| tag(&format!("t{n}"), "")).collect();
    check(ec2, |r| r.volume_tags = many, "TagLimitExceeded: The maximum number of Tags for a resource has been reached.").await;
    check(ec2, |r| r.user_data = Some("#!/bin/sh".to_owned()), "InvalidParameterValue: Invalid BASE64 encoding of user data.").await;
    check(ec2, |r| r.tenancy = Some("mine".to_owned()), "InvalidParameterValue: Value (mine) for parameter tenancy is invalid.").await;
    check(
        ec2,
        |r| (r.instance_type, r.cpu_credits) = ("m5.large".to_owned(), Some("unlimited".to_owned())),
        "InstanceCreditSpecification.NotSupported: The m5.large instance type does not support T2 Unlimited.",
    )
    .await;
    check(ec2, |r| (r.instance_type, r.cpu_credits) = ("t3.micro".to_owned(), Some("unlimited".to_owned())), "ok").await;
    check(
        ec2,
        |r| r.instance_type = "m1.small".to_owned(),
        "InvalidParameterCombination: Non-Windows instances with a virtualization type of 'hvm' are currently not supported for this \
         instance type : m1.small",
    )
    .await;
    let metadata = MetadataOptions {
        http_endpoint: "enabled".to_owned(),
        http_tokens: "required".to_owned(),
        http_put_response_hop_limit: 65,
        instance_metadata_tags: None,
    };
    check(ec2, |r| r.metadata_options = Some(metadata), "InvalidParameterValue: A value of MetadataOptions is invalid.").await;
}

#[tokio::test]
async fn volumes_are_checked_as_ec2_checks_them() {
    let (_, ec2) = instant();
    let ec2 = &*ec2;
    let iops = |kind: &str, size, iops| EbsDevice { iops: Some(iops), ..volume(kind, size) };
    check(ec2, device(volume("gp3", 1)), "ok").await;
    check(ec2, device(iops("io1", 100, 1000)), "ok").await;
    check(ec2, device(iops("io1", 10, 1000)), "InvalidParameterValue: Iops to volume size ratio of 100.000000 is too high; maximum is 50")
        .await;
    check(ec2, device(iops("gp3", 1, 3000)), "ok").await;
    check(ec2, device(iops("gp3", 10, 6000)), "InvalidParameterValue: Iops to volume size ratio of 600.000000 is too high; maximum is 500")
        .await;
    check(ec2, device(iops("gp3", 100, 2000)), "InvalidParameterValue: Volume iops of 2000 is too low; minimum is 3000.").await;
    let of_gp2 = EbsDevice { throughput: Some(200), ..volume("gp2", 10) };
    check(ec2, device(of_gp2), "InvalidParameterCombination: throughput can only be specified for volumeType gp3.").await;
    let throughput = EbsDevice { throughput: Some(1000), ..volume("gp3", 100) };
    check(
        ec2,
        device(throughput),
        "InvalidParameterValue: Throughput (MiBps) to iops ratio of 0.333333 is too high; maximum is 0.250000 MiBps per iops.",
    )
    .await;
    check(ec2, device(EbsDevice { iops: Some(4000), throughput: Some(1000), ..volume("gp3", 100) }), "ok").await;
    check(ec2, device(volume("io1", 100)), "MissingParameter: The parameter iops must be specified for io1 volumes.").await;
    check(ec2, device(iops("gp2", 10, 3000)), "InvalidParameterCombination: The parameter iops is not supported for gp2 volumes.").await;
    check(ec2, device(volume("st1", 10)), "InvalidParameterValue: Volume of 10GiB is too small; minimum is 125GiB.").await;
    check(ec2, device(volume("gp4", 10)), "InvalidParameterValue: Value (gp4) for parameter volumeType is invalid. Unknown volume type")
        .await;
    check(ec2, device(EbsDevice::default()), "MissingParameter: The request must contain the parameter size or snapshotId").await;
    let snapshot = EbsDevice { snapshot_id: Some("snap-12345678".to_owned()), ..EbsDevice::default() };
    check(ec2, device(snapshot), "InvalidSnapshot.NotFound: The snapshot 'snap-12345678' does not exist.").await;
    let key = EbsDevice { kms_key_id: Some("k".to_owned()), ..volume("gp3", 1) };
    check(ec2, device(key), "InvalidParameterDependency: The parameter KmsKeyId requires the parameter Encrypted to be set.").await;
    let twice = vec![ebs("/dev/sdf", volume("gp3", 1)), ebs("/dev/sdf", volume("gp3", 1))];
    let message = "InvalidBlockDeviceMapping: The device '/dev/sdf' is used in more than one block-device mapping";
    check(ec2, |r| r.block_devices = twice, message).await;
    let ephemeral = BlockDevice { device_name: "/dev/sdb".to_owned(), target: BlockDeviceTarget::Virtual("ephemera0".to_owned()) };
    let message = "InvalidParameterValue: Value (ephemera0) for parameter virtualName is invalid.";
    check(ec2, |r| r.block_devices = vec![ephemeral], message).await;
}

#[tokio::test]
async fn a_root_volume_is_no_smaller_than_its_snapshot() {
    let (_, ec2) = instant();
    let mut request = launch(&*ec2, "").await;
    request.block_devices = vec![ebs("/dev/xvda", volume("gp3", 4))];
    let error = ec2.run_instance(request).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("InvalidBlockDeviceMapping"));
    assert!(error.message.starts_with("Volume of size 4GB is smaller than snapshot 'snap-0"), "{error}");
    assert!(error.message.ends_with("', expect size >= 8GB"), "{error}");
}

#[tokio::test]
async fn instance_profiles_exist_when_the_lab_says_so() {
    let mut options = Options::new(Times::instant());
    options.instance_profiles.insert("baker".to_owned());
    let lab = Lab::new(options);
    check(&*lab.region(REGION), |r| r.iam_instance_profile = Some("baker".to_owned()), "ok").await;
}

#[tokio::test]
async fn without_a_default_vpc_a_subnet_is_needed() {
    let mut options = Options::new(Times::instant());
    options.default_vpc = false;
    let lab = Lab::new(options);
    let ec2 = lab.region(REGION);
    let message = "VPCIdNotSpecified: No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.";
    check(&*ec2, |_| {}, message).await;
    assert_eq!(code(group(&*ec2, "group").await), "VPCIdNotSpecified");
    let vpc = lab.add_vpc(REGION).unwrap();
    let subnet = ec2.describe_subnets(&[], &[]).await.unwrap().remove(0);
    assert_eq!(subnet.vpc, vpc);
    let mut request = launch(&*ec2, "own").await;
    request.subnet = Some(subnet.id.clone());
    let instance = ec2.run_instance(request.clone()).await.unwrap().id;
    assert_eq!(look(&*ec2, &instance).await.public_ip, None, "no public address unless asked for");
    request.client_token = "public".to_owned();
    request.associate_public_ip_address = Some(true);
    let instance = ec2.run_instance(request.clone()).await.unwrap().id;
    assert_eq!(look(&*ec2, &instance).await.public_ip.as_deref(), Some("127.1.0.2"));
    let left = ec2.describe_subnets(std::slice::from_ref(&subnet.id), &[]).await.unwrap()[0].available_addresses;
    assert_eq!(left, subnet.available_addresses - 2);
    request.client_token = String::new();
    request.subnet = Some(SubnetId::new("subnet-12345678").unwrap());
    assert_eq!(code(ec2.run_instance(request).await), "InvalidSubnetID.NotFound");
}

#[tokio::test]
async fn groups_and_subnet_are_of_one_network() {
    let (lab, ec2) = instant();
    let vpc = lab.add_vpc(REGION).unwrap();
    let filters = [amibake_ec2::model::Filter::new("vpc-id", vpc.as_str())];
    let subnet = ec2.describe_subnets(&[], &filters).await.unwrap().remove(0).id;
    let group = group(&*ec2, "in the default VPC").await.unwrap();
    let message = format!("InvalidParameter: Security group {group} and subnet {subnet} belong to different networks.");
    check(&*ec2, |r| (r.subnet, r.security_groups) = (Some(subnet), vec![group]), &message).await;
}

#[tokio::test(start_paused = true)]
async fn a_pending_instance_cannot_be_stopped_but_ended() {
    let lab = Lab::with_times(Times::real());
    let ec2 = lab.region(REGION);
    let instance = running(&*ec2).await;
    let error = ec2.stop_instance(&instance).await.unwrap_err();
    let message = format!("This instance '{instance}' is not in a state from which it can be stopped.");
    assert_eq!((error.code.as_deref(), error.message), (Some("IncorrectInstanceState"), message));
    ec2.terminate_instance(&instance).await.unwrap();
    ec2.terminate_instance(&instance).await.unwrap();
}
