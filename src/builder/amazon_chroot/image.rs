//! The image that is registered of the volume's snapshot.

use amibake_ec2::SnapshotId;
use amibake_ec2::model::{BlockDevice, BlockDeviceTarget, EbsDevice, Image, ImageBlockDevice, RegisterImage, Tag};
use amibake_template::component::Given;

use super::config::AmazonChroot;

/// Virtualization type of the image: the template's, else the source image's.
pub fn virtualization_type<'a>(config: &'a AmazonChroot, source: Option<&'a Image>) -> &'a str {
    config.image.ami_virtualization_type.given().or(source.map(|source| source.virtualization_type.as_str())).unwrap_or_default()
}

/// The request, without the image's name.
pub fn request(config: &AmazonChroot, source: Option<&Image>, snapshot: &SnapshotId, image_tags: Vec<Tag>) -> RegisterImage {
    let virtualization_type = virtualization_type(config, source);
    let of_source = |value: fn(&Image) -> Option<String>| source.filter(|_| virtualization_type != "hvm").and_then(value);
    let root = root_name(config, source);
    config.registered.register(RegisterImage {
        architecture: source.map_or(config.registered.architecture(), |source| &source.architecture).to_owned(),
        virtualization_type: virtualization_type.to_owned(),
        block_devices: devices(config, source).into_iter().map(|device| on_snapshot(config, device, &root, snapshot)).collect(),
        root_device_name: root,
        kernel_id: of_source(|source| source.kernel_id.clone()),
        ramdisk_id: of_source(|source| source.ramdisk_id.clone()),
        ena_support: config.enhanced_networking.ena_support.is_true(),
        sriov_net_support: config.enhanced_networking.sriov_support,
        image_tags,
        ..RegisterImage::default()
    })
}

fn root_name(config: &AmazonChroot, source: Option<&Image>) -> String {
    let of_source = source.and_then(|source| source.root_device_name.as_deref());
    config.root_device_name.given().or(of_source).unwrap_or_default().to_owned()
}

/// The template's devices, else those of the source image.
fn devices(config: &AmazonChroot, source: Option<&Image>) -> Vec<BlockDevice> {
    if !config.ami_block_device_mappings.is_empty() {
        return config.ami_block_device_mappings.iter().map(|device| device.device()).collect();
    }
    source.map(|source| source.block_devices.iter().filter_map(as_request).collect()).unwrap_or_default()
}

/// A device as the source image has it. What a snapshot says of encryption, a request must not repeat.
fn as_request(device: &ImageBlockDevice) -> Option<BlockDevice> {
    let target = match (&device.ebs, &device.virtual_name) {
        (Some(ebs), _) => {
            let takes_iops = matches!(ebs.volume_type.as_deref(), Some("io1" | "io2" | "gp3"));
            let iops = ebs.iops.filter(|_| takes_iops);
            let (encrypted, kms_key_id) =
                if ebs.snapshot_id.is_some() { (None, None) } else { (ebs.encrypted.filter(|on| *on), ebs.kms_key_id.clone()) };
            BlockDeviceTarget::Ebs(EbsDevice { iops, encrypted, kms_key_id, ..ebs.clone() })
        }
        (None, Some(name)) => BlockDeviceTarget::Virtual(name.clone()),
        (None, None) => return None,
    };
    Some(BlockDevice { device_name: device.device_name.clone(), target })
}

/// The root device is made of the new snapshot, and at least as large.
fn on_snapshot(config: &AmazonChroot, device: BlockDevice, root: &str, snapshot: &SnapshotId) -> BlockDevice {
    match device.target {
        BlockDeviceTarget::Ebs(ebs) if device.device_name == root => {
            let target = BlockDeviceTarget::Ebs(EbsDevice {
                snapshot_id: Some(snapshot.to_string()),
                volume_size: ebs.volume_size.max(Some(config.root_volume_size).filter(|size| *size > 0)),
                encrypted: None,
                kms_key_id: None,
                ..ebs
            });
            BlockDevice { device_name: device.device_name, target }
        }
        target => BlockDevice { device_name: device.device_name, target },
    }
}
