//! All that exists in the lab, and how time changes it.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::assume::Assumed;
use super::catalogue;
use super::identities::Identities;
use super::imports::ImportRecord;
use super::machines::Progress;
use super::objects::Objects;
use super::options::Options;
use super::record::{
    EbsSpec, GroupRecord, ImageRecord, ImageTarget, InstanceRecord, KeyPairRecord, SnapshotRecord, SubnetRecord, VolumeRecord, VpcRecord,
};
use super::refusal::{Answer, refuse};
use super::sessions::Active;
use super::spot::Spot;
use crate::id::{ImageId, ImportTaskId, InstanceId, Region, SecurityGroupId, SnapshotId, SubnetId, VolumeId, VpcId};
use crate::model::{CopyImage, CreateVolume, ImageState, InstanceState, RunInstances};

/// Everything.
#[derive(Debug)]
pub(super) struct World {
    pub(super) options: Options,
    pub(super) ids: Ids,
    /// IAM, which has no regions.
    pub(super) identities: Identities,
    /// S3.
    pub(super) objects: Objects,
    regions: BTreeMap<Region, State>,
    /// Images of every region, also of those that were not used yet.
    everywhere: Vec<ImageRecord>,
}

/// Numbers that are handed out.
#[derive(Debug)]
pub(super) struct Ids {
    /// Where it began, and how many were handed out.
    count: u64,
    hosts: u16,
    /// When the lab was opened: the zero of its calendar.
    pub(super) opened: Instant,
}

/// What exists in one region.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) vpcs: BTreeMap<VpcId, VpcRecord>,
    pub(super) subnets: BTreeMap<SubnetId, SubnetRecord>,
    pub(super) groups: BTreeMap<SecurityGroupId, GroupRecord>,
    pub(super) key_pairs: BTreeMap<String, KeyPairRecord>,
    pub(super) instances: BTreeMap<InstanceId, InstanceRecord>,
    pub(super) volumes: BTreeMap<VolumeId, VolumeRecord>,
    pub(super) snapshots: BTreeMap<SnapshotId, SnapshotRecord>,
    pub(super) images: BTreeMap<ImageId, ImageRecord>,
    /// RunInstances by client token.
    pub(super) launches: BTreeMap<String, (RunInstances, InstanceId)>,
    /// CopyImage by client token.
    pub(super) copies: BTreeMap<String, (CopyImage, ImageId)>,
    /// Launch templates and fleets.
    pub(super) spot: Spot,
    /// Imports of images.
    pub(super) imports: BTreeMap<ImportTaskId, ImportRecord>,
    /// Session Manager's.
    pub(super) sessions: Active,
    /// CreateVolume by client token.
    pub(super) volume_tokens: BTreeMap<String, (CreateVolume, VolumeId)>,
    /// What was taken to exist.
    pub(super) assumed: Assumed,
}

/// One region at one moment: what a rule sees and changes.
pub(super) struct Place<'a> {
    pub(super) options: &'a Options,
    pub(super) ids: &'a mut Ids,
    pub(super) identities: &'a Identities,
    pub(super) region: &'a Region,
    pub(super) now: Instant,
    pub(super) state: &'a mut State,
    /// Set where what the call begins shall fail later.
    pub(super) spoil: Option<&'static str>,
}

impl Ids {
    /// A new id's digits: 17, as EC2 writes them; the same in each run, and in no order.
    pub(super) fn hex(&mut self) -> String {
        self.count = self.count.wrapping_add(1);
        // splitmix64, a bijection: no two counts give the same digits.
        let mut mixed = self.count.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        format!("0{:016x}", mixed ^ (mixed >> 31))
    }

    /// The lab's date, as EC2 writes it.
    pub(super) fn date(&self, options: &Options, now: Instant) -> String {
        let passed = jiff::SignedDuration::try_from(now - self.opened).unwrap_or_default();
        let date = options.opened_at.checked_add(passed).unwrap_or(options.opened_at);
        format!("{date:.3}")
    }

    /// The last two numbers of a new instance's addresses.
    pub(super) fn host(&mut self) -> (u8, u8) {
        self.hosts = self.hosts.wrapping_add(1);
        let [high, low] = self.hosts.to_be_bytes();
        (high, low)
    }
}

impl World {
    pub(super) fn new(options: Options) -> Self {
        let ids = Ids { count: options.seed, hosts: 0, opened: Instant::now() };
        Self {
            options,
            ids,
            identities: Identities::default(),
            objects: Objects::default(),
            regions: BTreeMap::new(),
            everywhere: Vec::new(),
        }
    }

