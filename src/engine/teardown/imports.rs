//! How an import goes: the object in S3, the upload that was to become it, the task, the image that the task made meanwhile.

use std::future::Future;
use std::time::Duration;

use amibake_ec2::model::ImportTask;
use amibake_ec2::s3::{ObjectName, Upload};
use amibake_ec2::{Ec2Error, ImageId, ImportTaskId, SnapshotId};
use tokio::time::Instant;

use super::remove::{Removal, delete};
use super::search::until_found;
use super::{Entry, Leftover, RUN_TAG, Resource, Teardown};
use crate::engine::account::AwsRegion;

/// How long a cancelled task may take to say that it is.
const CANCELLED_SHOWS: Duration = Duration::from_secs(60);
/// Pause between two looks at it.
const LOOK: Duration = Duration::from_secs(2);

impl Teardown {
    /// Removes an object. Where it is not certain that this run stored it, it is asked for first: what was there before is somebody's.
    pub(super) async fn remove_object(&self, entry: &Entry, region: &AwsRegion, deadline: Instant) -> Result<(), Ec2Error> {
        let Resource::S3Object { name, stored, version } = &entry.resource else { return Ok(()) };
        let s3 = region.ec2.s3();
        let mut version = version.clone();
        if !stored {
            let found = answered(deadline, || s3.head_object(name)).await;
            match found {
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) => return Err(error),
                Ok(found) if found.run_id.as_deref() != Some(&self.inner.run_id) => return Ok(()),
                Ok(found) => version = version.or(found.version),
            }
        }
        self.inner.report.detail(format!("Deleting import source {name}"));
        delete(entry.since, deadline, || s3.delete_object(name, version.as_deref())).await
    }

    /// Gives an upload up. Where its id is lost, those of this object that were begun since the run began are this run's.
    pub(super) async fn remove_upload(&self, entry: &Entry, region: &AwsRegion, deadline: Instant) -> Result<(), Ec2Error> {
        let Resource::S3Upload { name, id } = &entry.resource else { return Ok(()) };
        let ids = match id {
            Some(id) => vec![id.clone()],
            None => self.find_uploads(region, name, deadline).await?,
        };
        let s3 = region.ec2.s3();
        for id in ids {
            let upload = Upload { name: name.clone(), id };
            delete(entry.since, deadline, || s3.abort_upload(&upload)).await?;
            self.inner.report.say(format!("Gave up the upload of {name}"));
        }
        Ok(())
    }

    async fn find_uploads(&self, region: &AwsRegion, name: &ObjectName, deadline: Instant) -> Result<Vec<String>, Ec2Error> {
        let s3 = region.ec2.s3();
        until_found(deadline, || async {
            let listed = s3.list_uploads(name).await?;
            Ok(listed.into_iter().filter(|upload| self.since_start(&upload.initiated)).map(|upload| upload.id).collect())
        })
        .await
    }

    /// Cancels a task that goes on, and removes the image of one that came to its end.
    pub(super) async fn remove_import(&self, entry: &Entry, region: &AwsRegion, deadline: Instant) -> Vec<Leftover> {
        let Resource::ImportTask { id, image, snapshots, .. } = &entry.resource else { return Vec::new() };
        let stays = |error: &Ec2Error| Leftover::of(entry, &self.inner.run_id, &error.to_string()).into_iter().collect::<Vec<_>>();
        if let Some(image) = image {
            return self.remove_imported(entry, region, (image, snapshots), deadline).await;
        }
        let tasks = match id {
            Some(id) => Ok(vec![id.clone()]),
            None => self.find_imports(region, deadline).await,
        };
        let tasks = match tasks {
            Ok(tasks) => tasks,
            Err(error) => return stays(&error),
        };
        let mut left = Vec::new();
        for task in tasks {
            match self.cancel_import(region, &task, entry.since, deadline).await {
                Ok(Some((image, snapshots))) => left.extend(self.remove_imported(entry, region, (&image, &snapshots), deadline).await),
                Ok(None) => {}
                Err(error) => left.extend(stays(&error)),
            }
        }
        left
    }

    async fn remove_imported(
        &self,
        entry: &Entry,
        region: &AwsRegion,
        (image, known): (&ImageId, &[SnapshotId]),
        deadline: Instant,
    ) -> Vec<Leftover> {
        let removal = Removal { region, report: &self.inner.report, known, born: entry.since, deadline };
        match removal.image(image).await {
            Ok(()) => Vec::new(),
            Err((error, mut left)) => {
                left.extend(error.map(|error| Leftover::image(region, image, error.to_string())));
                left
            }
        }
    }

    /// Tasks with the tags of this build.
    async fn find_imports(&self, region: &AwsRegion, deadline: Instant) -> Result<Vec<ImportTaskId>, Ec2Error> {
        let tags = self.tags();
        debug_assert!(tags.iter().any(|tag| tag.key == RUN_TAG));
        until_found(deadline, || async {
            let tasks = region.ec2.describe_import_tasks(&[]).await?;
            let ours = tasks.into_iter().filter(|task| tags.iter().all(|tag| task.tags.contains(tag)));
            Ok(ours.filter(|task| task.status != "deleted").map(|task| task.id).collect())
        })
        .await
    }

    /// Cancels a task; the image of one that was faster.
    async fn cancel_import(
        &self,
        region: &AwsRegion,
        task: &ImportTaskId,
        born: Instant,
        deadline: Instant,
    ) -> Result<Option<(ImageId, Vec<SnapshotId>)>, Ec2Error> {
        self.inner.report.say(format!("Cancelling import task {task}"));
        let refused = delete(born, deadline.min(Instant::now() + CANCELLED_SHOWS), || region.ec2.cancel_import_task(task)).await.err();
        let shows = deadline.min(Instant::now() + CANCELLED_SHOWS);
        loop {
            let tasks = answered(deadline, || region.ec2.describe_import_tasks(std::slice::from_ref(task))).await;
            match tasks.map(|tasks| tasks.into_iter().next()) {
                Ok(Some(ImportTask { image: Some(image), snapshots, status, .. })) if status == "completed" => {
                    return Ok(Some((image, snapshots)));
                }
                Ok(Some(task)) if task.status == "deleted" => return Ok(None),
                Ok(None) => return Ok(None),
                Err(error) if error.is_not_found() => return Ok(None),
                Err(error) => return Err(error),
                Ok(Some(_)) if Instant::now() + LOOK < shows => tokio::time::sleep(LOOK).await,
                // It has been told to end, and does not say yet that it has.
                Ok(Some(task)) if task.status == "deleting" => return Ok(None),
                Ok(Some(_)) => return Err(refused.unwrap_or_else(|| Ec2Error::unknown("CancelImportTask", "the task still goes on"))),
            }
        }
    }
}

/// A question whose answers may be lost.
async fn answered<T, F>(deadline: Instant, call: impl Fn() -> F) -> Result<T, Ec2Error>
where
    F: Future<Output = amibake_ec2::Result<T>>,
{
    let mut tries = 1;
    loop {
        let answer = tokio::time::timeout_at(deadline, call()).await;
        match answer.unwrap_or_else(|_| Err(Ec2Error::unknown("Describe", "no answer before the time for cleaning up was over"))) {
            Err(error) if !error.is_not_found() && tries < 4 && Instant::now() + LOOK < deadline => {
                tries += 1;
                tokio::time::sleep(LOOK).await;
            }
            answer => return answer,
        }
    }
}
