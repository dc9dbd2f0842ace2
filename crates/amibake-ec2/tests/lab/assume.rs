//! A rehearsal's lab: what a template names of its account is taken to exist.

use amibake_ec2::lab::{Lab, MachineKey, Options, Times};
use amibake_ec2::model::{CreateSecurityGroup, DescribeImages, EbsDevice, Filter, ImageState, RunInstances};
use amibake_ec2::{Ec2, ImageId, SecurityGroupId, SnapshotId, SubnetId, VpcId};

use crate::support::*;

fn lab() -> (Lab, std::sync::Arc<dyn Ec2>) {
    let lab = Lab::new(Options { assume: true, ..Options::new(Times::instant()) });
    let ec2 = lab.region(REGION);
    (lab, ec2)
}

fn filters(filters: &[(&str, &str)]) -> Vec<Filter> {
    filters.iter().map(|(name, value)| Filter::new(*name, *value)).collect()
}

/// What was assumed, without its reason.
fn assumed(lab: &Lab) -> Vec<String> {
    lab.assumptions().iter().map(|assumption| format!("{} {}", assumption.kind, assumption.what)).collect()
}

fn group_id(digits: &str) -> SecurityGroupId {
    SecurityGroupId::new(format!("sg-{digits}")).unwrap()
}

#[tokio::test]
async fn what_a_launch_names_exists() {
    let (lab, ec2) = lab();
    let request = RunInstances {
        image: "ami-0123456789abcdef0".to_owned(),
        instance_type: "t4g.small".to_owned(),
        key_name: Some("ours".to_owned()),
        iam_instance_profile: Some("baker".to_owned()),
        subnet: Some(SubnetId::new("subnet-12345678").unwrap()),
        security_groups: vec![group_id("12345678"), group_id("9abcdef0")],
        block_devices: vec![
            ebs(
                "/dev/sda1",
                EbsDevice {
                    volume_size: Some(30),
                    encrypted: Some(true),
                    kms_key_id: Some("alias/ours".to_owned()),
                    ..EbsDevice::default()
                },
            ),
            ebs("/dev/sdf", EbsDevice { snapshot_id: Some("snap-12345678".to_owned()), ..EbsDevice::default() }),
        ],
        ..RunInstances::default()
    };
    let instance = ec2.run_instance(request).await.unwrap();
    let image = lab.image(&ImageId::new("ami-0123456789abcdef0").unwrap()).unwrap();
    assert_eq!((image.architecture.as_str(), image.root_device_name.as_str()), ("arm64", "/dev/sda1"));
    let group = lab.group(&group_id("12345678")).unwrap();
    assert_eq!(Some(&group.vpc), instance.vpc.as_ref(), "one network");
    let mut expected = [
        "image ami-0123456789abcdef0".to_owned(),
        "key pair ours".to_owned(),
        "instance profile baker".to_owned(),
        "KMS key alias/ours".to_owned(),
        "snapshot snap-12345678".to_owned(),
        format!("VPC {}", group.vpc),
        "subnet subnet-12345678".to_owned(),
        "security group sg-12345678".to_owned(),
        "security group sg-9abcdef0".to_owned(),
    ];
    let mut found = assumed(&lab);
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(lab.assumptions()[0].to_string(), "image ami-0123456789abcdef0 in us-east-2: it was named");
}

#[tokio::test]
async fn what_is_malformed_or_not_the_accounts_is_refused_as_ever() {
    let (lab, ec2) = lab();
    let malformed = SubnetId::new("subnet-x").unwrap();
    assert_eq!(code(ec2.describe_subnets(&[malformed], &[]).await), "InvalidSubnetID.NotFound");
    let mut request = launch(&*ec2, "a").await;
    request.instance_type = "t2.mikro".to_owned();
    assert_eq!(code(ec2.run_instance(request.clone()).await), "InvalidParameterValue");
    request.instance_type = "t4g.micro".to_owned();
    assert_eq!(code(ec2.run_instance(request).await), "InvalidParameterValue", "the catalogue's images are as they are");
    assert_eq!(assumed(&lab), Vec::<String>::new());
}

