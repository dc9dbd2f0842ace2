//! In which order things go: newest first, side by side where the order does not matter.
//!
//! First what keeps an image from going; then what nothing hangs on (this machine's processes and files, images, snapshots, key pairs) and
//! the instances; then, after the instances are terminated, what EC2 does not give up before (groups and volumes). Without any of those
//! nobody waits for the end of an instance: `shutting-down` is the end of what costs money.

use std::time::Duration;

use amibake_ec2::{Ec2Error, ImageId, InstanceId, Region, SecurityGroupId};
use futures_util::future::join_all;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::remove::{Removal, delete, terminate};
use super::{Entry, ImageOrigin, Leftover, Lifetime, Resource, Teardown, local, mount, profile, session};
use crate::engine::account::AwsRegion;
use crate::engine::watcher::{WaitError, Want};

/// How long to try what cannot well succeed.
const HOPELESS: Duration = Duration::from_secs(5);

/// How a build ended, as far as teardown cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It has its artifact, which stays on the stack until it is handed over: only what is temporary goes.
    Success,
    /// It failed, panicked or was cancelled: the artifact goes too.
    Failure,
    /// It failed and `-on-error` says to leave everything: only this machine's processes end.
    Abort,
    /// It is long dead, and a person wants to be rid of all that it left.
    Cleanup,
}

