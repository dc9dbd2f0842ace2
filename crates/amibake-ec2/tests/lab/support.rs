//! What the tests share.

use std::sync::Arc;

use amibake_ec2::lab::{KeyMaterial, Lab, Machine, MachineKey, Machines, Progress};
use amibake_ec2::model::{
    BlockDevice, BlockDeviceTarget, CreateImage, CreateSecurityGroup, DescribeImages, EbsDevice, Filter, Instance, KeyPairRequest, KeyType,
    RunInstances, Tag,
};
use amibake_ec2::{Ec2, Ec2Error, ImageId, InstanceId, SecurityGroupId};

pub const REGION: &str = "us-east-2";

/// The newest Amazon Linux 2023 for x86_64.
pub async fn source_image(ec2: &dyn Ec2) -> ImageId {
    let request = DescribeImages {
        owners: vec!["amazon".to_owned()],
        filters: vec![Filter::new("name", "al2023-ami-2023*x86_64")],
        ..DescribeImages::default()
    };
    let mut images = ec2.describe_images(request).await.unwrap();
    images.sort_by(|a, b| a.creation_date.cmp(&b.creation_date));
    images.pop().expect("the catalogue has Amazon Linux").id
}

/// A launch that succeeds.
pub async fn launch(ec2: &dyn Ec2, token: &str) -> RunInstances {
    RunInstances {
        client_token: token.to_owned(),
        image: source_image(ec2).await.to_string(),
        instance_type: "t2.micro".to_owned(),
        ..RunInstances::default()
    }
}

/// An instance that runs (with `Times::instant`).
pub async fn running(ec2: &dyn Ec2) -> InstanceId {
    let request = launch(ec2, "running").await;
    ec2.run_instance(request).await.unwrap().id
}

pub async fn look(ec2: &dyn Ec2, id: &InstanceId) -> Instance {
    ec2.describe_instances(std::slice::from_ref(id), &[]).await.unwrap().remove(0)
}

pub fn create_image(instance: &InstanceId, name: &str) -> CreateImage {
    CreateImage { instance: instance.clone(), name: name.to_owned(), block_devices: Vec::new(), image_tags: Vec::new() }
}

pub async fn group(ec2: &dyn Ec2, name: &str) -> Result<SecurityGroupId, Ec2Error> {
    let request = CreateSecurityGroup { name: name.to_owned(), description: "for a test".to_owned(), vpc: None, tags: Vec::new() };
    ec2.create_security_group(request).await
}

pub fn key(name: &str) -> KeyPairRequest {
    KeyPairRequest { name: name.to_owned(), key_type: KeyType::Ed25519, tags: Vec::new() }
}

pub fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

pub fn ebs(device_name: &str, ebs: EbsDevice) -> BlockDevice {
    BlockDevice { device_name: device_name.to_owned(), target: BlockDeviceTarget::Ebs(ebs) }
}

/// The code of a refusal.
#[track_caller]
pub fn code<T: std::fmt::Debug>(reply: Result<T, Ec2Error>) -> String {
    reply.expect_err("a refusal").code.expect("a code")
}

pub fn instant() -> (Lab, Arc<dyn Ec2>) {
    let lab = Lab::default();
    let ec2 = lab.region(REGION);
    (lab, ec2)
}

/// Machines that only note which key each accepts.
#[derive(Default)]
pub struct Started(std::sync::Mutex<Vec<MachineKey>>);

impl Started {
    pub fn keys(&self) -> Vec<MachineKey> {
        self.0.lock().unwrap().clone()
    }
}

impl Machines for Started {
    fn key_pair(&self, _name: &str, _kind: KeyType) -> Result<KeyMaterial, String> {
        Err("not asked for".to_owned())
    }

    fn start(&self, machine: Machine) -> Progress {
        self.0.lock().unwrap().push(machine.key);
        Progress::done()
    }

    fn stop(&self, _instance: &InstanceId) -> Progress {
        Progress::done()
    }

    fn terminate(&self, _instance: &InstanceId) -> Progress {
        Progress::done()
    }

    fn image(&self, _image: &ImageId, _instance: &InstanceId) -> Progress {
        Progress::done()
    }

    fn copy(&self, _copy: &ImageId, _source: &ImageId) -> Progress {
        Progress::done()
    }

    fn deregister(&self, _image: &ImageId) {}
}
