//! Requests and descriptions, as far as a builder needs them. Field names follow the EC2 API reference (version 2016-11-15).

mod disks;
mod import;

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::id::{ImageId, InstanceId, Region, SecurityGroupId, SnapshotId, SubnetId, VolumeId, VpcId};
use crate::launch::LaunchOptions;

pub use disks::{CreateSnapshot, CreateVolume, RegisterImage};
pub use import::{ImportImage, ImportTask};

/// How to reach an account. Empty fields mean: as the SDK resolves them.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// `region`.
    pub region: Option<String>,
    /// `access_key`, `secret_key`, `token`.
    pub keys: Option<Keys>,
    /// `profile`.
    pub profile: Option<String>,
    /// `shared_credentials_file`.
    pub shared_credentials_file: Option<String>,
    /// `custom_endpoint_ec2`: all calls go there, every region.
    pub endpoint: Option<String>,
    /// `max_retries`: tries of one call beyond the first; None is 10.
    pub max_retries: Option<u32>,
    /// `insecure_skip_tls_verify`.
    pub insecure_skip_tls_verify: bool,
    /// `skip_metadata_api_check`: do not ask the instance metadata service for credentials.
    pub skip_metadata: bool,
    /// `assume_role`.
    pub assume_role: Option<AssumeRole>,
    /// `mfa_code`: answers for the second factor that a role of the profile asks for.
    pub mfa_code: Option<SecretString>,
    /// `decode_authorization_messages`.
    pub decode_authorization: bool,
}

/// Credentials given in the template.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Access key id.
    pub access_key: String,
    /// Secret access key.
    pub secret_key: SecretString,
    /// Session token.
    pub token: Option<SecretString>,
}

/// A role to assume before the first call.
#[derive(Debug, Clone, Default)]
pub struct AssumeRole {
    /// ARN.
    pub role_arn: String,
    /// Seconds; None is 900.
    pub duration_seconds: Option<u32>,
    /// External id.
    pub external_id: Option<String>,
    /// Session name.
    pub session_name: Option<String>,
    /// Inline policy.
    pub policy: Option<String>,
    /// Managed policies.
    pub policy_arns: Vec<String>,
    /// Tags of the session.
    pub tags: Vec<Tag>,
    /// Keys of those tags that go on to roles assumed from this one.
    pub transitive_tag_keys: Vec<String>,
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tag {
    /// Key.
    pub key: String,
    /// Value.
    pub value: String,
}

/// A describe filter: any of the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// `name`, `virtualization-type`, `tag:KEY`, ...
    pub name: String,
    /// May hold `*` and `?`.
    pub values: Vec<String>,
}

impl Filter {
    /// A filter with one value.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), values: vec![value.into()] }
    }
}

/// Which images. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DescribeImages {
    /// By id; empty: all.
    pub ids: Vec<ImageId>,
    /// Account ids, `self`, `amazon`, ...; empty: any.
    pub owners: Vec<String>,
    /// Filters.
    pub filters: Vec<Filter>,
    /// Deprecated images too.
    pub include_deprecated: bool,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Id.
    pub id: ImageId,
    /// Name.
    pub name: String,
    /// Owner's account id.
    pub owner_id: String,
    /// `amazon`, ..., where there is one.
    pub owner_alias: Option<String>,
    /// RFC 3339.
    pub creation_date: String,
    /// `pending`, `available`, `failed`, ...
    pub state: ImageState,
    /// Why it failed.
    pub state_reason: Option<String>,
    /// `ebs`, `instance-store`.
    pub root_device_type: String,
    /// `/dev/xvda`.
    pub root_device_name: Option<String>,
    /// `hvm`, `paravirtual`.
    pub virtualization_type: String,
    /// `x86_64`, `arm64`, ...
    pub architecture: String,
    /// Devices with their snapshots.
    pub block_devices: Vec<ImageBlockDevice>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// The instance it was made of, where EC2 says so.
    pub source_instance: Option<InstanceId>,
    /// Whether it boots into Windows.
    pub windows: bool,
    /// Whether it is protected against deregistration.
    pub protected: bool,
    /// Kernel of a paravirtual image: `aki-…`.
    pub kernel_id: Option<String>,
    /// RAM disk of a paravirtual image: `ari-…`.
    pub ramdisk_id: Option<String>,
}

