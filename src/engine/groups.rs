//! Temporary security groups that builds side by side share: EC2 counts every call, and fifty equal groups are no safer than one.
//!
//! Each user owns the group in its own teardown; only the last one to leave removes it. A build that keeps its instance
//! (`-on-error=abort`) never leaves, and so keeps the group for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use amibake_ec2::SecurityGroupId;
use tokio::sync::OwnedMutexGuard;

/// The temporary groups of one region, and who uses them.
#[derive(Default)]
pub struct Groups {
    open: Mutex<Vec<Group>>,
    /// One build makes a group of a kind, the others wait for it.
    makers: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

struct Group {
    kind: String,
    shared: SharedGroup,
    users: BTreeSet<String>,
}

/// A group in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedGroup {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: SecurityGroupId,
}

/// What a build gets that asks for a group.
pub enum Joined {
    /// One that exists: the build uses it from now on.
    Existing(SharedGroup),
    /// The right to make one; others wait until it is dropped.
    Make(OwnedMutexGuard<()>),
}

impl Groups {
    /// Uses a group of this kind (network, tags and what it lets in), or gets the right to make one.
    pub async fn join(&self, kind: &str, build: &str) -> Joined {
        let maker = Arc::clone(lock(&self.makers).entry(kind.to_owned()).or_default());
        let turn = maker.lock_owned().await;
        match lock(&self.open).iter_mut().find(|group| group.kind == kind) {
            Some(group) => {
                group.users.insert(build.to_owned());
                Joined::Existing(group.shared.clone())
            }
            None => Joined::Make(turn),
        }
    }

    /// Lets others use a group that this build made.
    pub fn share(&self, kind: &str, build: &str, group: SharedGroup) {
        lock(&self.open).push(Group { kind: kind.to_owned(), shared: group, users: BTreeSet::from([build.to_owned()]) });
    }

    /// A build is done with a group; true where nobody else uses it, so that this build has to remove it. May be said twice.
    pub fn leave(&self, group: &SecurityGroupId, build: &str) -> bool {
        let mut open = lock(&self.open);
        let Some(index) = open.iter().position(|known| known.shared.id == *group) else { return true };
        let last = open.get_mut(index).is_none_or(|known| {
            known.users.remove(build);
            known.users.is_empty()
        });
        if last {
            open.remove(index);
        }
        last
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::*;

    fn group(id: &str) -> SharedGroup {
        SharedGroup { name: format!("name of {id}"), id: SecurityGroupId::new(id).unwrap() }
    }

    #[tokio::test]
    async fn the_last_user_removes_it_and_the_next_makes_another() {
        let groups = Groups::default();
        let Joined::Make(turn) = groups.join("ssh", "a").await else { panic!("there is no group yet") };
        groups.share("ssh", "a", group("sg-1"));
        drop(turn);
        let Joined::Existing(shared) = groups.join("ssh", "b").await else { panic!("there is one") };
        assert_eq!(shared, group("sg-1"));
        assert!(matches!(groups.join("winrm", "c").await, Joined::Make(_)));
        assert!(!groups.leave(&shared.id, "a"));
        assert!(!groups.leave(&shared.id, "a"), "said twice");
        assert!(groups.leave(&shared.id, "b"));
        assert!(groups.leave(&shared.id, "b"), "removing it did not work the first time");
        assert!(matches!(groups.join("ssh", "c").await, Joined::Make(_)));
    }
}
