//! Instances: launching, stopping, ending, describing.

use std::collections::BTreeMap;

use super::bundle;
use super::checks;
use super::filter::{Filtered, Filters, one, select};
use super::machines::{Machine, MachineKey};
use super::mapping::{Devices, overlay};
use super::record::{GroupRecord, ImageRecord, ImageTarget, InstanceRecord, SubnetRecord, VolumeRecord};
use super::refusal::{Answer, bad_value, refuse};
use super::tags::{self, unknown};
use super::world::{Place, State};
use crate::id::{ImageId, InstanceId, SecurityGroupId, SubnetId, VolumeId, VpcId};
use crate::model::{Filter, ImageState, Instance, InstanceState, InstanceVolume, KeyType, RunInstances, Tag};

impl Place<'_> {
    /// RunInstances.
    pub(super) fn run_instance(&mut self, request: RunInstances) -> Answer<Instance> {
        if let Some(instance) = self.launched_before(&request)? {
            return self.state.describe_instance(&instance);
        }
        self.assume_launch(&request);
        let image = self.launchable(&request.image)?.clone();
        checks::type_fits(&request.instance_type, &image)?;
        bundle::check_launch(&request, &image)?;
        checks::parameters(&request)?;
        self.check_access(&request, &image)?;
        self.check_options(&request)?;
        let subnet = self.subnet_for(&request)?.clone();
        let groups = self.groups_for(&request, &subnet)?;
        let devices = overlay(image.devices.clone(), &request.block_devices, &self.state.snapshots)?;
        tags::check(&request.instance_tags)?;
        tags::check(&request.volume_tags)?;
        let id = self.launch(&request, &image, &subnet, groups);
        self.attach(&id, devices, &request, &subnet);
        self.start(&id);
        if !request.client_token.is_empty() {
            self.state.launches.insert(request.client_token.clone(), (request, id.clone()));
        }
        self.state.describe_instance(&id)
    }

    fn launched_before(&self, request: &RunInstances) -> Answer<Option<InstanceId>> {
        if request.client_token.len() > 64 {
            return bad_value("Client token length cannot exceed 64 characters.");
        }
        match self.state.launches.get(&request.client_token) {
            Some((earlier, id)) if earlier == request => Ok(Some(id.clone())),
            Some(_) => mismatch(),
            None => Ok(None),
        }
    }

    fn launchable(&self, image: &str) -> Answer<&ImageRecord> {
        let record = match ImageId::new(image).ok().filter(|id| well_formed(id.as_str())) {
            Some(id) => self.state.images.get(&id).filter(|record| record.state != ImageState::Gone),
            None => return refuse("InvalidAMIID.Malformed", format!("Invalid id: \"{image}\" (expecting \"ami-...\")")),
        };
        match record {
            Some(record) if record.state == ImageState::Available => Ok(record),
            Some(_) => refuse("InvalidAMIID.Unavailable", format!("The image ID '{image}' is not available")),
            None => unknown("ami", image),
        }
    }

    /// Key pair and instance profile must exist.
    fn check_access(&self, request: &RunInstances, image: &ImageRecord) -> Answer<()> {
        if let Some(name) = request.key_name.as_ref().filter(|name| !self.state.key_pairs.contains_key(*name)) {
            return refuse("InvalidKeyPair.NotFound", format!("The key pair '{name}' does not exist"));
        }
        let key = request.key_name.as_ref().and_then(|name| self.state.key_pairs.get(name));
        if image.platform.is_some_and(super::Platform::is_windows) && key.is_some_and(|key| key.kind == KeyType::Ed25519) {
            // The wording is ours.
            return refuse("InvalidParameterCombination", "ED25519 key pairs are not supported with Windows images.");
        }
        if let Some(name) = request.iam_instance_profile.as_ref().filter(|name| !self.takes_profile(name)) {
            let message = format!("Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name");
            return bad_value(message);
        }
        Ok(())
    }

    /// A rehearsal takes any profile that is not one of the lab's own IAM, which EC2 learns of late.
    fn takes_profile(&self, name: &str) -> bool {
        let assumed = self.options.assume && !self.identities.has_profile(name);
        assumed || self.options.instance_profiles.contains(name) || self.identities.known_to_ec2(name, self.now)
    }

    fn subnet_for(&self, request: &RunInstances) -> Answer<&SubnetRecord> {
        let zone = request.availability_zone.as_deref();
        let subnet = match &request.subnet {
            Some(id) => match self.state.subnets.get(id) {
                Some(subnet) => subnet,
                None => return unknown("subnet", id.as_str()),
            },
            None => self.default_subnet(zone, request)?,
        };
        if zone.is_some_and(|zone| zone != subnet.availability_zone) {
            // The code is EC2's; the wording is ours.
            return bad_value(format!("The subnet '{}' is in the availability zone {}", subnet.id, subnet.availability_zone));
        }
        if subnet.available_addresses == 0 {
            let message = format!("Insufficient free addresses in subnet '{}'.", subnet.id);
            return refuse("InsufficientFreeAddressesInSubnet", message);
        }
        self.check_room(&request.instance_type, subnet)?;
        Ok(subnet)
    }

    /// A zone that is left to EC2 is one with room, where there is one.
    fn default_subnet(&self, zone: Option<&str>, request: &RunInstances) -> Answer<&SubnetRecord> {
        let groups = &request.security_groups;
        let mut default = default_subnets(&self.state.subnets, &self.state.groups, groups).peekable();
        if default.peek().is_none() {
            let message = "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.";
            return refuse("VPCIdNotSpecified", message);
        }
        let any = default.peek().copied().filter(|_| zone.is_none());
        let fits = |subnet: &&SubnetRecord| match zone {
            Some(zone) => zone == subnet.availability_zone,
            None => self.has_room(&request.instance_type, subnet),
        };
        match default.find(fits).or(any) {
            Some(subnet) => Ok(subnet),
            None => bad_value(format!("Invalid availability zone: [{}]", zone.unwrap_or_default())),
        }
    }

    fn groups_for(&self, request: &RunInstances, subnet: &SubnetRecord) -> Answer<Vec<SecurityGroupId>> {
        if request.security_groups.is_empty() {
            let default = self.state.groups.values().find(|group| group.vpc == subnet.vpc && group.name == "default");
            return Ok(default.map(|group| group.id.clone()).into_iter().collect());
        }
        for id in &request.security_groups {
            match self.state.groups.get(id) {
                Some(group) if group.vpc == subnet.vpc => {}
                Some(_) => {
                    let message = format!("Security group {id} and subnet {} belong to different networks.", subnet.id);
                    return refuse("InvalidParameter", message);
                }
                None => return unknown("sg", id.as_str()),
            }
        }
        Ok(request.security_groups.clone())
    }

    fn launch(&mut self, request: &RunInstances, image: &ImageRecord, subnet: &SubnetRecord, groups: Vec<SecurityGroupId>) -> InstanceId {
        let id = InstanceId::with_hex(&self.ids.hex());
        let (high, low) = self.ids.host();
        let public = request.associate_public_ip_address.unwrap_or(subnet.default_for_az);
        let record = InstanceRecord {
            id: id.clone(),
            state: InstanceState::Pending,
            until: Some(self.now + self.options.times.running),
            state_reason: None,
            progress: None,
            spoiled: self.spoil.map(str::to_owned),
            image: image.id.clone(),
            instance_type: request.instance_type.clone(),
            key_name: request.key_name.clone(),
            user_data: request.user_data.clone(),
            iam_instance_profile: request.iam_instance_profile.clone(),
            subnet: subnet.id.clone(),
            vpc: subnet.vpc.clone(),
            availability_zone: subnet.availability_zone.clone(),
            security_groups: groups,
            public_ip: public.then(|| format!("127.1.{high}.{low}")),
            private_ip: format!("127.2.{high}.{low}"),
            metadata_options: request.metadata_options.clone(),
            interface: (format!("eni-{}", self.ids.hex()), request.instance_tags.clone()),
            shutdown_behavior: request.shutdown_behavior.clone().unwrap_or_else(|| "stop".to_owned()),
            root_device_type: image.root_device_type.clone(),
            spot: None,
            client_token: request.client_token.clone(),
            launched: self.now,
            network: image.features.network,
            tags: request.instance_tags.clone(),
        };
        if let Some(subnet) = self.state.subnets.get_mut(&subnet.id) {
            subnet.available_addresses -= 1;
        }
        self.state.instances.insert(id.clone(), record);
        id
    }

    fn attach(&mut self, instance: &InstanceId, devices: Devices, request: &RunInstances, subnet: &SubnetRecord) {
        for (device_name, target) in devices {
            let ImageTarget::Ebs(ebs) = target else { continue };
            let id = VolumeId::with_hex(&self.ids.hex());
            let volume = VolumeRecord {
                id: id.clone(),
                attached: Some((instance.clone(), device_name)),
                ebs,
                availability_zone: subnet.availability_zone.clone(),
                tags: request.volume_tags.clone(),
            };
            self.state.volumes.insert(id, volume);
        }
    }

    /// Starts what stands behind an instance; nothing behind one that is to fail.
    fn start(&mut self, id: &InstanceId) {
        let Some(machines) = self.options.machines.as_ref().filter(|_| self.spoil.is_none()) else { return };
        let Some(instance) = self.state.instances.get_mut(id) else { return };
        let key = match &instance.key_name {
            None => MachineKey::None,
            Some(name) => match self.state.key_pairs.get(name).and_then(|pair| pair.public.clone()) {
                Some(public) => MachineKey::Public(public),
                None => MachineKey::Unknown(name.clone()),
            },
        };
        instance.progress = Some(machines.start(Machine {
            instance: id.clone(),
            region: self.region.clone(),
            image: instance.image.clone(),
            instance_type: instance.instance_type.clone(),
            key,
            user_data: instance.user_data.clone(),
            public_ip: instance.public_ip.clone(),
            private_ip: instance.private_ip.clone(),
        }));
    }

    /// StopInstances.
    pub(super) fn stop_instance(&mut self, id: &InstanceId) -> Answer<()> {
        let until = self.now + self.options.times.stop;
        let machines = self.options.machines.as_ref();
        let instance = self.state.instance_mut(id)?;
        match instance.state {
            InstanceState::Running if instance.root_device_type != "ebs" => {
                let message = format!("The instance '{id}' does not have an 'ebs' root device type and cannot be stopped");
                refuse("UnsupportedOperation", message)
            }
            InstanceState::Running if instance.spot.is_some() => {
                let message = format!(
                    "You can't stop the Spot Instance '{id}' because it is associated with a one-time Spot Instance request. \
                     You can only stop Spot Instances associated with persistent Spot Instance requests."
                );
                refuse("UnsupportedOperation", message)
            }
            InstanceState::Running => {
                instance.state = InstanceState::Stopping;
                instance.until = Some(until);
                instance.progress = machines.map(|machines| machines.stop(id));
                instance.state_reason = Some("Client.UserInitiatedShutdown: User initiated shutdown".to_owned());
                Ok(())
            }
            InstanceState::Stopping | InstanceState::Stopped => Ok(()),
            InstanceState::Pending | InstanceState::ShuttingDown | InstanceState::Terminated => {
                refuse("IncorrectInstanceState", format!("This instance '{id}' is not in a state from which it can be stopped."))
            }
        }
    }

    /// The machine went off by itself.
    pub(super) fn powered_off(&mut self, id: &InstanceId) {
        let (now, times, machines) = (self.now, self.options.times, self.options.machines.as_ref());
        let Some(instance) = self.state.instances.get_mut(id) else { return };
        if !matches!(instance.state, InstanceState::Pending | InstanceState::Running) {
            return;
        }
        instance.state_reason = Some("Client.InstanceInitiatedShutdown: Instance initiated shutdown".to_owned());
        // A one-time spot instance ends, whatever it was launched with.
        if instance.shutdown_behavior == "terminate" || instance.spot.is_some() {
            instance.state = InstanceState::ShuttingDown;
            instance.until = Some(now + times.terminate);
            instance.progress = machines.map(|machines| machines.terminate(id));
        } else {
            instance.state = InstanceState::Stopping;
            instance.until = Some(now + times.stop);
            instance.progress = None;
        }
    }

    /// TerminateInstances.
    pub(super) fn terminate_instance(&mut self, id: &InstanceId) -> Answer<()> {
        let until = self.now + self.options.times.terminate;
        let machines = self.options.machines.as_ref();
        let instance = self.state.instance_mut(id)?;
        if !instance.ends() {
            instance.state = InstanceState::ShuttingDown;
            instance.until = Some(until);
            instance.progress = machines.map(|machines| machines.terminate(id));
            instance.state_reason = Some("Client.UserInitiatedShutdown: User initiated shutdown".to_owned());
        }
        Ok(())
    }

    /// ModifyInstanceAttribute with groups.
    pub(super) fn set_instance_groups(&mut self, id: &InstanceId, groups: &[SecurityGroupId]) -> Answer<()> {
        let vpc = self.state.instance_mut(id)?.vpc.clone();
        self.assume_groups_of(groups, &vpc);
        if groups.is_empty() {
            return refuse("MissingParameter", "The request must contain the parameter groupSet");
        }
        for group in groups {
            if self.state.groups.get(group).is_none_or(|record| record.vpc != vpc) {
                return unknown("sg", group.as_str());
            }
        }
        let instance = self.state.instance_mut(id)?;
        if instance.ends() {
            let message = format!("The instance '{id}' is not in a valid state for this operation.");
            return refuse("IncorrectInstanceState", message);
        }
        instance.security_groups = groups.to_vec();
        Ok(())
    }
}

