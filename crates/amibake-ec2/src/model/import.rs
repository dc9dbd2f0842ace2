//! Images imported from disk files in S3 (VM Import).

use super::Tag;
use crate::id::{ImageId, ImportTaskId, SnapshotId};
use crate::s3::ObjectName;

/// An import to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportImage {
    /// The same token and request begin one import only.
    pub client_token: String,
    /// The disk file.
    pub object: ObjectName,
    /// `ova`, `raw`, `vhd`, `vhdx`, `vmdk`.
    pub format: String,
    /// `x86_64`, `arm64`, `i386`.
    pub architecture: Option<String>,
    /// `legacy-bios`, `uefi`.
    pub boot_mode: Option<String>,
    /// `Linux`, `Windows`.
    pub platform: Option<String>,
    /// Whether the image is encrypted.
    pub encrypted: bool,
    /// By which key; None is the account's key for EBS.
    pub kms_key_id: Option<String>,
    /// Role that EC2 reads the object with; None is `vmimport`.
    pub role_name: Option<String>,
    /// `AWS`, `BYOL`.
    pub license_type: Option<String>,
    /// Tags of the task; the image gets none of them.
    pub task_tags: Vec<Tag>,
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportTask {
    /// Id.
    pub id: ImportTaskId,
    /// `active`, `completed`, `deleting`, `deleted` (also where it failed).
    pub status: String,
    /// `converting`, or why it failed.
    pub status_message: Option<String>,
    /// Percent, while it goes on.
    pub progress: Option<String>,
    /// The image, once there is one.
    pub image: Option<ImageId>,
    /// Its snapshots.
    pub snapshots: Vec<SnapshotId>,
    /// Tags.
    pub tags: Vec<Tag>,
}