/// State of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageState {
    /// Being made.
    Pending,
    /// Ready.
    Available,
    /// `failed`, `error`, `invalid`.
    Failed,
    /// `deregistered`, `disabled`, `transient`: not usable.
    Gone,
}

/// A device of an image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageBlockDevice {
    /// `/dev/xvda`.
    pub device_name: String,
    /// Its snapshot, for EBS devices.
    pub snapshot: Option<SnapshotId>,
    /// Deleted with the instance.
    pub delete_on_termination: Option<bool>,
    /// All that EC2 says of an EBS device.
    pub ebs: Option<EbsDevice>,
    /// Instance store volume: `ephemeral0`.
    pub virtual_name: Option<String>,
}

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vpc {
    /// Id.
    pub id: VpcId,
    /// The account's default one.
    pub is_default: bool,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Id.
    pub id: SubnetId,
    /// Its VPC.
    pub vpc: VpcId,
    /// `us-east-1a`.
    pub availability_zone: String,
    /// Free addresses.
    pub available_addresses: u32,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroup {
    /// Id.
    pub id: SecurityGroupId,
    /// Name.
    pub name: String,
    /// Its VPC.
    pub vpc: Option<VpcId>,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// A key pair to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPairRequest {
    /// Name.
    pub name: String,
    /// `ed25519` or `rsa`.
    pub key_type: KeyType,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// Kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// ed25519.
    Ed25519,
    /// rsa (2048 bits).
    Rsa,
}

/// A key pair that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// Name.
    pub name: String,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// A key pair just made.
#[derive(Debug, Clone)]
pub struct CreatedKeyPair {
    /// Name.
    pub name: String,
    /// The private key, PEM.
    pub private_key: SecretString,
}

/// A security group to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSecurityGroup {
    /// Name.
    pub name: String,
    /// Description.
    pub description: String,
    /// Its VPC; None is the default one.
    pub vpc: Option<VpcId>,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// A port opened to addresses (tcp).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressRule {
    /// First and last port.
    pub port: u16,
    /// IPv4 and IPv6 CIDRs.
    pub cidrs: Vec<String>,
}

/// An instance to launch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunInstances {
    /// Idempotency token; the same one never launches a second instance.
    pub client_token: String,
    /// Image id.
    pub image: String,
    /// `t2.micro`.
    pub instance_type: String,
    /// Key pair name.
    pub key_name: Option<String>,
    /// Base64.
    pub user_data: Option<String>,
    /// Instance profile name.
    pub iam_instance_profile: Option<String>,
    /// `us-east-1a`.
    pub availability_zone: Option<String>,
    /// Tenancy: `default`, `dedicated`, `host`.
    pub tenancy: Option<String>,
    /// Subnet.
    pub subnet: Option<SubnetId>,
    /// Groups.
    pub security_groups: Vec<SecurityGroupId>,
    /// Public address on or off by an explicit network interface (needs a subnet).
    pub associate_public_ip_address: Option<bool>,
    /// EBS optimised.
    pub ebs_optimized: bool,
    /// `stop`, `terminate`.
    pub shutdown_behavior: Option<String>,
    /// CPU credits: `standard`, `unlimited`.
    pub cpu_credits: Option<String>,
    /// Instance metadata service.
    pub metadata_options: Option<MetadataOptions>,
    /// Reserved capacity, host, enclaves, licences.
    pub options: LaunchOptions,
    /// Devices.
    pub block_devices: Vec<BlockDevice>,
    /// Tags of the instance and its network interface.
    pub instance_tags: Vec<Tag>,
    /// Tags of its volumes.
    pub volume_tags: Vec<Tag>,
}

/// Instance metadata service options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataOptions {
    /// `enabled`, `disabled`.
    pub http_endpoint: String,
    /// `optional`, `required`.
    pub http_tokens: String,
    /// 1 to 64.
    pub http_put_response_hop_limit: i32,
    /// `enabled`, `disabled`; sent where given.
    pub instance_metadata_tags: Option<String>,
}

/// A device mapping in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockDevice {
    /// `/dev/xvda`.
    pub device_name: String,
    /// What stands there.
    pub target: BlockDeviceTarget,
}

