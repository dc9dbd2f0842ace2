//! The image that is registered of the bundle.

use amibake_ec2::model::{RegisterImage, Tag};
use amibake_template::component::Given;

use super::config::AmazonInstance;

/// The request, without the image's name. Architecture and root device stand in the manifest.
pub(super) fn request(config: &AmazonInstance, manifest: String, image_tags: Vec<Tag>) -> RegisterImage {
    RegisterImage {
        location: Some(manifest),
        virtualization_type: config.image.ami_virtualization_type.given().unwrap_or_default().to_owned(),
        block_devices: config.devices.image_devices(),
        ena_support: config.instance.enhanced_networking.ena_support.is_true(),
        sriov_net_support: config.instance.enhanced_networking.sriov_support,
        tpm_support: config.tpm_support.given().map(str::to_owned),
        image_tags,
        ..RegisterImage::default()
    }
}