impl State {
    /// DescribeInstances.
    pub(super) fn describe_instances(&self, ids: &[InstanceId], filters: &[Filter]) -> Answer<Vec<Instance>> {
        if let Some(id) = ids.iter().find(|id| !self.instances.contains_key(id)) {
            return if well_formed(id.as_str()) { unknown("i", id.as_str()) } else { malformed_instance(id) };
        }
        let found = select(self.instances.values(), filters, |record| ids.is_empty() || ids.contains(&record.id))?;
        found.into_iter().map(|record| self.describe_instance(&record.id)).collect()
    }

    fn describe_instance(&self, id: &InstanceId) -> Answer<Instance> {
        let Some(record) = self.instances.get(id) else { return unknown("i", id.as_str()) };
        // EC2 forgets network and devices of an instance that has ended; the public address comes with `running`.
        let here = record.state != InstanceState::Terminated;
        let public = record.public_ip.clone().filter(|_| record.state == InstanceState::Running);
        let dashed = |address: &str| address.replace('.', "-");
        Ok(Instance {
            id: record.id.clone(),
            state: record.state,
            state_reason: record.state_reason.clone(),
            public_dns: public.as_deref().map(|ip| format!("ec2-{}.compute.amazonaws.com", dashed(ip))),
            public_ip: public,
            private_ip: here.then(|| record.private_ip.clone()),
            private_dns: here.then(|| format!("ip-{}.ec2.internal", dashed(&record.private_ip))),
            ipv6: None,
            vpc: here.then(|| record.vpc.clone()),
            security_groups: if here { record.security_groups.clone() } else { Vec::new() },
            volumes: self.volumes_of(id).filter(|_| here).filter_map(instance_volume).collect(),
            spot_request: record.spot.as_ref().map(|spot| spot.request.clone()),
            availability_zone: here.then(|| record.availability_zone.clone()),
            tags: record.tags.clone(),
        })
    }

