//! What can be owned: plain data, so that it can be shown, journalled and removed after a crash.

use std::path::PathBuf;

use amibake_ec2::model::{CreatedKeyPair, Instance};
use amibake_ec2::{ImageId, InstanceId, Region, SecurityGroupId, SnapshotId, VolumeId};
use serde::{Deserialize, Serialize};

use super::mount::Wrapped;

/// How long something is meant to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// Removed at the end of the build, however it ends.
    Build,
    /// Part of what the build is for: removed only if the build fails or is cancelled.
    Artifact,
}

/// Something that exists, or may exist, because of a build. Ids that EC2 chooses are None until its answer came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Resource {
    /// A temporary key pair.
    KeyPair {
        /// Name, chosen by us.
        name: String,
    },
    /// A temporary security group. Goes after the instances of its region are terminated.
    SecurityGroup {
        /// Name, chosen by us.
        name: String,
        /// Id.
        id: Option<SecurityGroupId>,
    },
    /// The source instance. Found by the run's tags where the id is unknown.
    Instance {
        /// Client token of the launch.
        client_token: String,
        /// Id.
        id: Option<InstanceId>,
    },
    /// A volume that outlives its instance. Goes after the instances of its region are terminated.
    Volume {
        /// Id.
        id: VolumeId,
    },
    /// An image with its snapshots.
    Image {
        /// Name, unique in account and region.
        name: String,
        /// What it is made of: tells our image from another one of that name.
        origin: ImageOrigin,
        /// Id.
        id: Option<ImageId>,
    },
    /// A snapshot that belongs to no image.
    Snapshot {
        /// Id.
        id: SnapshotId,
    },
    /// A snapshot of a volume that this build made: found by its volume where the id is unknown.
    VolumeSnapshot {
        /// Its volume.
        volume: VolumeId,
        /// Id.
        id: Option<SnapshotId>,
    },
    /// The volumes of a launch that outlive their instance; found by the run's tags. Go after the instances of their region are terminated.
    LaunchedVolumes,
    /// A file system mounted on this machine. What was mounted last goes first; what still runs in it is ended.
    Mount {
        /// Where.
        path: PathBuf,
        /// Directories made for it, outermost first: they go with it where they are empty.
        directories: Vec<PathBuf>,
        /// How, where not by plain `umount`. Not journalled.
        #[serde(skip)]
        wrapped: Option<Wrapped>,
    },
    /// The volume that a build works on from this machine: detached, deleted. Goes after what is mounted; found by the run's tags where
    /// the id is unknown.
    WorkVolume {
        /// Id.
        id: Option<VolumeId>,
        /// Whether it may be attached.
        attached: bool,
    },
    /// A temporary file or directory of this machine; a directory goes with all it holds.
    TempPath {
        /// Where.
        path: PathBuf,
    },
    /// A process of ours on this machine (the ssh master). Asked to end (SIGTERM), then killed.
    Process {
        /// Process id.
        pid: u32,
        /// Its start time as `/proc/PID/stat` tells it (field 22), so that a reused pid is never hit.
        start_time: Option<u64>,
        /// Its control socket, removed with it.
        control_socket: Option<PathBuf>,
    },
}

/// What an image is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageOrigin {
    /// CreateImage of this instance.
    Instance(InstanceId),
    /// RegisterImage of these snapshots; they go with it.
    Snapshots(Vec<SnapshotId>),
    /// CopyImage of this image.
    Copy {
        /// Its region.
        region: Region,
        /// The image copied.
        image: ImageId,
    },
}

impl Resource {
    /// A key pair about to be made.
    pub fn key_pair(name: impl Into<String>) -> Self {
        Self::KeyPair { name: name.into() }
    }

    /// A security group about to be made.
    pub fn security_group(name: impl Into<String>) -> Self {
        Self::SecurityGroup { name: name.into(), id: None }
    }

    /// An instance about to be launched with this client token.
    pub fn instance(client_token: impl Into<String>) -> Self {
        Self::Instance { client_token: client_token.into(), id: None }
    }

    /// A snapshot of a volume about to be made.
    pub fn volume_snapshot(volume: VolumeId) -> Self {
        Self::VolumeSnapshot { volume, id: None }
    }

    /// A file system about to be mounted.
    pub fn mount(path: impl Into<PathBuf>, wrapped: Option<Wrapped>) -> Self {
        Self::Mount { path: path.into(), directories: Vec::new(), wrapped }
    }

    /// A volume about to be made, to be worked on from this machine.
    pub fn work_volume() -> Self {
        Self::WorkVolume { id: None, attached: false }
    }

    /// A process just started; its start time is read here.
    pub fn process(pid: u32, control_socket: Option<PathBuf>) -> Self {
        Self::Process { pid, start_time: super::local::start_time(pid), control_socket }
    }

    /// An image about to be made or copied.
    pub fn image(name: impl Into<String>, origin: ImageOrigin) -> Self {
        Self::Image { name: name.into(), origin, id: None }
    }
}

/// What a creating call answers: knows which id completes the entry.
pub trait Created {
    /// Puts the id that EC2 chose into the entry.
    fn complete(&self, resource: &mut Resource);
}

impl Created for CreatedKeyPair {
    fn complete(&self, _resource: &mut Resource) {}
}

impl Created for SecurityGroupId {
    fn complete(&self, resource: &mut Resource) {
        if let Resource::SecurityGroup { id, .. } = resource {
            *id = Some(self.clone());
        }
    }
}

impl Created for Instance {
    fn complete(&self, resource: &mut Resource) {
        if let Resource::Instance { id, .. } = resource {
            *id = Some(self.id.clone());
        }
    }
}

impl Created for ImageId {
    fn complete(&self, resource: &mut Resource) {
        if let Resource::Image { id, .. } = resource {
            *id = Some(self.clone());
        }
    }
}

impl Created for SnapshotId {
    fn complete(&self, resource: &mut Resource) {
        if let Resource::VolumeSnapshot { id, .. } = resource {
            *id = Some(self.clone());
        }
    }
}
