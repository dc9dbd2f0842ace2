//! EC2 in amibake's own words.
//!
//! - [`id`]: typed ids, their prefix checked once; [`error`]: what a call can answer instead of success.
//! - [`model`]: requests and descriptions, as far as a builder needs them.
//! - [`s3`]: objects, for images that are imported from disk files;
//! - [`usage`]: what uses images, in EC2 and elsewhere;
//! - [`launch`]: reserved capacity, hosts, launch templates, fleets; [`iam`]: profiles that only live for a build;
//! - [`session`]: Session Manager, by which a guest is reached that has no open port;
//! - [`Ec2`]: the calls of one region, with the rarer ones in [`features`]; [`Cloud`]: one account's access to all regions;
//!   [`Clouds`]: opens them.
//! - `conformance` (a feature): questions that the lab and amibake-aws must answer alike;
//! - [`lab`]: an EC2 in memory with believable time, limits, idempotency and errors.
//!
//! Invariant: no `aws_sdk_*` type appears here; amibake-aws puts this trait on the SDK.

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
pub mod features;
pub mod iam;
pub mod id;
pub mod lab;
pub mod launch;
pub mod model;
pub mod s3;
pub mod session;
pub mod usage;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;

pub use error::{Ec2Error, ErrorKind};
pub use features::{ImageFeatures, InstanceFeatures};
pub use iam::Iam;
pub use id::{ImageId, ImportTaskId, InstanceId, Region, SecurityGroupId, SnapshotId, SubnetId, VolumeId, VpcId};
use launch::{CreateFleet, CreateLaunchTemplate, Fleet};
use model::{
    Access, CopyImage, CreateImage, CreateSecurityGroup, CreateSnapshot, CreateVolume, CreatedKeyPair, DescribeImages, Filter, Image,
    ImageChange, ImportImage, ImportTask, IngressRule, Instance, KeyPair, KeyPairRequest, Keys, RegisterImage, RunInstances, SecurityGroup,
    Snapshot, SnapshotChange, Subnet, Tag, Volume, Vpc,
};
pub use s3::S3;
pub use session::Sessions;

/// What every call answers.
pub type Result<T> = std::result::Result<T, Ec2Error>;

/// The calls of one region. Lists are complete: implementations page by themselves.
#[async_trait]
pub trait Ec2: ImageFeatures + InstanceFeatures {
    /// Which region this is.
    fn region(&self) -> &Region;

    /// Whether calls cost nothing and nobody counts them: then none has to wait for its budget, and states may be asked about at any
    /// time.
    fn unlimited(&self) -> bool {
        false
    }

    /// IAM of the same account, reached with the same credentials: a launch may need an instance profile of its own.
    fn iam(&self) -> Arc<dyn Iam>;

    /// Session Manager of this region.
    fn sessions(&self) -> Arc<dyn Sessions>;

    /// Names of the regions that the account can see.
    async fn describe_regions(&self) -> Result<Vec<Region>>;

    /// Images by id, owner and filters.
    async fn describe_images(&self, request: DescribeImages) -> Result<Vec<Image>>;
    /// VPCs by id (empty: all) and filters.
    async fn describe_vpcs(&self, ids: &[VpcId], filters: &[Filter]) -> Result<Vec<Vpc>>;
    /// Subnets by id (empty: all) and filters.
    async fn describe_subnets(&self, ids: &[SubnetId], filters: &[Filter]) -> Result<Vec<Subnet>>;
    /// Security groups by id (empty: all) and filters.
    async fn describe_security_groups(&self, ids: &[SecurityGroupId], filters: &[Filter]) -> Result<Vec<SecurityGroup>>;
    /// Instances by id (empty: all) and filters.
    async fn describe_instances(&self, ids: &[InstanceId], filters: &[Filter]) -> Result<Vec<Instance>>;
    /// Volumes by id (empty: all) and filters.
    async fn describe_volumes(&self, ids: &[VolumeId], filters: &[Filter]) -> Result<Vec<Volume>>;
    /// Snapshots of this account by id (empty: all) and filters.
    async fn describe_snapshots(&self, ids: &[SnapshotId], filters: &[Filter]) -> Result<Vec<Snapshot>>;

    /// Key pairs by filters.
    async fn describe_key_pairs(&self, filters: &[Filter]) -> Result<Vec<KeyPair>>;
    /// Makes a key pair; EC2 makes the key.
    async fn create_key_pair(&self, request: KeyPairRequest) -> Result<CreatedKeyPair>;
    /// Removes a key pair; one that does not exist is success.
    async fn delete_key_pair(&self, name: &str) -> Result<()>;
    /// Makes a security group.
    async fn create_security_group(&self, request: CreateSecurityGroup) -> Result<SecurityGroupId>;
    /// Opens ports to addresses.
    async fn authorize_ingress(&self, group: &SecurityGroupId, rules: &[IngressRule]) -> Result<()>;
    /// Removes a group.
    async fn delete_security_group(&self, group: &SecurityGroupId) -> Result<()>;

