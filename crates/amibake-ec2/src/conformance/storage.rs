//! Volumes, snapshots and tags.

use super::{Answer, Peer, data_volume, expect, refused, same, wrong};
use crate::VolumeId;
use crate::model::{BlockDevice, BlockDeviceTarget, DescribeImages, Filter, InstanceState, RunInstances, Tag};

pub(super) async fn volumes_stay_or_go_with_their_instance(peer: Peer) -> Answer {
    let device = |name: &str, goes| BlockDevice { device_name: name.to_owned(), target: BlockDeviceTarget::Ebs(data_volume(goes)) };
    let request = RunInstances {
        block_devices: vec![device("/dev/sdf", true), device("/dev/sdg", false)],
        volume_tags: vec![peer.tag()],
        ..peer.launch_request().await?
    };
    let instance = peer.ec2.run_instance(request).await?;
    let instance = peer.instance_in(&instance.id, InstanceState::Running).await?;
    let at = |name: &str| instance.volumes.iter().find(|volume| volume.device_name == name);
    let (Some(goes), Some(stays)) = (at("/dev/sdf"), at("/dev/sdg")) else { return wrong(format!("devices lack: {instance:?}")) };
    same("delete_on_termination", &(goes.delete_on_termination, stays.delete_on_termination), &(true, false))?;
    peer.ec2.terminate_instance(&instance.id).await?;
    peer.instance_in(&instance.id, InstanceState::Terminated).await?;
    refused(peer.ec2.describe_volumes(std::slice::from_ref(&goes.volume), &[]).await, "InvalidVolume.NotFound")?;
    let left = peer.ec2.describe_volumes(&[], &[Filter::new("tag:amibake:run-id", peer.name)]).await?;
    let left: Vec<_> = left.iter().map(|volume| (&volume.id, volume.state.as_str())).collect();
    same("what stays", &left, &vec![(&stays.volume, "available")])?;
    peer.ec2.delete_volume(&stays.volume).await?;
    refused(peer.ec2.delete_volume(&stays.volume).await, "InvalidVolume.NotFound")
}

pub(super) async fn a_volume_in_use_cannot_be_deleted(peer: Peer) -> Answer {
    let instance = peer.running().await?;
    let Some(volume) = instance.volumes.first() else { return wrong("the instance has no volume") };
    refused(peer.ec2.delete_volume(&volume.volume).await, "VolumeInUse")
}

pub(super) async fn tags_are_put_on_images_and_snapshots(peer: Peer) -> Answer {
    let image = peer.image().await?;
    let Some(snapshot) = image.block_devices.iter().find_map(|device| device.snapshot.clone()) else { return wrong("no snapshot") };
    let tag = Tag { key: "Name".to_owned(), value: "a name".to_owned() };
    peer.ec2.create_tags(&[image.id.to_string(), snapshot.to_string()], std::slice::from_ref(&tag)).await?;
    let request = DescribeImages { ids: vec![image.id], ..DescribeImages::default() };
    let mut tags = peer.ec2.describe_images(request).await?.remove(0).tags;
    tags.sort();
    same("the image's tags", &tags, &vec![tag.clone(), peer.tag()])?;
    let tags = peer.ec2.describe_snapshots(&[snapshot], &[]).await?.remove(0).tags;
    expect(tags.contains(&tag), || format!("the snapshot's tags are {tags:?}"))
}

pub(super) async fn tags_need_a_thing_that_exists(peer: Peer) -> Answer {
    let volume = VolumeId::with_hex("0123456789abcdef0").to_string();
    refused(peer.ec2.create_tags(&[volume], &[peer.tag()]).await, "InvalidVolume.NotFound")
}

pub(super) async fn reserved_tags_are_refused(peer: Peer) -> Answer {
    let instance = peer.running().await?;
    let tag = Tag { key: "aws:name".to_owned(), value: "x".to_owned() };
    refused(peer.ec2.create_tags(&[instance.id.to_string()], &[tag]).await, "InvalidParameterValue")
}