#[tokio::test]
async fn a_subnet_and_groups_described_before_the_launch_are_of_one_network() {
    let (lab, ec2) = lab();
    let vpc = VpcId::new("vpc-12345678").unwrap();
    let subnet = SubnetId::new("subnet-12345678").unwrap();
    let ours = group_id("12345678");
    ec2.describe_security_groups(std::slice::from_ref(&ours), &[]).await.unwrap();
    ec2.describe_subnets(std::slice::from_ref(&subnet), &[]).await.unwrap();
    let request = CreateSecurityGroup { name: "temporary".to_owned(), description: "t".to_owned(), vpc: Some(vpc.clone()), tags: vec![] };
    let temporary = ec2.create_security_group(request).await.unwrap();
    let mut request = launch(&*ec2, "a").await;
    request.subnet = Some(subnet);
    request.security_groups = vec![ours.clone(), temporary];
    let instance = ec2.run_instance(request).await.unwrap();
    assert_eq!((instance.vpc.as_ref(), &lab.group(&ours).unwrap().vpc), (Some(&vpc), &vpc));
    // What is settled stays so: the group cannot be used in another network.
    let mut request = launch(&*ec2, "b").await;
    request.security_groups = vec![ours];
    assert_eq!(code(ec2.run_instance(request).await), "InvalidParameter");
}

#[tokio::test]
async fn a_group_alone_is_of_the_default_network() {
    let (_, ec2) = lab();
    let mut request = launch(&*ec2, "a").await;
    request.security_groups = vec![group_id("12345678")];
    ec2.run_instance(request).await.unwrap();
}

#[tokio::test]
async fn filters_that_match_nothing_make_something_that_matches() {
    let (lab, ec2) = lab();
    let wanted = filters(&[("tag:Name", "build-*"), ("isDefault", "false"), ("cidr", "10.*")]);
    let vpc = ec2.describe_vpcs(&[], &wanted).await.unwrap();
    assert_eq!((vpc.len(), vpc[0].is_default), (1, false));
    assert_eq!(ec2.describe_vpcs(&[], &wanted).await.unwrap(), vpc, "and it stays");
    let wanted =
        filters(&[("tag:Class", "private"), ("state", "available"), ("vpc-id", vpc[0].id.as_str()), ("availabilityZone", "us-east-2?")]);
    let subnet = ec2.describe_subnets(&[], &wanted).await.unwrap();
    assert_eq!((&subnet[0].vpc, subnet[0].availability_zone.as_str()), (&vpc[0].id, "us-east-2a"));
    let wanted = filters(&[("group-name", "*ssh*"), ("tag-key", "team"), ("vpc-id", vpc[0].id.as_str())]);
    let group = ec2.describe_security_groups(&[], &wanted).await.unwrap();
    assert_eq!((group[0].name.as_str(), group[0].vpc.as_ref(), group[0].tags[0].key.as_str()), ("ssh0", Some(&vpc[0].id), "team"));
    assert_eq!(assumed(&lab).len(), 3);
    assert_eq!(lab.assumptions()[0].why, "something had to match tag:Name=build-* isDefault=false cidr=10.*");
    // What cannot be made to match is not there; what EC2 does not know is refused.
    assert_eq!(ec2.describe_vpcs(&[], &filters(&[("state", "pending")])).await.unwrap(), []);
    assert_eq!(code(ec2.describe_vpcs(&[], &filters(&[("tags:Name", "x")])).await), "InvalidParameterValue");
    let default = ec2.describe_vpcs(&[], &filters(&[("is-default", "true")])).await.unwrap();
    assert!(default[0].is_default && assumed(&lab).len() == 3, "what is there is no assumption");
}

async fn source(ec2: &dyn Ec2, owners: &[&str], wanted: &[(&str, &str)]) -> Vec<amibake_ec2::model::Image> {
    let owners = owners.iter().map(ToString::to_string).collect();
    ec2.describe_images(DescribeImages { owners, filters: filters(wanted), ..DescribeImages::default() }).await.unwrap()
}

