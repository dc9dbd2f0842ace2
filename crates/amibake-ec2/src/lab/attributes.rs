//! Who may use images and snapshots, and what else is said of an image once it is there.

use super::record::{ImageRecord, SnapshotRecord};
use super::refusal::{Answer, bad_value, refuse};
use super::tags::unknown;
use super::world::Place;
use crate::id::{ImageId, SnapshotId};
use crate::model::{ImageChange, ImageState, SnapshotChange};

impl Place<'_> {
    /// ModifyImageAttribute.
    pub(super) fn modify_image(&mut self, id: &ImageId, change: ImageChange) -> Answer<()> {
        let of_image: Vec<_> = self.state.images.get(id).into_iter().flat_map(ImageRecord::snapshots).cloned().collect();
        let of_image: Vec<_> = of_image.iter().filter_map(|id| self.state.snapshots.get(id)).cloned().collect();
        let image = self.own_image(id)?;
        match change {
            // Found out late on EC2: at the end of a build.
            ImageChange::Description(text) if !text.is_ascii() => return bad_value("Character sets beyond ASCII are not supported."),
            ImageChange::Description(text) => image.description = text,
            ImageChange::Launch { users, groups, organizations, organizational_units } => {
                check_sharing(&users, &groups)?;
                let shared = !(users.is_empty() && organizations.is_empty() && organizational_units.is_empty());
                check_encrypted(&of_image, !groups.is_empty(), shared, Shared::Image)?;
                if image.state != ImageState::Available {
                    return refuse("InvalidAMIID.Unavailable", format!("The image ID '{id}' is not available"));
                }
                add(&mut image.users, users);
                add(&mut image.organizations, organizations.into_iter().chain(organizational_units).collect());
                image.public |= !groups.is_empty();
            }
            ImageChange::ProductCodes(codes) => add(&mut image.product_codes, codes),
            ImageChange::ImdsSupport(version) if version == "v2.0" => image.imds_support = Some(version),
            ImageChange::ImdsSupport(version) => return bad_value(format!("Value ({version}) for parameter imdsSupport is invalid.")),
        }
        Ok(())
    }

    /// ModifySnapshotAttribute.
    pub(super) fn modify_snapshot(&mut self, id: &SnapshotId, change: SnapshotChange) -> Answer<()> {
        check_sharing(&change.users, &change.groups)?;
        let account = &self.options.account;
        match self.state.snapshots.get_mut(id) {
            Some(snapshot) if snapshot.owner == *account => {
                check_encrypted([&*snapshot], !change.groups.is_empty(), !change.users.is_empty(), Shared::Snapshot)?;
                add(&mut snapshot.users, change.users);
                add(&mut snapshot.groups, change.groups);
                Ok(())
            }
            Some(_) => refuse("AuthFailure", format!("Not authorized for snapshot:{id}")),
            None => unknown("snap", id.as_str()),
        }
    }
}

fn add(to: &mut Vec<String>, new: Vec<String>) {
    for value in new {
        if !to.contains(&value) {
            to.push(value);
        }
    }
}

/// Twelve digits.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What is encrypted cannot be public, and nobody else has the key that EBS takes by default (EBS user guide, "Share a snapshot"). EC2
/// has other words for an image than for a snapshot.
fn check_encrypted<'a>(snapshots: impl IntoIterator<Item = &'a SnapshotRecord>, public: bool, shared: bool, of: Shared) -> Answer<()> {
    let encrypted: Vec<_> = snapshots.into_iter().filter(|snapshot| snapshot.encrypted).collect();
    let default_key = |key: &Option<String>| key.as_ref().is_none_or(|key| key.ends_with("alias/aws/ebs"));
    if public && !encrypted.is_empty() {
        // Of a snapshot alone code and words are a guess by those of an image.
        return refuse("UnsupportedOperation", "Encrypted snapshots can't be shared publicly. Specify another snapshot.");
    }
    if shared && encrypted.iter().any(|snapshot| default_key(&snapshot.kms_key_id)) {
        return match of {
            Shared::Image => {
                refuse("InvalidParameter", "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot.")
            }
            Shared::Snapshot => refuse("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared"),
        };
    }
    Ok(())
}

/// What is shared.
enum Shared {
    Image,
    Snapshot,
}

fn check_sharing(users: &[String], groups: &[String]) -> Answer<()> {
    if let Some(user) = users.iter().find(|user| !is_account(user)) {
        return refuse("InvalidUserID.Malformed", format!("Invalid user id: \"{user}\""));
    }
    match groups.iter().find(|group| *group != "all") {
        Some(group) => refuse("InvalidAMIAttributeItemValue", format!("Invalid attribute item value \"{group}\" for userGroup item type.")),
        None => Ok(()),
    }
}
