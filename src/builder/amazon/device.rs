//! Block device mappings: disks of the source instance and of the image.

use amibake_ec2::model::{BlockDevice, BlockDeviceTarget, EbsDevice};
use amibake_template::component::{Check, Given, Trilean};
use schemars::JsonSchema;
use serde::Deserialize;

/// The keys about disks.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct DeviceConfig {
    /// Disks that the image will have besides, or other than, those of the source instance: what an instance launched from the image
    /// gets. A device of the source instance that is not named here stays as it is.
    #[serde(default)]
    pub ami_block_device_mappings: Vec<BlockDeviceMapping>,
    /// Disks of the source instance, besides or other than those of the source image.
    #[serde(default)]
    pub launch_block_device_mappings: Vec<BlockDeviceMapping>,
}

/// One disk.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct BlockDeviceMapping {
    /// Device name: `/dev/xvda`, `/dev/sdh`. Must be given.
    pub device_name: Option<String>,
    /// Delete the volume together with its instance. Default: false, so that a volume outlives its instance unless this is set.
    #[serde(default)]
    pub delete_on_termination: bool,
    /// Encrypt the volume. Default: as its snapshot is.
    #[serde(default)]
    pub encrypted: Trilean,
    /// KMS key of the encryption: key id, `alias/NAME` or ARN. Needs `encrypted`. Default: the account's key for EBS.
    pub kms_key_id: Option<String>,
    /// Provisioned IO operations a second; for volumes of type io1, io2 and gp3.
    pub iops: Option<i32>,
    /// Throughput of a gp3 volume. Unit: MiB a second, 125 to 1000.
    pub throughput: Option<i32>,
    /// Size. Unit: GiB. Default, or 0: that of the snapshot.
    pub volume_size: Option<i32>,
    /// gp2, gp3, io1, io2, st1, sc1 or standard. Default: EC2's.
    #[schemars(extend("examples" = ["gp3", "gp2", "io1", "io2", "st1", "sc1", "standard"]))]
    pub volume_type: Option<String>,
    /// Snapshot to make the volume of.
    pub snapshot_id: Option<String>,
    /// Instance store volume instead of an EBS one: `ephemeral0`, `ephemeral1`, ...
    pub virtual_name: Option<String>,
    /// Suppress the device that the source image has under this name. Default: false.
    #[serde(default)]
    pub no_device: bool,
}

impl DeviceConfig {
    /// Checks both lists.
    pub fn check(&self, check: &mut Check<'_>) {
        for (key, list) in [
            ("ami_block_device_mappings", &self.ami_block_device_mappings),
            ("launch_block_device_mappings", &self.launch_block_device_mappings),
        ] {
            for (index, device) in list.iter().enumerate() {
                device.check(check, &format!("{key}/{index}"));
            }
        }
    }

    /// The devices of the launch.
    pub fn launch_devices(&self) -> Vec<BlockDevice> {
        devices(&self.launch_block_device_mappings)
    }

    /// The devices named for the image.
    pub fn image_devices(&self) -> Vec<BlockDevice> {
        devices(&self.ami_block_device_mappings)
    }
}

fn devices(list: &[BlockDeviceMapping]) -> Vec<BlockDevice> {
    list.iter().map(BlockDeviceMapping::device).collect()
}

impl BlockDeviceMapping {
    /// Whether this is its device name.
    pub fn is_named(&self, name: &str) -> bool {
        self.device_name.given() == Some(name)
    }

    /// The device as EC2 takes it.
    pub fn device(&self) -> BlockDevice {
        let target = if self.no_device {
            BlockDeviceTarget::NoDevice
        } else {
            match self.virtual_name.given() {
                Some(name) if name.starts_with("ephemeral") => BlockDeviceTarget::Virtual(name.to_owned()),
                _ => BlockDeviceTarget::Ebs(self.ebs()),
            }
        };
        BlockDevice { device_name: self.device_name.given().unwrap_or_default().to_owned(), target }
    }

    fn ebs(&self) -> EbsDevice {
        let volume_type = self.volume_type.given();
        EbsDevice {
            delete_on_termination: self.delete_on_termination,
            volume_type: volume_type.map(str::to_owned),
            volume_size: self.volume_size.filter(|size| *size != 0),
            iops: self.iops.filter(|_| matches!(volume_type, Some("io1" | "io2" | "gp3"))).filter(|iops| *iops != 0),
            throughput: self.throughput.filter(|_| volume_type == Some("gp3")).filter(|throughput| *throughput != 0),
            snapshot_id: self.snapshot_id.given().map(str::to_owned),
            encrypted: self.encrypted.0,
            kms_key_id: self.kms_key_id.given().map(str::to_owned),
        }
    }

    /// Checks one device; `at` is the pointer to it.
    pub fn check(&self, check: &mut Check<'_>, at: &str) {
        if !self.device_name.is_given() {
            check.error(at, "device-name", "a block device mapping needs a `device_name`", None);
            return;
        }
        if self.kms_key_id.is_given() && self.encrypted.is_false() {
            check.error(
                &format!("{at}/kms_key_id"),
                "kms-without-encryption",
                "`kms_key_id` is set, but `encrypted` is false",
                Some("set `encrypted` to true, or remove `kms_key_id`".to_owned()),
            );
        }
        self.check_iops(check, at);
        self.check_throughput(check, at);
    }

    /// Limits of EBS, as Packer's amazon plugin checks them.
    fn check_iops(&self, check: &mut Check<'_>, at: &str) {
        let Some(iops) = self.iops.filter(|iops| *iops != 0) else { return };
        let at = format!("{at}/iops");
        let mut range = |low: i32, high: i32, volume_type: &str| {
            if !(low..=high).contains(&iops) {
                check.error(&at, "iops-range", format!("`iops` of a {volume_type} volume is {low} to {high}, not {iops}"), None);
            }
        };
        let ratio = match self.volume_type.given() {
            Some("io1") => {
                range(100, 64_000, "io1");
                50
            }
            Some("io2") => {
                range(100, 64_000, "io2");
                500
            }
            Some("gp3") => return range(3_000, 16_000, "gp3"),
            _ => return,
        };
        if let Some(size) = self.volume_size.filter(|size| *size > 0)
            && iops / size > ratio
        {
            check.error(&at, "iops-ratio", format!("at most {ratio} `iops` for each GiB of `volume_size`, not {iops} for {size}"), None);
        }
    }

    fn check_throughput(&self, check: &mut Check<'_>, at: &str) {
        let Some(throughput) = self.throughput.filter(|throughput| *throughput != 0) else { return };
        let at = format!("{at}/throughput");
        match self.volume_type.given() {
            Some("gp3") if (125..=1_000).contains(&throughput) => {}
            Some("gp3") => check.error(&at, "throughput-range", format!("`throughput` is 125 to 1000, not {throughput}"), None),
            other => {
                let shown = other.unwrap_or("not given");
                check.error(&at, "throughput-type", format!("`throughput` is for gp3 volumes only; `volume_type` is {shown}"), None);
            }
        }
    }
}
