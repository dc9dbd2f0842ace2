//! What can be owned: plain data, so that it can be shown, journalled and removed after a crash.

use std::path::PathBuf;

use amibake_ec2::model::{CreatedKeyPair, ImportTask, Instance};
use amibake_ec2::s3::{ObjectName, StoredObject};
use amibake_ec2::session::Session;
use amibake_ec2::{ImageId, ImportTaskId, InstanceId, Region, SecurityGroupId, SnapshotId, VolumeId};
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
    /// Left on purpose, also by a build that fails: an image that AWS may still finish. Only `amibake cleanup` removes it.
    Kept,
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
    /// A temporary launch template.
    LaunchTemplate {
        /// Name, chosen by us.
        name: String,
    },
    /// A temporary instance profile with its role and the role's policy, all of one name.
    InstanceProfile {
        /// Name, chosen by us.
        name: String,
    },
    /// A session of Session Manager. Found by its target where the id is unknown.
    Session {
        /// The instance at its other end.
        target: InstanceId,
        /// Id.
        id: Option<String>,
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
    /// What was switched on for an image and keeps it, or something of it, from going. Goes before the images.
    ImageSetting {
        /// The image.
        image: ImageId,
        /// What.
        setting: ImageSetting,
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
    /// An object of S3: a disk file that EC2 imports.
    S3Object {
        /// Where it is.
        name: ObjectName,
        /// Whether S3 said that it stored it. Until then an object of that name may be somebody else's.
        stored: bool,
        /// Which version.
        version: Option<String>,
    },
    /// An upload of such an object that was begun.
    S3Upload {
        /// Where the object will be.
        name: ObjectName,
        /// S3's id of the upload.
        id: Option<String>,
    },
    /// An import of an image, and the image that comes of it. Found by the run's tags where the id is unknown.
    ImportTask {
        /// Client token of the import.
        client_token: String,
        /// Id.
        id: Option<ImportTaskId>,
        /// The image, once the task is completed.
        image: Option<ImageId>,
        /// The image's snapshots.
        #[serde(default)]
        snapshots: Vec<SnapshotId>,
    },
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
    /// RegisterImage of the bundle in S3 with this manifest; the bundle stays.
    Bundle {
        /// `BUCKET/PREFIX.manifest.xml`.
        manifest: String,
    },
    /// CopyImage of this image.
    Copy {
        /// Its region.
        region: Region,
        /// The image copied.
        image: ImageId,
    },
}

/// What can be switched on for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageSetting {
    /// EC2 refuses to deregister it.
    DeregistrationProtection,
    /// EC2 keeps prepared snapshots of it.
    FastLaunch,
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

    /// A session about to be started with this instance.
    pub fn session(target: InstanceId) -> Self {
        Self::Session { target, id: None }
    }

    /// A snapshot of a volume about to be made.
    pub fn volume_snapshot(volume: VolumeId) -> Self {
        Self::VolumeSnapshot { volume, id: None }
    }

    /// An import about to begin with this client token.
    pub fn import_task(client_token: impl Into<String>) -> Self {
        Self::ImportTask { client_token: client_token.into(), id: None, image: None, snapshots: Vec::new() }
    }

    /// A file system about to be mounted.
    pub fn mount(path: impl Into<PathBuf>, wrapped: Option<Wrapped>) -> Self {
        Self::Mount { path: path.into(), directories: Vec::new(), wrapped }
    }

    /// A volume about to be made, to be worked on from this machine.
    pub fn work_volume() -> Self {
        Self::WorkVolume { id: None, attached: false }
    }

    /// What it is, for people.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::KeyPair { .. } => "key pair",
            Self::SecurityGroup { .. } => "security group",
            Self::Instance { .. } => "instance",
            Self::LaunchTemplate { .. } => "launch template",
            Self::InstanceProfile { .. } => "instance profile",
            Self::Session { .. } => "session",
            Self::Volume { .. } | Self::WorkVolume { .. } => "volume",
            Self::Mount { .. } => "mount",
            Self::Image { .. } => "image",
            Self::ImageSetting { .. } => "setting of an image",
            Self::Snapshot { .. } | Self::VolumeSnapshot { .. } => "snapshot",
            Self::LaunchedVolumes => "volumes of an instance",
            Self::S3Object { .. } => "object in S3",
            Self::S3Upload { .. } => "upload to S3",
            Self::ImportTask { .. } => "import of an image",
            Self::TempPath { .. } => "temporary file",
            Self::Process { .. } => "process",
        }
    }

    /// A process just started; its start time is read here.
    pub fn process(pid: u32, control_socket: Option<PathBuf>) -> Self {
        Self::Process { pid, start_time: super::local::start_time(pid), control_socket }
    }

    /// A setting of an image about to be switched on.
    pub fn image_setting(image: ImageId, setting: ImageSetting) -> Self {
        Self::ImageSetting { image, setting }
    }

    /// An image about to be made or copied.
    pub fn image(name: impl Into<String>, origin: ImageOrigin) -> Self {
        Self::Image { name: name.into(), origin, id: None }
    }
}

/// S3's id of an upload that was begun.
#[derive(Debug, Clone)]
pub struct UploadId(pub String);

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

impl Created for Session {
    fn complete(&self, resource: &mut Resource) {
        if let Resource::Session { id, .. } = resource {
            *id = Some(self.id.clone());
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

impl Created for InstanceId {
    fn complete(&self, resource: &mut Resource) {
        if let Resource::Instance { id, .. } = resource {
            *id = Some(self.clone());
        }
    }
}

impl Created for () {
    fn complete(&self, _resource: &mut Resource) {}
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

impl Created for StoredObject {
    fn complete(&self, resource: &mut Resource) {
        if let Resource::S3Object { stored, version, .. } = resource {
            *stored = true;
            version.clone_from(&self.version);
        }
    }
}

impl Created for UploadId {
    fn complete(&self, resource: &mut Resource) {
        if let Resource::S3Upload { id, .. } = resource {
            *id = Some(self.0.clone());
        }
    }
}

impl Created for ImportTask {
    fn complete(&self, resource: &mut Resource) {
        if let Resource::ImportTask { id, image, snapshots, .. } = resource {
            *id = Some(self.id.clone());
            image.clone_from(&self.image);
            snapshots.clone_from(&self.snapshots);
        }
    }
}
