//! What the lab knows about each thing: more than a description tells, so that tests can ask what was really set.

use tokio::time::Instant;

use super::features::{Features, NetworkFeatures};
use super::machines::Progress;
use super::platform::Platform;
use crate::id::{ImageId, InstanceId, SecurityGroupId, SnapshotId, SubnetId, VolumeId, VpcId};
use crate::model::{ImageState, IngressRule, InstanceState, KeyType, MetadataOptions, Tag};

/// A VPC.
#[derive(Debug, Clone)]
pub struct VpcRecord {
    /// Id.
    pub id: VpcId,
    /// The account's default one.
    pub is_default: bool,
    /// IPv4 range.
    pub cidr: String,
    /// Owner's account id.
    pub owner: String,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// A subnet.
#[derive(Debug, Clone)]
pub struct SubnetRecord {
    /// Id.
    pub id: SubnetId,
    /// Its VPC.
    pub vpc: VpcId,
    /// `us-east-1a`.
    pub availability_zone: String,
    /// IPv4 range.
    pub cidr: String,
    /// The zone's default one: instances get a public address without asking.
    pub default_for_az: bool,
    /// Free addresses.
    pub available_addresses: u32,
    /// Owner's account id.
    pub owner: String,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// A security group.
#[derive(Debug, Clone)]
pub struct GroupRecord {
    /// Id.
    pub id: SecurityGroupId,
    /// Name.
    pub name: String,
    /// Description.
    pub description: String,
    /// Its VPC.
    pub vpc: VpcId,
    /// What is let in.
    pub ingress: Vec<IngressRule>,
    /// Owner's account id.
    pub owner: String,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// A key pair.
#[derive(Debug, Clone)]
pub struct KeyPairRecord {
    /// `key-…`.
    pub id: String,
    /// Name.
    pub name: String,
    /// Its type.
    pub kind: KeyType,
    /// The public half, one line as in `authorized_keys`, where it is known.
    pub public: Option<String>,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// An instance.
#[derive(Debug, Clone)]
pub struct InstanceRecord {
    /// Id.
    pub id: InstanceId,
    /// State.
    pub state: InstanceState,
    /// When the state ends, for those that end by themselves.
    pub until: Option<Instant>,
    /// What the state waits for besides.
    pub progress: Option<Progress>,
    /// Why: EC2's code and message.
    pub state_reason: Option<String>,
    /// Set where the launch was made to fail.
    pub spoiled: Option<String>,
    /// Its image.
    pub image: ImageId,
    /// `t2.micro`.
    pub instance_type: String,
    /// Key pair.
    pub key_name: Option<String>,
    /// As sent.
    pub user_data: Option<String>,
    /// Instance profile.
    pub iam_instance_profile: Option<String>,
    /// Where it runs.
    pub subnet: SubnetId,
    /// Its VPC.
    pub vpc: VpcId,
    /// Zone.
    pub availability_zone: String,
    /// Its groups.
    pub security_groups: Vec<SecurityGroupId>,
    /// The made-up address, 127.1.x.y: `None` where it has no public one.
    pub public_ip: Option<String>,
    /// The same host from inside, 127.2.x.y.
    pub private_ip: String,
    /// Metadata service options.
    pub metadata_options: Option<MetadataOptions>,
    /// The network interface's id, its tags.
    pub interface: (String, Vec<Tag>),
    /// `stop`, `terminate`.
    pub shutdown_behavior: String,
    /// `ebs`, `instance-store`.
    pub root_device_type: String,
    /// The spot request that launched it; none for on demand.
    pub spot: Option<SpotRecord>,
    /// The token it was launched with.
    pub client_token: String,
    /// When it was launched.
    pub launched: Instant,
    /// What its network card can do.
    pub network: NetworkFeatures,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// A spot request that was fulfilled.
#[derive(Debug, Clone)]
pub struct SpotRecord {
    /// `sir-…`.
    pub request: String,
    /// Its tags.
    pub tags: Vec<Tag>,
}

/// A volume.
#[derive(Debug, Clone)]
pub struct VolumeRecord {
    /// Id.
    pub id: VolumeId,
    /// Whose and under which device name, while attached.
    pub attached: Option<(InstanceId, String)>,
    /// Size, type, encryption, and the snapshot it was made of.
    pub ebs: EbsSpec,
    /// Zone.
    pub availability_zone: String,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// A snapshot.
#[derive(Debug, Clone)]
pub struct SnapshotRecord {
    /// Id.
    pub id: SnapshotId,
    /// Owner.
    pub owner: String,
    /// Description.
    pub description: String,
    /// GiB.
    pub size: i32,
    /// Of this volume; none for copies and public ones.
    pub volume: Option<VolumeId>,
    /// When it began and when it is complete.
    pub during: (Instant, Instant),
    /// What it waits for besides.
    pub progress: Option<Progress>,
    /// Complete.
    pub completed: bool,
    /// Encrypted.
    pub encrypted: bool,
    /// Key, where one was named.
    pub kms_key_id: Option<String>,
    /// Accounts that may make volumes of it.
    pub users: Vec<String>,
    /// Groups (`all`) that may.
    pub groups: Vec<String>,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// What stands at a device of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageTarget {
    /// An instance store volume: `ephemeral0`.
    Virtual(String),
    /// An EBS volume.
    Ebs(EbsSpec),
}

/// An EBS volume as an image, an instance or a request describes it, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EbsSpec {
    /// Its snapshot; none for an empty volume.
    pub snapshot: Option<SnapshotId>,
    /// GiB.
    pub size: i32,
    /// `gp3`, ...
    pub volume_type: String,
    /// Deleted with the instance.
    pub delete_on_termination: bool,
    /// Provisioned IOPS.
    pub iops: Option<i32>,
    /// MiB/s.
    pub throughput: Option<i32>,
    /// Encrypted.
    pub encrypted: bool,
    /// Key, where one was named.
    pub kms_key_id: Option<String>,
}

/// An image.
#[derive(Debug, Clone)]
pub struct ImageRecord {
    /// Id.
    pub id: ImageId,
    /// Name.
    pub name: String,
    /// Description.
    pub description: String,
    /// Owner's account id.
    pub owner: String,
    /// `amazon`, ...
    pub owner_alias: Option<String>,
    /// RFC 3339 with milliseconds, as EC2 writes it.
    pub creation_date: String,
    /// Hidden from others than the owner from this date on.
    pub deprecated_since: Option<String>,
    /// State.
    pub state: ImageState,
    /// When `pending` ends.
    pub until: Option<Instant>,
    /// What `pending` waits for besides.
    pub progress: Option<Progress>,
    /// Set where the image was made to fail.
    pub spoiled: Option<String>,
    /// Why it failed.
    pub state_reason: Option<String>,
    /// `ebs`, `instance-store`.
    pub root_device_type: String,
    /// The manifest in S3 that it was registered of, where it was.
    pub location: Option<String>,
    /// `/dev/xvda`.
    pub root_device_name: String,
    /// `hvm`, `paravirtual`.
    pub virtualization_type: String,
    /// `x86_64`, `arm64`.
    pub architecture: String,
    /// What it boots into, where that is known. Copies, and images of its instances, inherit it.
    pub platform: Option<&'static Platform>,
    /// Public.
    pub public: bool,
    /// Devices by name.
    pub devices: Vec<(String, ImageTarget)>,
    /// The instance it was made of.
    pub source_instance: Option<InstanceId>,
    /// The image it was copied from: region and id.
    pub copied_from: Option<(String, ImageId)>,
    /// Accounts that may launch it.
    pub users: Vec<String>,
    /// Organisations and organisational units that may launch it.
    pub organizations: Vec<String>,
    /// Product codes.
    pub product_codes: Vec<String>,
    /// `v2.0`.
    pub imds_support: Option<String>,
    /// What was switched on.
    pub features: Features,
    /// Tags.
    pub tags: Vec<Tag>,
}

impl ImageRecord {
    /// Snapshots of its devices.
    pub fn snapshots(&self) -> impl Iterator<Item = &SnapshotId> {
        self.devices.iter().filter_map(|(_, target)| match target {
            ImageTarget::Ebs(ebs) => ebs.snapshot.as_ref(),
            ImageTarget::Virtual(_) => None,
        })
    }
}
