//! What a rehearsal takes to exist: there is no account to ask, and a template must not fail for what only its account knows.
//!
//! Ids come into being when they are first named; descriptions by filter that match nothing make a thing that matches
//! (`fit`). A thing of which the network is not known yet is loose: the first launch that uses it settles it.
//! With `Options::assume` off none of this happens.

use std::collections::BTreeSet;
use std::fmt;

use super::catalogue;
use super::filter::select;
use super::fit::fitted;
use super::launch::{default_subnets, well_formed};
use super::record::{GroupRecord, KeyPairRecord, SnapshotRecord, SubnetRecord, VpcRecord};
use super::refusal::Answer;
use super::world::{Place, State};
use crate::id::{ImageId, Region, SecurityGroupId, SnapshotId, SubnetId, VpcId};
use crate::model::{BlockDevice, BlockDeviceTarget, Filter, KeyType, RunInstances};

/// Something that was taken to exist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assumption {
    /// `subnet`, `security group`, `image`, `key pair`, ...
    pub kind: &'static str,
    /// Its id or name.
    pub what: String,
    /// Where.
    pub region: Region,
    /// What made it be: it was named, or a filter had to match.
    pub why: String,
}

impl fmt::Display for Assumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} in {}: {}", self.kind, self.what, self.region, self.why)
    }
}

/// What was assumed in one region.
#[derive(Debug, Default)]
pub(super) struct Assumed {
    pub(super) all: Vec<Assumption>,
    /// Ids whose network, or for an image whose architecture, is still open.
    pub(super) loose: BTreeSet<String>,
    /// Ids and key names of what was removed. That it does not exist any more is known, so it does not come into being again.
    pub(super) removed: BTreeSet<String>,
}

impl Assumed {
    /// Whether this id or name stands for something that was assumed.
    pub(super) fn holds(&self, what: &str) -> bool {
        self.all.iter().any(|assumption| assumption.what == what)
    }
}

