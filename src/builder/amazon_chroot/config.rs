//! The keys of `amazon-chroot`, and the checks between its groups.

use std::collections::BTreeMap;

use amibake_template::component::{Check, Component, Given, Kind, Late, Trilean};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::builder::amazon::access::AccessConfig;
use crate::builder::amazon::device::BlockDeviceMapping;
use crate::builder::amazon::enhanced_networking::EnhancedNetworking;
use crate::builder::amazon::image::ImageConfig;
use crate::builder::amazon::polling::AwsPolling;
use crate::builder::amazon::registered::RegisteredConfig;
use crate::builder::amazon::source::SourceConfig;
use crate::builder::amazon::tag::KeyValue;

/// Makes an image without launching anything: on an instance that already runs, provisions a volume in a chroot and makes the image of it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct AmazonChroot {
    /// Account, region, login.
    #[serde(flatten)]
    pub access: AccessConfig,
    /// The image.
    #[serde(flatten)]
    pub image: ImageConfig,
    /// Which image to start from; unused with `from_scratch`.
    #[serde(flatten)]
    pub source: SourceConfig,
    /// What only a registered image can be told. With a source image its architecture counts.
    #[serde(flatten)]
    pub registered: RegisteredConfig,
    /// Network features that the image is said to have.
    #[serde(flatten)]
    pub enhanced_networking: EnhancedNetworking,
    /// Limits of the waits for EC2.
    pub aws_polling: Option<AwsPolling>,
    /// Disks that the image will have, in the place of those of the source image. Needs `root_device_name` and `root_volume_size`.
    #[serde(default)]
    pub ami_block_device_mappings: Vec<BlockDeviceMapping>,
    /// What is mounted in the chroot, each as type, source and place; the type `bind` shows a directory of this machine. Default, also for
    /// an empty list: `/proc`, `/sys`, `/dev`, `/dev/pts` and `/proc/sys/fs/binfmt_misc`.
    #[serde(default)]
    #[schemars(extend("examples" = [[["proc", "proc", "/proc"], ["sysfs", "sysfs", "/sys"], ["bind", "/dev", "/dev"]]]))]
    pub chroot_mounts: Vec<Vec<String>>,
    /// How commands of this machine are run: a template that knows `{{.Command}}`. Default: `{{.Command}}`.
    #[schemars(extend("examples" = ["sudo {{.Command}}"]))]
    pub command_wrapper: Option<Late>,
    /// Files of this machine that are in the chroot while it is provisioned. Default: `["/etc/resolv.conf"]`, with `from_scratch` none.
    pub copy_files: Option<Vec<String>>,
    /// Device name for the volume, as this machine shows it: `/dev/xvdf`. Default: the first free one from `f` to `p`.
    pub device_path: Option<String>,
    /// The volume's device on machines that show it as NVMe, without the partition: `/dev/nvme1n1p`. Default: found by the volume's id.
    pub nvme_device_path: Option<String>,
    /// Start from an empty volume instead of a source image. Default: false.
    #[serde(default)]
    pub from_scratch: bool,
    /// Options of the root file system's mount, each for `-o`.
    #[serde(default)]
    pub mount_options: Vec<String>,
    /// Partition of the root file system; `0` is the whole device. Without meaning for paravirtual images. Default: 1.
    pub mount_partition: Option<String>,
    /// Where the root file system is mounted: a template that knows `{{.Device}}`, the device's name without its folder. Default:
    /// `/mnt/packer-amazon-chroot-volumes/{{.Device}}`.
    pub mount_path: Option<Late>,
    /// Commands of this machine before the root file system is mounted: templates that know `{{.Device}}`. Must be given with
    /// `from_scratch`: partitions and file systems are made here.
    #[serde(default)]
    pub pre_mount_commands: Vec<Late>,
    /// Commands of this machine after the root file system is mounted: templates that know `{{.Device}}` and `{{.MountPath}}`.
    #[serde(default)]
    pub post_mount_commands: Vec<Late>,
    /// Name of the image's root device, one of `ami_block_device_mappings`: `/dev/xvda`.
    pub root_device_name: Option<String>,
    /// Size of the root volume, where that is more than the source image's. Unit: GiB. Default: the source image's.
    #[serde(default)]
    pub root_volume_size: i32,
    /// Type of the volume that is worked on. Default: the source image's, with `from_scratch` gp2.
    #[schemars(extend("examples" = ["gp3", "gp2"]))]
    pub root_volume_type: Option<String>,
    /// Tags of the volume that is worked on. Keys and values may hold `{{ .SourceAMI }}` and the other values known during the build.
    #[serde(default)]
    pub root_volume_tags: BTreeMap<String, Late>,
    /// The same as a list of blocks with `key` and `value`.
    #[serde(default)]
    pub root_volume_tag: Vec<KeyValue>,
    /// Encrypt the volume that is worked on, and with it the image. Default: as the source is.
    #[serde(default)]
    pub root_volume_encrypt_boot: Trilean,
    /// KMS key for `root_volume_encrypt_boot`: key id, `alias/NAME` or ARN. Default: the account's key for EBS.
    pub root_volume_kms_key_id: Option<String>,
}

