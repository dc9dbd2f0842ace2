//! The [`Ec2`] trait on the rules: arrival, fault, rule, reply.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::time::Instant;

use super::assume::Assumption;
use super::calls::{Call, Calls, Parameters};
use super::catalogue;
use super::disks;
use super::fault::{Fault, Faults, Kind};
use super::identities::{ProfileRecord, RoleRecord};
use super::limits::Buckets;
use super::objects::ObjectRecord;
use super::options::{Options, Times};
use super::record::{GroupRecord, ImageRecord, InstanceRecord, SnapshotRecord, VolumeRecord};
use super::refusal::{Answer, Refusal};
use super::volumes;
use super::world::{Inventory, Place, World};
use crate::features;
use crate::id::{ImageId, ImportTaskId, InstanceId, Region, SecurityGroupId, SnapshotId, SubnetId, VolumeId, VpcId};
use crate::launch::{CreateFleet, CreateLaunchTemplate, Fleet};
use crate::model::{
    Access, CopyImage, CreateImage, CreateSecurityGroup, CreateSnapshot, CreateVolume, CreatedKeyPair, DescribeImages, Filter, Image,
    ImageChange, ImportImage, ImportTask, IngressRule, Instance, KeyPair, KeyPairRequest, KeyType, RegisterImage, RunInstances,
    SecurityGroup, Snapshot, SnapshotChange, Subnet, Tag, Volume, Vpc,
};
use crate::s3::{ObjectName, S3};
use crate::{Cloud, Clouds, Ec2, Ec2Error, ErrorKind, Iam, Result, Sessions};

/// An EC2 in memory. Clones share it.
#[derive(Clone)]
pub struct Lab {
    inner: Arc<Mutex<Inner>>,
}

pub(super) struct Inner {
    world: World,
    calls: Calls,
    faults: Faults,
    buckets: BTreeMap<Region, Buckets>,
    /// What uses images, besides the lab's instances.
    pub(super) uses: Vec<(Region, crate::usage::UsedIn, crate::usage::ImageUse)>,
}

impl fmt::Debug for Lab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lab").finish_non_exhaustive()
    }
}

impl Default for Lab {
    fn default() -> Self {
        Self::new(Options::default())
    }
}

impl Lab {
    /// An empty account. Its calendar starts now; call it inside a tokio runtime if the runtime's clock is paused.
    pub fn new(options: Options) -> Self {
        let inner = Inner {
            world: World::new(options),
            calls: Calls::default(),
            faults: Faults::default(),
            buckets: BTreeMap::new(),
            uses: Vec::new(),
        };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    /// An empty account where things take this long.
    pub fn with_times(times: Times) -> Self {
        Self::new(Options::new(times))
    }

    /// An empty account where a fault waits.
    pub fn with_fault(times: Times, fault: Fault) -> Self {
        let lab = Self::with_times(times);
        lab.fault(fault);
        lab
    }

    /// Adds a fault. Calls count from the opening of the lab.
    pub fn fault(&self, fault: Fault) {
        self.lock().faults.add(fault);
    }

    /// The calls of a region.
    pub fn region(&self, name: &str) -> Arc<dyn Ec2> {
        Arc::new(LabRegion { lab: self.clone(), region: Region::new(name), decodes: false })
    }

    /// What was asked so far.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.all.clone()
    }

    /// How many calls were made.
    pub fn count(&self) -> usize {
        self.lock().calls.all.len()
    }

    /// How many calls that change something were made.
    pub fn changes(&self) -> usize {
        self.lock().calls.all.iter().filter(|call| call.changes).count()
    }

    /// What exists. Things that end by themselves (an instance that shuts down, its volumes) count as gone.
    pub fn inventory(&self) -> Inventory {
        self.lock().world.inventory(Instant::now())
    }