/// What a device mapping means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockDeviceTarget {
    /// Nothing: the image's mapping is suppressed.
    NoDevice,
    /// An instance store volume: `ephemeral0`.
    Virtual(String),
    /// An EBS volume.
    Ebs(EbsDevice),
}

/// An EBS volume in a mapping.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EbsDevice {
    /// Deleted with the instance.
    pub delete_on_termination: bool,
    /// `gp3`, ...
    pub volume_type: Option<String>,
    /// GiB.
    pub volume_size: Option<i32>,
    /// Provisioned IOPS.
    pub iops: Option<i32>,
    /// MiB/s.
    pub throughput: Option<i32>,
    /// Made from this snapshot.
    pub snapshot_id: Option<String>,
    /// Encrypted; None leaves it to the snapshot.
    pub encrypted: Option<bool>,
    /// Key.
    pub kms_key_id: Option<String>,
}

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Id.
    pub id: InstanceId,
    /// State.
    pub state: InstanceState,
    /// EC2's reason for the state: code and message.
    pub state_reason: Option<String>,
    /// Public IPv4 address.
    pub public_ip: Option<String>,
    /// Private IPv4 address.
    pub private_ip: Option<String>,
    /// Public DNS name.
    pub public_dns: Option<String>,
    /// Private DNS name.
    pub private_dns: Option<String>,
    /// First IPv6 address.
    pub ipv6: Option<String>,
    /// Its VPC.
    pub vpc: Option<VpcId>,
    /// Its groups.
    pub security_groups: Vec<SecurityGroupId>,
    /// Its attached volumes.
    pub volumes: Vec<InstanceVolume>,
    /// The spot request that launched it: `sir-…`.
    pub spot_request: Option<String>,
    /// Where it runs: `us-east-1a`.
    pub availability_zone: Option<String>,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// A volume attached to an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceVolume {
    /// Device name.
    pub device_name: String,
    /// Volume.
    pub volume: VolumeId,
    /// Deleted with the instance.
    pub delete_on_termination: bool,
}

/// State of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceState {
    /// Starting.
    Pending,
    /// Running.
    Running,
    /// Stopping.
    Stopping,
    /// Stopped.
    Stopped,
    /// Ending.
    ShuttingDown,
    /// Ended.
    Terminated,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Id.
    pub id: VolumeId,
    /// `creating`, `available`, `in-use`, `deleting`, ...
    pub state: String,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Id.
    pub id: SnapshotId,
    /// `pending`, `completed`, `error`.
    pub state: String,
    /// `37%`.
    pub progress: Option<String>,
    /// Description (EC2 names the instance and image of CreateImage there).
    pub description: String,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// An image to make of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateImage {
    /// Of which instance.
    pub instance: InstanceId,
    /// Name, unique in region and account.
    pub name: String,
    /// Devices of the image.
    pub block_devices: Vec<BlockDevice>,
    /// Tags of the image, in the same call.
    pub image_tags: Vec<Tag>,
}

/// An image to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyImage {
    /// Idempotency token.
    pub client_token: String,
    /// Source region.
    pub source_region: Region,
    /// Source image.
    pub source_image: ImageId,
    /// Name of the copy.
    pub name: String,
    /// Encrypt; None leaves it.
    pub encrypted: Option<bool>,
    /// Key.
    pub kms_key_id: Option<String>,
    /// Take the source's tags along.
    pub copy_tags: bool,
    /// Time based copy, minutes.
    pub completion_minutes: Option<i64>,
}

/// One change of an image's attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageChange {
    /// Description.
    Description(String),
    /// Who may launch it.
    Launch {
        /// Accounts.
        users: Vec<String>,
        /// Groups (`all`).
        groups: Vec<String>,
        /// Organisations.
        organizations: Vec<String>,
        /// Organisational units.
        organizational_units: Vec<String>,
    },
    /// Product codes.
    ProductCodes(Vec<String>),
    /// `v2.0`.
    ImdsSupport(String),
}

/// Who may use a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotChange {
    /// Accounts.
    pub users: Vec<String>,
    /// Groups (`all`).
    pub groups: Vec<String>,
}

/// Tags of a map, sorted by key.
pub fn tags_of(map: &BTreeMap<String, String>) -> Vec<Tag> {
    map.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}
