//! Images and what becomes of them.

use super::{Answer, Peer, expect, refused, same, wrong};
use crate::model::{CopyImage, DescribeImages, Filter, Image, ImageChange, InstanceState, SnapshotChange};
use crate::{ImageId, Region, SnapshotId};

pub(super) async fn images_are_found_by_owner_and_wildcard(peer: Peer) -> Answer {
    let images = peer.amazon_linux().await?;
    expect(images.len() > 1, || format!("too few images: {images:?}"))?;
    expect(images[0].creation_date < images[images.len() - 1].creation_date, || "all images have one date".to_owned())?;
    for image in &images {
        expect(image.name.starts_with("al2023-ami-2023") && image.name.ends_with("x86_64"), || format!("{} does not match", image.name))?;
        same("the owner", &(image.owner_id.as_str(), image.owner_alias.as_deref()), &("137112412989", Some("amazon")))?;
        same("the architecture", &image.architecture.as_str(), &"x86_64")?;
        same("the virtualization type", &image.virtualization_type.as_str(), &"hvm")?;
    }
    let nobody = DescribeImages { owners: vec!["999999999999".to_owned()], ..DescribeImages::default() };
    same("the images of an account without any", &peer.ec2.describe_images(nobody).await?, &Vec::new())
}

pub(super) async fn an_unknown_image_is_not_found(peer: Peer) -> Answer {
    let id = ImageId::with_hex("0123456789abcdef0");
    let request = DescribeImages { ids: vec![id.clone()], ..DescribeImages::default() };
    refused(peer.ec2.describe_images(request).await, "InvalidAMIID.NotFound")?;
    refused(peer.ec2.deregister_image(&id).await, "InvalidAMIID.NotFound")
}

fn snapshot(image: &Image) -> Result<SnapshotId, super::Wrong> {
    match image.block_devices.iter().find_map(|device| device.snapshot.clone()) {
        Some(snapshot) => Ok(snapshot),
        None => wrong(format!("the image has no snapshot: {image:?}")),
    }
}

pub(super) async fn an_image_of_an_instance_has_name_tags_and_snapshots(peer: Peer) -> Answer {
    let image = peer.image().await?;
    same("the name", &image.name, &peer.unique("image"))?;
    same("the tags", &image.tags, &vec![peer.tag()])?;
    let snapshots = peer.ec2.describe_snapshots(&[snapshot(&image)?], &[]).await?;
    same("the snapshot's state", &snapshots[0].state.as_str(), &"completed")?;
    expect(snapshots[0].description.starts_with("Created by CreateImage("), || format!("described as {}", snapshots[0].description))?;
    let own = DescribeImages {
        owners: vec!["self".to_owned()],
        filters: vec![Filter::new("name", image.name.as_str())],
        ..DescribeImages::default()
    };
    same("the own image of that name", &peer.ec2.describe_images(own).await?, &vec![image])
}

pub(super) async fn an_image_knows_its_instance(peer: Peer) -> Answer {
    let instance = peer.running().await?;
    let image = peer.ec2.create_image(peer.image_of(&instance.id, "image")).await?;
    let image = peer.image_available(&peer.ec2, &image).await?;
    same("the source instance", &image.source_instance, &Some(instance.id))
}

pub(super) async fn an_image_name_is_unique(peer: Peer) -> Answer {
    let instance = peer.running().await?;
    peer.ec2.create_image(peer.image_of(&instance.id, "image")).await?;
    refused(peer.ec2.create_image(peer.image_of(&instance.id, "image")).await, "InvalidAMIName.Duplicate")
}

pub(super) async fn an_image_name_has_only_ec2s_characters(peer: Peer) -> Answer {
    let instance = peer.running().await?;
    for name in ["10:30", "ü", "a"] {
        let mut request = peer.image_of(&instance.id, "image");
        request.name = name.to_owned();
        refused(peer.ec2.create_image(request).await, "InvalidAMIName.Malformed")?;
    }
    Ok(())
}

pub(super) async fn an_ended_instance_gives_no_image(peer: Peer) -> Answer {
    let id = crate::InstanceId::with_hex("0123456789abcdef0");
    refused(peer.ec2.create_image(peer.image_of(&id, "image")).await, "InvalidInstanceID.NotFound")
}

