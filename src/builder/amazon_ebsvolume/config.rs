//! The keys of `amazon-ebsvolume`.

use std::collections::BTreeMap;

use amibake_ec2::model::{BlockDevice, SnapshotChange};
use amibake_template::component::{Check, Component, Given, Kind, Late};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::builder::amazon::access::AccessConfig;
use crate::builder::amazon::device::BlockDeviceMapping;
use crate::builder::amazon::given::given_list;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::instance::InstanceConfig;
use crate::builder::amazon::tag::KeyValue;

/// Makes EBS volumes that provisioners have filled: launches an instance with empty volumes, provisions it, keeps the volumes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct AmazonEbsVolume {
    /// Account, region, login.
    #[serde(flatten)]
    pub access: AccessConfig,
    /// The source instance.
    #[serde(flatten)]
    pub instance: InstanceConfig,
    /// The volumes: those without `delete_on_termination` are what the build leaves.
    #[serde(default)]
    pub ebs_volumes: Vec<EbsVolume>,
    /// `run_volume_tags` as a list of blocks with `key` and `value`.
    #[serde(default)]
    pub run_volume_tag: Vec<KeyValue>,
}

/// One volume.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct EbsVolume {
    /// The volume as a disk of the source instance.
    #[serde(flatten)]
    pub device: BlockDeviceMapping,
    /// Tags of the volume. Keys and values may hold `{{ .SourceAMI }}` and the other values known during the build.
    #[serde(default)]
    pub tags: BTreeMap<String, Late>,
    /// The same as a list of blocks with `key` and `value`.
    #[serde(default)]
    pub tag: Vec<KeyValue>,
    /// Make a snapshot of the volume after the instance has stopped. Default: false. Since Packer 1.7.0.
    #[serde(default)]
    pub snapshot_volume: bool,
    /// Description of the snapshot. Needs `snapshot_volume`. Default: `Packer: ` and the time. Since amazon plugin 1.3.2.
    pub snapshot_description: Option<String>,
    /// Tags of the snapshot. Since Packer 1.7.0.
    #[serde(default)]
    pub snapshot_tags: BTreeMap<String, Late>,
    /// The same as a list of blocks with `key` and `value`. Since Packer 1.7.0.
    #[serde(default)]
    pub snapshot_tag: Vec<KeyValue>,
    /// Account ids that may make volumes of the snapshot. Since Packer 1.7.0.
    #[serde(default)]
    pub snapshot_users: Vec<String>,
    /// Groups that may make volumes of the snapshot; EC2 knows only `all`. Since Packer 1.7.0.
    #[serde(default)]
    pub snapshot_groups: Vec<String>,
}

impl AmazonEbsVolume {
    /// The devices of the launch.
    pub fn launch_devices(&self) -> Vec<BlockDevice> {
        self.ebs_volumes.iter().map(|volume| volume.device.device()).collect()
    }

    fn check_volume(volume: &EbsVolume, check: &mut Check<'_>, at: &str) {
        volume.device.check(check, at);
        for (key, given) in [
            ("snapshot_description", volume.snapshot_description.is_given()),
            ("snapshot_tags", !volume.snapshot_tags.is_empty()),
            ("snapshot_tag", !volume.snapshot_tag.is_empty()),
            ("snapshot_users", !given_list(&volume.snapshot_users).is_empty()),
            ("snapshot_groups", !given_list(&volume.snapshot_groups).is_empty()),
        ] {
            if !given || volume.snapshot_volume {
                continue;
            }
            let (at, message) = (format!("{at}/{key}"), format!("`{key}` is set without `snapshot_volume`"));
            let help = Some("set `snapshot_volume` to true, or remove it".to_owned());
            match key {
                "snapshot_description" => check.error(&at, "missing-key", message, help),
                // Packer says nothing about these.
                _ => check.warning(&at, "no-effect", message, help),
            }
        }
    }
}

impl EbsVolume {
    /// Who may use its snapshot.
    pub fn share(&self) -> SnapshotChange {
        SnapshotChange { users: given_list(&self.snapshot_users), groups: given_list(&self.snapshot_groups) }
    }
}

impl Component for AmazonEbsVolume {
    const KIND: Kind = Kind::Builder;
    const TYPE: &'static str = "amazon-ebsvolume";
    const BUILD_DATA: &'static [&'static str] = BuildInfo::NAMES;
    const EXAMPLE: &'static str = r#"{
  "type": "amazon-ebsvolume",
  "region": "us-east-2",
  "instance_type": "t3.micro",
  "source_ami_filter": {
    "filters": {"name": "al2023-ami-2023*x86_64", "root-device-type": "ebs", "virtualization-type": "hvm"},
    "owners": ["amazon"],
    "most_recent": true
  },
  "ssh_username": "ec2-user",
  "ebs_volumes": [{"device_name": "/dev/xvdf", "volume_size": 8, "volume_type": "gp3", "tags": {"Name": "data"}}]
}"#;

    fn check(&self, check: &mut Check<'_>) {
        self.access.check(check);
        self.instance.check(check);
        self.instance.check_changed_when_stopped(check);
        for (index, volume) in self.ebs_volumes.iter().enumerate() {
            Self::check_volume(volume, check, &format!("ebs_volumes/{index}"));
        }
    }
}
