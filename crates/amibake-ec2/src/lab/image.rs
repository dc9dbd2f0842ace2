//! Images: making, copying, removing, changing, describing.

use std::time::Duration;

use super::attributes::is_account;
use super::bundle;
use super::features::Features;
use super::filter::{Filtered, Filters, one, select};
use super::launch::{mismatch, well_formed};
use super::machines::{Machines, Progress};
use super::mapping::overlay;
use super::record::{EbsSpec, ImageRecord, ImageTarget, SnapshotRecord};
use super::refusal::{Answer, bad_value, refuse};
use super::tags::{self, unknown};
use super::world::{Place, State, World};
use crate::id::{ImageId, Region, SnapshotId, VolumeId};
use crate::model::{CopyImage, CreateImage, DescribeImages, EbsDevice, Image, ImageBlockDevice, ImageState, InstanceState, Tag};

impl World {
    /// CopyImage; the only call that looks into a second region.
    pub(super) fn copy_image(
        &mut self,
        region: &Region,
        request: CopyImage,
        now: tokio::time::Instant,
        spoil: Option<&'static str>,
    ) -> Answer<ImageId> {
        let source = match self.place(&request.source_region, now, None) {
            Ok(mut place) => {
                place.assume_image(&request.source_image, None, &[]);
                place.state.copy_source(&request.source_image, &place.options.account)
            }
            Err(_) => bad_value(format!("Invalid value '{}' for sourceRegion.", request.source_region)),
        };
        self.place(region, now, spoil)?.copy_image(request, source)
    }
}

