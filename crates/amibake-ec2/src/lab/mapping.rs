//! Block device mappings: the limits of EBS volumes, and how a request's mappings lie over those of the image or instance.

use std::collections::BTreeMap;

use super::record::{EbsSpec, ImageTarget, SnapshotRecord};
use super::refusal::{Answer, bad_value, refuse};
use super::tags::unknown;
use crate::id::SnapshotId;
use crate::model::{BlockDevice, BlockDeviceTarget, EbsDevice};

/// Devices by name.
pub(super) type Devices = Vec<(String, ImageTarget)>;

/// Lays a request's mappings over what is there.
///
/// # Errors
/// Repeated names, unknown snapshots, volumes outside EBS's limits.
pub(super) fn overlay(mut devices: Devices, request: &[BlockDevice], snapshots: &BTreeMap<SnapshotId, SnapshotRecord>) -> Answer<Devices> {
    for (index, device) in request.iter().enumerate() {
        let name = &device.device_name;
        if name.is_empty() {
            return refuse("MissingParameter", "The request must contain the parameter deviceName");
        }
        if request[..index].iter().any(|earlier| earlier.device_name == *name) {
            // The code is EC2's; the wording is ours.
            return refuse("InvalidBlockDeviceMapping", format!("The device '{name}' is used in more than one block-device mapping"));
        }
        let old = devices.iter().position(|(existing, _)| existing == name);
        let target = match &device.target {
            BlockDeviceTarget::NoDevice => {
                old.map(|old| devices.remove(old));
                continue;
            }
            BlockDeviceTarget::Virtual(name) => virtual_device(name)?,
            BlockDeviceTarget::Ebs(ebs) => {
                let base = old.and_then(|old| devices.get(old)).and_then(|(_, target)| match target {
                    ImageTarget::Ebs(ebs) => Some(ebs),
                    ImageTarget::Virtual(_) => None,
                });
                ImageTarget::Ebs(volume(ebs, base, snapshots)?)
            }
        };
        match old {
            Some(old) => devices[old].1 = target,
            None => devices.push((name.clone(), target)),
        }
    }
    Ok(devices)
}

fn virtual_device(name: &str) -> Answer<ImageTarget> {
    match name.strip_prefix("ephemeral").map(str::parse) {
        Some(Ok(0..=23_u8)) => Ok(ImageTarget::Virtual(name.to_owned())),
        _ => bad_value(format!("Value ({name}) for parameter virtualName is invalid.")),
    }
}

/// A volume as asked for, completed from the device it replaces and from its snapshot.
pub(super) fn volume(asked: &EbsDevice, base: Option<&EbsSpec>, snapshots: &BTreeMap<SnapshotId, SnapshotRecord>) -> Answer<EbsSpec> {
    let snapshot = match &asked.snapshot_id {
        Some(id) => match SnapshotId::new(id.as_str()).ok().and_then(|id| snapshots.get(&id)) {
            Some(snapshot) => Some(snapshot),
            None => return unknown("snap", id),
        },
        None => base.and_then(|base| base.snapshot.as_ref()).and_then(|id| snapshots.get(id)),
    };
    let Some(size) = asked.volume_size.or(base.map(|base| base.size)).or(snapshot.map(|snapshot| snapshot.size)) else {
        return refuse("MissingParameter", "The request must contain the parameter size or snapshotId");
    };
    let least = snapshot.map(|snapshot| (&snapshot.id, snapshot.size)).filter(|(_, least)| size < *least);
    if let Some((id, least)) = least {
        let message = format!("Volume of size {size}GB is smaller than snapshot '{id}', expect size >= {least}GB");
        return refuse("InvalidBlockDeviceMapping", message);
    }
    let encrypted = encrypted(asked, snapshot.is_some_and(|snapshot| snapshot.encrypted))?;
    let spec = EbsSpec {
        snapshot: snapshot.map(|snapshot| snapshot.id.clone()),
        size,
        volume_type: asked.volume_type.clone().or(base.map(|base| base.volume_type.clone())).unwrap_or_else(|| "gp2".to_owned()),
        delete_on_termination: asked.delete_on_termination,
        iops: asked.iops,
        throughput: asked.throughput,
        encrypted,
        kms_key_id: asked.kms_key_id.clone(),
    };
    check_limits(&spec)?;
    Ok(spec)
}