pub(super) async fn a_deregistered_image_is_gone_and_its_snapshots_stay(peer: Peer) -> Answer {
    let image = peer.image().await?;
    let snapshot = snapshot(&image)?;
    peer.ec2.deregister_image(&image.id).await?;
    let request = DescribeImages { ids: vec![image.id.clone()], ..DescribeImages::default() };
    same("the deregistered image", &peer.ec2.describe_images(request).await?, &Vec::new())?;
    refused(peer.ec2.deregister_image(&image.id).await, "InvalidAMIID.Unavailable")?;
    peer.ec2.describe_snapshots(std::slice::from_ref(&snapshot), &[]).await?;
    peer.ec2.delete_snapshot(&snapshot).await?;
    refused(peer.ec2.describe_snapshots(std::slice::from_ref(&snapshot), &[]).await, "InvalidSnapshot.NotFound")?;
    refused(peer.ec2.delete_snapshot(&snapshot).await, "InvalidSnapshot.NotFound")
}

pub(super) async fn a_snapshot_in_use_cannot_be_deleted(peer: Peer) -> Answer {
    let image = peer.image().await?;
    refused(peer.ec2.delete_snapshot(&snapshot(&image)?).await, "InvalidSnapshot.InUse")
}

fn copy(peer: &Peer, image: &ImageId) -> CopyImage {
    CopyImage {
        client_token: peer.unique("copy"),
        source_region: peer.ec2.region().clone(),
        source_image: image.clone(),
        name: peer.unique("copy"),
        encrypted: None,
        kms_key_id: None,
        copy_tags: true,
        completion_minutes: None,
    }
}

pub(super) async fn a_copy_appears_in_the_other_region(peer: Peer) -> Answer {
    let image = peer.image().await?;
    let there = peer.cloud.ec2(&Region::new("eu-west-1"));
    let id = there.copy_image(copy(&peer, &image.id)).await?;
    let found = peer.image_available(&there, &id).await?;
    same("the copy's name", &found.name, &peer.unique("copy"))?;
    expect(snapshot(&found)? != snapshot(&image)?, || "the copy has the original's snapshot".to_owned())?;
    let unknown = ImageId::with_hex("0123456789abcdef0");
    let mut request = copy(&peer, &unknown);
    request.client_token = peer.unique("unknown");
    refused(there.copy_image(request).await, "InvalidAMIID.NotFound")
}

pub(super) async fn a_copy_takes_the_tags_along(peer: Peer) -> Answer {
    let image = peer.image().await?;
    let there = peer.cloud.ec2(&Region::new("eu-west-1"));
    let id = there.copy_image(copy(&peer, &image.id)).await?;
    same("the copy's tags", &peer.image_available(&there, &id).await?.tags, &image.tags)
}

pub(super) async fn the_same_token_copies_once(peer: Peer) -> Answer {
    let image = peer.image().await?;
    let there = peer.cloud.ec2(&Region::new("eu-west-1"));
    let first = there.copy_image(copy(&peer, &image.id)).await?;
    same("the second copy", &there.copy_image(copy(&peer, &image.id)).await?, &first)
}

pub(super) async fn an_image_is_shared_with_accounts_and_everyone(peer: Peer) -> Answer {
    let image = peer.image().await?;
    let launch = |users: &[&str], groups: &[&str]| ImageChange::Launch {
        users: users.iter().map(ToString::to_string).collect(),
        groups: groups.iter().map(ToString::to_string).collect(),
        organizations: Vec::new(),
        organizational_units: Vec::new(),
    };
    peer.ec2.modify_image(&image.id, ImageChange::Description("for a test".to_owned())).await?;
    peer.ec2.modify_image(&image.id, launch(&["111122223333"], &["all"])).await?;
    let public = [Filter::new("is-public", "true"), Filter::new("description", "for a test")];
    let request = DescribeImages { ids: vec![image.id.clone()], filters: public.to_vec(), ..DescribeImages::default() };
    same("how many public images of that description", &peer.ec2.describe_images(request).await?.len(), &1)?;
    refused(peer.ec2.modify_image(&image.id, launch(&[], &["everyone"])).await, "InvalidAMIAttributeItemValue")?;
    let users = SnapshotChange { users: vec!["111122223333".to_owned()], groups: Vec::new() };
    peer.ec2.modify_snapshot(&snapshot(&image)?, users).await?;
    let instance = peer.ec2.describe_instances(&[], &[Filter::new("tag:amibake:run-id", peer.name)]).await?;
    expect(instance.iter().all(|instance| instance.state != InstanceState::Running), || "the source instance runs".to_owned())
}