    pub(super) fn volumes_of<'a>(&'a self, id: &'a InstanceId) -> impl Iterator<Item = &'a VolumeRecord> {
        self.volumes.values().filter(move |volume| volume.attached.as_ref().is_some_and(|(owner, _)| owner == id))
    }

    pub(super) fn instance_mut(&mut self, id: &InstanceId) -> Answer<&mut InstanceRecord> {
        if !well_formed(id.as_str()) {
            return malformed_instance(id);
        }
        match self.instances.get_mut(id) {
            Some(instance) => Ok(instance),
            None => unknown("i", id.as_str()),
        }
    }
}

fn instance_volume(volume: &VolumeRecord) -> Option<InstanceVolume> {
    let (_, device_name) = volume.attached.clone()?;
    Some(InstanceVolume { device_name, volume: volume.id.clone(), delete_on_termination: volume.ebs.delete_on_termination })
}

impl InstanceRecord {
    /// Whether it has ended or is about to.
    pub fn ends(&self) -> bool {
        matches!(self.state, InstanceState::ShuttingDown | InstanceState::Terminated)
    }

    /// The state after this one, once what stands behind the instance is that far, or has failed.
    pub(super) fn settle(&mut self, end: Result<(), String>) {
        let failed = self.spoiled.take().or(end.err().map(|why| format!("Server.InternalError: {why}")));
        self.state = match self.state {
            InstanceState::Pending | InstanceState::Stopping if failed.is_some() => {
                self.state_reason = failed;
                InstanceState::Terminated
            }
            InstanceState::Pending => InstanceState::Running,
            InstanceState::Stopping => InstanceState::Stopped,
            InstanceState::ShuttingDown => InstanceState::Terminated,
            state @ (InstanceState::Running | InstanceState::Stopped | InstanceState::Terminated) => state,
        };
    }
}

