//! Images: names, devices, copies, filters, the catalogue.

use std::time::Duration;

use amibake_ec2::lab::record::ImageTarget;
use amibake_ec2::lab::{Lab, Times};
use amibake_ec2::model::{
    BlockDevice, BlockDeviceTarget, CopyImage, DescribeImages, EbsDevice, Filter, ImageChange, ImageState, SnapshotChange,
};
use amibake_ec2::{Ec2, ImageId, Region};

use crate::support::*;

/// Names of the catalogue's images that match, sorted.
async fn names(ec2: &dyn Ec2, owners: &[&str], filters: &[(&str, &str)]) -> Vec<String> {
    let request = DescribeImages {
        owners: owners.iter().map(ToString::to_string).collect(),
        filters: filters.iter().map(|(name, value)| Filter::new(*name, *value)).collect(),
        ..DescribeImages::default()
    };
    let mut names: Vec<_> = ec2.describe_images(request).await.unwrap().into_iter().map(|image| image.name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn templates_find_their_source_images() {
    let (_, ec2) = instant();
    let al2023 = names(&*ec2, &["137112412989"], &[("name", "al2023-ami-2023*x86_64"), ("root-device-type", "ebs")]).await;
    assert_eq!(
        al2023,
        [
            "al2023-ami-2023.12.20260907.0-kernel-6.1-x86_64",
            "al2023-ami-2023.12.20260907.0-kernel-6.12-x86_64",
            "al2023-ami-2023.12.20260907.0-kernel-6.18-x86_64",
            "al2023-ami-2023.12.20261019.0-kernel-6.1-x86_64",
            "al2023-ami-2023.12.20261019.0-kernel-6.12-x86_64",
            "al2023-ami-2023.12.20261019.0-kernel-6.18-x86_64",
        ],
        "the one of June is deprecated"
    );
    for (owner, name) in [
        ("099720109477", "ubuntu/images/*ubuntu-focal-20.04-amd64-server-*"),
        ("099720109477", "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-*"),
        ("099720109477", "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-*"),
        ("136693071363", "debian-12-amd64-*"),
        ("amazon", "amzn2-ami-hvm-2.0.*-x86_64-gp2"),
        ("309956199498", "RHEL-9*_HVM-*-x86_64-*"),
    ] {
        assert!(!names(&*ec2, &[owner], &[("name", name), ("virtualization-type", "hvm")]).await.is_empty(), "{name}");
    }
    assert_eq!(names(&*ec2, &["self"], &[]).await, Vec::<String>::new());
    assert_eq!(names(&*ec2, &["amazon"], &[("name", "ubuntu*")]).await, Vec::<String>::new());
    let gp2 = names(&*ec2, &["amazon"], &[("block-device-mapping.volume-type", "gp2"), ("architecture", "arm64")]).await;
    assert!(gp2.iter().all(|name| name.starts_with("amzn2-ami") && name.contains("arm64")) && gp2.len() == 8, "{gp2:?}");
}

#[tokio::test]
async fn deprecated_images_are_shown_when_asked_for() {
    let (_, ec2) = instant();
    let request = DescribeImages {
        owners: vec!["amazon".to_owned()],
        filters: vec![Filter::new("name", "al2023-ami-2023*x86_64")],
        include_deprecated: true,
        ..DescribeImages::default()
    };
    assert_eq!(ec2.describe_images(request).await.unwrap().len(), 7);
}

#[tokio::test]
async fn a_filter_that_ec2_does_not_know_is_refused() {
    let (_, ec2) = instant();
    let request = |filter: Filter| DescribeImages { filters: vec![filter], ..DescribeImages::default() };
    let error = ec2.describe_images(request(Filter::new("nome", "x"))).await.unwrap_err();
    assert_eq!(error.to_string(), "DescribeImages: InvalidParameterValue: The filter 'nome' is invalid");
    assert_eq!(code(ec2.describe_volumes(&[], &[Filter::new("state", "x")]).await), "InvalidParameterValue", "even without volumes");
    let empty = Filter { name: "name".to_owned(), values: Vec::new() };
    assert_eq!(code(ec2.describe_images(request(empty)).await), "InvalidParameterValue");
    let many = Filter { name: "name".to_owned(), values: vec!["x".to_owned(); 201] };
    assert_eq!(code(ec2.describe_images(request(many)).await), "FilterLimitExceeded");
}

#[tokio::test]
async fn image_names_have_ec2s_length_and_characters() {
    let (_, ec2) = instant();
    let instance = running(&*ec2).await;
    look(&*ec2, &instance).await;
    let long = "x".repeat(129);
    for bad in ["", "ab", "10:30", "ümlaut", "a*b", long.as_str()] {
        assert_eq!(code(ec2.create_image(create_image(&instance, bad)).await), "InvalidAMIName.Malformed", "{bad}");
    }
    for good in ["abc", "a(b)[c] d./-'@_9", &long[1..]] {
        ec2.create_image(create_image(&instance, good)).await.unwrap();
    }
    let error = ec2.create_image(create_image(&instance, "abc")).await.unwrap_err();
    assert!(error.to_string().starts_with("CreateImage: InvalidAMIName.Duplicate: AMI name abc is already in use by AMI ami-0"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn only_a_running_or_stopped_instance_gives_an_image() {
    let lab = Lab::with_times(Times::real());
    let ec2 = lab.region(REGION);
    let instance = running(&*ec2).await;
    let error = ec2.create_image(create_image(&instance, "too early")).await.unwrap_err();
    assert_eq!(error.to_string(), "CreateImage: InvalidParameterValue: Instance is not in state 'running' or 'stopped'.");
    tokio::time::sleep(Duration::from_secs(10)).await;
    ec2.create_image(create_image(&instance, "running")).await.unwrap();
    ec2.stop_instance(&instance).await.unwrap();
    assert_eq!(code(ec2.create_image(create_image(&instance, "stopping")).await), "InvalidParameterValue");
    ec2.terminate_instance(&instance).await.unwrap();
    assert_eq!(code(ec2.create_image(create_image(&instance, "ending")).await), "InvalidParameterValue");
}

#[tokio::test]
async fn devices_of_an_image_are_the_instances_with_the_requests_over_them() {
    let (lab, ec2) = instant();
    let mut request = launch(&*ec2, "token").await;
    request.block_devices = vec![ebs("/dev/sdf", EbsDevice { volume_size: Some(5), ..EbsDevice::default() })];
    let instance = ec2.run_instance(request).await.unwrap().id;
    look(&*ec2, &instance).await;
    let mut request = create_image(&instance, "image");
    request.block_devices = vec![
        ebs(
            "/dev/xvda",
            EbsDevice { delete_on_termination: true, volume_type: Some("gp3".to_owned()), iops: Some(4000), ..EbsDevice::default() },
        ),
        BlockDevice { device_name: "/dev/sdf".to_owned(), target: BlockDeviceTarget::NoDevice },
        BlockDevice { device_name: "/dev/sdb".to_owned(), target: BlockDeviceTarget::Virtual("ephemeral0".to_owned()) },
        ebs("/dev/sdg", EbsDevice { volume_size: Some(20), ..EbsDevice::default() }),
    ];
    let image = ec2.create_image(request).await.unwrap();
    let image = lab.image(&image).unwrap();
    let devices = image.devices.iter().map(|(name, target)| match target {
        ImageTarget::Virtual(virtual_name) => format!("{name} {virtual_name}"),
        ImageTarget::Ebs(ebs) => format!("{name} {} {} GiB, snapshot: {}", ebs.volume_type, ebs.size, ebs.snapshot.is_some()),
    });
    let devices: Vec<_> = devices.collect();
    assert_eq!(devices, ["/dev/xvda gp3 8 GiB, snapshot: true", "/dev/sdb ephemeral0", "/dev/sdg gp2 20 GiB, snapshot: false"]);
}

fn copy(image: &ImageId, token: &str) -> CopyImage {
    CopyImage {
        client_token: token.to_owned(),
        source_region: Region::new(REGION),
        source_image: image.clone(),
        name: format!("copy {token}"),
        encrypted: None,
        kms_key_id: None,
        copy_tags: true,
        completion_minutes: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_another_image_in_another_region() {
    let mut times = Times::instant();
    times.copy = Duration::from_secs(60);
    let lab = Lab::with_times(times);
    let (here, there) = (lab.region(REGION), lab.region("eu-west-1"));
    let image = source_image(&*here).await;
    let request = CopyImage { encrypted: Some(true), kms_key_id: Some("alias/mine".to_owned()), ..copy(&image, "a") };
    let copied = there.copy_image(request.clone()).await.unwrap();
    assert_eq!(there.copy_image(request.clone()).await.unwrap(), copied, "the same token");
    assert_eq!(code(there.copy_image(CopyImage { name: "other".to_owned(), ..request }).await), "IdempotentParameterMismatch");
    let record = lab.image(&copied).unwrap();
    assert_eq!((record.state, record.owner.as_str()), (ImageState::Pending, "123456789012"));
    assert_eq!(record.copied_from, Some((REGION.to_owned(), image.clone())));
    let snapshot = lab.snapshot(record.snapshots().next().unwrap()).unwrap();
    assert_eq!((snapshot.encrypted, snapshot.kms_key_id.as_deref()), (true, Some("alias/mine")));
    assert!(
        snapshot.description.starts_with(&format!("Copied for DestinationAmi {copied} from SourceAmi {image} for SourceSnapshot snap-"))
    );
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(lab.image(&copied).unwrap().state, ImageState::Available);

    assert_eq!(
        code(here.copy_image(CopyImage { source_region: Region::new("eu-west-9"), ..copy(&image, "b") }).await),
        "InvalidParameterValue"
    );
    assert_eq!(
        code(there.copy_image(CopyImage { kms_key_id: Some("k".to_owned()), ..copy(&image, "c") }).await),
        "InvalidParameterDependency"
    );
    assert_eq!(
        code(there.copy_image(CopyImage { source_region: Region::new("us-west-1"), ..copy(&image, "d") }).await),
        "InvalidAMIID.NotFound"
    );
    let plain = CopyImage { source_region: Region::new("eu-west-1"), encrypted: Some(false), ..copy(&copied, "e") };
    assert_eq!(code(here.copy_image(plain).await), "InvalidParameterDependency", "encryption cannot be taken away");
}

#[tokio::test]
async fn only_own_images_can_be_changed() {
    let (_, ec2) = instant();
    let image = source_image(&*ec2).await;
    assert_eq!(code(ec2.deregister_image(&image).await), "AuthFailure");
    assert_eq!(code(ec2.modify_image(&image, ImageChange::Description("mine".to_owned())).await), "AuthFailure");
}

#[tokio::test]
async fn attributes_are_kept_and_checked() {
    let (lab, ec2) = instant();
    let instance = running(&*ec2).await;
    look(&*ec2, &instance).await;
    let image = ec2.create_image(create_image(&instance, "image")).await.unwrap();
    let launch = |user: &str| ImageChange::Launch {
        users: vec![user.to_owned()],
        groups: vec!["all".to_owned()],
        organizations: vec!["arn:aws:organizations::1:organization/o-1".to_owned()],
        organizational_units: Vec::new(),
    };
    for change in [
        ImageChange::ImdsSupport("v2.0".to_owned()),
        ImageChange::ProductCodes(vec!["code".to_owned()]),
        launch("111122223333"),
        launch("111122223333"),
    ] {
        ec2.modify_image(&image, change).await.unwrap();
    }
    let record = lab.image(&image).unwrap();
    assert_eq!((record.users, record.public, record.organizations.len()), (vec!["111122223333".to_owned()], true, 1));
    assert_eq!((record.imds_support.as_deref(), record.product_codes), (Some("v2.0"), vec!["code".to_owned()]));
    assert_eq!(code(ec2.modify_image(&image, launch("1234")).await), "InvalidUserID.Malformed");
    assert_eq!(code(ec2.modify_image(&image, ImageChange::ImdsSupport("v3".to_owned())).await), "InvalidParameterValue");
    assert_eq!(code(ec2.modify_image(&image, ImageChange::Description("größer".to_owned())).await), "InvalidParameterValue");
    let image = lab.image(&image).unwrap();
    let snapshot = image.snapshots().next().unwrap();
    let everyone = SnapshotChange { users: Vec::new(), groups: vec!["all".to_owned()] };
    ec2.modify_snapshot(snapshot, everyone).await.unwrap();
    assert_eq!(lab.snapshot(snapshot).unwrap().groups, ["all"]);
    let nobody = SnapshotChange { users: vec!["me".to_owned()], groups: Vec::new() };
    assert_eq!(code(ec2.modify_snapshot(snapshot, nobody).await), "InvalidUserID.Malformed");
}

#[tokio::test]
async fn what_is_encrypted_is_shared_only_with_its_key() {
    let (_, ec2) = instant();
    let image = source_image(&*ec2).await;
    let encrypted = async |token: &str, key: Option<&str>| {
        let request = CopyImage { encrypted: Some(true), kms_key_id: key.map(str::to_owned), ..copy(&image, token) };
        let id = ec2.copy_image(request).await.unwrap();
        let request = DescribeImages { ids: vec![id.clone()], ..DescribeImages::default() };
        let snapshot = ec2.describe_images(request).await.unwrap()[0].block_devices[0].snapshot.clone().unwrap();
        (id, snapshot)
    };
    let share = |users: &[&str], groups: &[&str]| {
        let (users, groups): (Vec<_>, Vec<_>) =
            (users.iter().map(ToString::to_string).collect(), groups.iter().map(ToString::to_string).collect());
        let image = ImageChange::Launch {
            users: users.clone(),
            groups: groups.clone(),
            organizations: Vec::new(),
            organizational_units: Vec::new(),
        };
        (image, SnapshotChange { users, groups })
    };
    let (friend, everybody) = (share(&["111122223333"], &[]), share(&[], &["all"]));
    for key in [None, Some("alias/aws/ebs"), Some("alias/ours")] {
        let (image, snapshot) = encrypted(key.unwrap_or("default"), key).await;
        assert_eq!(code(ec2.modify_image(&image, everybody.0.clone()).await), "UnsupportedOperation");
        assert_eq!(code(ec2.modify_snapshot(&snapshot, everybody.1.clone()).await), "UnsupportedOperation");
        let of_ours = key == Some("alias/ours");
        if !of_ours {
            assert_eq!(code(ec2.modify_image(&image, friend.0.clone()).await), "InvalidParameter");
            assert_eq!(code(ec2.modify_snapshot(&snapshot, friend.1.clone()).await), "OperationNotPermitted");
        }
        assert_eq!(ec2.modify_image(&image, friend.0.clone()).await.is_ok(), of_ours, "{key:?}");
        assert_eq!(ec2.modify_snapshot(&snapshot, friend.1.clone()).await.is_ok(), of_ours, "{key:?}");
    }
}

#[tokio::test]
async fn owners_are_accounts_or_ec2s_words() {
    let (_, ec2) = instant();
    for (owner, good) in [("self", true), ("aws-marketplace", true), ("123456789012", true), ("1234", false), ("canonical", false)] {
        let request = DescribeImages { owners: vec![owner.to_owned()], ..DescribeImages::default() };
        match ec2.describe_images(request).await {
            Ok(_) => assert!(good, "{owner}"),
            Err(error) => assert_eq!((error.code.as_deref(), good), (Some("InvalidUserID.Malformed"), false), "{owner}"),
        }
    }
}
