//! Images as `aws ec2 describe-images` prints them.

use amibake_ec2::lab::record::ImageTarget;
use amibake_ec2::lab::{Lab, images};
use amibake_ec2::model::{DescribeImages, EbsDevice, Filter, RunInstances};
use amibake_ec2::{ImageId, Region};

use crate::support::*;

/// As the AWS CLI prints an image, with all that it may say.
const PRINTED: &str = r#"{ "Images": [ {
  "Architecture": "arm64",
  "CreationDate": "2024-05-06T07:08:09.000Z",
  "ImageId": "ami-0123456789abcdef0",
  "ImageLocation": "123456789012/golden-7",
  "ImageType": "machine",
  "Public": false,
  "OwnerId": "123456789012",
  "PlatformDetails": "Linux/UNIX",
  "UsageOperation": "RunInstances",
  "State": "available",
  "BlockDeviceMappings": [
    { "DeviceName": "/dev/sda1", "Ebs": { "DeleteOnTermination": true, "Iops": 3000, "SnapshotId": "snap-0123456789abcdef0",
      "VolumeSize": 12, "VolumeType": "gp3", "Throughput": 125, "Encrypted": true } },
    { "DeviceName": "/dev/sdb", "VirtualName": "ephemeral0" } ],
  "Description": "ours",
  "EnaSupport": true,
  "Hypervisor": "xen",
  "Name": "golden-ubuntu-22.04",
  "RootDeviceName": "/dev/sda1",
  "RootDeviceType": "ebs",
  "Tags": [ { "Key": "stage", "Value": "prod" } ],
  "VirtualizationType": "hvm"
} ] }"#;

#[tokio::test]
async fn an_image_that_is_read_can_be_found_and_launched() {
    let (lab, ec2) = instant();
    let elsewhere = lab.region("eu-west-1");
    lab.add_images(None, images::read(PRINTED).unwrap());
    for ec2 in [&ec2, &elsewhere, &lab.region("sa-east-1")] {
        let filters = vec![Filter::new("name", "golden-*"), Filter::new("tag:stage", "prod"), Filter::new("architecture", "arm64")];
        let found =
            ec2.describe_images(DescribeImages { owners: vec!["self".to_owned()], filters, ..DescribeImages::default() }).await.unwrap();
        assert_eq!(found.len(), 1);
        let smaller = ebs("/dev/sda1", EbsDevice { volume_size: Some(11), ..EbsDevice::default() });
        let mut request = RunInstances {
            image: found[0].id.to_string(),
            instance_type: "t4g.small".to_owned(),
            block_devices: vec![smaller],
            ..RunInstances::default()
        };
        assert_eq!(code(ec2.run_instance(request.clone()).await), "InvalidBlockDeviceMapping", "its snapshot is there too");
        request.block_devices.clear();
        ec2.run_instance(request).await.unwrap();
    }
    assert_eq!(lab.image(&ImageId::new("ami-0123456789abcdef0").unwrap()).unwrap().platform.map(|it| it.login), Some("ubuntu"));
}

#[tokio::test]
async fn an_image_is_added_to_one_region() {
    let lab = Lab::default();
    lab.add_images(Some(&Region::new("eu-west-1")), images::read(PRINTED).unwrap());
    lab.add_images(Some(&Region::new("moon-west-1")), images::read(PRINTED).unwrap());
    let request = DescribeImages { owners: vec!["self".to_owned()], ..DescribeImages::default() };
    assert_eq!(lab.region("eu-west-1").describe_images(request.clone()).await.unwrap().len(), 1);
    assert_eq!(lab.region(REGION).describe_images(request).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_written_is_read_as_it_was() {
    let (lab, ec2) = instant();
    let instance = running(&*ec2).await;
    look(&*ec2, &instance).await;
    let mut request = create_image(&instance, "kept");
    request.image_tags = vec![tag("a", "1")];
    let id = ec2.create_image(request).await.unwrap();
    look(&*ec2, &instance).await;
    for written in [images::write(&lab.image(&id).unwrap()), images::write(&images::read(PRINTED).unwrap()[0])] {
        let text = serde_json::json!({ "Images": [written] }).to_string();
        let read = images::read(&text).unwrap();
        assert_eq!(images::write(&read[0]), written);
    }
    let kept = images::read(&serde_json::json!([images::write(&lab.image(&id).unwrap())]).to_string()).unwrap().remove(0);
    assert_eq!((kept.id, kept.owner.as_str(), kept.platform.map(|it| it.key()).as_deref()), (id, "123456789012", Some("amzn-2023")));
    assert!(matches!(&kept.devices[0].1, ImageTarget::Ebs(ebs) if ebs.snapshot.is_some()));
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let error = images::read(text).unwrap_err();
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    refused("{", "not JSON: ");
    refused("{}", "expected what `aws ec2 describe-images` prints");
    refused(r#"{"Images": [7]}"#, "Images[0]: expected an object");
    refused(r#"{"Images": [{}]}"#, "Images[0].ImageId: missing");
    refused(r#"{"Images": [{"ImageId": "img-1"}]}"#, "Images[0].ImageId: `img-1` is not an id of the form `ami-");
    refused(&PRINTED.replace("\"123456789012\",\n  \"PlatformD", "7,\n  \"PlatformD"), "Images[0].OwnerId: expected a string");
    refused(&PRINTED.replace(": 12,", ": 1.5,"), "Images[0].BlockDeviceMappings[0].Ebs.VolumeSize: expected a whole number");
    refused(&PRINTED.replace("snap-0", "snip-0"), "Images[0].BlockDeviceMappings[0].Ebs.SnapshotId: `snip-0");
    refused(&PRINTED.replace("\"available\"", "\"ready\""), "Images[0].State: `ready` is no state of an image");
    refused(&PRINTED.replace("\"Key\"", "\"Kee\""), "Images[0].Tags[0].Key: missing");
}