    /// Launches one instance.
    async fn run_instance(&self, request: RunInstances) -> Result<Instance>;
    /// Makes a launch template.
    async fn create_launch_template(&self, request: CreateLaunchTemplate) -> Result<()>;
    /// Removes a launch template with all its versions, by its name.
    async fn delete_launch_template(&self, name: &str) -> Result<()>;
    /// Launches one spot instance. That nothing could be launched is an answer, not an error.
    async fn create_fleet(&self, request: CreateFleet) -> Result<Fleet>;
    /// Asks an instance to stop.
    async fn stop_instance(&self, instance: &InstanceId) -> Result<()>;
    /// Asks an instance to end.
    async fn terminate_instance(&self, instance: &InstanceId) -> Result<()>;
    /// Gives an instance other security groups.
    async fn set_instance_groups(&self, instance: &InstanceId, groups: &[SecurityGroupId]) -> Result<()>;

    /// Starts making an image of an instance.
    async fn create_image(&self, request: CreateImage) -> Result<ImageId>;
    /// Starts copying an image into this region.
    async fn copy_image(&self, request: CopyImage) -> Result<ImageId>;
    /// Removes an image; its snapshots stay.
    async fn deregister_image(&self, image: &ImageId) -> Result<()>;
    /// Changes one attribute of an image.
    async fn modify_image(&self, image: &ImageId, change: ImageChange) -> Result<()>;
    /// Changes who may use a snapshot.
    async fn modify_snapshot(&self, snapshot: &SnapshotId, change: SnapshotChange) -> Result<()>;
    /// Removes a snapshot.
    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Result<()>;
    /// Removes a volume.
    async fn delete_volume(&self, volume: &VolumeId) -> Result<()>;
    /// Puts tags on resources (ids of any kind).
    async fn create_tags(&self, resources: &[String], tags: &[Tag]) -> Result<()>;
    /// Takes these tags, where they have these values, off resources.
    async fn delete_tags(&self, resources: &[String], tags: &[Tag]) -> Result<()>;

    /// Makes a volume.
    async fn create_volume(&self, request: CreateVolume) -> Result<VolumeId>;
    /// Starts making a snapshot of a volume.
    async fn create_snapshot(&self, request: CreateSnapshot) -> Result<SnapshotId>;
    /// Makes an image of snapshots.
    async fn register_image(&self, request: RegisterImage) -> Result<ImageId>;
    /// Attaches a volume to an instance under a device name.
    async fn attach_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Result<()>;
    /// Starts detaching a volume.
    async fn detach_volume(&self, volume: &VolumeId) -> Result<()>;
    /// Says whether the volume under a device name goes with its instance.
    async fn set_delete_on_termination(&self, instance: &InstanceId, device: &str, on: bool) -> Result<()>;

    /// S3 of the same account and region, reached with the same credentials: where EC2 imports images from.
    fn s3(&self) -> Arc<dyn S3>;
    /// Starts making an image of a disk file.
    async fn import_image(&self, request: ImportImage) -> Result<ImportTask>;
    /// Imports by id (empty: all).
    async fn describe_import_tasks(&self, ids: &[ImportTaskId]) -> Result<Vec<ImportTask>>;
    /// Gives up an import that goes on.
    async fn cancel_import_task(&self, task: &ImportTaskId) -> Result<()>;

    /// Asks whether a call would be allowed, without making it. Parameters as in EC2's query API. The answer is always an error:
    /// `DryRunOperation` where it is allowed, `UnauthorizedOperation` where it is not, else what EC2 found wrong before it looked.
    async fn dry_run(&self, operation: &'static str, parameters: &BTreeMap<String, String>) -> Result<()> {
        let _ = parameters;
        Err(Ec2Error { operation, kind: ErrorKind::Setup, code: None, message: "cannot be asked here".to_owned() })
    }
}

/// One account's access to EC2, any region.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// The region of the build: from the template, environment, profile or instance metadata.
    fn build_region(&self) -> &Region;
    /// The calls of a region.
    fn ec2(&self, region: &Region) -> Arc<dyn Ec2>;
    /// The credentials that calls are signed with: for a guest that has to reach AWS by itself.
    ///
    /// # Errors
    /// There are none any more, or nobody can tell them.
    async fn credentials(&self) -> Result<Keys> {
        Err(Ec2Error { operation: "credentials", kind: ErrorKind::Setup, code: None, message: "cannot be told here".to_owned() })
    }
    /// What uses images in a region; None where nobody can tell.
    fn image_uses(&self, region: &Region) -> Option<Arc<dyn usage::ImageUses>> {
        let _ = region;
        None
    }
    /// Tells accounts and endpoints apart: builds with the same key share watchers and request budgets.
    fn key(&self) -> &str;
}

/// Opens clouds: the AWS SDK in the program, the lab in tests and rehearsals.
#[async_trait]
pub trait Clouds: Send + Sync {
    /// Resolves region and credentials.
    ///
    /// # Errors
    /// No region, no credentials, a role that cannot be assumed.
    async fn open(&self, access: &Access) -> Result<Arc<dyn Cloud>>;

    /// This machine's address as AWS sees it (`https://checkip.amazonaws.com`).
    ///
    /// # Errors
    /// It could not be asked, or answered something else.
    async fn own_address(&self) -> Result<IpAddr>;
}