/// The default subnets; of the groups' network where that has some. EC2 has one default VPC, a lab that assumes may have more.
pub(super) fn default_subnets<'a>(
    subnets: &'a BTreeMap<SubnetId, SubnetRecord>,
    groups: &BTreeMap<SecurityGroupId, GroupRecord>,
    used: &[SecurityGroupId],
) -> impl Iterator<Item = &'a SubnetRecord> {
    let default = |vpc: &VpcId| subnets.values().any(|subnet| subnet.default_for_az && subnet.vpc == *vpc);
    let wanted = used.iter().filter_map(|id| groups.get(id)).map(|group| group.vpc.clone()).find(default);
    subnets.values().filter(move |subnet| subnet.default_for_az && wanted.as_ref().is_none_or(|vpc| subnet.vpc == *vpc))
}

/// EC2's refusal of a client token that came with other parameters before.
pub(super) fn mismatch<T>() -> Answer<T> {
    let message = "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).";
    refuse("IdempotentParameterMismatch", message)
}

/// Ids are 8 or 17 hexadecimal digits.
pub(super) fn well_formed(id: &str) -> bool {
    let digits = id.rsplit('-').next().unwrap_or_default();
    matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn malformed_instance<T>(id: &InstanceId) -> Answer<T> {
    refuse("InvalidInstanceID.Malformed", format!("Invalid id: \"{id}\""))
}

impl Filtered for InstanceRecord {
    const FILTERS: Filters<Self> = &[
        ("instance-id", |it| one(it.id.as_str())),
        ("instance-state-name", |it| one(state_name(it.state))),
        ("image-id", |it| one(it.image.as_str())),
        ("instance-type", |it| one(&it.instance_type)),
        ("key-name", |it| it.key_name.iter().cloned().collect()),
        ("vpc-id", |it| one(it.vpc.as_str())),
        ("subnet-id", |it| one(it.subnet.as_str())),
        ("availability-zone", |it| one(&it.availability_zone)),
        ("client-token", |it| one(&it.client_token)),
        ("private-ip-address", |it| one(&it.private_ip)),
        ("ip-address", |it| it.public_ip.iter().cloned().collect()),
        ("instance.group-id", |it| it.security_groups.iter().map(ToString::to_string).collect()),
        ("network-interface.group-id", |it| it.security_groups.iter().map(ToString::to_string).collect()),
    ];

    fn tags(&self) -> &[Tag] {
        &self.tags
    }
}

fn state_name(state: InstanceState) -> &'static str {
    match state {
        InstanceState::Pending => "pending",
        InstanceState::Running => "running",
        InstanceState::Stopping => "stopping",
        InstanceState::Stopped => "stopped",
        InstanceState::ShuttingDown => "shutting-down",
        InstanceState::Terminated => "terminated",
    }
}
