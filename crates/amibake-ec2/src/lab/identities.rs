//! IAM: roles and instance profiles of the account, in no region.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::refusal::{Answer, refuse};
use crate::iam::CreateRole;
use crate::model::Tag;

/// What IAM keeps.
#[derive(Debug, Default)]
pub(super) struct Identities {
    profiles: BTreeMap<String, ProfileRecord>,
    roles: BTreeMap<String, RoleRecord>,
}

/// An instance profile.
#[derive(Debug, Clone)]
pub struct ProfileRecord {
    /// The role in it.
    pub role: Option<String>,
    /// From when on EC2 knows it with its role.
    known: Option<Instant>,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// A role.
#[derive(Debug, Clone)]
pub struct RoleRecord {
    /// Who may assume it.
    pub trust: String,
    /// Inline policies by name.
    pub policies: BTreeMap<String, String>,
    /// Tags.
    pub tags: Vec<Tag>,
}

impl Identities {
    /// Whether EC2 takes this profile for a launch.
    pub(super) fn known_to_ec2(&self, profile: &str, now: Instant) -> bool {
        self.profiles.get(profile).is_some_and(|record| record.known.is_some_and(|known| known <= now))
    }

    /// Whether there is such a profile, known to EC2 or not.
    pub(super) fn has_profile(&self, profile: &str) -> bool {
        self.profiles.contains_key(profile)
    }

    /// All that is known of a role.
    pub(super) fn role(&self, name: &str) -> Option<RoleRecord> {
        self.roles.get(name).cloned()
    }

    /// All that is known of an instance profile.
    pub(super) fn profile(&self, name: &str) -> Option<ProfileRecord> {
        self.profiles.get(name).cloned()
    }

    pub(super) fn lasting(&self) -> impl Iterator<Item = (String, String)> {
        let line = |kind: &str, name: &String| (format!("iam {kind} {name}"), format!("{kind} {name}"));
        let profiles = self.profiles.keys().map(move |name| line("instance profile", name));
        profiles.chain(self.roles.keys().map(move |name| line("role", name)))
    }

    /// CreateInstanceProfile.
    pub(super) fn create_instance_profile(&mut self, name: &str, tags: &[Tag]) -> Answer<()> {
        if self.profiles.contains_key(name) {
            return refuse("EntityAlreadyExists", format!("Instance Profile {name} already exists."));
        }
        self.profiles.insert(name.to_owned(), ProfileRecord { role: None, known: None, tags: tags.to_vec() });
        Ok(())
    }

    /// CreateRole.
    pub(super) fn create_role(&mut self, request: CreateRole) -> Answer<()> {
        if self.roles.contains_key(&request.name) {
            return refuse("EntityAlreadyExists", format!("Role with name {} already exists.", request.name));
        }
        check_document(&request.trust)?;
        self.roles.insert(request.name, RoleRecord { trust: request.trust, policies: BTreeMap::new(), tags: request.tags });
        Ok(())
    }

    /// PutRolePolicy.
    pub(super) fn put_role_policy(&mut self, role: &str, policy: &str, document: &str) -> Answer<()> {
        let record = self.role_mut(role)?;
        check_document(document)?;
        record.policies.insert(policy.to_owned(), document.to_owned());
        Ok(())
    }

    /// AddRoleToInstanceProfile. EC2 learns of it `after` a while.
    pub(super) fn add_role(&mut self, profile: &str, role: &str, now: Instant, after: Duration) -> Answer<()> {
        self.role_mut(role)?;
        let record = self.profile_mut(profile)?;
        if record.role.is_some() {
            return refuse("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1");
        }
        record.role = Some(role.to_owned());
        record.known = Some(now + after);
        Ok(())
    }

    /// RemoveRoleFromInstanceProfile.
    pub(super) fn remove_role(&mut self, profile: &str, role: &str) -> Answer<()> {
        let record = self.profile_mut(profile)?;
        if record.role.as_deref() != Some(role) {
            return no_such_entity(format!("Role {role} in Instance Profile {profile} cannot be found."));
        }
        (record.role, record.known) = (None, None);
        Ok(())
    }

    /// DeleteRolePolicy.
    pub(super) fn delete_role_policy(&mut self, role: &str, policy: &str) -> Answer<()> {
        match self.role_mut(role)?.policies.remove(policy) {
            Some(_) => Ok(()),
            None => no_such_entity(format!("The role policy with name {policy} cannot be found.")),
        }
    }

    /// DeleteRole.
    pub(super) fn delete_role(&mut self, role: &str) -> Answer<()> {
        if !self.role_mut(role)?.policies.is_empty() {
            return refuse("DeleteConflict", "Cannot delete entity, must delete policies first.");
        }
        if self.profiles.values().any(|profile| profile.role.as_deref() == Some(role)) {
            return refuse("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.");
        }
        self.roles.remove(role);
        Ok(())
    }

    /// DeleteInstanceProfile.
    pub(super) fn delete_instance_profile(&mut self, profile: &str) -> Answer<()> {
        if self.profile_mut(profile)?.role.is_some() {
            return refuse("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.");
        }
        self.profiles.remove(profile);
        Ok(())
    }

    fn role_mut(&mut self, name: &str) -> Answer<&mut RoleRecord> {
        match self.roles.get_mut(name) {
            Some(role) => Ok(role),
            None => no_such_entity(format!("The role with name {name} cannot be found.")),
        }
    }

    fn profile_mut(&mut self, name: &str) -> Answer<&mut ProfileRecord> {
        match self.profiles.get_mut(name) {
            Some(profile) => Ok(profile),
            None => no_such_entity(format!("Instance Profile {name} cannot be found.")),
        }
    }
}

fn no_such_entity<T>(message: String) -> Answer<T> {
    refuse("NoSuchEntity", message)
}

/// IAM reads a policy before it takes it. The lab sees whether it is JSON with statements; the wording is IAM's for the rest.
fn check_document(document: &str) -> Answer<()> {
    let statements = serde_json::from_str::<serde_json::Value>(document).ok().and_then(|policy| policy.get("Statement").cloned());
    match statements {
        Some(serde_json::Value::Array(list)) if list.is_empty() => no_statement(),
        Some(_) => Ok(()),
        None => no_statement(),
    }
}

fn no_statement() -> Answer<()> {
    refuse("MalformedPolicyDocument", "Syntax errors in policy.")
}