impl Teardown {
    /// Removes what the build does not leave on purpose and answers what is still there. Of what it is to remove only the leftovers stay
    /// on the stack and in the journal.
    pub async fn unwind(&self, ending: Ending, deadline: Instant) -> Vec<Leftover> {
        let goes = |entry: &&Entry| entry.goes(ending);
        let entries: Vec<Entry> = self.stack().iter().rev().filter(goes).cloned().collect();
        let (settings, entries): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(Entry::goes_before_images);
        let (in_turn, entries): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| entry.stands_on_others());
        let (last, first): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| entry.goes_after_instances());
        if ending == Ending::Abort {
            return self.abort(first, deadline).await;
        }
        let stuck = self.remove_side_by_side(&settings, &[], deadline).await;
        // A volume that is handed over is free only when its instance has ended.
        let handed_over = self.stack().iter().filter(|entry| !goes(entry) && entry.goes_after_instances()).cloned().collect::<Vec<_>>();
        let waiting = last.iter().chain(&handed_over);
        let wait_in: Vec<Region> = waiting.filter_map(|entry| entry.region.as_ref().map(|r| r.name().clone())).collect();
        let (mut left, stacked) =
            futures_util::join!(self.remove_side_by_side(&first, &wait_in, deadline), self.remove_in_turn(&in_turn, deadline));
        self.tell_volumes(&first, &last);
        // What hangs on an instance that would not go will not go either: try, but do not insist.
        let deadline = if left.is_empty() { deadline } else { deadline.min(Instant::now() + HOPELESS) };
        left.extend(self.remove_side_by_side(&last, &[], deadline).await);
        left.extend(stuck);
        left.extend(stacked);
        left
    }

    /// Takes what the build is for off the stack: from here on it is the user's.
    pub fn hand_over_artifact(&self) {
        let kept: Vec<_> = self.stack().iter().filter(|e| e.lifetime == Lifetime::Artifact).map(|e| e.id).collect();
        for entry in kept {
            self.release(entry);
        }
    }

    async fn abort(&self, first: Vec<Entry>, deadline: Instant) -> Vec<Leftover> {
        let processes: Vec<Entry> = first.into_iter().filter(|e| matches!(e.resource, Resource::Process { .. })).collect();
        self.remove_side_by_side(&processes, &[], deadline).await;
        self.remaining("kept as -on-error says")
    }

    async fn remove_side_by_side(&self, entries: &[Entry], wait_in: &[Region], deadline: Instant) -> Vec<Leftover> {
        let removals = entries.iter().map(|entry| async move {
            let left = self.remove(entry, wait_in, deadline).await;
            if left.is_empty() {
                self.release(entry.id);
            }
            left
        });
        join_all(removals).await.into_iter().flatten().collect()
    }

    pub(super) async fn remove(&self, entry: &Entry, wait_in: &[Region], deadline: Instant) -> Vec<Leftover> {
        let why = match (&entry.resource, &entry.region) {
            (Resource::TempPath { path }, _) => local::remove_path(path).map_err(|e| e.to_string()),
            (Resource::Mount { path, directories, wrapped }, _) => mount::unmount(path, wrapped.as_ref(), directories, deadline).await,
            (Resource::Process { pid, start_time, control_socket }, _) => {
                local::end_process(*pid, *start_time, control_socket.as_deref()).await.map_err(|e| e.to_string())
            }
            (Resource::ImportTask { .. }, Some(region)) => return self.remove_import(entry, region, deadline).await,
            (Resource::Image { .. }, Some(region)) => return self.remove_image_entry(entry, region, deadline).await,
            (_, Some(region)) => self.remove_from(entry, region, wait_in, deadline).await,
            (_, None) => Err("its region is not known".to_owned()),
        };
        why.err().and_then(|why| Leftover::of(entry, &self.inner.run_id, &why)).into_iter().collect()
    }

    async fn remove_from(&self, entry: &Entry, region: &AwsRegion, wait_in: &[Region], deadline: Instant) -> Result<(), String> {
        let report = &self.inner.report;
        match &entry.resource {
            Resource::KeyPair { name } => {
                report.say("Deleting temporary keypair...");
                delete(entry.since, deadline, || region.ec2.delete_key_pair(name)).await.map_err(|e| e.to_string())
            }
            Resource::SecurityGroup { name, id } => {
                let ids = match id {
                    Some(id) => vec![id.clone()],
                    None => self.find_groups(region, name, deadline).await.map_err(|e| e.to_string())?,
                };
                self.remove_groups(region, &ids, entry.since, deadline).await
            }
            Resource::Instance { id, client_token } => {
                let ids = match id {
                    Some(id) => vec![id.clone()],
                    None => self.lost_instances(region, client_token, deadline).await?,
                };
                let wait = wait_in.contains(region.name());
                for id in ids {
                    self.end_instance(region, &id, entry.since, wait, deadline).await?;
                }
                Ok(())
            }
            Resource::LaunchTemplate { name } => {
                delete(entry.since, deadline, || region.ec2.delete_launch_template(name)).await.map_err(|e| e.to_string())
            }
            Resource::InstanceProfile { name } => {
                profile::remove(region, report, name, entry.since, deadline).await.map_err(|e| e.to_string())
            }
            Resource::Session { target, id } => {
                session::remove(region, target, id.as_deref(), entry.since, deadline).await.map_err(|e| e.to_string())
            }
            Resource::Volume { id } => {
                report.say(format!("Destroying volume ({id})..."));
                delete(entry.since, deadline, || region.ec2.delete_volume(id)).await.map_err(|e| e.to_string())
            }
            Resource::Snapshot { id } => {
                delete(entry.since, deadline, || region.ec2.delete_snapshot(id)).await.map_err(|e| e.to_string())?;
                report.say(format!("Deleted snapshot: {id}"));
                Ok(())
            }
            Resource::VolumeSnapshot { volume, id } => {
                report.say("Removing snapshots since we cancelled or halted...");
                let ids = match id {
                    Some(id) => vec![id.clone()],
                    None => self.find_snapshots(region, volume, deadline).await.map_err(|e| e.to_string())?,
                };
                self.delete_all(&ids, |id| delete(entry.since, deadline, move || region.ec2.delete_snapshot(id))).await
            }
            Resource::LaunchedVolumes => {
                let ids = self.find_volumes(region, deadline).await.map_err(|e| e.to_string())?;
                ids.iter().for_each(|id| report.say(format!("Destroying volume ({id})...")));
                self.delete_all(&ids, |id| delete(entry.since, deadline, move || region.ec2.delete_volume(id))).await
            }
            Resource::ImageSetting { image, setting } => {
                delete(entry.since, deadline, || setting.undo(region, image)).await.map_err(|e| e.to_string())
            }
            Resource::S3Object { .. } => self.remove_object(entry, region, deadline).await.map_err(|e| e.to_string()),
            Resource::S3Upload { .. } => self.remove_upload(entry, region, deadline).await.map_err(|e| e.to_string()),
            Resource::WorkVolume { id, attached } => self.remove_work_volume((id.as_ref(), *attached), region, entry.since, deadline).await,
            Resource::ImportTask { .. }
            | Resource::Image { .. }
            | Resource::Mount { .. }
            | Resource::TempPath { .. }
            | Resource::Process { .. } => Ok(()),
        }
    }

    /// Removes all, side by side; what is refused does not keep the others.
    async fn delete_all<'a, T, F>(&self, ids: &'a [T], delete: impl Fn(&'a T) -> F) -> Result<(), String>
    where
        F: Future<Output = Result<(), Ec2Error>>,
    {
        let errors: Vec<String> =
            join_all(ids.iter().map(delete)).await.into_iter().filter_map(Result::err).map(|e| e.to_string()).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
    }

    async fn remove_groups(&self, region: &AwsRegion, ids: &[SecurityGroupId], born: Instant, deadline: Instant) -> Result<(), String> {
        for id in ids.iter().filter(|id| region.groups.leave(id, &self.inner.build)) {
            self.inner.report.say("Deleting temporary security group...");
            delete(born, deadline, || region.ec2.delete_security_group(id)).await.map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    async fn lost_instances(&self, region: &AwsRegion, client_token: &str, deadline: Instant) -> Result<Vec<InstanceId>, String> {
        let (mut known, mut answered_since) = (Vec::new(), false);
        for entry in self.stack().iter() {
            if let Resource::Instance { id: Some(id), client_token: token } = &entry.resource {
                known.push(id.clone());
                answered_since |= token == client_token;
            }
        }
        // Asked again with the same token, EC2 answered with the instance that the first call had launched.
        if answered_since {
            return Ok(Vec::new());
        }
        self.find_instances(region, &known, deadline).await.map_err(|e| e.to_string())
    }

    async fn end_instance(&self, region: &AwsRegion, id: &InstanceId, born: Instant, wait: bool, deadline: Instant) -> Result<(), String> {
        self.inner.report.say("Terminating the source AWS instance...");
        terminate(region, id, born, deadline).await.map_err(|e| e.to_string())?;
        if !wait {
            return Ok(());
        }
        // Cancellation has done its work by now: unwinding is what it asked for.
        match region.watcher.instance(id, Want::Terminated, deadline, &CancellationToken::new()).await {
            // One that has been asked to end does, whether or not EC2 lets us watch it.
            Ok(_) | Err(WaitError::Gone | WaitError::Ec2(_)) => Ok(()),
            Err(error) => Err(format!("asked to end, but {error}")),
        }
    }

    async fn remove_image_entry(&self, entry: &Entry, region: &AwsRegion, deadline: Instant) -> Vec<Leftover> {
        let Resource::Image { name, origin, id } = &entry.resource else { return Vec::new() };
        let stays = |error: &Ec2Error| Leftover::of(entry, &self.inner.run_id, &error.to_string()).into_iter().collect::<Vec<_>>();
        let known = match origin {
            ImageOrigin::Snapshots(snapshots) => snapshots.as_slice(),
            ImageOrigin::Instance(_) | ImageOrigin::Bundle { .. } | ImageOrigin::Copy { .. } => &[],
        };
        let removal = Removal { region, report: &self.inner.report, known, born: entry.since, deadline };
        let ids: Vec<ImageId> = match id {
            Some(id) => vec![id.clone()],
            None => match self.find_images(region, name, origin, deadline).await {
                Ok(found) => found,
                Err(error) => return stays(&error),
            },
        };
        if ids.is_empty() {
            return match self.find_orphans(region, origin, deadline).await {
                Ok(snapshots) => removal.delete_snapshots(snapshots).await,
                Err(error) => stays(&error),
            };
        }
        let mut left = Vec::new();
        for id in ids {
            self.inner.report.say(match entry.lifetime {
                Lifetime::Build => "Deregistering the AMI and deleting unencrypted temporary AMIs and snapshots",
                Lifetime::Artifact | Lifetime::Kept => {
                    "Deregistering the AMI and deleting associated snapshots because of cancellation, or error..."
                }
            });
            if let Err((image, snapshots)) = removal.image(&id).await {
                left.extend(image.as_ref().map(stays).unwrap_or_default());
                left.extend(snapshots);
            }
        }
        left
    }

    /// Packer's two lines after the end of an instance.
    fn tell_volumes(&self, first: &[Entry], last: &[Entry]) {
        if first.iter().any(|entry| entry.instance().is_some()) {
            self.inner.report.say("Cleaning up any extra volumes...");
            if !last.iter().any(|entry| matches!(entry.resource, Resource::Volume { .. })) {
                self.inner.report.say("No volumes to clean up, skipping");
            }
        }
    }
}

impl Entry {
    fn goes(&self, ending: Ending) -> bool {
        match self.lifetime {
            Lifetime::Build => true,
            Lifetime::Artifact => ending != Ending::Success,
            Lifetime::Kept => ending == Ending::Cleanup,
        }
    }

    fn goes_after_instances(&self) -> bool {
        match self.resource {
            Resource::SecurityGroup { .. } | Resource::Volume { .. } | Resource::LaunchedVolumes => true,
            Resource::KeyPair { .. }
            | Resource::LaunchTemplate { .. }
            | Resource::InstanceProfile { .. }
            | Resource::Session { .. }
            | Resource::Instance { .. }
            | Resource::Image { .. }
            | Resource::ImageSetting { .. }
            | Resource::Snapshot { .. }
            | Resource::VolumeSnapshot { .. }
            | Resource::S3Object { .. }
            | Resource::S3Upload { .. }
            | Resource::ImportTask { .. }
            | Resource::Mount { .. }
            | Resource::WorkVolume { .. }
            | Resource::TempPath { .. }
            | Resource::Process { .. } => false,
        }
    }

    fn goes_before_images(&self) -> bool {
        matches!(self.resource, Resource::ImageSetting { .. })
    }

    fn instance(&self) -> Option<&InstanceId> {
        match &self.resource {
            Resource::Instance { id, .. } => id.as_ref(),
            _ => None,
        }
    }
}
