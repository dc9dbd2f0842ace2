//! What is done with volumes beyond making and removing them: snapshots, attaching, detaching; and images registered of snapshots.

use super::bundle;
use super::calls::Parameters;
use super::features::{Features, NetworkFeatures};
use super::machines::Progress;
use super::mapping::overlay;
use super::record::{ImageRecord, ImageTarget, SnapshotRecord, VolumeRecord};
use super::refusal::{Answer, bad_value, refuse};
use super::tags::{self, unknown};
use super::world::Place;
use crate::id::{ImageId, InstanceId, SnapshotId, VolumeId};
use crate::model::{CreateSnapshot, ImageState, InstanceState, RegisterImage};

/// Architectures of images.
const ARCHITECTURES: [&str; 5] = ["i386", "x86_64", "arm64", "x86_64_mac", "arm64_mac"];

impl Place<'_> {
    /// CreateSnapshot. One that is to fail ends in `error`.
    pub(super) fn create_snapshot(&mut self, request: CreateSnapshot) -> Answer<SnapshotId> {
        tags::check(&request.tags)?;
        let Some(volume) = self.state.volumes.get(&request.volume) else { return unknown("vol", request.volume.as_str()) };
        let id = SnapshotId::with_hex(&self.ids.hex());
        let progress = self.spoil.map(|reason| {
            let failed = Progress::underway();
            failed.finish(Err(reason.to_owned()));
            failed
        });
        let snapshot = SnapshotRecord {
            id: id.clone(),
            owner: self.options.account.clone(),
            description: request.description,
            size: volume.ebs.size,
            volume: Some(request.volume),
            during: (self.now, self.now + self.options.times.image),
            progress,
            completed: false,
            encrypted: volume.ebs.encrypted,
            kms_key_id: volume.ebs.kms_key_id.clone(),
            users: Vec::new(),
            groups: Vec::new(),
            tags: request.tags,
        };
        self.state.snapshots.insert(id.clone(), snapshot);
        Ok(id)
    }

    /// RegisterImage. Nothing is copied: the image is there a moment later.
    pub(super) fn register_image(&mut self, request: RegisterImage) -> Answer<ImageId> {
        let request = bundle::completed(request)?;
        self.check_name(&request.name)?;
        tags::check(&request.image_tags)?;
        check_registered(&request)?;
        self.assume_mapped(&request.block_devices);
        let devices = overlay(Vec::new(), &request.block_devices, &self.state.snapshots)?;
        if request.location.is_none() {
            self.check_snapshots(&devices, &request.root_device_name)?;
        }
        let network = NetworkFeatures { ena: request.ena_support.then_some(true), sriov: request.sriov_net_support };
        let image = ImageRecord {
            id: ImageId::with_hex("0"),
            name: String::new(),
            description: String::new(),
            owner: String::new(),
            owner_alias: None,
            creation_date: String::new(),
            deprecated_since: None,
            state: ImageState::Pending,
            until: None,
            progress: None,
            spoiled: None,
            state_reason: None,
            root_device_type: bundle::root_device_type(&request).to_owned(),
            location: request.location,
            root_device_name: request.root_device_name,
            virtualization_type: request.virtualization_type,
            architecture: request.architecture,
            platform: None,
            public: false,
            devices,
            source_instance: None,
            copied_from: None,
            users: Vec::new(),
            organizations: Vec::new(),
            product_codes: Vec::new(),
            imds_support: None,
            tags: request.image_tags,
            features: Features { network, ..Features::default() },
        };
        let takes = self.options.times.running;
        Ok(self.add_image(image, request.name, takes))
    }

    /// The root device has a snapshot, and all snapshots are complete.
    fn check_snapshots(&self, devices: &[(String, ImageTarget)], root: &str) -> Answer<()> {
        let snapshot_of = |target: &ImageTarget| match target {
            ImageTarget::Ebs(ebs) => ebs.snapshot.clone(),
            ImageTarget::Virtual(_) => None,
        };
        if !devices.iter().any(|(name, target)| name == root && snapshot_of(target).is_some()) {
            return refuse("InvalidBlockDeviceMapping", "No root snapshot specified in device mapping.");
        }
        let used = devices.iter().filter_map(|(_, target)| snapshot_of(target));
        match used.filter_map(|id| self.state.snapshots.get(&id)).find(|snapshot| !snapshot.completed) {
            // The code is EC2's; the wording is ours.
            Some(pending) => refuse("IncorrectState", format!("The snapshot '{}' is not in the 'completed' state.", pending.id)),
            None => Ok(()),
        }
    }

    /// AttachVolume. The attachment does not delete the volume with the instance until it is told to.
    pub(super) fn attach_volume(&mut self, id: &VolumeId, instance: &InstanceId, device: &str) -> Answer<()> {
        let record = self.state.instance_mut(instance)?;
        let (state, zone) = (record.state, record.availability_zone.clone());
        if !matches!(state, InstanceState::Running | InstanceState::Stopped) {
            return refuse("IncorrectState", format!("Instance '{instance}' is not 'running'."));
        }
        if self.state.volumes_of(instance).any(|volume| volume.attached.as_ref().is_some_and(|(_, name)| name == device)) {
            return bad_value(format!("Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"));
        }
        match self.state.volumes.get_mut(id) {
            None => unknown("vol", id.as_str()),
            Some(VolumeRecord { attached: Some(_), .. }) => refuse("VolumeInUse", format!("{id} is already attached to an instance")),
            Some(volume) if volume.availability_zone != zone => refuse(
                "InvalidVolume.ZoneMismatch",
                format!("The volume '{id}' is not in the same availability zone as instance '{instance}'"),
            ),
            Some(volume) => {
                volume.attached = Some((instance.clone(), device.to_owned()));
                volume.ebs.delete_on_termination = false;
                Ok(())
            }
        }
    }

    /// DetachVolume: at once, since nobody writes to the volume of a stopped instance.
    pub(super) fn detach_volume(&mut self, id: &VolumeId) -> Answer<()> {
        let Some(volume) = self.state.volumes.get(id) else { return unknown("vol", id.as_str()) };
        let Some((instance, device)) = volume.attached.clone() else {
            return refuse("IncorrectState", format!("Volume '{id}' is in the 'available' state."));
        };
        let root = self.root_device(&instance);
        if self.state.instances.get(&instance).is_some_and(|record| record.state != InstanceState::Stopped) && root == Some(device) {
            return refuse("OperationNotPermitted", format!("Unable to detach root volume '{id}' from instance '{instance}'"));
        }
        if let Some(volume) = self.state.volumes.get_mut(id) {
            volume.attached = None;
        }
        Ok(())
    }

    fn root_device(&self, instance: &InstanceId) -> Option<String> {
        let instance = self.state.instances.get(instance)?;
        self.state.images.get(&instance.image).map(|image| image.root_device_name.clone())
    }

    /// ModifyInstanceAttribute of one device.
    pub(super) fn set_delete_on_termination(&mut self, instance: &InstanceId, device: &str, on: bool) -> Answer<()> {
        self.state.instance_mut(instance)?;
        let at = |volume: &&mut VolumeRecord| volume.attached.as_ref().is_some_and(|(owner, name)| owner == instance && name == device);
        match self.state.volumes.values_mut().find(at) {
            Some(volume) => {
                volume.ebs.delete_on_termination = on;
                Ok(())
            }
            None => refuse("InvalidInstanceAttributeValue", format!("No device is currently mapped at {device}")),
        }
    }
}

