//! The keys of `amazon-ebs`, and the checks between its groups.

use amibake_ec2::model::{BlockDevice, BlockDeviceTarget};
use amibake_template::component::{Check, Component, Given, Kind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::builder::amazon::access::AccessConfig;
use crate::builder::amazon::device::DeviceConfig;
use crate::builder::amazon::fast_launch::FastLaunchConfig;
use crate::builder::amazon::given::given_list;
use crate::builder::amazon::image::ImageConfig;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::instance::InstanceConfig;
use crate::builder::amazon::tag::{KeyValue, NameValue};

/// Makes an EBS-backed image: launches an instance of a source image, provisions it, and makes an image of it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct AmazonEbs {
    /// Account, region, login.
    #[serde(flatten)]
    pub access: AccessConfig,
    /// The source instance.
    #[serde(flatten)]
    pub instance: InstanceConfig,
    /// Its disks and those of the image.
    #[serde(flatten)]
    pub devices: DeviceConfig,
    /// The image.
    #[serde(flatten)]
    pub image: ImageConfig,
    /// `run_volume_tags` as a list of blocks with `name` and `value`.
    #[serde(default)]
    pub run_volume_tag: Vec<NameValue>,
    /// Suppress the instance store volumes that Windows instances would get: maps `xvdca` to `xvdcz` to nothing at launch.
    /// Default: false.
    #[serde(default)]
    pub no_ephemeral: bool,
    /// Run everything but make no image. Default: false. Since Packer 1.7.0.
    #[serde(default)]
    pub skip_create_ami: bool,
    /// Do not put `run_tags` on the image. Default: false. Since amazon plugin 1.3.7.
    #[serde(default)]
    pub skip_ami_run_tags: bool,
    /// EC2 Fast Launch of the image, which must be Windows. Since amazon plugin 1.2.2.
    pub fast_launch: Option<FastLaunchConfig>,
}

impl AmazonEbs {
    /// The devices of the launch.
    pub fn launch_devices(&self) -> Vec<BlockDevice> {
        let ephemeral = ('a'..='z')
            .filter(|_| self.no_ephemeral)
            .map(|letter| BlockDevice { device_name: format!("xvdc{letter}"), target: BlockDeviceTarget::NoDevice });
        self.devices.launch_devices().into_iter().chain(ephemeral).collect()
    }

    /// Blocks of volume tags in the form that all tags have.
    pub fn volume_tag_blocks(&self) -> Vec<KeyValue> {
        self.run_volume_tag.iter().cloned().map(KeyValue::from).collect()
    }

    fn check_fast_launch(&self, check: &mut Check<'_>) {
        if let Some(fast_launch) = &self.fast_launch {
            fast_launch.check(check, self.access.region.given(), &given_list(&self.image.ami_regions));
        }
    }
}

impl Component for AmazonEbs {
    const KIND: Kind = Kind::Builder;
    const TYPE: &'static str = "amazon-ebs";
    const BUILD_DATA: &'static [&'static str] = BuildInfo::NAMES;
    const EXAMPLE: &'static str = r#"{
  "type": "amazon-ebs",
  "region": "us-east-2",
  "instance_type": "t3.micro",
  "source_ami_filter": {
    "filters": {"name": "al2023-ami-2023*x86_64", "root-device-type": "ebs", "virtualization-type": "hvm"},
    "owners": ["amazon"],
    "most_recent": true
  },
  "ssh_username": "ec2-user",
  "ami_name": "my-image-{{timestamp}}"
}"#;

    fn check(&self, check: &mut Check<'_>) {
        self.access.check(check);
        self.image.check(check);
        self.devices.check(check);
        self.instance.check(check);
        self.instance.check_changed_when_stopped(check);
        self.check_fast_launch(check);
    }
}