fn encrypted(asked: &EbsDevice, snapshot_encrypted: bool) -> Answer<bool> {
    match (asked.encrypted, snapshot_encrypted) {
        (Some(false), true) => refuse("InvalidParameterDependency", "The parameter [encrypted] cannot be false for an encrypted snapshot."),
        (Some(false) | None, _) if asked.kms_key_id.is_some() && !snapshot_encrypted => {
            refuse("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.")
        }
        (asked, snapshot) => Ok(asked.unwrap_or(snapshot)),
    }
}

/// What a volume type allows: GiB, IOPS, MiB/s (EBS user guide, "Amazon EBS volume types").
struct Limits {
    size: (i32, i32),
    iops: Option<(i32, i32)>,
    throughput: Option<(i32, i32)>,
}

fn limits(volume_type: &str) -> Option<Limits> {
    let (size, iops, throughput) = match volume_type {
        "standard" => ((1, 1024), None, None),
        "gp2" => ((1, 16_384), None, None),
        "gp3" => ((1, 65_536), Some((3_000, 80_000)), Some((125, 2_000))),
        "io1" => ((4, 16_384), Some((100, 64_000)), None),
        "io2" => ((4, 65_536), Some((100, 256_000)), None),
        "st1" | "sc1" => ((125, 16_384), None, None),
        _ => return None,
    };
    Some(Limits { size, iops, throughput })
}

fn check_limits(spec: &EbsSpec) -> Answer<()> {
    let kind = &spec.volume_type;
    let Some(limits) = limits(kind) else {
        return bad_value(format!("Value ({kind}) for parameter volumeType is invalid. Unknown volume type"));
    };
    within("size", Some(spec.size), limits.size)?;
    if matches!(kind.as_str(), "io1" | "io2") && spec.iops.is_none() {
        return refuse("MissingParameter", format!("The parameter iops must be specified for {kind} volumes."));
    }
    for (name, value, limits) in [("iops", spec.iops, limits.iops), ("throughput", spec.throughput, limits.throughput)] {
        match limits {
            Some(limits) => within(name, value, limits)?,
            None if value.is_some() && name == "throughput" => {
                return refuse("InvalidParameterCombination", "throughput can only be specified for volumeType gp3.");
            }
            None if value.is_some() => {
                return refuse("InvalidParameterCombination", format!("The parameter {name} is not supported for {kind} volumes."));
            }
            None => {}
        }
    }
    check_ratios(spec)
}

/// What a size allows of IOPS, and IOPS of throughput (EBS user guide, "Amazon EBS volume types").
fn check_ratios(spec: &EbsSpec) -> Answer<()> {
    let most = match spec.volume_type.as_str() {
        "io1" => 50,
        "gp3" => 500,
        "io2" => 1000,
        _ => return Ok(()),
    };
    // gp3 has 3000 whatever its size.
    if let Some(iops) = spec.iops.filter(|iops| *iops > spec.size.saturating_mul(most) && !(spec.volume_type == "gp3" && *iops <= 3000)) {
        let ratio = f64::from(iops) / f64::from(spec.size);
        return bad_value(format!("Iops to volume size ratio of {ratio:.6} is too high; maximum is {most}"));
    }
    let iops = spec.iops.unwrap_or(3000);
    if let Some(throughput) = spec.throughput.filter(|throughput| throughput.saturating_mul(4) > iops) {
        let ratio = f64::from(throughput) / f64::from(iops);
        return bad_value(format!("Throughput (MiBps) to iops ratio of {ratio:.6} is too high; maximum is 0.250000 MiBps per iops."));
    }
    Ok(())
}

fn within(name: &str, value: Option<i32>, (least, most): (i32, i32)) -> Answer<()> {
    let Some(value) = value.filter(|value| !(least..=most).contains(value)) else { return Ok(()) };
    let (too, bound, limit) = if value < least { ("low", "minimum", least) } else { ("high", "maximum", most) };
    match name {
        "size" => {
            let too = if value < least { "small" } else { "large" };
            bad_value(format!("Volume of {value}GiB is too {too}; {bound} is {limit}GiB."))
        }
        name => bad_value(format!("Volume {name} of {value} is too {too}; {bound} is {limit}.")),
    }
}