impl Place<'_> {
    /// CreateImage.
    pub(super) fn create_image(&mut self, request: CreateImage) -> Answer<ImageId> {
        let state = self.state.instance_mut(&request.instance)?.state;
        match state {
            InstanceState::Running | InstanceState::Stopped => {}
            InstanceState::Pending | InstanceState::Stopping | InstanceState::ShuttingDown | InstanceState::Terminated => {
                return bad_value("Instance is not in state 'running' or 'stopped'.");
            }
        }
        bundle::check_create_image(self.state, &request.instance)?;
        self.check_name(&request.name)?;
        tags::check(&request.image_tags)?;
        self.assume_mapped(&request.block_devices);
        let Some(instance) = self.state.instances.get(&request.instance) else { return unknown("i", request.instance.as_str()) };
        let Some(source) = self.state.images.get(&instance.image) else { return unknown("ami", instance.image.as_str()) };
        let mut image = ImageRecord {
            root_device_type: "ebs".to_owned(),
            location: None,
            source_instance: Some(request.instance.clone()),
            ..source.clone()
        };
        let volumes: Vec<_> = self.state.volumes_of(&request.instance).cloned().collect();
        let attached =
            volumes.iter().filter_map(|volume| Some((volume.attached.clone()?.1, ImageTarget::Ebs(without_snapshot(&volume.ebs)))));
        image.devices = overlay(attached.collect(), &request.block_devices, &self.state.snapshots)?;
        image.tags = request.image_tags;
        image.features = Features::of(instance);
        image.copied_from = None;
        let id = self.add_image(image, request.name, self.options.times.image);
        self.keep(&id, |machines, id| machines.image(id, &request.instance));
        let description = format!("Created by CreateImage({}) for {id}", request.instance);
        self.add_snapshots(&id, self.options.times.image, |device| {
            let volume = volumes.iter().find(|volume| volume.attached.as_ref().is_some_and(|(_, name)| name == device))?;
            Some((description.clone(), Some(volume.id.clone())))
        });
        Ok(id)
    }

    fn copy_image(&mut self, request: CopyImage, source: Answer<(ImageRecord, Vec<SnapshotRecord>)>) -> Answer<ImageId> {
        if request.client_token.len() > 64 {
            return bad_value("Client token length cannot exceed 64 characters.");
        }
        match self.state.copies.get(&request.client_token) {
            Some((earlier, id)) if *earlier == request => return Ok(id.clone()),
            Some(_) => return mismatch(),
            None => {}
        }
        let (source, snapshots) = source?;
        self.assume_kms_key(request.kms_key_id.as_deref());
        self.check_name(&request.name)?;
        let was_encrypted = snapshots.iter().any(|snapshot| snapshot.encrypted);
        let encrypted = request.encrypted.unwrap_or(was_encrypted);
        if was_encrypted && !encrypted {
            return refuse("InvalidParameterDependency", "The parameter [encrypted] cannot be false for an encrypted image.");
        }
        if request.kms_key_id.is_some() && !encrypted {
            return refuse("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.");
        }
        let features = Features { network: source.features.network, ..Features::default() };
        let mut image = ImageRecord { source_instance: None, location: None, features, ..source.clone() };
        image.copied_from = Some((request.source_region.to_string(), source.id.clone()));
        image.tags = if request.copy_tags { source.tags.clone() } else { Vec::new() };
        for (_, target) in &mut image.devices {
            if let ImageTarget::Ebs(ebs) = target {
                ebs.encrypted = encrypted;
                ebs.kms_key_id = request.kms_key_id.clone();
            }
        }
        let id = self.add_image(image, request.name.clone(), self.options.times.copy);
        self.keep(&id, |machines, id| machines.copy(id, &source.id));
        self.copy_snapshots(&id, &source.id);
        if !request.client_token.is_empty() {
            self.state.copies.insert(request.client_token.clone(), (request, id.clone()));
        }
        Ok(id)
    }

    fn copy_snapshots(&mut self, id: &ImageId, source: &ImageId) {
        let devices: Vec<_> = self.state.images.get(id).map(|image| image.devices.clone()).unwrap_or_default();
        self.add_snapshots(id, self.options.times.copy, |device| {
            let snapshot = devices.iter().find_map(|(name, target)| match target {
                ImageTarget::Ebs(ebs) if name == device => ebs.snapshot.clone(),
                ImageTarget::Ebs(_) | ImageTarget::Virtual(_) => None,
            })?;
            Some((format!("Copied for DestinationAmi {id} from SourceAmi {source} for SourceSnapshot {snapshot}."), None))
        });
    }

    /// AMI names: 3 to 128 of EC2's characters, once per account and region. The rule also holds for copies, which EC2
    /// itself lets through: whoever meets it here would have two images of one name.
    pub(super) fn check_name(&self, name: &str) -> Answer<()> {
        let allowed = |character: char| character.is_ascii_alphanumeric() || "()[] ./-'@_".contains(character);
        if !(3..=128).contains(&name.chars().count()) || !name.chars().all(allowed) {
            let message =
                "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/' and '_'";
            return refuse("InvalidAMIName.Malformed", message);
        }
        let used = |image: &&ImageRecord| image.name == name && image.owner == self.options.account && image.state != ImageState::Gone;
        match self.state.images.values().find(used) {
            Some(image) => refuse("InvalidAMIName.Duplicate", format!("AMI name {name} is already in use by AMI {}", image.id)),
            None => Ok(()),
        }
    }

    /// Makes `image` ours and new: id, name, date, nobody else's permissions.
    pub(super) fn add_image(&mut self, image: ImageRecord, name: String, takes: Duration) -> ImageId {
        let id = ImageId::with_hex(&self.ids.hex());
        let image = ImageRecord {
            id: id.clone(),
            name,
            description: String::new(),
            owner: self.options.account.clone(),
            owner_alias: None,
            creation_date: self.date(),
            deprecated_since: None,
            state: ImageState::Pending,
            until: Some(self.now + takes),
            progress: None,
            spoiled: self.spoil.map(str::to_owned),
            state_reason: None,
            public: false,
            users: Vec::new(),
            organizations: Vec::new(),
            product_codes: Vec::new(),
            ..image
        };
        self.state.images.insert(id.clone(), image);
        id
    }

    /// Has what stands behind an image made; nothing behind one that is to fail.
    fn keep(&mut self, id: &ImageId, make: impl FnOnce(&dyn Machines, &ImageId) -> Progress) {
        let Some(machines) = self.options.machines.as_ref().filter(|_| self.spoil.is_none()) else { return };
        if let Some(image) = self.state.images.get_mut(id) {
            image.progress = Some(make(&**machines, id));
        }
    }

    /// Begins a snapshot for each device that `of` gives a description, and perhaps a volume, for.
    fn add_snapshots(&mut self, image: &ImageId, takes: Duration, of: impl Fn(&str) -> Option<(String, Option<VolumeId>)>) {
        let Some(image) = self.state.images.get_mut(image) else { return };
        for (device, target) in &mut image.devices {
            let ImageTarget::Ebs(ebs) = target else { continue };
            let Some((description, volume)) = of(device) else { continue };
            let id = SnapshotId::with_hex(&self.ids.hex());
            ebs.snapshot = Some(id.clone());
            let snapshot = SnapshotRecord {
                id: id.clone(),
                owner: self.options.account.clone(),
                description,
                size: ebs.size,
                volume,
                during: (self.now, self.now + takes),
                progress: image.progress.clone(),
                completed: false,
                encrypted: ebs.encrypted,
                kms_key_id: ebs.kms_key_id.clone(),
                users: Vec::new(),
                groups: Vec::new(),
                tags: Vec::new(),
            };
            self.state.snapshots.insert(id, snapshot);
        }
    }

    /// The lab's date, as EC2 writes it.
    pub(super) fn date(&self) -> String {
        self.ids.date(self.options, self.now)
    }

    /// DescribeImages.
    pub(super) fn describe_images(&self, request: &DescribeImages) -> Answer<Vec<Image>> {
        for id in &request.ids {
            if !well_formed(id.as_str()) {
                return refuse("InvalidAMIID.Malformed", format!("Invalid id: \"{id}\" (expecting \"ami-...\")"));
            }
            if !self.state.images.contains_key(id) {
                return unknown("ami", id.as_str());
            }
        }
        if let Some(owner) = request.owners.iter().find(|owner| !is_owner(owner)) {
            return refuse("InvalidUserID.Malformed", format!("Invalid user id: \"{owner}\""));
        }
        let (account, today) = (&self.options.account, self.date());
        let owner = |image: &ImageRecord| {
            request.owners.is_empty()
                || request.owners.iter().any(|owner| match owner.as_str() {
                    "self" => image.owner == *account,
                    owner => image.owner == owner || image.owner_alias.as_deref() == Some(owner),
                })
        };
        let asked = |image: &ImageRecord| {
            let named = request.ids.contains(&image.id);
            let deprecated = image.deprecated_since.as_ref().is_some_and(|date| *date < today) && image.owner != *account;
            let shown = request.ids.is_empty() && (request.include_deprecated || !deprecated);
            image.state != ImageState::Gone && (named || shown) && owner(image)
        };
        Ok(select(self.state.images.values(), &request.filters, asked)?.into_iter().map(describe).collect())
    }

    /// DeregisterImage.
    pub(super) fn deregister_image(&mut self, id: &ImageId) -> Answer<()> {
        self.check_unprotected(id)?;
        let machines = self.options.machines.as_ref();
        let image = self.own_image(id)?;
        image.state = ImageState::Gone;
        image.until = None;
        if let Some(machines) = machines {
            machines.deregister(id);
        }
        Ok(())
    }

    pub(super) fn own_image(&mut self, id: &ImageId) -> Answer<&mut ImageRecord> {
        match self.state.images.get_mut(id) {
            Some(image) if image.owner != self.options.account => refuse("AuthFailure", format!("Not authorized for image:{id}")),
            Some(image) if image.state == ImageState::Gone => {
                refuse("InvalidAMIID.Unavailable", format!("The image ID '{id}' is no longer available"))
            }
            Some(image) => Ok(image),
            None => unknown("ami", id.as_str()),
        }
    }
}

