//! The image that is registered of the snapshots.

use std::collections::BTreeMap;

use amibake_ec2::SnapshotId;
use amibake_ec2::model::{RegisterImage, Tag};
use amibake_template::component::Given;

use super::config::AmazonEbsSurrogate;
use crate::builder::amazon::step::snapshot::Taken;

/// The request, without the image's name.
pub(super) fn request(config: &AmazonEbsSurrogate, snapshots: &[Taken], image_tags: Vec<Tag>) -> RegisterImage {
    let snapshots: BTreeMap<String, SnapshotId> = snapshots.iter().map(|taken| (taken.device.clone(), taken.id.clone())).collect();
    config.registered.register(RegisterImage {
        architecture: config.registered.architecture().to_owned(),
        root_device_name: config.ami_root_device.name().to_owned(),
        virtualization_type: config.image.ami_virtualization_type.given().unwrap_or_default().to_owned(),
        block_devices: config.image_devices(&snapshots),
        ena_support: config.not_yet.ena_support.is_true(),
        sriov_net_support: config.not_yet.sriov_support == Some(true),
        image_tags,
        ..RegisterImage::default()
    })
}