#[tokio::test]
async fn a_source_image_of_our_own_exists_and_a_misspelt_public_one_does_not() {
    let (lab, ec2) = lab();
    let wanted = [("name", "golden-*"), ("architecture", "arm64"), ("tag:stage", "prod"), ("root-device-type", "ebs")];
    let golden = source(&*ec2, &["self"], &wanted).await;
    assert_eq!((golden.len(), golden[0].name.as_str(), golden[0].owner_id.as_str()), (1, "golden-0", "123456789012"));
    assert_eq!((golden[0].architecture.as_str(), golden[0].state), ("arm64", ImageState::Available));
    assert_eq!(source(&*ec2, &["self"], &wanted).await, golden);
    let other = source(&*ec2, &["210987654321"], &[("name", "hardened*")]).await;
    assert_eq!(other[0].owner_id, "210987654321");
    for owners in [&["amazon"][..], &["099720109477"], &["amazon", "137112412989"], &[]] {
        assert_eq!(source(&*ec2, owners, &[("name", "ubunto*")]).await, []);
    }
    assert_eq!(source(&*ec2, &["aws-marketplace"], &[("name", "CIS Hardened*")]).await.len(), 1);
    assert_eq!(assumed(&lab).len(), 3);
}

#[tokio::test]
async fn the_name_of_the_image_to_be_made_is_free() {
    let (lab, ec2) = lab();
    let request = DescribeImages {
        owners: vec!["self".to_owned()],
        filters: filters(&[("name", "baked")]),
        include_deprecated: true,
        ..DescribeImages::default()
    };
    assert_eq!(ec2.describe_images(request).await.unwrap(), []);
    let before = lab.inventory();
    let image = ImageId::new("ami-12345678").unwrap();
    let request = DescribeImages { ids: vec![image.clone()], owners: vec!["self".to_owned()], ..DescribeImages::default() };
    assert_eq!(ec2.describe_images(request).await.unwrap()[0].id, image);
    let snapshot = SnapshotId::new("snap-12345678").unwrap();
    assert_eq!(ec2.describe_snapshots(&[snapshot], &[]).await.unwrap().len(), 1);
    assert_eq!(lab.remaining(&before, &[]), Vec::<String>::new(), "what was assumed was not made by a build");
}

#[tokio::test]
async fn nobody_knows_the_key_of_an_assumed_pair() {
    let told = std::sync::Arc::new(Started::default());
    let lab = Lab::new(Options { assume: true, machines: Some(std::sync::Arc::clone(&told) as _), ..Options::default() });
    let ec2 = lab.region(REGION);
    let mut request = launch(&*ec2, "a").await;
    request.key_name = Some("ours".to_owned());
    ec2.run_instance(request).await.unwrap();
    assert_eq!(told.keys(), [MachineKey::Unknown("ours".to_owned())]);
}

#[tokio::test]
async fn another_build_of_a_public_image_stands_in_for_one_that_is_not_in_the_catalogue() {
    let (lab, ec2) = lab();
    for (owner, name) in [
        ("099720109477", "ubuntu/images/hvm-ssd/ubuntu-focal-20.04-amd64-server-20201014"),
        ("amazon", "amzn2-ami-hvm-2.0.20190115-x86_64-gp2"),
        ("amazon", "amzn2-ami-hvm-2.0.2021*-arm64-gp2"),
        ("136693071363", "debian-11-amd64-20230124-1270"),
        ("602401143452", "amazon-eks-node-1.29-v20240202"),
    ] {
        let found = source(&*ec2, &[owner], &[("name", name), ("virtualization-type", "hvm")]).await;
        assert_eq!(found.len(), 1, "{name}");
        assert!(found[0].owner_id == owner || found[0].owner_alias.as_deref() == Some(owner), "{name}");
        assert!(lab.image(&found[0].id).unwrap().platform.is_some(), "{name}");
    }
    for name in ["ubuntu/images/hvm-ssd/ubuntu-focal-20.04-amd64-serve-20201014", "ubuntu/images/hvm-ssd/ubuntu-jammy-20.04-amd64-server-*"]
    {
        assert_eq!(source(&*ec2, &["099720109477"], &[("name", name)]).await, [], "{name}");
    }
    let strict = instant().1;
    let name = "ubuntu/images/hvm-ssd/ubuntu-focal-20.04-amd64-server-20201014";
    assert_eq!(source(&*strict, &["099720109477"], &[("name", name)]).await, []);
}