impl State {
    /// What a copy is made of.
    fn copy_source(&self, id: &ImageId, account: &str) -> Answer<(ImageRecord, Vec<SnapshotRecord>)> {
        match self.images.get(id).filter(|image| image.state != ImageState::Gone && (image.public || image.owner == account)) {
            Some(image) if image.state == ImageState::Available => {
                let snapshots = image.snapshots().filter_map(|id| self.snapshots.get(id)).cloned().collect();
                Ok((image.clone(), snapshots))
            }
            // The code is EC2's; the wording is ours.
            Some(_) => refuse("InvalidRequest", format!("The image {id} cannot be copied: it is not available")),
            None => unknown("ami", id.as_str()),
        }
    }
}

fn without_snapshot(ebs: &EbsSpec) -> EbsSpec {
    EbsSpec { snapshot: None, ..ebs.clone() }
}

/// An account, or one of EC2's words for some.
fn is_owner(owner: &str) -> bool {
    matches!(owner, "self" | "amazon" | "aws-marketplace" | "aws-backup-vault" | "microsoft") || is_account(owner)
}

fn describe(image: &ImageRecord) -> Image {
    Image {
        id: image.id.clone(),
        name: image.name.clone(),
        owner_id: image.owner.clone(),
        owner_alias: image.owner_alias.clone(),
        creation_date: image.creation_date.clone(),
        state: image.state,
        state_reason: image.state_reason.clone(),
        root_device_type: image.root_device_type.clone(),
        root_device_name: Some(image.root_device_name.clone()),
        virtualization_type: image.virtualization_type.clone(),
        architecture: image.architecture.clone(),
        block_devices: image.devices.iter().map(|(name, target)| describe_device(name, target, tells_snapshots(image))).collect(),
        tags: image.tags.clone(),
        source_instance: image.source_instance.clone(),
        protected: matches!(image.features.protection, super::Protection::On { .. }),
        windows: image.platform.is_some_and(super::Platform::is_windows),
        kernel_id: None,
        ramdisk_id: None,
    }
}

