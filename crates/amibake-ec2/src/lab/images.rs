//! Images as `aws ec2 describe-images` prints them: read into the lab, and written for a later one.

use serde_json::{Map, Value, json};

use super::features::Features;
use super::platform::Platform;
use super::record::{EbsSpec, ImageRecord, ImageTarget};
use crate::id::{ImageId, InstanceId, SnapshotId};
use crate::model::{ImageState, Tag};

/// Our own word for the platform, where EC2 has none: `debian-12`.
const PLATFORM: &str = "amibake:Platform";

/// Reads `{"Images": [...]}`, or the list alone.
///
/// # Errors
/// What is wrong, and where: `Images[2].ImageId: ...`.
pub fn read(text: &str) -> Result<Vec<ImageRecord>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    let images = value.get("Images").unwrap_or(&value);
    let Some(images) = images.as_array() else {
        return Err("expected what `aws ec2 describe-images` prints: an object with a list `Images`".to_owned());
    };
    images.iter().enumerate().map(|(index, image)| read_one(image, &Place(format!("Images[{index}]")))).collect()
}

/// Where we are in the text.
struct Place(String);

impl Place {
    fn at(&self, key: &str) -> Self {
        Self(format!("{}.{key}", self.0))
    }

    fn wrong<T>(&self, what: impl std::fmt::Display) -> Result<T, String> {
        Err(format!("{}: {what}", self.0))
    }

    /// A text; None where there is none.
    fn text(&self, of: &Value, key: &str) -> Result<Option<String>, String> {
        match of.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => self.at(key).wrong("expected a string"),
        }
    }

    fn needed(&self, of: &Value, key: &str) -> Result<String, String> {
        self.text(of, key)?.map_or_else(|| self.at(key).wrong("missing"), Ok)
    }

    fn flag(&self, of: &Value, key: &str) -> Result<Option<bool>, String> {
        match of.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => self.at(key).wrong("expected true or false"),
        }
    }

    fn number(&self, of: &Value, key: &str) -> Result<Option<i32>, String> {
        match of.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(number) => match number.as_i64().and_then(|number| i32::try_from(number).ok()) {
                Some(number) => Ok(Some(number)),
                None => self.at(key).wrong("expected a whole number"),
            },
        }
    }

    fn list<'a>(&self, of: &'a Value, key: &str) -> Result<&'a [Value], String> {
        match of.get(key) {
            None | Some(Value::Null) => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => self.at(key).wrong("expected a list"),
        }
    }
}

fn read_one(image: &Value, place: &Place) -> Result<ImageRecord, String> {
    if !image.is_object() {
        return place.wrong("expected an object");
    }
    let id = place.needed(image, "ImageId")?;
    let id = ImageId::new(id).map_err(|error| format!("{}: {error}", place.at("ImageId").0))?;
    let devices = place.list(image, "BlockDeviceMappings")?.iter().enumerate();
    let devices: Result<Vec<_>, String> =
        devices.map(|(index, device)| read_device(device, &place.at(&format!("BlockDeviceMappings[{index}]")))).collect();
    let devices: Vec<_> = devices?.into_iter().flatten().collect();
    let name = place.text(image, "Name")?.unwrap_or_default();
    let platform = match place.text(image, "Platform")?.as_deref() {
        Some("windows") => Platform::of_name(&format!("windows {name}")),
        _ => place.text(image, PLATFORM)?.map_or_else(|| Platform::of_name(&name), |key| Platform::of_key(&key)),
    };
    let first = || devices.first().map_or("/dev/xvda", |(name, _)| name).to_owned();
    Ok(ImageRecord {
        location: None,
        name,
        description: place.text(image, "Description")?.unwrap_or_default(),
        owner: place.needed(image, "OwnerId")?,
        owner_alias: place.text(image, "ImageOwnerAlias")?,
        creation_date: place.needed(image, "CreationDate")?,
        deprecated_since: place.text(image, "DeprecationTime")?,
        state: read_state(place.text(image, "State")?.as_deref(), &place.at("State"))?,
        until: None,
        progress: None,
        spoiled: None,
        state_reason: None,
        root_device_type: place.text(image, "RootDeviceType")?.unwrap_or_else(|| "ebs".to_owned()),
        root_device_name: place.text(image, "RootDeviceName")?.unwrap_or_else(first),
        virtualization_type: place.text(image, "VirtualizationType")?.unwrap_or_else(|| "hvm".to_owned()),
        architecture: place.needed(image, "Architecture")?,
        platform,
        public: place.flag(image, "Public")?.unwrap_or_default(),
        source_instance: place.text(image, "SourceInstanceId")?.and_then(|id| InstanceId::new(id).ok()),
        copied_from: None,
        users: Vec::new(),
        organizations: Vec::new(),
        product_codes: read_product_codes(image, place)?,
        imds_support: place.text(image, "ImdsSupport")?,
        features: Features::default(),
        tags: read_tags(image, place)?,
        devices,
        id,
    })
}

fn read_state(state: Option<&str>, place: &Place) -> Result<ImageState, String> {
    match state {
        None | Some("available") => Ok(ImageState::Available),
        Some("pending") => Ok(ImageState::Pending),
        Some("failed" | "error" | "invalid") => Ok(ImageState::Failed),
        Some("deregistered" | "disabled" | "transient") => Ok(ImageState::Gone),
        Some(other) => place.wrong(format!("`{other}` is no state of an image")),
    }
}