#[tokio::test]
async fn a_network_named_without_a_subnet_is_the_default_one() {
    let (lab, ec2) = lab();
    let vpc = VpcId::new("vpc-12345678").unwrap();
    assert!(ec2.describe_vpcs(std::slice::from_ref(&vpc), &[]).await.unwrap()[0].is_default);
    let request = CreateSecurityGroup { name: "temporary".to_owned(), description: "t".to_owned(), vpc: Some(vpc.clone()), tags: vec![] };
    let temporary = ec2.create_security_group(request).await.unwrap();
    let mut request = launch(&*ec2, "a").await;
    request.security_groups = vec![temporary];
    assert_eq!(ec2.run_instance(request).await.unwrap().vpc, Some(vpc));
    assert_eq!(assumed(&lab), ["VPC vpc-12345678"]);
}

#[tokio::test]
async fn an_account_that_nobody_asked_has_every_region() {
    let (lab, _) = lab();
    let names = async |name: &str| lab.region(name).describe_regions().await.unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(names(REGION).await.contains(&"eu-south-1".to_owned()));
    assert_eq!(names("us-gov-west-1").await, ["us-gov-east-1", "us-gov-west-1"]);
    assert_eq!(names("cn-north-1").await, ["cn-north-1", "cn-northwest-1"]);
    assert_eq!(source(&*lab.region("us-gov-west-1"), &["513442679011"], &[("name", "ubuntu*22.04*")]).await.len(), 1);
    assert_eq!(instant().1.describe_regions().await.unwrap().len(), 17);
    assert!(lab.region("moon-west-1").describe_regions().await.is_err());
}

#[tokio::test]
async fn an_account_has_the_zone_that_is_named() {
    let (lab, ec2) = lab();
    for (zone, good) in [("us-east-2f", true), ("us-east-2f", true), ("us-east-2a", true), ("us-east-2z", false), ("us-west-2a", false)] {
        let mut request = launch(&*ec2, "").await;
        request.availability_zone = Some(zone.to_owned());
        assert_eq!(ec2.run_instance(request).await.is_ok(), good, "{zone}");
    }
    assert_eq!(assumed(&lab), ["availability zone us-east-2f"]);
}

#[tokio::test]
async fn an_image_that_is_named_beside_filters_matches_them() {
    let (lab, ec2) = lab();
    let image = ImageId::new("ami-12345678").unwrap();
    let wanted = filters(&[("name", "golden-*"), ("architecture", "arm64"), ("platform", "windows")]);
    let request =
        DescribeImages { ids: vec![image.clone()], owners: vec!["self".to_owned()], filters: wanted, ..DescribeImages::default() };
    assert_eq!(ec2.describe_images(request).await.unwrap()[0].architecture, "arm64");
    assert!(lab.image(&image).unwrap().platform.unwrap().is_windows());
}

#[tokio::test]
async fn what_was_removed_does_not_come_back() {
    let (lab, ec2) = lab();
    let ours = group(&*ec2, "ours").await.unwrap();
    ec2.delete_security_group(&ours).await.unwrap();
    assert_eq!(code(ec2.describe_security_groups(std::slice::from_ref(&ours), &[]).await), "InvalidGroup.NotFound");
    ec2.create_key_pair(key("ours")).await.unwrap();
    ec2.delete_key_pair("ours").await.unwrap();
    let mut request = launch(&*ec2, "").await;
    request.key_name = Some("ours".to_owned());
    assert_eq!(code(ec2.run_instance(request).await), "InvalidKeyPair.NotFound");
    let snapshot = SnapshotId::new("snap-12345678").unwrap();
    ec2.describe_snapshots(std::slice::from_ref(&snapshot), &[]).await.unwrap();
    ec2.delete_snapshot(&snapshot).await.unwrap();
    assert_eq!(code(ec2.describe_snapshots(&[snapshot], &[]).await), "InvalidSnapshot.NotFound");
    let lost = filters(&[("group-name", "packer_0f8fad5b-d9cb-469f-a165-70867728950e")]);
    assert_eq!(ec2.describe_security_groups(&[], &lost).await.unwrap(), [], "a group that only a build can have");
    assert_eq!(assumed(&lab), ["snapshot snap-12345678"]);
}
