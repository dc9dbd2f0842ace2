//! Requests about snapshots, registered images and attached volumes, in the SDK's words.

use amibake_ec2::model::{CreateSnapshot, CreateVolume, RegisterImage};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::create_snapshot::builders::CreateSnapshotFluentBuilder;
use aws_sdk_ec2::operation::create_volume::builders::CreateVolumeFluentBuilder;
use aws_sdk_ec2::operation::register_image::builders::RegisterImageFluentBuilder;
use aws_sdk_ec2::types::{EbsInstanceBlockDeviceSpecification, InstanceBlockDeviceMappingSpecification, ResourceType};

use crate::request::{block_device, list, tag_specifications, text};

/// CreateVolume.
pub(crate) fn create_volume(client: &Client, request: &CreateVolume) -> CreateVolumeFluentBuilder {
    client
        .create_volume()
        .set_client_token(Some(request.client_token.clone()).filter(|token| !token.is_empty()))
        .availability_zone(&request.availability_zone)
        .set_snapshot_id(request.snapshot.as_ref().map(ToString::to_string))
        .set_size(request.size)
        .set_volume_type(request.volume_type.as_deref().map(Into::into))
        .set_iops(request.iops)
        .set_throughput(request.throughput)
        .set_encrypted(request.encrypted)
        .set_kms_key_id(text(&request.kms_key_id))
        .set_tag_specifications(tag_specifications(&[(ResourceType::Volume, &request.tags)]))
}

/// CreateSnapshot.
pub(crate) fn create_snapshot(client: &Client, request: &CreateSnapshot) -> CreateSnapshotFluentBuilder {
    client
        .create_snapshot()
        .volume_id(request.volume.as_str())
        .description(&request.description)
        .set_tag_specifications(tag_specifications(&[(ResourceType::Snapshot, &request.tags)]))
}

/// RegisterImage.
pub(crate) fn register_image(client: &Client, request: &RegisterImage) -> RegisterImageFluentBuilder {
    client
        .register_image()
        .name(&request.name)
        .set_image_location(request.location.clone())
        .set_architecture(given(&request.architecture).map(Into::into))
        .set_root_device_name(given(&request.root_device_name).map(str::to_owned))
        .set_virtualization_type(given(&request.virtualization_type).map(str::to_owned))
        .set_kernel_id(text(&request.kernel_id))
        .set_ramdisk_id(text(&request.ramdisk_id))
        .set_ena_support(request.ena_support.then_some(true))
        .set_sriov_net_support(request.sriov_net_support.then(|| "simple".to_owned()))
        .set_boot_mode(request.boot_mode.as_deref().map(Into::into))
        .set_uefi_data(text(&request.uefi_data))
        .set_tpm_support(request.tpm_support.as_deref().map(Into::into))
        .set_block_device_mappings(list(&request.block_devices, block_device))
        .set_tag_specifications(tag_specifications(&[(ResourceType::Image, &request.image_tags)]))
}

/// What ModifyInstanceAttribute says of one device.
pub(crate) fn delete_on_termination(device: &str, on: bool) -> InstanceBlockDeviceMappingSpecification {
    let ebs = EbsInstanceBlockDeviceSpecification::builder().delete_on_termination(on).build();
    InstanceBlockDeviceMappingSpecification::builder().device_name(device).ebs(ebs).build()
}

/// A parameter that is sent where it says anything: a bundle tells the rest itself.
fn given(value: &str) -> Option<&str> {
    Some(value).filter(|value| !value.is_empty())
}