/// None for a device that the mapping takes away (`NoDevice`).
fn read_device(device: &Value, place: &Place) -> Result<Option<(String, ImageTarget)>, String> {
    let name = place.needed(device, "DeviceName")?;
    if let Some(ephemeral) = place.text(device, "VirtualName")? {
        return Ok(Some((name, ImageTarget::Virtual(ephemeral))));
    }
    let Some(ebs) = device.get("Ebs").filter(|ebs| ebs.is_object()) else { return Ok(None) };
    let place = place.at("Ebs");
    let snapshot = place.text(ebs, "SnapshotId")?.map(SnapshotId::new).transpose();
    let spec = EbsSpec {
        snapshot: snapshot.map_err(|error| format!("{}: {error}", place.at("SnapshotId").0))?,
        size: place.number(ebs, "VolumeSize")?.unwrap_or(8),
        volume_type: place.text(ebs, "VolumeType")?.unwrap_or_else(|| "gp2".to_owned()),
        delete_on_termination: place.flag(ebs, "DeleteOnTermination")?.unwrap_or(true),
        iops: place.number(ebs, "Iops")?,
        throughput: place.number(ebs, "Throughput")?,
        encrypted: place.flag(ebs, "Encrypted")?.unwrap_or_default(),
        kms_key_id: place.text(ebs, "KmsKeyId")?,
    };
    Ok(Some((name, ImageTarget::Ebs(spec))))
}

fn read_tags(image: &Value, place: &Place) -> Result<Vec<Tag>, String> {
    let tags = place.list(image, "Tags")?.iter().enumerate();
    tags.map(|(index, tag)| {
        let place = place.at(&format!("Tags[{index}]"));
        Ok(Tag { key: place.needed(tag, "Key")?, value: place.text(tag, "Value")?.unwrap_or_default() })
    })
    .collect()
}

fn read_product_codes(image: &Value, place: &Place) -> Result<Vec<String>, String> {
    let codes = place.list(image, "ProductCodes")?.iter().enumerate();
    codes.map(|(index, code)| place.at(&format!("ProductCodes[{index}]")).needed(code, "ProductCodeId")).collect()
}

/// One element of `Images`, as `aws ec2 describe-images` prints it.
pub fn write(image: &ImageRecord) -> Value {
    let devices: Vec<_> = image.devices.iter().map(|(name, target)| write_device(name, target)).collect();
    let tags: Vec<_> = image.tags.iter().map(|tag| json!({ "Key": tag.key, "Value": tag.value })).collect();
    let codes: Vec<_> = image.product_codes.iter().map(|code| json!({ "ProductCodeId": code, "ProductCodeType": "marketplace" })).collect();
    let mut written = json!({
        "Architecture": image.architecture,
        "CreationDate": image.creation_date,
        "ImageId": image.id.as_str(),
        "ImageType": "machine",
        "Public": image.public,
        "OwnerId": image.owner,
        "State": super::image::state_name(image.state),
        "BlockDeviceMappings": devices,
        "Description": image.description,
        "EnaSupport": true,
        "Hypervisor": "xen",
        "Name": image.name,
        "RootDeviceName": image.root_device_name,
        "RootDeviceType": image.root_device_type,
        "VirtualizationType": image.virtualization_type,
    });
    if let Some(object) = written.as_object_mut() {
        let mut add = |key: &str, value: Option<Value>| object.extend(value.map(|value| (key.to_owned(), value)));
        add("ImageOwnerAlias", image.owner_alias.clone().map(Value::from));
        add("DeprecationTime", image.deprecated_since.clone().map(Value::from));
        add("SourceInstanceId", image.source_instance.as_ref().map(|id| Value::from(id.as_str())));
        add("ImdsSupport", image.imds_support.clone().map(Value::from));
        add("Platform", image.platform.filter(|platform| platform.is_windows()).map(|_| Value::from("windows")));
        add(PLATFORM, image.platform.map(|platform| Value::from(platform.key())));
        add("Tags", (!tags.is_empty()).then_some(Value::Array(tags)));
        add("ProductCodes", (!codes.is_empty()).then_some(Value::Array(codes)));
    }
    written
}

fn write_device(name: &str, target: &ImageTarget) -> Value {
    let ebs = match target {
        ImageTarget::Virtual(ephemeral) => return json!({ "DeviceName": name, "VirtualName": ephemeral }),
        ImageTarget::Ebs(ebs) => ebs,
    };
    let mut written = Map::new();
    let mut add = |key: &str, value: Option<Value>| written.extend(value.map(|value| (key.to_owned(), value)));
    add("DeleteOnTermination", Some(ebs.delete_on_termination.into()));
    add("Iops", ebs.iops.map(Value::from));
    add("SnapshotId", ebs.snapshot.as_ref().map(|id| Value::from(id.as_str())));
    add("VolumeSize", Some(ebs.size.into()));
    add("VolumeType", Some(ebs.volume_type.clone().into()));
    add("Throughput", ebs.throughput.map(Value::from));
    add("KmsKeyId", ebs.kms_key_id.clone().map(Value::from));
    add("Encrypted", Some(ebs.encrypted.into()));
    json!({ "DeviceName": name, "Ebs": written })
}
