//! What the engine's tests share: a region of the lab, a stack, something to own.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use amibake_ec2::lab::{Lab, Times};
use amibake_ec2::model::{CreateImage, CreateSecurityGroup, DescribeImages, Filter, KeyPairRequest, KeyType, RunInstances};
use amibake_ec2::{Ec2, SecurityGroupId};

use crate::engine::account::{AwsRegion, Reach};
use crate::engine::journal::Journal;
use crate::engine::teardown::Teardown;
use crate::event::{Event, Reporter, What};

pub(crate) const REGION: &str = "us-east-2";

/// A region of a lab, and the lab.
pub(crate) fn lab(times: Times) -> (Lab, AwsRegion) {
    let lab = Lab::with_times(times);
    let region = AwsRegion::new(lab.region(REGION), Reach { key: "lab".into(), ..Reach::default() });
    (lab, region)
}

/// A stack without a journal on disk, and where its events arrive.
pub(crate) fn teardown() -> (Teardown, Receiver<Event>) {
    let (report, events) = Reporter::new();
    (Teardown::new("run-1", "amazon-ebs", 0, Arc::new(Journal::new(None, "run-1")), report), events)
}

/// The texts told so far.
pub(crate) fn texts(events: &Receiver<Event>) -> Vec<String> {
    events
        .try_iter()
        .filter_map(|event| match event.what {
            What::Say(text) | What::Detail(text) | What::Error(text) => Some(text),
            _ => None,
        })
        .collect()
}

/// A launch that succeeds, of an image of the catalogue.
pub(crate) async fn launch(ec2: &dyn Ec2, token: &str, teardown: Option<&Teardown>) -> RunInstances {
    let filters = vec![Filter::new("name", "al2023-ami-2023*x86_64")];
    let images = ec2.describe_images(DescribeImages { filters, ..DescribeImages::default() }).await.unwrap();
    RunInstances {
        client_token: token.to_owned(),
        image: images.first().expect("the catalogue has Amazon Linux").id.to_string(),
        instance_type: "t2.micro".to_owned(),
        instance_tags: teardown.map(Teardown::tags).unwrap_or_default(),
        ..RunInstances::default()
    }
}

pub(crate) fn key(name: &str) -> KeyPairRequest {
    KeyPairRequest { name: name.to_owned(), key_type: KeyType::Ed25519, tags: Vec::new() }
}

pub(crate) fn group(name: &str) -> CreateSecurityGroup {
    CreateSecurityGroup { name: name.to_owned(), description: "Temporary group for Packer".to_owned(), vpc: None, tags: Vec::new() }
}

pub(crate) fn image(instance: &amibake_ec2::InstanceId, name: &str) -> CreateImage {
    CreateImage { instance: instance.clone(), name: name.to_owned(), block_devices: Vec::new(), image_tags: Vec::new() }
}

/// A launch into a group.
pub(crate) fn with_group(request: RunInstances, group: &SecurityGroupId) -> RunInstances {
    RunInstances { security_groups: vec![group.clone()], ..request }
}
