//! Images whose root device is an instance store.

use amibake_ec2::model::{CreateImage, DescribeImages, Filter, RegisterImage, RunInstances};
use amibake_ec2::{Ec2, ImageId};

use crate::support::*;

fn bundle(name: &str, location: &str) -> RegisterImage {
    RegisterImage { name: name.to_owned(), location: Some(location.to_owned()), ..RegisterImage::default() }
}

async fn registered(ec2: &dyn Ec2) -> ImageId {
    ec2.register_image(bundle("bundled", "a-bucket/dir/image.manifest.xml")).await.unwrap()
}

#[tokio::test]
async fn a_bundle_is_registered_by_its_manifest() {
    let (_, ec2) = instant();
    let id = registered(&*ec2).await;
    let filters =
        vec![Filter::new("manifest-location", "a-bucket/dir/image.manifest.xml"), Filter::new("root-device-type", "instance-store")];
    let found = ec2.describe_images(DescribeImages { filters, ..DescribeImages::default() }).await.unwrap();
    let shown: Vec<_> = found.iter().map(|image| (&image.id, image.root_device_type.as_str(), image.block_devices.len())).collect();
    assert_eq!(shown, [(&id, "instance-store", 0)]);
    for location in ["image.manifest.xml", "a-bucket/image", "/image.manifest.xml"] {
        assert_eq!(code(ec2.register_image(bundle("another", location)).await), "InvalidManifest", "{location}");
    }
    assert_eq!(code(ec2.register_image(bundle("bundled", "b/x.manifest.xml")).await), "InvalidAMIName.Duplicate");
}

#[tokio::test]
async fn its_instances_cannot_be_stopped_nor_made_images_of() {
    let (_, ec2) = instant();
    let image = registered(&*ec2).await.to_string();
    let launch = RunInstances { image, instance_type: "m1.small".to_owned(), ..RunInstances::default() };
    let behaving = RunInstances { shutdown_behavior: Some("stop".to_owned()), ..launch.clone() };
    assert_eq!(code(ec2.run_instance(behaving).await), "InvalidParameterCombination");
    let instance = ec2.run_instance(launch).await.unwrap().id;
    assert_eq!(ec2.describe_instances(std::slice::from_ref(&instance), &[]).await.unwrap()[0].volumes.len(), 0);
    assert_eq!(code(ec2.stop_instance(&instance).await), "UnsupportedOperation");
    let request =
        CreateImage { instance: instance.clone(), name: "no-image".to_owned(), block_devices: Vec::new(), image_tags: Vec::new() };
    assert_eq!(code(ec2.create_image(request).await), "InvalidParameterValue");
    ec2.terminate_instance(&instance).await.unwrap();
}