    /// What exists now and did not in `before`, apart from the images that an artifact lists and their snapshots: one
    /// line each, sorted.
    pub fn remaining(&self, before: &Inventory, artifact: &[ImageId]) -> Vec<String> {
        let now = self.inventory();
        let images: Vec<_> = artifact.iter().filter_map(|id| self.image(id)).collect();
        let listed = |id: &str| images.iter().any(|image| image.id.as_str() == id || image.snapshots().any(|used| used.as_str() == id));
        let mut lines: Vec<_> =
            now.0.into_iter().filter(|(id, _)| !before.0.contains_key(id) && !listed(id)).map(|(_, line)| line).collect();
        lines.sort();
        lines
    }

    /// What was taken to exist, by region, in the order of its first use. Empty unless [`Options::assume`] is set.
    pub fn assumptions(&self) -> Vec<Assumption> {
        self.lock().world.regions(Instant::now()).flat_map(|(_, state)| state.assumed.all.clone()).collect()
    }

    /// All that is known of an image, wherever it is.
    pub fn image(&self, id: &ImageId) -> Option<ImageRecord> {
        self.find(|place| place.images.get(id).cloned())
    }

    /// All that is known of an instance.
    pub fn instance(&self, id: &InstanceId) -> Option<InstanceRecord> {
        self.find(|place| place.instances.get(id).cloned())
    }

    /// All that is known of an object of S3.
    pub fn object(&self, name: &ObjectName) -> Option<ObjectRecord> {
        self.lock().world.objects.object(name).cloned()
    }

    /// All that is known of a snapshot.
    pub fn snapshot(&self, id: &SnapshotId) -> Option<SnapshotRecord> {
        self.find(|place| place.snapshots.get(id).cloned())
    }

    /// All that is known of a volume.
    pub fn volume(&self, id: &VolumeId) -> Option<VolumeRecord> {
        self.find(|place| place.volumes.get(id).cloned())
    }

    /// All that is known of a security group.
    pub fn group(&self, id: &SecurityGroupId) -> Option<GroupRecord> {
        self.find(|place| place.groups.get(id).cloned())
    }

    /// All that is known of a role of IAM.
    pub fn role(&self, name: &str) -> Option<RoleRecord> {
        self.lock().world.identities.role(name)
    }

    /// All that is known of an instance profile that IAM was asked for.
    pub fn instance_profile(&self, name: &str) -> Option<ProfileRecord> {
        self.lock().world.identities.profile(name)
    }

    /// Tells that an instance's machine went off by itself (`shutdown -h now` in it): it stops or ends, as its shutdown behaviour says.
    /// One that is on its way already, or that nobody knows, stays as it is.
    pub fn powered_off(&self, instance: &InstanceId) {
        self.lock().world.powered_off(instance, Instant::now());
    }

    /// Adds images: to a region, or to every one. One with the id of an image that is there takes its place. Ours where their owner is
    /// [`Options::account`]. A region that does not exist gets none.
    pub fn add_images(&self, region: Option<&Region>, images: Vec<ImageRecord>) {
        self.lock().world.add_images(region, &images);
    }

    /// Adds a VPC that is not the default one, with a subnet in each zone and its default group.
    ///
    /// # Errors
    /// There is no such region.
    pub fn add_vpc(&self, region: &str) -> Result<VpcId> {
        let region = Region::new(region);
        let mut inner = self.lock();
        let place = inner.world.place(&region, Instant::now(), None).map_err(|refusal| failed("CreateVpc", refusal))?;
        let zones = catalogue::zones(&region, place.options.assume).unwrap_or("a");
        let vpc = VpcId::with_hex(&place.ids.hex());
        place.state.add_vpc(place.ids, vpc.clone(), &place.options.account, &region, zones, false);
        Ok(vpc)
    }

