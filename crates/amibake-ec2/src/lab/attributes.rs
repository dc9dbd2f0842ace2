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
            ImageChange::Description(text) => image.description = text,
            ImageChange::Launch { users, groups, organizations, organizational_units } => {
                check_sharing(&users, &groups)?;
                let shared = !(users.is_empty() && organizations.is_empty() && organizational_units.is_empty());
                check_encrypted_sharing(of_image.iter(), !groups.is_empty(), shared)?;
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
                check_encrypted_sharing(std::iter::once(&*snapshot), !change.groups.is_empty(), !change.users.is_empty())?;
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

/// What is encrypted cannot be public, and nobody else has the key that EBS takes by default (EBS user guide, "Share a snapshot").
/// The codes and wordings are guesses.
fn check_encrypted_sharing<'a>(snapshots: impl Iterator<Item = &'a SnapshotRecord>, public: bool, shared: bool) -> Answer<()> {
    let default_key = |key: &Option<String>| key.as_ref().is_none_or(|key| key.ends_with("alias/aws/ebs"));
    for snapshot in snapshots.filter(|snapshot| snapshot.encrypted) {
        if public {
            return refuse("InvalidParameter", format!("The encrypted snapshot {} cannot be shared with all accounts", snapshot.id));
        }
        if shared && default_key(&snapshot.kms_key_id) {
            return refuse("InvalidParameter", "Encrypted snapshots with EBS default key cannot be shared");
        }
    }
    Ok(())
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
