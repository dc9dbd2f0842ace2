//! Tags: the rules for them, and CreateTags.

use super::launch::well_formed;
use super::refusal::{Answer, bad_value, refuse};
use super::world::{Place, State};
use crate::id::{ImageId, InstanceId, SecurityGroupId, SnapshotId, SubnetId, VolumeId, VpcId};
use crate::model::Tag;

/// Checks tags by EC2's rules (EC2 user guide, "Tag restrictions").
///
/// # Errors
/// Reserved, repeated, empty or overlong keys, overlong values, more than 50.
pub(super) fn check(tags: &[Tag]) -> Answer<()> {
    if tags.len() > 50 {
        return refuse("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.");
    }
    for (index, tag) in tags.iter().enumerate() {
        if tag.key.is_empty() {
            return bad_value("Tag key cannot be empty");
        }
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return bad_value(format!("Tag keys starting with 'aws:' are reserved for internal use: {}", tag.key));
        }
        if tag.key.chars().count() > 128 {
            return bad_value(format!("Tag key exceeds the maximum length of 128 characters: {}", tag.key));
        }
        if tag.value.chars().count() > 256 {
            return bad_value(format!("Tag value exceeds the maximum length of 256 characters: {}", tag.key));
        }
        if tags[..index].iter().any(|earlier| earlier.key == tag.key) {
            return bad_value(format!("Duplicate tag key '{}' specified.", tag.key));
        }
    }
    Ok(())
}

impl Place<'_> {
    /// CreateTags: all or nothing.
    pub(super) fn create_tags(&mut self, resources: &[String], tags: &[Tag]) -> Answer<()> {
        if resources.is_empty() || tags.is_empty() {
            let missing = if resources.is_empty() { "resourceIdSet" } else { "tagSet" };
            return refuse("MissingParameter", format!("The request must contain the parameter {missing}"));
        }
        check(tags)?;
        for id in resources {
            let merged = merge(self.state.tags_of(id)?, tags);
            if merged.len() > 50 {
                return refuse("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.");
            }
        }
        for id in resources {
            let slot = self.state.tags_of(id)?;
            *slot = merge(slot, tags);
        }
        Ok(())
    }
}

impl Place<'_> {
    /// DeleteTags: a tag of another value stays.
    pub(super) fn delete_tags(&mut self, resources: &[String], tags: &[Tag]) -> Answer<()> {
        if resources.is_empty() {
            return refuse("MissingParameter", "The request must contain the parameter resourceIdSet");
        }
        for id in resources {
            self.state.tags_of(id)?.retain(|tag| !tags.contains(tag));
        }
        Ok(())
    }
}

fn merge(old: &[Tag], new: &[Tag]) -> Vec<Tag> {
    let kept = old.iter().filter(|tag| new.iter().all(|newer| newer.key != tag.key));
    kept.chain(new).cloned().collect()
}

impl State {
    /// The tags of a thing of any kind.
    fn tags_of(&mut self, id: &str) -> Answer<&mut Vec<Tag>> {
        let kind = id.split('-').next().unwrap_or_default();
        let found = match kind {
            "ami" => ImageId::new(id).ok().and_then(|id| self.images.get_mut(&id)).map(|record| &mut record.tags),
            "i" => InstanceId::new(id).ok().and_then(|id| self.instances.get_mut(&id)).map(|record| &mut record.tags),
            "vol" => VolumeId::new(id).ok().and_then(|id| self.volumes.get_mut(&id)).map(|record| &mut record.tags),
            "snap" => SnapshotId::new(id).ok().and_then(|id| self.snapshots.get_mut(&id)).map(|record| &mut record.tags),
            "sg" => SecurityGroupId::new(id).ok().and_then(|id| self.groups.get_mut(&id)).map(|record| &mut record.tags),
            "subnet" => SubnetId::new(id).ok().and_then(|id| self.subnets.get_mut(&id)).map(|record| &mut record.tags),
            "vpc" => VpcId::new(id).ok().and_then(|id| self.vpcs.get_mut(&id)).map(|record| &mut record.tags),
            "key" => self.key_pairs.values_mut().find(|record| record.id == id).map(|record| &mut record.tags),
            "lt" => self.launch_template_tags(id),
            "sir" => {
                let mut requests = self.instances.values_mut().filter_map(|record| record.spot.as_mut());
                requests.find(|spot| spot.request == id).map(|spot| &mut spot.tags)
            }
            "eni" => self.instances.values_mut().find(|record| record.interface.0 == id).map(|record| &mut record.interface.1),
            _ => return refuse("InvalidID", format!("The ID '{id}' is not valid")),
        };
        let Some(tags) = found else { return unknown(kind, id) };
        Ok(tags)
    }
}

/// The code for an id of the wrong length or with other characters, for those kinds that have one.
fn malformed(kind: &str) -> Option<&'static str> {
    match kind {
        "ami" => Some("InvalidAMIID.Malformed"),
        "i" => Some("InvalidInstanceID.Malformed"),
        "vol" => Some("InvalidVolumeID.Malformed"),
        "snap" => Some("InvalidSnapshotID.Malformed"),
        "sg" => Some("InvalidGroupId.Malformed"),
        _ => None,
    }
}

/// The refusal for an id that does not exist, by its prefix.
pub(super) fn unknown<T>(kind: &str, id: &str) -> Answer<T> {
    if !well_formed(id)
        && let Some(code) = malformed(kind)
    {
        return refuse(code, format!("Invalid id: \"{id}\" (expecting \"{kind}-...\")"));
    }
    match kind {
        "ami" => refuse("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist")),
        "i" => refuse("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist")),
        "vol" => refuse("InvalidVolume.NotFound", format!("The volume '{id}' does not exist.")),
        "snap" => refuse("InvalidSnapshot.NotFound", format!("The snapshot '{id}' does not exist.")),
        "sg" => refuse("InvalidGroup.NotFound", format!("The security group '{id}' does not exist")),
        "subnet" => refuse("InvalidSubnetID.NotFound", format!("The subnet ID '{id}' does not exist")),
        "vpc" => refuse("InvalidVpcID.NotFound", format!("The vpc ID '{id}' does not exist")),
        "key" => refuse("InvalidKeyPair.NotFound", format!("The key pair ID '{id}' does not exist")),
        "lt" => refuse("InvalidLaunchTemplateId.NotFound", format!("The launch template '{id}' does not exist")),
        "sir" => refuse("InvalidSpotInstanceRequestID.NotFound", format!("The spot instance request ID '{id}' does not exist")),
        _ => refuse("InvalidNetworkInterfaceID.NotFound", format!("The networkInterface ID '{id}' does not exist")),
    }
}
