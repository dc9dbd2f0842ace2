//! What stands on each other on this machine, and goes one after the other, newest first: file systems, below them the volume.
//!
//! The first that stays ends it: a volume that is still mounted is not detached.

use amibake_ec2::VolumeId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::remove::delete;
use super::{Created, Entry, EntryId, Leftover, Resource, Teardown, mount};
use crate::engine::account::AwsRegion;
use crate::engine::watcher::WaitError;

/// Completes a [`Resource::WorkVolume`]: from here on it may be attached, or is not any more.
#[derive(Debug, Clone, Copy)]
pub struct Attached(pub bool);

impl Created for Attached {
    fn complete(&self, resource: &mut Resource) {
        if let Resource::WorkVolume { attached, .. } = resource {
            *attached = self.0;
        }
    }
}

impl Created for VolumeId {
    fn complete(&self, resource: &mut Resource) {
        if let Resource::WorkVolume { id, .. } = resource {
            *id = Some(self.clone());
        }
    }
}

impl Teardown {
    /// Removes all that is mounted, newest first, before the build has ended. What goes is off the stack; the answer is what stays.
    pub async fn unmount_all(&self, deadline: Instant) -> Vec<Leftover> {
        let mounted = |entry: &&Entry| matches!(entry.resource, Resource::Mount { .. });
        let entries: Vec<Entry> = self.stack().iter().rev().filter(mounted).cloned().collect();
        self.remove_in_turn(&entries, deadline).await
    }

    /// Detaches a volume of this build, and waits until nothing holds it.
    ///
    /// # Errors
    /// EC2 refuses, or time is up.
    pub async fn detach(&self, region: &AwsRegion, id: &VolumeId, deadline: Instant) -> Result<(), String> {
        self.inner.report.say("Detaching EBS volume...");
        // What a lost reply did, or what was never attached, is `available` already.
        let call = || async {
            match region.ec2.detach_volume(id).await {
                Err(error) if error.is("IncorrectState") => Ok(()),
                answer => answer,
            }
        };
        delete(Instant::now(), deadline, call).await.map_err(|error| error.to_string())?;
        match region.watcher.volume(id, false, deadline, &CancellationToken::new()).await {
            Ok(_) | Err(WaitError::Gone) => Ok(()),
            Err(error) => Err(format!("asked to be detached, but {error}")),
        }
    }

    pub(super) async fn remove_in_turn(&self, entries: &[Entry], deadline: Instant) -> Vec<Leftover> {
        let paths: Vec<_> = entries.iter().filter_map(|entry| entry.mount_path()).collect();
        if !paths.is_empty() {
            self.inner.report.say("Unmounting the root device...");
            mount::end_processes_below(&paths).await;
        }
        for (at, entry) in entries.iter().enumerate() {
            let left = self.remove(entry, &[], deadline).await;
            if !left.is_empty() {
                let below = entries[at + 1..].iter().filter_map(|entry| Leftover::of(entry, &self.inner.run_id, "what stands on it stays"));
                return left.into_iter().chain(below).collect();
            }
            self.release(entry.id);
        }
        Vec::new()
    }

    /// Detaches and deletes the volume that a build works on.
    pub(super) async fn remove_work_volume(
        &self,
        (id, attached): (Option<&VolumeId>, bool),
        region: &AwsRegion,
        born: Instant,
        deadline: Instant,
    ) -> Result<(), String> {
        let ids = match id {
            Some(id) => vec![id.clone()],
            None => self.find_new_volumes(region, deadline).await.map_err(|error| error.to_string())?,
        };
        for id in &ids {
            if attached {
                self.detach(region, id, deadline).await?;
            }
            self.inner.report.say("Deleting the created EBS volume...");
            delete(born, deadline, || region.ec2.delete_volume(id)).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Adds a directory that was made for a mount, to go with it.
    pub fn made_directory(&self, entry: EntryId, directory: &std::path::Path) {
        self.complete(entry, &MadeDirectory(directory));
    }
}

struct MadeDirectory<'a>(&'a std::path::Path);

impl Created for MadeDirectory<'_> {
    fn complete(&self, resource: &mut Resource) {
        if let Resource::Mount { directories, .. } = resource {
            directories.push(self.0.to_owned());
        }
    }
}

impl Entry {
    /// Whether it goes in its turn.
    pub(super) fn stands_on_others(&self) -> bool {
        matches!(self.resource, Resource::Mount { .. } | Resource::WorkVolume { .. })
    }

    fn mount_path(&self) -> Option<&std::path::Path> {
        match &self.resource {
            Resource::Mount { path, .. } => Some(path),
            _ => None,
        }
    }
}