    fn find<T>(&self, look: impl Fn(&super::world::State) -> Option<T>) -> Option<T> {
        self.lock().world.regions(Instant::now()).find_map(|(_, state)| look(state))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic of a hook leaves the world as it was between two calls: usable.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lab as one account.
struct LabCloud {
    lab: Lab,
    region: Region,
    decodes: bool,
}

#[async_trait]
impl Clouds for Lab {
    async fn open(&self, access: &Access) -> Result<Arc<dyn Cloud>> {
        let default = self.lock().world.options.default_region.clone();
        match access.region.as_deref().filter(|region| !region.is_empty()).map(Region::new).or(default) {
            Some(region) => Ok(Arc::new(LabCloud { lab: self.clone(), region, decodes: access.decode_authorization })),
            None => Err(Ec2Error {
                operation: "configuration",
                kind: ErrorKind::Setup,
                code: None,
                message: "no region: set `region` in the template or AWS_REGION in the environment".to_owned(),
            }),
        }
    }

    async fn own_address(&self) -> Result<IpAddr> {
        let address = self.lock().world.options.own_address;
        address.ok_or_else(|| Ec2Error::unknown("checkip", "the lab is not connected to anything"))
    }
}

#[async_trait]
impl Cloud for LabCloud {
    fn build_region(&self) -> &Region {
        &self.region
    }

    fn ec2(&self, region: &Region) -> Arc<dyn Ec2> {
        Arc::new(LabRegion { lab: self.lab.clone(), region: region.clone(), decodes: self.decodes })
    }

    fn key(&self) -> &str {
        "lab"
    }

    async fn credentials(&self) -> Result<crate::model::Keys> {
        Ok(super::bundle::keys())
    }

    fn image_uses(&self, region: &Region) -> Option<Arc<dyn crate::usage::ImageUses>> {
        Some(Arc::new(LabRegion { lab: self.lab.clone(), region: region.clone(), decodes: self.decodes }))
    }
}

/// One region of the lab.
#[derive(Clone)]
pub(super) struct LabRegion {
    pub(super) lab: Lab,
    pub(super) region: Region,
    /// `decode_authorization_messages`.
    decodes: bool,
}

impl LabRegion {
    /// Runs a rule as a call: with its way there and back, its record, its fault.
    pub(super) async fn call<T: Send>(
        &self,
        operation: &'static str,
        parameters: Parameters,
        rule: impl FnOnce(&mut Place<'_>) -> Answer<T> + Send,
    ) -> Result<T> {
        self.call_world(operation, parameters, |world, now, spoil| rule(&mut world.place(&self.region, now, spoil)?)).await
    }

    pub(super) async fn call_world<T: Send>(
        &self,
        operation: &'static str,
        parameters: Parameters,
        rule: impl FnOnce(&mut World, Instant, Option<&'static str>) -> Answer<T> + Send,
    ) -> Result<T> {
        let way = self.lab.lock().world.options.times.round_trip / 2;
        travel(way).await;
        let reply = self.arrive(operation, parameters, rule);
        travel(way).await;
        match reply {
            Err(error) if self.decodes => Err(self.decoded(error).await),
            reply => reply,
        }
    }

    /// A refusal, decoded by STS where it is encoded and the account may do that. The lab's STS knows one message.
    async fn decoded(&self, error: Ec2Error) -> Ec2Error {
        let Some(encoded) = features::encoded_authorization(&error) else { return error };
        let parameters = none().with("EncodedMessage", Some(encoded));
        let way = self.lab.lock().world.options.times.round_trip;
        travel(way).await;
        match self.arrive("DecodeAuthorizationMessage", parameters, |_, _, _| Ok(r#"{"allowed":false}"#)) {
            Ok(decoded) => features::with_decoded(error, decoded),
            Err(_) => error,
        }
    }

    fn arrive<T>(
        &self,
        operation: &'static str,
        parameters: Parameters,
        rule: impl FnOnce(&mut World, Instant, Option<&'static str>) -> Answer<T>,
    ) -> Result<T> {
        let (position, fault) = {
            let mut inner = self.lab.lock();
            let position = inner.calls.arrive(&self.region, operation, parameters);
            (position, inner.faults.take(position))
        };
        // Hooks run without the lock: they may look at the lab.
        if let Some(Kind::Before(hook)) = &fault {
            hook();
        }
        let reply = self.lab.lock().reply(&self.region, operation, fault.as_ref(), rule);
        if let Some(Kind::After(hook)) = &fault {
            hook();
        }
        if let Err(error) = &reply {
            self.lab.lock().calls.end(position, error);
        }
        reply
    }
}

impl Inner {
    /// All that exists.
    pub(super) fn world(&mut self) -> &mut World {
        &mut self.world
    }

    fn reply<T>(
        &mut self,
        region: &Region,
        operation: &'static str,
        fault: Option<&Kind>,
        rule: impl FnOnce(&mut World, Instant, Option<&'static str>) -> Answer<T>,
    ) -> Result<T> {
        let now = Instant::now();
        let limits = self.world.options.limits;
        if limits && !self.buckets.entry(region.clone()).or_insert_with(|| Buckets::full(now)).take(operation, now) {
            return Err(throttled(operation));
        }
        let spoil = match fault {
            Some(Kind::Spoil(reason)) => Some(*reason),
            _ => None,
        };
        match fault {
            Some(Kind::Refuse(code, message)) => Err(Ec2Error::refused(operation, *code, *message)),
            Some(Kind::Throttle) => Err(throttled(operation)),
            Some(Kind::LoseRequest) => Err(lost(operation)),
            Some(Kind::LoseReply) => {
                // What EC2 would have said is lost too, a refusal as well as a success.
                let _ = rule(&mut self.world, now, None);
                Err(lost(operation))
            }
            Some(Kind::Spoil(_) | Kind::Before(_) | Kind::After(_)) | None => {
                rule(&mut self.world, now, spoil).map_err(|refusal| failed(operation, refusal))
            }
        }
    }
}

/// Half a round trip. Without one the other tasks still get their turn, as they do while a real call is under way.
async fn travel(way: std::time::Duration) {
    if way.is_zero() {
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(way).await;
    }
}

fn failed(operation: &'static str, refusal: Refusal) -> Ec2Error {
    if refusal.code.is_empty() {
        return Ec2Error { operation, kind: ErrorKind::Setup, code: None, message: refusal.message };
    }
    Ec2Error::refused(operation, refusal.code, refusal.message)
}

fn throttled(operation: &'static str) -> Ec2Error {
    let code = Some("RequestLimitExceeded".to_owned());
    Ec2Error { operation, kind: ErrorKind::Throttled, code, message: "Request limit exceeded.".to_owned() }
}

fn lost(operation: &'static str) -> Ec2Error {
    Ec2Error::unknown(operation, "no reply arrived")
}

fn none() -> Parameters {
    Parameters::default()
}

#[async_trait]
impl Ec2 for LabRegion {
    fn region(&self) -> &Region {
        &self.region
    }

    fn unlimited(&self) -> bool {
        let options = &self.lab.lock().world.options;
        // Machines take some time even where the lab takes none. Without machines, and at other speeds, all is as on AWS.
        options.machines.is_some() && options.times == Times::instant() && !options.limits
    }

    fn iam(&self) -> Arc<dyn Iam> {
        Arc::new(self.clone())
    }

    fn sessions(&self) -> Arc<dyn Sessions> {
        Arc::new(self.clone())
    }

    fn s3(&self) -> Arc<dyn S3> {
        Arc::new(self.clone())
    }

    async fn import_image(&self, request: ImportImage) -> Result<ImportTask> {
        let parameters = super::imports::parameters(&request);
        self.call_world("ImportImage", parameters, |world, now, spoil| world.import_image(&self.region, request, now, spoil)).await
    }

    async fn describe_import_tasks(&self, ids: &[ImportTaskId]) -> Result<Vec<ImportTask>> {
        let parameters = none().list("ImportTaskId", ids);
        self.call("DescribeImportImageTasks", parameters, |place| place.describe_import_tasks(ids)).await
    }

    async fn cancel_import_task(&self, task: &ImportTaskId) -> Result<()> {
        self.call("CancelImportTask", none().with("ImportTaskId", Some(task)), |place| place.cancel_import_task(task)).await
    }

    async fn describe_regions(&self) -> Result<Vec<Region>> {
        self.call("DescribeRegions", none(), |place| Ok(catalogue::seen_from(place.region, place.options.assume))).await
    }

    async fn describe_images(&self, request: DescribeImages) -> Result<Vec<Image>> {
        let parameters = none()
            .list("ImageId", &request.ids)
            .list("Owner", &request.owners)
            .filters(&request.filters)
            .with("IncludeDeprecated", request.include_deprecated.then_some(true));
        self.call("DescribeImages", parameters, |place| {
            place.assume_images(&request)?;
            place.describe_images(&request)
        })
        .await
    }

    async fn describe_vpcs(&self, ids: &[VpcId], filters: &[Filter]) -> Result<Vec<Vpc>> {
        let parameters = none().list("VpcId", ids).filters(filters);
        self.call("DescribeVpcs", parameters, |place| {
            place.assume_vpcs(ids, filters)?;
            place.state.describe_vpcs(ids, filters)
        })
        .await
    }

    async fn describe_subnets(&self, ids: &[SubnetId], filters: &[Filter]) -> Result<Vec<Subnet>> {
        let parameters = none().list("SubnetId", ids).filters(filters);
        self.call("DescribeSubnets", parameters, |place| {
            place.assume_subnets(ids, filters)?;
            place.state.describe_subnets(ids, filters)
        })
        .await
    }

    async fn describe_security_groups(&self, ids: &[SecurityGroupId], filters: &[Filter]) -> Result<Vec<SecurityGroup>> {
        let parameters = none().list("GroupId", ids).filters(filters);
        self.call("DescribeSecurityGroups", parameters, |place| {
            place.assume_groups(ids, filters)?;
            place.state.describe_security_groups(ids, filters)
        })
        .await
    }

    async fn describe_instances(&self, ids: &[InstanceId], filters: &[Filter]) -> Result<Vec<Instance>> {
        let parameters = none().list("InstanceId", ids).filters(filters);
        self.call("DescribeInstances", parameters, |place| place.state.describe_instances(ids, filters)).await
    }

    async fn describe_volumes(&self, ids: &[VolumeId], filters: &[Filter]) -> Result<Vec<Volume>> {
        let parameters = none().list("VolumeId", ids).filters(filters);
        self.call("DescribeVolumes", parameters, |place| place.state.describe_volumes(ids, filters)).await
    }

    async fn describe_snapshots(&self, ids: &[SnapshotId], filters: &[Filter]) -> Result<Vec<Snapshot>> {
        let parameters = none().list("SnapshotId", ids).list("Owner", ["self"]).filters(filters);
        self.call("DescribeSnapshots", parameters, |place| {
            place.assume_snapshots(ids);
            place.describe_snapshots(ids, filters)
        })
        .await
    }

    async fn describe_key_pairs(&self, filters: &[Filter]) -> Result<Vec<KeyPair>> {
        self.call("DescribeKeyPairs", none().filters(filters), |place| place.state.describe_key_pairs(filters)).await
    }

    async fn create_key_pair(&self, request: KeyPairRequest) -> Result<CreatedKeyPair> {
        let kind = match request.key_type {
            KeyType::Ed25519 => "ed25519",
            KeyType::Rsa => "rsa",
        };
        let parameters =
            none().with("KeyName", Some(&request.name)).with("KeyType", Some(kind)).tag_specifications(&[("key-pair", &request.tags)]);
        self.call("CreateKeyPair", parameters, |place| place.create_key_pair(request)).await
    }

    async fn delete_key_pair(&self, name: &str) -> Result<()> {
        let parameters = none().with("KeyName", Some(name));
        self.call("DeleteKeyPair", parameters, |place| {
            place.state.delete_key_pair(name);
            Ok(())
        })
        .await
    }

    async fn create_security_group(&self, request: CreateSecurityGroup) -> Result<SecurityGroupId> {
        let parameters = none()
            .with("GroupName", Some(&request.name))
            .with("GroupDescription", Some(&request.description))
            .with("VpcId", request.vpc.as_ref())
            .tag_specifications(&[("security-group", &request.tags)]);
        self.call("CreateSecurityGroup", parameters, |place| place.create_security_group(request)).await
    }

    async fn authorize_ingress(&self, group: &SecurityGroupId, rules: &[IngressRule]) -> Result<()> {
        let mut parameters = none().with("GroupId", Some(group));
        for (index, rule) in rules.iter().enumerate() {
            let prefix = format!("IpPermissions.{}", index + 1);
            parameters = parameters
                .with(&format!("{prefix}.IpProtocol"), Some("tcp"))
                .with(&format!("{prefix}.FromPort"), Some(rule.port))
                .with(&format!("{prefix}.ToPort"), Some(rule.port));
            let (v6, v4): (Vec<&String>, Vec<&String>) = rule.cidrs.iter().partition(|cidr| cidr.contains(':'));
            for (kind, key, cidrs) in [("IpRanges", "CidrIp", v4), ("Ipv6Ranges", "CidrIpv6", v6)] {
                for (index, cidr) in cidrs.into_iter().enumerate() {
                    parameters = parameters.with(&format!("{prefix}.{kind}.{}.{key}", index + 1), Some(cidr));
                }
            }
        }
        self.call("AuthorizeSecurityGroupIngress", parameters, |place| place.state.authorize_ingress(group, rules)).await
    }

    async fn delete_security_group(&self, group: &SecurityGroupId) -> Result<()> {
        let parameters = none().with("GroupId", Some(group));
        self.call("DeleteSecurityGroup", parameters, |place| place.state.delete_security_group(group)).await
    }

    async fn run_instance(&self, request: RunInstances) -> Result<Instance> {
        let parameters = super::calls::run_instances(&request);
        self.call("RunInstances", parameters, |place| place.run_instance(request)).await
    }

    async fn create_launch_template(&self, request: CreateLaunchTemplate) -> Result<()> {
        let parameters = super::spot::template_parameters(&request);
        self.call("CreateLaunchTemplate", parameters, |place| place.create_launch_template(request)).await
    }

    async fn delete_launch_template(&self, name: &str) -> Result<()> {
        let parameters = none().with("LaunchTemplateName", Some(name));
        self.call("DeleteLaunchTemplate", parameters, |place| place.delete_launch_template(name)).await
    }

    async fn create_fleet(&self, request: CreateFleet) -> Result<Fleet> {
        let parameters = super::spot::fleet_parameters(&request);
        self.call("CreateFleet", parameters, |place| place.create_fleet(request)).await
    }

    async fn stop_instance(&self, instance: &InstanceId) -> Result<()> {
        let parameters = none().with("InstanceId.1", Some(instance));
        self.call("StopInstances", parameters, |place| place.stop_instance(instance)).await
    }

    async fn terminate_instance(&self, instance: &InstanceId) -> Result<()> {
        let parameters = none().with("InstanceId.1", Some(instance));
        self.call("TerminateInstances", parameters, |place| place.terminate_instance(instance)).await
    }

    async fn set_instance_groups(&self, instance: &InstanceId, groups: &[SecurityGroupId]) -> Result<()> {
        let parameters = none().with("InstanceId", Some(instance)).list("GroupId", groups);
        self.call("ModifyInstanceAttribute", parameters, |place| place.set_instance_groups(instance, groups)).await
    }

    async fn create_image(&self, request: CreateImage) -> Result<ImageId> {
        let parameters = none()
            .with("InstanceId", Some(&request.instance))
            .with("Name", Some(&request.name))
            .block_devices(&request.block_devices)
            .tag_specifications(&[("image", &request.image_tags)]);
        self.call("CreateImage", parameters, |place| place.create_image(request)).await
    }

    async fn copy_image(&self, request: CopyImage) -> Result<ImageId> {
        let parameters = super::calls::copy_image(&request);
        let rule = |world: &mut World, now, spoil| world.copy_image(&self.region, request, now, spoil);
        self.call_world("CopyImage", parameters, rule).await
    }

    async fn deregister_image(&self, image: &ImageId) -> Result<()> {
        let parameters = none().with("ImageId", Some(image));
        self.call("DeregisterImage", parameters, |place| place.deregister_image(image)).await
    }

    async fn modify_image(&self, image: &ImageId, change: ImageChange) -> Result<()> {
        let parameters = super::calls::image_change(image, &change);
        self.call("ModifyImageAttribute", parameters, |place| place.modify_image(image, change)).await
    }

    async fn modify_snapshot(&self, snapshot: &SnapshotId, change: SnapshotChange) -> Result<()> {
        let users = change.users.iter().map(|user| ("UserId", user));
        let all = users.chain(change.groups.iter().map(|group| ("Group", group)));
        let parameters = all.enumerate().fold(none().with("SnapshotId", Some(snapshot)), |parameters, (index, (kind, value))| {
            parameters.with(&format!("CreateVolumePermission.Add.{}.{kind}", index + 1), Some(value))
        });
        self.call("ModifySnapshotAttribute", parameters, |place| place.modify_snapshot(snapshot, change)).await
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Result<()> {
        let parameters = none().with("SnapshotId", Some(snapshot));
        self.call("DeleteSnapshot", parameters, |place| place.state.delete_snapshot(snapshot, &place.options.account)).await
    }

    async fn delete_volume(&self, volume: &VolumeId) -> Result<()> {
        let parameters = none().with("VolumeId", Some(volume));
        self.call("DeleteVolume", parameters, |place| place.state.delete_volume(volume)).await
    }

    async fn create_tags(&self, resources: &[String], tags: &[Tag]) -> Result<()> {
        let parameters = none().list("ResourceId", resources).tags("", tags);
        self.call("CreateTags", parameters, |place| place.create_tags(resources, tags)).await
    }

    async fn delete_tags(&self, resources: &[String], tags: &[Tag]) -> Result<()> {
        let parameters = none().list("ResourceId", resources).tags("", tags);
        self.call("DeleteTags", parameters, |place| place.delete_tags(resources, tags)).await
    }

    async fn create_volume(&self, request: CreateVolume) -> Result<VolumeId> {
        self.call("CreateVolume", volumes::create_volume(&request), |place| place.create_volume(request)).await
    }

    async fn create_snapshot(&self, request: CreateSnapshot) -> Result<SnapshotId> {
        self.call("CreateSnapshot", disks::create_snapshot(&request), |place| place.create_snapshot(request)).await
    }

    async fn register_image(&self, request: RegisterImage) -> Result<ImageId> {
        self.call("RegisterImage", disks::register_image(&request), |place| place.register_image(request)).await
    }

    async fn attach_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Result<()> {
        let parameters = none().with("VolumeId", Some(volume)).with("InstanceId", Some(instance)).with("Device", Some(device));
        self.call("AttachVolume", parameters, |place| place.attach_volume(volume, instance, device)).await
    }

    async fn detach_volume(&self, volume: &VolumeId) -> Result<()> {
        self.call("DetachVolume", none().with("VolumeId", Some(volume)), |place| place.detach_volume(volume)).await
    }

    async fn set_delete_on_termination(&self, instance: &InstanceId, device: &str, on: bool) -> Result<()> {
        let parameters = none()
            .with("InstanceId", Some(instance))
            .with("BlockDeviceMapping.1.DeviceName", Some(device))
            .with("BlockDeviceMapping.1.Ebs.DeleteOnTermination", Some(on));
        self.call("ModifyInstanceAttribute", parameters, |place| place.set_delete_on_termination(instance, device, on)).await
    }

    async fn dry_run(&self, operation: &'static str, parameters: &BTreeMap<String, String>) -> Result<()> {
        self.would(operation, parameters).await
    }
}
