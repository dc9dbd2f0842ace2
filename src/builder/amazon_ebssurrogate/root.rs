//! Which disk becomes the image's root, and the disks that the image has.

use std::collections::BTreeMap;

use amibake_ec2::SnapshotId;
use amibake_ec2::model::{BlockDevice, BlockDeviceTarget};
use amibake_template::component::{Check, Given};
use schemars::JsonSchema;
use serde::Deserialize;

use super::config::{AmazonEbsSurrogate, LaunchDevice};

/// The image's root device, and the disk of the source instance that it comes from.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct RootDevice {
    /// Name, in `launch_block_device_mappings`, of the disk that becomes the root. Must be given.
    pub source_device_name: Option<String>,
    /// Name of the root device in the image: `/dev/xvda`. Must be given.
    pub device_name: Option<String>,
    /// Accepted for old templates; what `launch_block_device_mappings` says of the disk counts. Default: false.
    #[serde(default)]
    pub delete_on_termination: bool,
    /// Accepted for old templates; what `launch_block_device_mappings` says of the disk counts. Default: 0.
    #[serde(default)]
    pub iops: i32,
    /// Accepted for old templates; what `launch_block_device_mappings` says of the disk counts.
    pub volume_type: Option<String>,
    /// Accepted for old templates; what `launch_block_device_mappings` says of the disk counts. Unit: GiB. Default: 0.
    #[serde(default)]
    pub volume_size: i32,
}

impl RootDevice {
    /// Name of the disk that becomes the root.
    pub fn source(&self) -> &str {
        self.source_device_name.given().unwrap_or_default()
    }

    /// Name of the root device in the image.
    pub fn name(&self) -> &str {
        self.device_name.given().unwrap_or_default()
    }

    /// Checks it against the disks of the launch.
    pub fn check(&self, check: &mut Check<'_>, launch: &[LaunchDevice]) {
        for (key, value) in [("source_device_name", &self.source_device_name), ("device_name", &self.device_name)] {
            if !value.is_given() {
                check.error("ami_root_device", "missing-key", format!("`ami_root_device` needs a `{key}`"), None);
            }
        }
        if self.volume_type.given() == Some("gp2") && self.iops != 0 {
            check.error("ami_root_device/iops", "iops-type", "a gp2 volume takes no `iops`", None);
        }
        for (key, value) in [("iops", self.iops), ("volume_size", self.volume_size)] {
            if value < 0 {
                check.error(&format!("ami_root_device/{key}"), "negative", format!("`{key}` is a positive number, not {value}"), None);
            }
        }
        let Some(source) = self.source_device_name.given() else { return };
        match launch.iter().position(|one| one.device.device_name.given() == Some(source)) {
            None => check.error(
                "ami_root_device/source_device_name",
                "no-such-device",
                format!("`launch_block_device_mappings` has no volume `{source}`"),
                None,
            ),
            Some(index) if launch[index].omit_from_artifact => check.error(
                &format!("launch_block_device_mappings/{index}/omit_from_artifact"),
                "root-omitted",
                "the image cannot do without its root volume: `omit_from_artifact` must not be true for it",
                None,
            ),
            Some(_) => {}
        }
    }
}

impl AmazonEbsSurrogate {
    /// The devices of the launch.
    pub fn launch_devices(&self) -> Vec<BlockDevice> {
        self.launch_block_device_mappings.iter().map(|launch| launch.device.device()).collect()
    }

    /// Disks of the launch that the image gets, by their names at launch.
    pub fn kept_devices(&self) -> impl Iterator<Item = BlockDevice> {
        self.launch_block_device_mappings.iter().filter(|launch| !launch.omit_from_artifact).map(|launch| launch.device.device())
    }

    /// The image's devices by name: those of `ami_block_device_mappings`, and over them those of the launch, the new root under its name
    /// in the image. A device with a snapshot is made of it, and encrypted as it is.
    pub fn image_devices(&self, snapshots: &BTreeMap<String, SnapshotId>) -> Vec<BlockDevice> {
        let own = self.ami_block_device_mappings.iter().map(|device| device.device());
        let mut devices: BTreeMap<String, BlockDevice> = own.map(|device| (device.device_name.clone(), device)).collect();
        for mut device in self.kept_devices() {
            if let BlockDeviceTarget::Ebs(ebs) = &mut device.target {
                ebs.kms_key_id = None;
                if let Some(snapshot) = snapshots.get(&device.device_name) {
                    ebs.snapshot_id = Some(snapshot.to_string());
                    ebs.encrypted = None;
                }
            }
            if device.device_name == self.ami_root_device.source() {
                device.device_name = self.ami_root_device.name().to_owned();
            }
            devices.insert(device.device_name.clone(), device);
        }
        devices.into_values().collect()
    }
}
