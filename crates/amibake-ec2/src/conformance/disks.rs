//! Snapshots of volumes, images registered of them, volumes that change hands.

use super::{Answer, Peer, same, wrong};
use crate::SnapshotId;
use crate::model::{
    BlockDevice, BlockDeviceTarget, CreateSnapshot, CreateVolume, DescribeImages, EbsDevice, Filter, Image, Instance, InstanceVolume,
    RegisterImage, Tag,
};

pub(super) async fn a_snapshot_is_found_by_its_volume(peer: Peer) -> Answer {
    let (_, volume) = peer.with_volume().await?;
    let id = peer.snapshot(&volume).await?;
    let found = peer.ec2.describe_snapshots(&[], &[Filter::new("volume-id", volume.volume.as_str())]).await?;
    same("snapshots of the volume", &found.iter().map(|snapshot| &snapshot.id).collect(), &vec![&id])?;
    same("its description", &found[0].description, &"of a volume".to_owned())?;
    same("its tags", &found[0].tags, &vec![peer.tag()])
}

pub(super) async fn an_image_is_registered_of_snapshots(peer: Peer) -> Answer {
    let (_, volume) = peer.with_volume().await?;
    let snapshot = peer.snapshot(&volume).await?;
    for _ in 0..10 {
        if peer.ec2.describe_snapshots(std::slice::from_ref(&snapshot), &[]).await?.iter().all(|found| found.state == "completed") {
            break;
        }
    }
    let root = EbsDevice { snapshot_id: Some(snapshot.to_string()), ..EbsDevice::default() };
    let request = RegisterImage {
        name: peer.unique("registered"),
        architecture: "x86_64".to_owned(),
        root_device_name: "/dev/xvda".to_owned(),
        virtualization_type: "hvm".to_owned(),
        block_devices: vec![BlockDevice { device_name: "/dev/xvda".to_owned(), target: BlockDeviceTarget::Ebs(root) }],
        ..RegisterImage::default()
    };
    let id = peer.ec2.register_image(request).await?;
    let mut found: Vec<Image> = peer.ec2.describe_images(DescribeImages { ids: vec![id], ..DescribeImages::default() }).await?;
    let Some(image) = found.pop() else { return wrong("the image is not found") };
    let snapshots: Vec<SnapshotId> = image.block_devices.into_iter().filter_map(|device| device.snapshot).collect();
    same("its snapshots", &snapshots, &vec![snapshot])
}

pub(super) async fn a_volume_changes_its_device(peer: Peer) -> Answer {
    let (instance, volume) = peer.with_volume().await?;
    peer.ec2.detach_volume(&volume.volume).await?;
    let free = peer.ec2.describe_volumes(std::slice::from_ref(&volume.volume), &[]).await?;
    same("its state", &free[0].state, &"available".to_owned())?;
    peer.ec2.attach_volume(&volume.volume, &instance.id, "/dev/sdg").await?;
    let again = peer.ec2.describe_instances(std::slice::from_ref(&instance.id), &[]).await?;
    let at: Vec<_> = again[0].volumes.iter().filter(|one| one.volume == volume.volume).map(|one| one.device_name.as_str()).collect();
    same("its device", &at, &vec!["/dev/sdg"])
}

pub(super) async fn a_volume_is_told_to_stay(peer: Peer) -> Answer {
    let (instance, volume) = peer.with_volume().await?;
    same("whether it goes", &volume.delete_on_termination, &true)?;
    peer.ec2.set_delete_on_termination(&instance.id, &volume.device_name, false).await?;
    peer.ec2.terminate_instance(&instance.id).await?;
    peer.instance_in(&instance.id, crate::model::InstanceState::Terminated).await?;
    let left = peer.ec2.describe_volumes(&[], &[Filter::new("volume-id", volume.volume.as_str())]).await?;
    same("volumes left", &left.len(), &1)?;
    Ok(peer.ec2.delete_volume(&volume.volume).await?)
}

pub(super) async fn a_volume_is_made_of_a_token(peer: Peer) -> Answer {
    let (instance, _) = peer.with_volume().await?;
    let Some(availability_zone) = instance.availability_zone.clone() else { return wrong("the instance has no zone") };
    let request = CreateVolume {
        client_token: peer.unique("volume"),
        availability_zone,
        size: Some(1),
        volume_type: Some("gp3".to_owned()),
        tags: vec![peer.tag()],
        ..CreateVolume::default()
    };
    let id = peer.ec2.create_volume(request).await?;
    peer.ec2.attach_volume(&id, &instance.id, "/dev/sdh").await?;
    let found = peer.ec2.describe_volumes(std::slice::from_ref(&id), &[]).await?;
    same("its state", &found[0].state, &"in-use".to_owned())?;
    same("its tags", &found[0].tags, &vec![peer.tag()])
}

pub(super) async fn tags_are_taken_away_by_key_and_value(peer: Peer) -> Answer {
    let (_, volume) = peer.with_volume().await?;
    let ids = [volume.volume.to_string()];
    let tag = |key: &str| Tag { key: key.to_owned(), value: "x".to_owned() };
    peer.ec2.create_tags(&ids, &[tag("stays"), tag("goes")]).await?;
    peer.ec2.delete_tags(&ids, &[tag("goes")]).await?;
    let found = peer.ec2.describe_volumes(std::slice::from_ref(&volume.volume), &[]).await?;
    let keys: Vec<_> = found[0].tags.iter().map(|tag| tag.key.as_str()).filter(|key| matches!(*key, "stays" | "goes")).collect();
    same("what is left", &keys, &vec!["stays"])
}

impl Peer {
    /// A running instance and its data volume at `/dev/sdf`.
    async fn with_volume(&self) -> Result<(Instance, InstanceVolume), super::Wrong> {
        let device = BlockDevice { device_name: "/dev/sdf".to_owned(), target: BlockDeviceTarget::Ebs(super::data_volume(true)) };
        let request = crate::model::RunInstances { block_devices: vec![device], ..self.launch_request().await? };
        let launched = self.ec2.run_instance(request).await?;
        let instance = self.instance_in(&launched.id, crate::model::InstanceState::Running).await?;
        match instance.volumes.iter().find(|volume| volume.device_name == "/dev/sdf").cloned() {
            Some(volume) => Ok((instance, volume)),
            None => Err(super::Wrong(format!("no volume at /dev/sdf: {instance:?}"))),
        }
    }

    async fn snapshot(&self, volume: &InstanceVolume) -> crate::Result<SnapshotId> {
        let tags = vec![self.tag()];
        let request = CreateSnapshot { volume: volume.volume.clone(), description: "of a volume".to_owned(), tags };
        self.ec2.create_snapshot(request).await
    }
}