impl Place<'_> {
    /// Whether an id can be that of something in the account.
    pub(super) fn may_be(&self, id: &str) -> bool {
        self.options.assume && well_formed(id) && !self.state.assumed.removed.contains(id)
    }

    pub(super) fn note(&mut self, kind: &'static str, what: &str, why: &str) {
        let known = self.state.assumed.all.iter().any(|old| old.kind == kind && old.what == what);
        if !known {
            let assumption = Assumption { kind, what: what.to_owned(), region: self.region.clone(), why: why.to_owned() };
            self.state.assumed.all.push(assumption);
        }
    }

    /// VPCs that are asked for.
    pub(super) fn assume_vpcs(&mut self, ids: &[VpcId], filters: &[Filter]) -> Answer<()> {
        for id in ids {
            self.assume_default_vpc(id);
        }
        if self.would_miss(ids, filters, |state| select(state.vpcs.values(), filters, |_| true).map(|found| found.is_empty()))? {
            let fresh = VpcRecord {
                id: VpcId::with_hex(&self.ids.hex()),
                is_default: false,
                cidr: "10.0.0.0/16".to_owned(),
                owner: self.options.account.clone(),
                tags: Vec::new(),
            };
            if let Some(vpc) = fitted(fresh, filters, &self.zones()) {
                self.note("VPC", vpc.id.as_str(), &had_to_match(filters));
                self.state.add_empty_vpc(self.ids, vpc);
            }
        }
        Ok(())
    }

    /// A VPC that is asked for by its id. Builders ask that only where a template names a VPC and no subnet, which works with the default
    /// one alone: then it is that.
    fn assume_default_vpc(&mut self, id: &VpcId) {
        if !self.state.vpcs.contains_key(id) && self.may_be(id.as_str()) {
            self.note("VPC", id.as_str(), "it was named, without a subnet: it is the default one");
            let zones = catalogue::zones(self.region, true).unwrap_or("a");
            self.state.add_vpc(self.ids, id.clone(), &self.options.account, self.region, zones, true);
        }
    }

    /// A VPC that is named.
    pub(super) fn assume_vpc(&mut self, id: &VpcId) {
        if self.state.vpcs.contains_key(id) || !self.may_be(id.as_str()) {
            return;
        }
        self.note("VPC", id.as_str(), NAMED);
        let owner = self.options.account.clone();
        let vpc = VpcRecord { id: id.clone(), is_default: false, cidr: "10.0.0.0/16".to_owned(), owner, tags: Vec::new() };
        self.state.add_empty_vpc(self.ids, vpc);
    }

    /// Subnets that are asked for.
    pub(super) fn assume_subnets(&mut self, ids: &[SubnetId], filters: &[Filter]) -> Answer<()> {
        for id in ids {
            self.assume_subnet(id);
        }
        if self.would_miss(ids, filters, |state| select(state.subnets.values(), filters, |_| true).map(|found| found.is_empty()))? {
            let id = SubnetId::with_hex(&self.ids.hex());
            let fresh = self.fresh_subnet(id, filters);
            if let Some(subnet) = fitted(fresh, filters, &self.zones()) {
                self.add_subnet(subnet, &had_to_match(filters), named(filters, "vpc-id"));
            }
        }
        Ok(())
    }

    fn assume_subnet(&mut self, id: &SubnetId) {
        if !self.state.subnets.contains_key(id) && self.may_be(id.as_str()) {
            let subnet = self.fresh_subnet(id.clone(), &[]);
            self.add_subnet(subnet, NAMED, false);
        }
    }

    /// A zone that is named: which letters an account has differs from account to account.
    fn assume_zone(&mut self, zone: Option<&str>) {
        let letter = |zone: &str| matches!(zone.strip_prefix(self.region.as_str()).map(str::as_bytes), Some([b'a'..=b'f']));
        let Some(zone) = zone.filter(|zone| letter(zone)) else { return };
        let default = |subnet: &&SubnetRecord| subnet.default_for_az;
        let Some(other) = self.state.subnets.values().find(default).cloned() else { return };
        if !self.state.subnets.values().filter(default).any(|subnet| subnet.availability_zone == zone) {
            self.note("availability zone", zone, NAMED);
            let id = SubnetId::with_hex(&self.ids.hex());
            let subnet = SubnetRecord { id: id.clone(), availability_zone: zone.to_owned(), tags: Vec::new(), ..other };
            self.state.subnets.insert(id, subnet);
        }
    }

    fn fresh_subnet(&mut self, id: SubnetId, filters: &[Filter]) -> SubnetRecord {
        let vpc = self.network(filters);
        SubnetRecord {
            id,
            vpc,
            availability_zone: self.zones().into_iter().next().unwrap_or_default(),
            cidr: "10.0.0.0/20".to_owned(),
            default_for_az: false,
            available_addresses: 4091,
            owner: self.options.account.clone(),
            tags: Vec::new(),
        }
    }

    fn add_subnet(&mut self, subnet: SubnetRecord, why: &str, settled: bool) {
        self.assume_vpc(&subnet.vpc);
        self.note("subnet", subnet.id.as_str(), why);
        if !settled {
            self.state.assumed.loose.insert(subnet.id.to_string());
        }
        self.state.subnets.insert(subnet.id.clone(), subnet);
    }

    /// Security groups that are asked for.
    pub(super) fn assume_groups(&mut self, ids: &[SecurityGroupId], filters: &[Filter]) -> Answer<()> {
        for id in ids {
            self.assume_group(id);
        }
        if is_look_for_own_group(filters) {
            return Ok(());
        }
        if self.would_miss(ids, filters, |state| select(state.groups.values(), filters, |_| true).map(|found| found.is_empty()))? {
            let id = SecurityGroupId::with_hex(&self.ids.hex());
            let fresh = self.fresh_group(id, filters);
            if let Some(group) = fitted(fresh, filters, &self.zones()) {
                self.add_group(group, &had_to_match(filters), named(filters, "vpc-id"));
            }
        }
        Ok(())
    }

    fn assume_group(&mut self, id: &SecurityGroupId) {
        if !self.state.groups.contains_key(id) && self.may_be(id.as_str()) {
            let group = self.fresh_group(id.clone(), &[]);
            self.add_group(group, NAMED, false);
        }
    }

    fn fresh_group(&mut self, id: SecurityGroupId, filters: &[Filter]) -> GroupRecord {
        GroupRecord {
            name: format!("assumed-{}", id.as_str()),
            id,
            description: "assumed".to_owned(),
            vpc: self.network(filters),
            ingress: Vec::new(),
            owner: self.options.account.clone(),
            tags: Vec::new(),
        }
    }

    fn add_group(&mut self, group: GroupRecord, why: &str, settled: bool) {
        self.assume_vpc(&group.vpc);
        self.note("security group", group.id.as_str(), why);
        if !settled {
            self.state.assumed.loose.insert(group.id.to_string());
        }
        self.state.groups.insert(group.id.clone(), group);
    }

    /// The VPC of what is about to be assumed: the one that the filters name, else one that was assumed already, else a new one.
    fn network(&mut self, filters: &[Filter]) -> VpcId {
        let wanted = filters.iter().find(|filter| filter.name == "vpc-id").and_then(|filter| filter.values.first());
        if let Some(id) = wanted.and_then(|id| VpcId::new(id.as_str()).ok()) {
            return id;
        }
        let assumed = self.state.vpcs.keys().find(|id| self.state.assumed.holds(id.as_str())).cloned();
        assumed.unwrap_or_else(|| {
            let id = VpcId::with_hex(&self.ids.hex());
            self.assume_vpc(&id);
            id
        })
    }

    /// Snapshots that are asked for.
    pub(super) fn assume_snapshots(&mut self, ids: &[SnapshotId]) {
        for id in ids {
            self.assume_snapshot(id, 8);
        }
    }

    fn assume_snapshot(&mut self, id: &SnapshotId, size: i32) {
        if self.state.snapshots.contains_key(id) || !self.may_be(id.as_str()) {
            return;
        }
        self.note("snapshot", id.as_str(), NAMED);
        let snapshot = SnapshotRecord {
            id: id.clone(),
            owner: self.options.account.clone(),
            description: String::new(),
            size,
            volume: None,
            during: (self.now, self.now),
            progress: None,
            completed: true,
            encrypted: false,
            kms_key_id: None,
            users: Vec::new(),
            groups: Vec::new(),
            tags: Vec::new(),
        };
        self.state.snapshots.insert(id.clone(), snapshot);
    }

    /// Snapshots and keys that device mappings name.
    pub(super) fn assume_mapped(&mut self, devices: &[BlockDevice]) {
        for device in devices {
            let BlockDeviceTarget::Ebs(ebs) = &device.target else { continue };
            if let Some(id) = ebs.snapshot_id.as_ref().and_then(|id| SnapshotId::new(id.as_str()).ok()) {
                self.assume_snapshot(&id, ebs.volume_size.unwrap_or(8));
            }
            self.assume_kms_key(ebs.kms_key_id.as_deref());
        }
    }

    /// A KMS key. The lab has none, and takes any name for one; a rehearsal says so.
    pub(super) fn assume_kms_key(&mut self, key: Option<&str>) {
        if let Some(key) = key.filter(|_| self.options.assume) {
            self.note("KMS key", key, NAMED);
        }
    }

    /// All that a launch names.
    pub(super) fn assume_launch(&mut self, request: &RunInstances) {
        if !self.options.assume {
            return;
        }
        if let Ok(id) = ImageId::new(request.image.as_str()) {
            self.assume_image(&id, None, &[]);
            self.settle_image(&id, request);
        }
        if let Some(name) = &request.key_name {
            self.assume_key_pair(name);
        }
        if let Some(name) = request
            .iam_instance_profile
            .as_ref()
            .filter(|name| !self.options.instance_profiles.contains(*name) && !self.identities.has_profile(name))
        {
            self.note("instance profile", name, NAMED);
        }
        self.assume_mapped(&request.block_devices);
        match &request.subnet {
            Some(subnet) => self.assume_subnet(subnet),
            None => self.assume_zone(request.availability_zone.as_deref()),
        }
        for group in &request.security_groups {
            self.assume_group(group);
        }
        self.settle_network(request);
    }

    fn assume_key_pair(&mut self, name: &str) {
        if self.state.key_pairs.contains_key(name) || self.state.assumed.removed.contains(name) {
            return;
        }
        self.note("key pair", name, NAMED);
        let id = format!("key-{}", self.ids.hex());
        let record = KeyPairRecord { id, name: name.to_owned(), kind: KeyType::Rsa, public: None, tags: Vec::new() };
        self.state.key_pairs.insert(name.to_owned(), record);
    }

    /// One network for all that is launched together: that of the first which is not loose, else the subnet's.
    fn settle_network(&mut self, request: &RunInstances) {
        let State { subnets, groups, assumed, .. } = &mut *self.state;
        let subnet = match &request.subnet {
            Some(id) => subnets.get(id),
            None => default_subnets(subnets, groups, &request.security_groups).next(),
        };
        let Some(subnet) = subnet.map(|subnet| (subnet.id.clone(), subnet.vpc.clone())) else { return };
        let settled = |id: &SecurityGroupId| !assumed.loose.contains(id.as_str());
        let of_groups =
            request.security_groups.iter().filter(|id| settled(id)).find_map(|id| groups.get(id)).map(|group| group.vpc.clone());
        let vpc = if assumed.loose.remove(subnet.0.as_str()) { of_groups.unwrap_or(subnet.1) } else { subnet.1 };
        if let Some(subnet) = subnets.get_mut(&subnet.0) {
            subnet.vpc = vpc.clone();
            if let Some(zone) = request.availability_zone.as_ref().filter(|_| assumed.holds(subnet.id.as_str())) {
                subnet.availability_zone.clone_from(zone);
            }
        }
        self.settle_groups(&request.security_groups, &vpc);
    }

    /// Loose groups that are used in a VPC are of it.
    pub(super) fn settle_groups(&mut self, ids: &[SecurityGroupId], vpc: &VpcId) {
        for id in ids {
            if self.state.assumed.loose.remove(id.as_str())
                && let Some(group) = self.state.groups.get_mut(id)
            {
                group.vpc = vpc.clone();
            }
        }
    }

    /// Groups that an instance gets.
    pub(super) fn assume_groups_of(&mut self, groups: &[SecurityGroupId], vpc: &VpcId) {
        for group in groups {
            self.assume_group(group);
        }
        self.settle_groups(groups, vpc);
    }

    /// Whether a description by filter alone would answer nothing.
    fn would_miss<Id>(&self, ids: &[Id], filters: &[Filter], nothing: impl FnOnce(&State) -> Answer<bool>) -> Answer<bool> {
        if !self.options.assume || !ids.is_empty() || filters.is_empty() {
            return Ok(false);
        }
        nothing(self.state)
    }

    pub(super) fn zones(&self) -> Vec<String> {
        let letters = catalogue::zones(self.region, true).unwrap_or("a");
        letters.chars().map(|letter| format!("{}{letter}", self.region)).collect()
    }
}

pub(super) const NAMED: &str = "it was named";

pub(super) fn had_to_match(filters: &[Filter]) -> String {
    format!("something had to match {}", matching(filters))
}

pub(super) fn matching(filters: &[Filter]) -> String {
    let filters: Vec<_> = filters.iter().map(|filter| format!("{}={}", filter.name, filter.values.join(","))).collect();
    filters.join(" ")
}

pub(super) fn named(filters: &[Filter], name: &str) -> bool {
    filters.iter().any(|filter| filter.name == name)
}

/// Builders look for their temporary group where the reply to its making was lost. Its name ends in a UUID, so it is nobody else's.
fn is_look_for_own_group(filters: &[Filter]) -> bool {
    let [Filter { name, values }] = filters else { return false };
    let uuid = |text: &str| {
        text.bytes()
            .rev()
            .zip((0..36).rev())
            .all(|(byte, at)| if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { byte.is_ascii_hexdigit() })
    };
    name == "group-name" && values.iter().all(|value| value.len() >= 36 && uuid(value))
}
