//! The keys of `amazon-ebssurrogate`, and the checks between its groups.

use amibake_template::component::{Check, Component, Given, Kind};
use schemars::JsonSchema;
use serde::Deserialize;

use super::root::RootDevice;
use crate::builder::amazon::access::AccessConfig;
use crate::builder::amazon::device::BlockDeviceMapping;
use crate::builder::amazon::image::ImageConfig;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::instance::InstanceConfig;
use crate::builder::amazon::registered::RegisteredConfig;
use crate::builder::amazon::tag::{KeyValue, NameValue};

/// Makes an image of a volume that provisioners have filled: launches an instance with further volumes, provisions it, and makes the image
/// of snapshots of these volumes, one of which becomes the root device.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct AmazonEbsSurrogate {
    /// Account, region, login.
    #[serde(flatten)]
    pub access: AccessConfig,
    /// The source instance.
    #[serde(flatten)]
    pub instance: InstanceConfig,
    /// The image.
    #[serde(flatten)]
    pub image: ImageConfig,
    /// Disks that the image will have besides those of `launch_block_device_mappings`.
    #[serde(default)]
    pub ami_block_device_mappings: Vec<BlockDeviceMapping>,
    /// Disks of the source instance, besides or other than those of the source image; they become the image's. Must be given.
    #[serde(default)]
    pub launch_block_device_mappings: Vec<LaunchDevice>,
    /// Which of them becomes the image's root device, and its name there. Must be given.
    #[serde(default)]
    pub ami_root_device: RootDevice,
    /// Description of the snapshots. Default: `Packer: ` and the time. Since amazon plugin 1.3.3.
    pub snapshot_description: Option<String>,
    /// What only a registered image can be told.
    #[serde(flatten)]
    pub registered: RegisteredConfig,
    /// Make the image of the instance, after its root volume was swapped for the new one, instead of registering snapshots. The image
    /// keeps what EC2 ties to an instance: billing codes, boot mode. Default: false. Since amazon plugin 1.3.1.
    #[serde(default)]
    pub use_create_image: bool,
    /// `run_volume_tags` as a list of blocks with `name` and `value`.
    #[serde(default)]
    pub run_volume_tag: Vec<NameValue>,
    /// With `use_create_image`: do not put `run_tags` on the image. Default: false. Since amazon plugin 1.3.7.
    #[serde(default)]
    pub skip_ami_run_tags: bool,
}

/// A disk of the source instance that becomes one of the image.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct LaunchDevice {
    /// The disk.
    #[serde(flatten)]
    pub device: BlockDeviceMapping,
    /// Only for the build: the image does not have this disk. Default: false.
    #[serde(default)]
    pub omit_from_artifact: bool,
}

impl AmazonEbsSurrogate {
    /// Blocks of volume tags in the form that all tags have.
    pub fn volume_tag_blocks(&self) -> Vec<KeyValue> {
        self.run_volume_tag.iter().cloned().map(KeyValue::from).collect()
    }

    fn check_devices(&self, check: &mut Check<'_>) {
        for (index, device) in self.ami_block_device_mappings.iter().enumerate() {
            device.check(check, &format!("ami_block_device_mappings/{index}"));
        }
        for (index, launch) in self.launch_block_device_mappings.iter().enumerate() {
            launch.device.check(check, &format!("launch_block_device_mappings/{index}"));
        }
        self.ami_root_device.check(check, &self.launch_block_device_mappings);
    }

    fn check_registered(&self, check: &mut Check<'_>) {
        self.registered.check(check);
        if !self.image.ami_virtualization_type.is_given() {
            let help = "write `\"ami_virtualization_type\": \"hvm\"`: the image is made of snapshots, which do not tell";
            check.error("ami_virtualization_type", "missing-key", "`ami_virtualization_type` must be given", Some(help.to_owned()));
        }
        for (key, given) in [
            ("boot_mode", self.registered.boot_mode.is_given()),
            ("uefi_data", self.registered.uefi_data.is_given()),
            ("tpm_support", self.registered.tpm_support.is_given()),
        ] {
            if given && self.use_create_image {
                let help = "with `use_create_image` the image has what the source instance has";
                check.warning(key, "no-effect", format!("`{key}` has no effect beside `use_create_image`"), Some(help.to_owned()));
            }
        }
    }

    /// EC2 gives up the root volume of a stopped instance only.
    fn check_swap(&self, check: &mut Check<'_>) {
        if self.use_create_image && self.instance.run.spot.is_spot() {
            let message = "`use_create_image` is not for spot instances, which cannot be stopped, and `spot_price` asks for one";
            check.error("use_create_image", "not-for-spot", message, Some("remove it, or `spot_price`".to_owned()));
        }
    }
}

impl Component for AmazonEbsSurrogate {
    const KIND: Kind = Kind::Builder;
    const TYPE: &'static str = "amazon-ebssurrogate";
    const BUILD_DATA: &'static [&'static str] = BuildInfo::NAMES;
    const EXAMPLE: &'static str = r#"{
  "type": "amazon-ebssurrogate",
  "region": "us-east-2",
  "instance_type": "t3.micro",
  "source_ami_filter": {
    "filters": {"name": "al2023-ami-2023*x86_64", "root-device-type": "ebs", "virtualization-type": "hvm"},
    "owners": ["amazon"],
    "most_recent": true
  },
  "ssh_username": "ec2-user",
  "ami_name": "my-image-{{timestamp}}",
  "ami_virtualization_type": "hvm",
  "launch_block_device_mappings": [
    {"device_name": "/dev/xvdf", "volume_size": 8, "volume_type": "gp3", "delete_on_termination": true}
  ],
  "ami_root_device": {"source_device_name": "/dev/xvdf", "device_name": "/dev/xvda", "delete_on_termination": true}
}"#;

    fn check(&self, check: &mut Check<'_>) {
        self.access.check(check);
        self.instance.check(check);
        self.image.check(check);
        self.check_devices(check);
        self.check_registered(check);
        self.check_swap(check);
    }
}