fn check_registered(request: &RegisterImage) -> Answer<()> {
    if !ARCHITECTURES.contains(&request.architecture.as_str()) {
        return bad_value(format!("Value ({}) for parameter architecture is invalid.", request.architecture));
    }
    if !matches!(request.virtualization_type.as_str(), "hvm" | "paravirtual") {
        return bad_value(format!("Value ({}) for parameter virtualizationType is invalid.", request.virtualization_type));
    }
    match (request.tpm_support.as_deref(), request.boot_mode.as_deref()) {
        (Some(_), Some("uefi")) | (None, _) => Ok(()),
        // NitroTPM user guide: the image's boot mode must be UEFI. The wording is ours.
        (Some(_), _) => refuse("InvalidParameterCombination", "TpmSupport needs the boot mode uefi."),
    }
}

/// RegisterImage.
pub(super) fn register_image(request: &RegisterImage) -> Parameters {
    Parameters::default()
        .with("Name", Some(&request.name))
        .with("ImageLocation", request.location.as_ref())
        .with("Architecture", given(&request.architecture))
        .with("RootDeviceName", given(&request.root_device_name))
        .with("VirtualizationType", given(&request.virtualization_type))
        .with("KernelId", request.kernel_id.as_ref())
        .with("RamdiskId", request.ramdisk_id.as_ref())
        .with("EnaSupport", request.ena_support.then_some(true))
        .with("SriovNetSupport", request.sriov_net_support.then_some("simple"))
        .with("BootMode", request.boot_mode.as_ref())
        .with("UefiData", request.uefi_data.as_ref())
        .with("TpmSupport", request.tpm_support.as_ref())
        .block_devices(&request.block_devices)
        .tag_specifications(&[("image", &request.image_tags)])
}

/// CreateSnapshot.
pub(super) fn create_snapshot(request: &CreateSnapshot) -> Parameters {
    Parameters::default()
        .with("VolumeId", Some(&request.volume))
        .with("Description", Some(&request.description))
        .tag_specifications(&[("snapshot", &request.tags)])
}

/// A parameter that is sent where it says anything.
fn given(value: &str) -> Option<&str> {
    Some(value).filter(|value| !value.is_empty())
}
