//! Snapshots of volumes, and images registered of them.

use super::{BlockDevice, Tag};
use crate::id::{SnapshotId, VolumeId};

/// A volume to make.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CreateVolume {
    /// The same token makes the same volume.
    pub client_token: String,
    /// `us-east-1a`.
    pub availability_zone: String,
    /// Made from this snapshot; None for an empty one.
    pub snapshot: Option<SnapshotId>,
    /// GiB.
    pub size: Option<i32>,
    /// `gp3`, ...
    pub volume_type: Option<String>,
    /// Provisioned IOPS.
    pub iops: Option<i32>,
    /// MiB/s.
    pub throughput: Option<i32>,
    /// Encrypted; None leaves it to the snapshot.
    pub encrypted: Option<bool>,
    /// Key.
    pub kms_key_id: Option<String>,
    /// Tags, in the same call.
    pub tags: Vec<Tag>,
}

/// A snapshot to make of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSnapshot {
    /// Of which volume.
    pub volume: VolumeId,
    /// Description.
    pub description: String,
    /// Tags, in the same call.
    pub tags: Vec<Tag>,
}

/// An image to register of snapshots, or of a bundle in S3, which tells itself what is empty here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegisterImage {
    /// Name, unique in region and account.
    pub name: String,
    /// The bundle's manifest: `BUCKET/PREFIX.manifest.xml`. None for an image of snapshots.
    pub location: Option<String>,
    /// `x86_64`, `arm64`, ...
    pub architecture: String,
    /// `/dev/xvda`; one of the devices.
    pub root_device_name: String,
    /// `hvm`, `paravirtual`.
    pub virtualization_type: String,
    /// Devices, with their snapshots.
    pub block_devices: Vec<BlockDevice>,
    /// Kernel of a paravirtual image.
    pub kernel_id: Option<String>,
    /// RAM disk of a paravirtual image.
    pub ramdisk_id: Option<String>,
    /// Enhanced networking by ENA.
    pub ena_support: bool,
    /// Enhanced networking by SR-IOV: `simple`.
    pub sriov_net_support: bool,
    /// `legacy-bios`, `uefi`, `uefi-preferred`.
    pub boot_mode: Option<String>,
    /// UEFI variable store, Base64.
    pub uefi_data: Option<String>,
    /// NitroTPM: `v2.0`.
    pub tpm_support: Option<String>,
    /// Tags of the image, in the same call.
    pub image_tags: Vec<Tag>,
}
