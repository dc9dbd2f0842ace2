//! Making a thing that filters match.

use super::filter::{Filtered, like, matches};
use super::platform::Platform;
use super::record::{GroupRecord, ImageRecord, ImageTarget, SubnetRecord, VpcRecord};
use crate::id::{SecurityGroupId, SubnetId, VpcId};
use crate::model::{Filter, IngressRule, Tag};

/// A thing of which single properties can be set by their filter's name.
pub(super) trait Fit: Filtered {
    /// Sets what the filter looks at. None where that cannot be set: then the thing stays as it is.
    fn set(&mut self, name: &str, value: &str) -> Option<()>;
    /// Its tags.
    fn tags_mut(&mut self) -> &mut Vec<Tag>;
    /// The values that a property can have, where they are few.
    fn values(name: &str, zones: &[String]) -> Vec<String>;
}

/// The candidate, changed until every filter matches; None where one cannot be made to.
pub(super) fn fitted<T: Fit>(mut candidate: T, filters: &[Filter], zones: &[String]) -> Option<T> {
    for filter in filters {
        if matches(&candidate, filter) {
            continue;
        }
        let pattern = filter.values.first()?;
        let few = T::values(&filter.name, zones);
        let value = few.into_iter().find(|value| like(pattern, value)).unwrap_or_else(|| example(pattern));
        match filter.name.strip_prefix("tag:") {
            Some(key) => set_tag(candidate.tags_mut(), key, &value),
            None if filter.name == "tag-key" => set_tag(candidate.tags_mut(), &value, ""),
            None => candidate.set(&filter.name, &value)?,
        }
    }
    filters.iter().all(|filter| matches(&candidate, filter)).then_some(candidate)
}

fn set_tag(tags: &mut Vec<Tag>, key: &str, value: &str) {
    match tags.iter_mut().find(|tag| tag.key == key) {
        // For `tag-key` any value will do.
        Some(tag) if !value.is_empty() => value.clone_into(&mut tag.value),
        Some(_) => {}
        None => tags.push(Tag { key: key.to_owned(), value: value.to_owned() }),
    }
}

/// A text that a pattern matches: wildcards inside and behind it become a zero, those before it nothing.
pub(super) fn example(pattern: &str) -> String {
    let mut text = String::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '*' if text.is_empty() => {}
            '*' | '?' => text.push('0'),
            '\\' => text.extend(characters.next().or(Some('\\'))),
            other => text.push(other),
        }
    }
    if text.is_empty() { "0".to_owned() } else { text }
}

fn some(values: &[&str]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

impl Fit for VpcRecord {
    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "vpc-id" => self.id = VpcId::new(value).ok()?,
            "cidr" | "cidr-block" | "cidr-block-association.cidr-block" => self.cidr = value.to_owned(),
            "owner-id" => self.owner = value.to_owned(),
            _ => return None,
        }
        Some(())
    }

    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }

    fn values(name: &str, _zones: &[String]) -> Vec<String> {
        if name.starts_with("cidr") { some(&["10.0.0.0/16", "172.16.0.0/16", "192.168.0.0/16"]) } else { Vec::new() }
    }
}

impl Fit for SubnetRecord {
    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "subnet-id" => self.id = SubnetId::new(value).ok()?,
            "vpc-id" => self.vpc = VpcId::new(value).ok()?,
            "availability-zone" | "availabilityZone" => self.availability_zone = value.to_owned(),
            "cidr" | "cidr-block" | "cidrBlock" => self.cidr = value.to_owned(),
            "map-public-ip-on-launch" => self.default_for_az = value == "true",
            "available-ip-address-count" => self.available_addresses = value.parse().ok()?,
            "owner-id" => self.owner = value.to_owned(),
            _ => return None,
        }
        Some(())
    }

    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }

    fn values(name: &str, zones: &[String]) -> Vec<String> {
        match name {
            "availability-zone" | "availabilityZone" => zones.to_vec(),
            "cidr" | "cidr-block" | "cidrBlock" => some(&["10.0.0.0/20", "172.16.0.0/20", "192.168.0.0/20"]),
            _ => Vec::new(),
        }
    }
}

impl Fit for GroupRecord {
    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        let port = value.parse().unwrap_or(22);
        match name {
            "group-id" => self.id = SecurityGroupId::new(value).ok()?,
            "group-name" => self.name = value.to_owned(),
            "description" => self.description = value.to_owned(),
            "vpc-id" => self.vpc = VpcId::new(value).ok()?,
            "ip-permission.from-port" | "ip-permission.to-port" => self.ingress.push(IngressRule { port, cidrs: Vec::new() }),
            "ip-permission.cidr" => self.ingress.push(IngressRule { port, cidrs: vec![value.to_owned()] }),
            "owner-id" => self.owner = value.to_owned(),
            _ => return None,
        }
        Some(())
    }

    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }

    fn values(_name: &str, _zones: &[String]) -> Vec<String> {
        Vec::new()
    }
}

impl Fit for ImageRecord {
    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "name" => self.name = value.to_owned(),
            "description" => self.description = value.to_owned(),
            "owner-id" => self.owner = value.to_owned(),
            "owner-alias" => self.owner_alias = Some(value.to_owned()),
            "creation-date" => self.creation_date = value.to_owned(),
            "root-device-type" => self.root_device_type = value.to_owned(),
            "root-device-name" | "block-device-mapping.device-name" => {
                for (device, _) in &mut self.devices {
                    if *device == self.root_device_name {
                        value.clone_into(device);
                    }
                }
                value.clone_into(&mut self.root_device_name);
            }
            "virtualization-type" => self.virtualization_type = value.to_owned(),
            "architecture" => self.architecture = value.to_owned(),
            "platform" => self.platform = Some(Platform::of_key("windows-").filter(|_| value == "windows")?),
            "is-public" => self.public = value == "true",
            "product-code" => self.product_codes.push(value.to_owned()),
            device => {
                let ImageTarget::Ebs(ebs) = &mut self.devices.first_mut()?.1 else { return None };
                match device {
                    "block-device-mapping.volume-type" => ebs.volume_type = value.to_owned(),
                    "block-device-mapping.volume-size" => ebs.size = value.parse().ok()?,
                    "block-device-mapping.delete-on-termination" => ebs.delete_on_termination = value == "true",
                    "block-device-mapping.encrypted" => ebs.encrypted = value == "true",
                    _ => return None,
                }
            }
        }
        Some(())
    }

    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }

    fn values(name: &str, _zones: &[String]) -> Vec<String> {
        match name {
            "architecture" => some(&["x86_64", "arm64", "i386"]),
            "virtualization-type" => some(&["hvm", "paravirtual"]),
            "root-device-type" => some(&["ebs", "instance-store"]),
            "block-device-mapping.volume-type" => some(&["gp3", "gp2", "io1", "io2", "standard", "st1", "sc1"]),
            "root-device-name" | "block-device-mapping.device-name" => some(&["/dev/xvda", "/dev/sda1"]),
            _ => Vec::new(),
        }
    }
}