/// What is mounted where the template does not say.
const USUAL_MOUNTS: [[&str; 3]; 5] = [
    ["proc", "proc", "/proc"],
    ["sysfs", "sysfs", "/sys"],
    ["bind", "/dev", "/dev"],
    ["devpts", "devpts", "/dev/pts"],
    ["binfmt_misc", "binfmt_misc", "/proc/sys/fs/binfmt_misc"],
];

impl AmazonChroot {
    /// What is mounted in the chroot: type, source, place.
    pub fn mounts<'a>(&'a self) -> Vec<[&'a str; 3]> {
        if self.chroot_mounts.is_empty() {
            return USUAL_MOUNTS.to_vec();
        }
        let three = |mount: &'a Vec<String>| <&[String; 3]>::try_from(mount.as_slice()).ok();
        self.chroot_mounts.iter().filter_map(three).map(|mount| mount.each_ref().map(String::as_str)).collect()
    }

    /// Files to copy into the chroot.
    pub fn files(&self) -> Vec<&str> {
        match &self.copy_files {
            Some(files) => files.iter().map(String::as_str).filter(|file| !file.is_empty()).collect(),
            None if self.from_scratch => Vec::new(),
            None => vec!["/etc/resolv.conf"],
        }
    }

    fn check_mounts(&self, check: &mut Check<'_>) {
        for (index, mount) in self.chroot_mounts.iter().enumerate().filter(|(_, mount)| mount.len() != 3) {
            let help = "type, source and place: `[\"bind\", \"/dev\", \"/dev\"]`".to_owned();
            let message = format!("each `chroot_mounts` entry has three elements, not {}", mount.len());
            check.error(&format!("chroot_mounts/{index}"), "chroot-mount", message, Some(help));
        }
    }

    fn check_from_scratch(&self, check: &mut Check<'_>) {
        for (key, given) in [
            ("root_volume_size", self.root_volume_size > 0),
            ("pre_mount_commands", !self.pre_mount_commands.is_empty()),
            ("ami_virtualization_type", self.image.ami_virtualization_type.is_given()),
            ("root_device_name", self.root_device_name.is_given()),
            ("ami_block_device_mappings", !self.ami_block_device_mappings.is_empty()),
        ] {
            if !given {
                check.error("from_scratch", "missing-key", format!("`{key}` is required with `from_scratch`"), None);
            }
        }
        if let Some(kind @ ("io1" | "io2")) = self.root_volume_type.given() {
            let message = format!("an {kind} volume cannot be made with `from_scratch`: there is no key for its `iops`");
            check.error("root_volume_type", "io1-from-scratch", message, Some("use gp3".to_owned()));
        }
        for (key, given) in
            [("source_ami", self.source.source_ami.is_given()), ("source_ami_filter", self.source.source_ami_filter.is_some())]
        {
            if given {
                check.warning(key, "no-effect", format!("`{key}` is unused when `from_scratch` is true"), None);
            }
        }
        self.check_root_device(check);
    }

    /// An image cannot be registered without its root device.
    fn check_root_device(&self, check: &mut Check<'_>) {
        let Some(name) = self.root_device_name.given().filter(|_| !self.ami_block_device_mappings.is_empty()) else { return };
        if !self.ami_block_device_mappings.iter().any(|device| device.is_named(name)) {
            let message = format!("`ami_block_device_mappings` has no device `{name}`");
            check.error("root_device_name", "no-such-device", message, None);
        }
    }

    fn check_with_source(&self, check: &mut Check<'_>) {
        let filter = self.source.source_ami_filter.as_ref();
        let searched = filter.is_some_and(|filter| !filter.filters().is_empty() || !filter.owners().is_empty());
        if !self.source.source_ami.is_given() && !searched {
            let help = "or `\"from_scratch\": true`".to_owned();
            check.error("source_ami", "source-missing", "`source_ami` or `source_ami_filter` is required", Some(help));
        }
        let (devices, root) = (!self.ami_block_device_mappings.is_empty(), self.root_device_name.is_given());
        if devices {
            if self.root_volume_size == 0 {
                let message = "`root_volume_size` is required if `ami_block_device_mappings` is specified";
                check.error("ami_block_device_mappings", "missing-key", message, None);
            }
            let message = "the source image's devices are completely overwritten by `ami_block_device_mappings`";
            check.warning("ami_block_device_mappings", "devices-overwritten", message, None);
        }
        match (devices, root) {
            (true, false) => {
                let message = "if `ami_block_device_mappings` is specified, `root_device_name` must be specified";
                check.error("ami_block_device_mappings", "missing-key", message, None);
            }
            (false, true) => {
                let message = "if `root_device_name` is specified, `ami_block_device_mappings` must be specified";
                check.error("root_device_name", "missing-key", message, None);
            }
            (true, true) => self.check_root_device(check),
            (false, false) => {}
        }
    }

    fn check_volume(&self, check: &mut Check<'_>) {
        if self.root_volume_kms_key_id.is_given() && !self.root_volume_encrypt_boot.is_true() {
            let message = "`root_volume_kms_key_id` is set, but `root_volume_encrypt_boot` is not true";
            check.error("root_volume_kms_key_id", "kms-without-encryption", message, None);
        }
        if self.root_volume_size < 0 {
            let message = format!("`root_volume_size` is a positive number, not {}", self.root_volume_size);
            check.error("root_volume_size", "negative", message, None);
        }
        for (index, device) in self.ami_block_device_mappings.iter().enumerate() {
            device.check(check, &format!("ami_block_device_mappings/{index}"));
        }
    }
}

impl Component for AmazonChroot {
    const KIND: Kind = Kind::Builder;
    const TYPE: &'static str = "amazon-chroot";
    const BUILD_DATA: &'static [&'static str] = &[
        "SourceAMI",
        "SourceAMIName",
        "SourceAMICreationDate",
        "SourceAMIOwner",
        "SourceAMIOwnerName",
        "BuildRegion",
        "Device",
        "MountPath",
    ];
    const EXAMPLE: &'static str = r#"{
  "type": "amazon-chroot",
  "region": "us-east-2",
  "source_ami_filter": {
    "filters": {"name": "al2023-ami-2023*x86_64", "root-device-type": "ebs", "virtualization-type": "hvm"},
    "owners": ["amazon"],
    "most_recent": true
  },
  "ami_name": "my-image-{{timestamp}}"
}"#;

    fn check(&self, check: &mut Check<'_>) {
        self.access.check(check);
        self.image.check(check);
        self.check_mounts(check);
        match self.from_scratch {
            true => self.check_from_scratch(check),
            false => self.check_with_source(check),
        }
        self.check_volume(check);
        self.registered.check(check);
    }
}