    /// A region as it is now.
    ///
    /// # Errors
    /// There is no such region.
    pub(super) fn place<'a>(&'a mut self, region: &'a Region, now: Instant, spoil: Option<&'static str>) -> Answer<Place<'a>> {
        let Some(zones) = catalogue::zones(region, self.options.assume) else {
            return refuse("", format!("there is no EC2 endpoint for the region `{region}`"));
        };
        let (options, ids, everywhere) = (&self.options, &mut self.ids, &self.everywhere);
        let state = self.regions.entry(region.clone()).or_insert_with(|| {
            let mut state = State::new(options, ids, region, zones);
            everywhere.iter().for_each(|image| state.add_image(image, now));
            state
        });
        state.settle(now);
        Ok(Place { options, ids, identities: &self.identities, region, now, state, spoil })
    }

    /// All regions that were used, as they are now.
    pub(super) fn regions(&mut self, now: Instant) -> impl Iterator<Item = (&Region, &State)> {
        for state in self.regions.values_mut() {
            state.settle(now);
        }
        self.regions.iter()
    }

    /// The lab's date, as EC2 writes it.
    pub(super) fn date(&self, now: Instant) -> String {
        self.ids.date(&self.options, now)
    }

    /// An instance's machine went off by itself.
    pub(super) fn powered_off(&mut self, instance: &InstanceId, now: Instant) {
        let region = self.regions.iter().find(|(_, state)| state.instances.contains_key(instance)).map(|(region, _)| region.clone());
        if let Some(Ok(mut place)) = region.as_ref().map(|region| self.place(region, now, None)) {
            place.powered_off(instance);
        }
    }

    /// Adds images, with their snapshots: to one region, or to all that there are.
    pub(super) fn add_images(&mut self, region: Option<&Region>, images: &[ImageRecord]) {
        let now = Instant::now();
        match region {
            Some(region) => self.region_of_images(region, images, now),
            None => {
                self.everywhere.extend_from_slice(images);
                let used: Vec<_> = self.regions.keys().cloned().collect();
                used.iter().for_each(|region| self.region_of_images(region, images, now));
            }
        }
    }

    /// A region that does not exist gets none.
    fn region_of_images(&mut self, region: &Region, images: &[ImageRecord], now: Instant) {
        if let Ok(place) = self.place(region, now, None) {
            images.iter().for_each(|image| place.state.add_image(image, now));
        }
    }

    pub(super) fn inventory(&mut self, now: Instant) -> Inventory {
        let account = self.options.account.clone();
        let mut all: BTreeMap<String, String> = self.identities.lasting().chain(self.objects.lasting()).collect();
        all.extend(
            self.regions(now)
                .flat_map(|(region, state)| state.lasting(&account).into_iter().map(move |(id, text)| (id, format!("{region} {text}")))),
        );
        Inventory(all)
    }
}

/// How that which a state waits for ended; None while it has not.
fn ended_with(progress: Option<&Progress>) -> Option<Result<(), String>> {
    progress.map_or(Some(Ok(())), Progress::end)
}

impl State {
    fn new(options: &Options, ids: &mut Ids, region: &Region, zones: &str) -> Self {
        let mut state = Self::default();
        for (image, snapshot) in catalogue::images(region, ids.opened) {
            state.snapshots.insert(snapshot.id.clone(), snapshot);
            state.images.insert(image.id.clone(), image);
        }
        if options.default_vpc {
            let vpc = VpcId::with_hex(&ids.hex());
            state.add_vpc(ids, vpc, &options.account, region, zones, true);
        }
        state
    }

    /// An image that comes from elsewhere, with the snapshots that it names.
    fn add_image(&mut self, image: &ImageRecord, now: Instant) {
        for (_, target) in &image.devices {
            let ImageTarget::Ebs(EbsSpec { snapshot: Some(id), size, encrypted, kms_key_id, .. }) = target else { continue };
            self.snapshots.entry(id.clone()).or_insert_with(|| SnapshotRecord {
                id: id.clone(),
                owner: image.owner.clone(),
                description: format!("Snapshot of {}", image.id),
                size: *size,
                volume: None,
                during: (now, now),
                progress: None,
                completed: true,
                encrypted: *encrypted,
                kms_key_id: kms_key_id.clone(),
                users: Vec::new(),
                groups: Vec::new(),
                tags: Vec::new(),
            });
        }
        self.images.insert(image.id.clone(), image.clone());
    }

    /// A VPC with one subnet a zone and its default group.
    pub(super) fn add_vpc(&mut self, ids: &mut Ids, vpc: VpcId, account: &str, region: &Region, zones: &str, is_default: bool) {
        let network = if is_default { "172.31" } else { "10.0" };
        for (index, zone) in zones.chars().enumerate() {
            let id = SubnetId::with_hex(&ids.hex());
            let subnet = SubnetRecord {
                id: id.clone(),
                vpc: vpc.clone(),
                availability_zone: format!("{region}{zone}"),
                cidr: format!("{network}.{}.0/20", index * 16),
                default_for_az: is_default,
                available_addresses: 4091,
                owner: account.to_owned(),
                tags: Vec::new(),
            };
            self.subnets.insert(id, subnet);
        }
        let cidr = format!("{network}.0.0/16");
        self.add_empty_vpc(ids, VpcRecord { id: vpc, is_default, cidr, owner: account.to_owned(), tags: Vec::new() });
    }