/// A pending image does not tell its snapshots: who removes one must find them by their description. One registered of snapshots does.
fn tells_snapshots(image: &ImageRecord) -> bool {
    let registered = image.source_instance.is_none() && image.copied_from.is_none();
    registered || image.state != ImageState::Pending
}

fn describe_device(name: &str, target: &ImageTarget, told: bool) -> ImageBlockDevice {
    let device_name = name.to_owned();
    match target {
        ImageTarget::Ebs(ebs) => ImageBlockDevice {
            device_name,
            snapshot: ebs.snapshot.clone().filter(|_| told),
            delete_on_termination: Some(ebs.delete_on_termination),
            ebs: Some(EbsDevice {
                delete_on_termination: ebs.delete_on_termination,
                volume_type: Some(ebs.volume_type.clone()),
                volume_size: Some(ebs.size),
                iops: ebs.iops,
                throughput: ebs.throughput,
                snapshot_id: ebs.snapshot.as_ref().filter(|_| told).map(ToString::to_string),
                encrypted: Some(ebs.encrypted),
                kms_key_id: ebs.kms_key_id.clone(),
            }),
            virtual_name: None,
        },
        ImageTarget::Virtual(name) => ImageBlockDevice { device_name, virtual_name: Some(name.clone()), ..ImageBlockDevice::default() },
    }
}

/// A value of each EBS device.
fn of_devices(image: &ImageRecord, value: fn(&EbsSpec) -> Option<String>) -> Vec<String> {
    let ebs = image.devices.iter().filter_map(|(_, target)| match target {
        ImageTarget::Ebs(ebs) => value(ebs),
        ImageTarget::Virtual(_) => None,
    });
    ebs.collect()
}

impl Filtered for ImageRecord {
    const FILTERS: Filters<Self> = &[
        ("image-id", |it| one(it.id.as_str())),
        ("name", |it| one(&it.name)),
        ("description", |it| one(&it.description)),
        ("state", |it| one(state_name(it.state))),
        ("owner-id", |it| one(&it.owner)),
        ("owner-alias", |it| it.owner_alias.iter().cloned().collect()),
        ("creation-date", |it| one(&it.creation_date)),
        ("root-device-type", |it| one(&it.root_device_type)),
        ("root-device-name", |it| one(&it.root_device_name)),
        ("virtualization-type", |it| one(&it.virtualization_type)),
        ("architecture", |it| one(&it.architecture)),
        ("image-type", |_| one("machine")),
        ("hypervisor", |_| one("xen")),
        ("is-public", |it| one(it.public)),
        ("product-code", |it| it.product_codes.clone()),
        ("source-instance-id", |it| it.source_instance.iter().map(ToString::to_string).collect()),
        ("ena-support", |_| one("true")),
        ("platform", |it| it.platform.iter().filter(|platform| platform.is_windows()).map(|_| "windows".to_owned()).collect()),
        ("free-tier-eligible", |_| Vec::new()),
        ("image-allowed", |_| Vec::new()),
        ("manifest-location", |it| one(it.location.clone().unwrap_or_else(|| format!("{}/{}", it.owner, it.name)))),
        ("sriov-net-support", |_| one("simple")),
        ("source-image-id", |it| it.copied_from.iter().map(|(_, id)| id.to_string()).collect()),
        ("source-image-region", |it| it.copied_from.iter().map(|(region, _)| region.clone()).collect()),
        ("state-reason-message", |it| it.state_reason.iter().cloned().collect()),
        ("kernel-id", |_| Vec::new()),
        ("ramdisk-id", |_| Vec::new()),
        ("product-code.type", |_| Vec::new()),
        ("state-reason-code", |_| Vec::new()),
        ("block-device-mapping.device-name", |it| it.devices.iter().map(|(name, _)| name.clone()).collect()),
        ("block-device-mapping.volume-type", |it| of_devices(it, |ebs| Some(ebs.volume_type.clone()))),
        ("block-device-mapping.volume-size", |it| of_devices(it, |ebs| Some(ebs.size.to_string()))),
        ("block-device-mapping.snapshot-id", |it| of_devices(it, |ebs| ebs.snapshot.as_ref().map(ToString::to_string))),
        ("block-device-mapping.delete-on-termination", |it| of_devices(it, |ebs| Some(ebs.delete_on_termination.to_string()))),
        ("block-device-mapping.encrypted", |it| of_devices(it, |ebs| Some(ebs.encrypted.to_string()))),
    ];

    fn tags(&self) -> &[Tag] {
        &self.tags
    }
}

/// EC2's word for a state.
pub(super) fn state_name(state: ImageState) -> &'static str {
    match state {
        ImageState::Pending => "pending",
        ImageState::Available => "available",
        ImageState::Failed => "failed",
        ImageState::Gone => "deregistered",
    }
}
