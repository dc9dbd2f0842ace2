//! The public images: what templates ask for is there, and says what it is.

use std::collections::BTreeSet;

use amibake_ec2::lab::Lab;
use amibake_ec2::model::{CopyImage, DescribeImages, Filter, Image};
use amibake_ec2::{Ec2, Region};

use crate::support::*;

async fn find(ec2: &dyn Ec2, owner: &str, filters: &[(&str, &str)]) -> Vec<Image> {
    let filters = filters.iter().map(|(name, value)| Filter::new(*name, *value)).collect();
    let request = DescribeImages { owners: vec![owner.to_owned()], filters, ..DescribeImages::default() };
    let mut found = ec2.describe_images(request).await.unwrap();
    found.sort_by(|a, b| a.creation_date.cmp(&b.creation_date));
    found
}

/// The newest image of a filter as templates write it, and what it boots into.
async fn check(owner: &str, name: &str, platform: &str, login: &str) {
    let (lab, ec2) = instant();
    let usual = [("name", name), ("root-device-type", "ebs"), ("virtualization-type", "hvm"), ("state", "available")];
    let found = find(&*ec2, owner, &usual).await;
    let newest = found.last().unwrap_or_else(|| panic!("no image of {owner} is called `{name}`"));
    let known = lab.image(&newest.id).unwrap().platform.unwrap_or_else(|| panic!("{}", newest.name));
    assert_eq!((known.key().as_str(), known.login), (platform, login), "{}", newest.name);
    assert_eq!(known.container.is_empty(), known.is_windows(), "{}", newest.name);
}

#[tokio::test]
async fn what_templates_filter_for_is_there() {
    for (owner, name, platform, login) in [
        ("amazon", "al2023-ami-2023*-x86_64", "amzn-2023", "ec2-user"),
        ("amazon", "al2023-ami-minimal-*-arm64", "amzn-2023", "ec2-user"),
        ("amazon", "al2023-ami-ecs-hvm-*-x86_64", "amzn-2023", "ec2-user"),
        ("602401143452", "amazon-eks-node-al2023-x86_64-standard-1.33-*", "amzn-2023", "ec2-user"),
        ("amazon", "amazon-eks-node-1.30-v*", "amzn-2", "ec2-user"),
        ("602401143452", "amazon-eks-arm64-node-1.32-*", "amzn-2", "ec2-user"),
        ("137112412989", "amzn2-ami-minimal-hvm-*", "amzn-2", "ec2-user"),
        ("591542846629", "amzn2-ami-ecs-hvm-2.0.*-x86_64-ebs", "amzn-2", "ec2-user"),
        ("amazon", "amzn-ami-hvm-2018.03*-x86_64-gp2", "amzn-2018.03", "ec2-user"),
        ("amazon", "Windows_Server-2022-English-Full-Base-*", "windows-2022", "Administrator"),
        ("801119661308", "Windows_Server-2019-English-Full-Base-*", "windows-2019", "Administrator"),
        ("amazon", "suse-sles-15-sp*-v*-hvm-ssd-x86_64", "sles-15.7", "ec2-user"),
        ("099720109477", "ubuntu/images/*ubuntu-trusty-14.04-amd64-server-*", "ubuntu-14.04", "ubuntu"),
        ("099720109477", "ubuntu/images/*ubuntu-xenial-16.04-amd64-server-*", "ubuntu-16.04", "ubuntu"),
        ("099720109477", "ubuntu/images/hvm-ssd/ubuntu-bionic-18.04-amd64-server-*", "ubuntu-18.04", "ubuntu"),
        ("099720109477", "ubuntu/images/hvm-ssd/ubuntu-focal-20.04-arm64-server-*", "ubuntu-20.04", "ubuntu"),
        ("099720109477", "ubuntu/images/hvm-ssd*/ubuntu-noble-24.04-amd64-server-*", "ubuntu-24.04", "ubuntu"),
        ("099720109477", "ubuntu/images/hvm-ssd-gp3/ubuntu-*-26.04-amd64-server-*", "ubuntu-26.04", "ubuntu"),
        ("099720109477", "ubuntu-minimal/images/hvm-ssd/ubuntu-jammy-22.04-amd64-minimal-*", "ubuntu-22.04", "ubuntu"),
        ("099720109477", "ubuntu-pro-server/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-pro-server-*", "ubuntu-24.04", "ubuntu"),
        ("379101102735", "debian-stretch-hvm-x86_64-*", "debian-9", "admin"),
        ("136693071363", "debian-10-amd64-*", "debian-10", "admin"),
        ("136693071363", "debian-13-arm64-*", "debian-13", "admin"),
        ("309956199498", "RHEL-7.9_HVM*x86_64*", "rhel-7.9", "ec2-user"),
        ("309956199498", "RHEL-8*_HVM-*-x86_64-*-Hourly2-GP3", "rhel-8.10", "ec2-user"),
        ("309956199498", "RHEL-10*", "rhel-10.0", "ec2-user"),
        ("125523088429", "CentOS Linux 7 x86_64*", "centos-7", "centos"),
        ("125523088429", "CentOS Stream 9 x86_64*", "centos-9", "ec2-user"),
        ("125523088429", "Fedora-Cloud-Base-*x86_64-43-*", "fedora-43", "fedora"),
        ("792107900819", "Rocky-8-EC2-Base-8*x86_64", "rocky-8.10", "rocky"),
        ("764336703387", "AlmaLinux OS 9*x86_64", "almalinux-9.6", "ec2-user"),
    ] {
        check(owner, name, platform, login).await;
    }
}

#[tokio::test]
async fn volumes_are_of_the_publishers_type() {
    let (_, ec2) = instant();
    let jammy = [("name", "*ubuntu-jammy-22.04-amd64-server-*"), ("block-device-mapping.volume-type", "gp2")];
    assert!(!find(&*ec2, "099720109477", &jammy).await.is_empty());
    let windows = find(&*ec2, "amazon", &[("platform", "windows")]).await;
    assert!(windows.len() > 10 && windows.iter().all(|image| image.name.starts_with("Windows_Server-")));
}

#[tokio::test]
async fn ids_are_the_same_in_every_lab_and_differ_by_region() {
    let ids = async |region: &str| {
        let request = DescribeImages { include_deprecated: true, ..DescribeImages::default() };
        let found = Lab::default().region(region).describe_images(request).await.unwrap();
        found.into_iter().map(|image| image.id).collect::<Vec<_>>()
    };
    let here = ids(REGION).await;
    assert_eq!(here, ids(REGION).await);
    let all: BTreeSet<_> = here.iter().cloned().chain(ids("eu-west-1").await).collect();
    assert_eq!(all.len(), 2 * here.len(), "no id twice");
}

#[tokio::test]
async fn an_image_of_an_instance_and_its_copy_boot_into_the_same() {
    let (lab, ec2) = instant();
    let instance = running(&*ec2).await;
    look(&*ec2, &instance).await;
    let image = ec2.create_image(create_image(&instance, "image")).await.unwrap();
    look(&*ec2, &instance).await;
    let copy = CopyImage {
        client_token: String::new(),
        source_region: Region::new(REGION),
        source_image: image.clone(),
        name: "copy".to_owned(),
        encrypted: None,
        kms_key_id: None,
        copy_tags: false,
        completion_minutes: None,
    };
    let copy = lab.region("eu-west-1").copy_image(copy).await.unwrap();
    for id in [image, copy] {
        assert_eq!(lab.image(&id).unwrap().platform.map(|platform| platform.key()).as_deref(), Some("amzn-2023"));
    }
}