    /// A VPC with its default group.
    pub(super) fn add_empty_vpc(&mut self, ids: &mut Ids, vpc: VpcRecord) {
        let group = SecurityGroupId::with_hex(&ids.hex());
        let record = GroupRecord {
            id: group.clone(),
            name: "default".to_owned(),
            description: "default VPC security group".to_owned(),
            vpc: vpc.id.clone(),
            ingress: Vec::new(),
            owner: vpc.owner.clone(),
            tags: Vec::new(),
        };
        self.groups.insert(group, record);
        self.vpcs.insert(vpc.id.clone(), vpc);
    }

    /// Lets time pass.
    fn settle(&mut self, now: Instant) {
        self.settle_imports(now);
        let due = |until: Option<Instant>| until.is_some_and(|until| until <= now);
        let mut ended = Vec::new();
        for instance in self.instances.values_mut().filter(|instance| due(instance.until)) {
            let Some(end) = ended_with(instance.progress.as_ref()) else { continue };
            instance.until = None;
            instance.progress = None;
            instance.settle(end);
            if instance.state == InstanceState::Terminated {
                ended.push(instance.id.clone());
            }
        }
        for instance in ended {
            self.free_volumes(&instance);
        }
        for image in self.images.values_mut().filter(|image| due(image.until)) {
            let Some(end) = ended_with(image.progress.as_ref()) else { continue };
            image.until = None;
            image.progress = None;
            image.state_reason = image.spoiled.take().or(end.err()).map(|reason| format!("Client.InternalError: {reason}"));
            image.state = if image.state_reason.is_some() { ImageState::Failed } else { ImageState::Available };
        }
        for snapshot in self.snapshots.values_mut().filter(|snapshot| due(Some(snapshot.during.1))) {
            snapshot.completed |= matches!(ended_with(snapshot.progress.as_ref()), Some(Ok(())));
        }
    }

    /// What happens to an instance's volumes when it ends.
    fn free_volumes(&mut self, instance: &InstanceId) {
        let of_it = |volume: &VolumeRecord| volume.attached.as_ref().is_some_and(|(owner, _)| owner == instance);
        self.volumes.retain(|_, volume| !(of_it(volume) && volume.ebs.delete_on_termination));
        for volume in self.volumes.values_mut().filter(|volume| of_it(volume)) {
            volume.attached = None;
        }
    }

    /// What is there and stays there when all that is under way has ended: ids, and a line about each.
    fn lasting(&self, account: &str) -> Vec<(String, String)> {
        let ends = |id: &InstanceId| self.instances.get(id).is_none_or(InstanceRecord::ends);
        let mut lasting = Vec::new();
        let mut add = |id: &str, text: String| lasting.push((id.to_owned(), text));
        for instance in self.instances.values().filter(|instance| !instance.ends()) {
            add(instance.id.as_str(), format!("instance {}", instance.id));
        }
        for volume in self.volumes.values() {
            if !volume.attached.as_ref().is_some_and(|(owner, _)| ends(owner) && volume.ebs.delete_on_termination) {
                add(volume.id.as_str(), format!("volume {}", volume.id));
            }
        }
        for image in self
            .images
            .values()
            .filter(|image| image.owner == account && !self.assumed.holds(image.id.as_str()) && image.state != ImageState::Gone)
        {
            add(image.id.as_str(), format!("image {} ({})", image.id, image.name));
        }
        for snapshot in self.snapshots.values().filter(|snapshot| snapshot.owner == account && !self.assumed.holds(snapshot.id.as_str())) {
            add(snapshot.id.as_str(), format!("snapshot {} ({})", snapshot.id, snapshot.description));
        }
        for task in self.active_imports() {
            add(task.as_str(), format!("import {task}"));
        }
        for group in self.groups.values().filter(|group| group.name != "default" && !self.assumed.holds(group.id.as_str())) {
            add(group.id.as_str(), format!("security group {} ({})", group.id, group.name));
        }
        for (id, name) in self.launch_templates() {
            add(id, format!("launch template {name}"));
        }
        for (id, instance) in &self.sessions {
            add(id, format!("session {id} with {instance}"));
        }
        for key in self.key_pairs.values().filter(|key| !self.assumed.holds(&key.name)) {
            add(&key.id, format!("key pair {}", key.name));
        }
        lasting
    }
}

/// What exists at some moment, apart from what EC2 itself gives an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory(pub(super) BTreeMap<String, String>);
