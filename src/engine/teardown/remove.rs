//! How each kind of thing goes. Deleting what is gone is success; what EC2 calls retryable is retried with growing pauses.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use amibake_ec2::model::{DescribeImages, Filter, ImageState};
use amibake_ec2::{Ec2Error, ErrorKind, ImageId, InstanceId, SnapshotId};
use tokio::time::Instant;

use super::Leftover;
use crate::engine::account::AwsRegion;
use crate::event::Reporter;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// How young something may be for EC2 to say "not found" about it although it exists: its answers are eventually consistent.
const YOUNG: Duration = Duration::from_secs(30);
/// How often EC2 has to say so about something young: 3.5 seconds.
const TIMES_NOT_FOUND: u32 = 4;
/// How often any other refusal is taken for passing: what stays behind costs money, and permissions are eventually consistent too.
const TIMES_REFUSED: u32 = 4;
/// How long the snapshots of a half-made image may take to show.
const SNAPSHOTS_SHOW: Duration = Duration::from_secs(2);
/// How long removing one artifact may take.
const ARTIFACT_LIMIT: Duration = Duration::from_secs(120);

/// Codes that pass: something still hangs on it, or its state is between two.
const PASSING: [&str; 9] = [
    "DependencyViolation",
    "InvalidGroup.InUse",
    "VolumeInUse",
    "InvalidSnapshot.InUse",
    "IncorrectState",
    "IncorrectInstanceState",
    "InvalidAMIID.Unavailable",
    "ResourceInUse",
    "DeleteConflict",
];

/// Repeats a deleting call until it succeeds, is refused again and again, or the deadline passes.
pub(super) async fn delete<F>(born: Instant, deadline: Instant, mut call: impl FnMut() -> F) -> Result<(), Ec2Error>
where
    F: Future<Output = amibake_ec2::Result<()>>,
{
    let mut pause = FIRST_PAUSE;
    let (mut not_found, mut refused) = (0, 0);
    loop {
        let error = match tokio::time::timeout_at(deadline, call()).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_) => return Err(Ec2Error::unknown("Delete", "no answer before the time for cleaning up was over")),
        };
        let gone = error.is_not_found();
        not_found += u32::from(gone);
        if gone && (born.elapsed() >= YOUNG || not_found >= TIMES_NOT_FOUND) {
            return Ok(());
        }
        refused += u32::from(!gone && !passes(&error));
        if refused >= TIMES_REFUSED || error.kind == ErrorKind::Setup {
            return Err(error);
        }
        if Instant::now() + pause >= deadline {
            return if gone { Ok(()) } else { Err(error) };
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn passes(error: &Ec2Error) -> bool {
    match error.kind {
        ErrorKind::Throttled | ErrorKind::Unknown => true,
        ErrorKind::Refused => PASSING.iter().any(|code| error.is(code)),
        ErrorKind::Setup => false,
    }
}

/// Terminates an instance: the call only.
pub(super) async fn terminate(region: &AwsRegion, id: &InstanceId, born: Instant, deadline: Instant) -> Result<(), Ec2Error> {
    delete(born, deadline, || region.ec2.terminate_instance(id)).await
}

/// Removes a finished image with its snapshots, telling each: for artifacts that a post-processor does not keep.
///
/// # Errors
/// What could not be removed.
pub async fn remove_image(region: &AwsRegion, image: &ImageId, report: &Reporter) -> Result<(), Vec<Leftover>> {
    remove_image_of(region, image, &[], report).await
}

/// [`remove_image`] where it is known of which snapshots the image is made.
///
/// # Errors
/// What could not be removed.
pub async fn remove_image_of(region: &AwsRegion, image: &ImageId, known: &[SnapshotId], report: &Reporter) -> Result<(), Vec<Leftover>> {
    // Long since finished: "not found" means gone.
    let born = Instant::now().checked_sub(YOUNG).unwrap_or_else(Instant::now);
    let removal = Removal { region, report, known, born, deadline: Instant::now() + ARTIFACT_LIMIT };
    removal.image(image).await.map_err(|(image_error, mut left)| {
        if let Some(error) = image_error {
            left.insert(0, Leftover::image(region, image, error.to_string()));
        }
        left
    })
}

/// The removal of one image.
pub(super) struct Removal<'a> {
    pub region: &'a AwsRegion,
    pub report: &'a Reporter,
    /// Snapshots that it is known to be made of.
    pub known: &'a [SnapshotId],
    /// When the image was made.
    pub born: Instant,
    pub deadline: Instant,
}

impl Removal<'_> {
    /// Deregisters the image and deletes its snapshots.
    ///
    /// # Errors
    /// Why the image stays (then its snapshots do too), and which snapshots stay.
    pub async fn image(&self, image: &ImageId) -> Result<(), (Option<Ec2Error>, Vec<Leftover>)> {
        let (mut snapshots, finished) = self.mapped_snapshots(image).await;
        snapshots.extend(self.known.iter().cloned());
        let deregistered = delete(self.born, self.deadline, || self.region.ec2.deregister_image(image)).await;
        deregistered.map_err(|error| (Some(error), Vec::new()))?;
        self.report.say(format!("Deregistered AMI id: {image}"));
        if !finished && self.known.is_empty() {
            snapshots.extend(self.described_snapshots(image).await);
        }
        let left = self.delete_snapshots(snapshots).await;
        if left.is_empty() { Ok(()) } else { Err((None, left)) }
    }

    /// Deletes snapshots; those that stay.
    pub async fn delete_snapshots(&self, snapshots: BTreeSet<SnapshotId>) -> Vec<Leftover> {
        let deletions = snapshots.into_iter().map(|id| async move {
            match delete(self.born, self.deadline, || self.region.ec2.delete_snapshot(&id)).await {
                Ok(()) => {
                    self.report.say(format!("Deleted snapshot: {id}"));
                    None
                }
                Err(error) => Some(Leftover::snapshot(self.region, &id, error.to_string())),
            }
        });
        futures_util::future::join_all(deletions).await.into_iter().flatten().collect()
    }

    /// The snapshots in the image's mapping, and whether that mapping is complete.
    async fn mapped_snapshots(&self, image: &ImageId) -> (BTreeSet<SnapshotId>, bool) {
        let request = DescribeImages { ids: vec![image.clone()], ..DescribeImages::default() };
        let Ok(Ok(images)) = tokio::time::timeout_at(self.deadline, self.region.ec2.describe_images(request)).await else {
            return (BTreeSet::new(), false);
        };
        let finished = images.iter().any(|image| image.state == ImageState::Available);
        (images.into_iter().flat_map(|image| image.block_devices).filter_map(|device| device.snapshot).collect(), finished)
    }

    /// A half-made image does not name its snapshots yet, but they name it in their description: `Created by CreateImage(i-…) for
    /// ami-…`, `Copied for DestinationAmi ami-… from SourceAmi …`.
    async fn described_snapshots(&self, image: &ImageId) -> BTreeSet<SnapshotId> {
        let found = self.search_snapshots(image).await;
        if found.is_empty() && Instant::now() + SNAPSHOTS_SHOW < self.deadline {
            tokio::time::sleep(SNAPSHOTS_SHOW).await;
            return self.search_snapshots(image).await;
        }
        found
    }

    async fn search_snapshots(&self, image: &ImageId) -> BTreeSet<SnapshotId> {
        let filters = [Filter::new("description", format!("*{image}*"))];
        let search = self.region.ec2.describe_snapshots(&[], &filters);
        let Ok(Ok(found)) = tokio::time::timeout_at(self.deadline, search).await else { return BTreeSet::new() };
        // A later copy of this image names it too, as its source: that is somebody else's.
        found.into_iter().filter(|s| made_for(&s.description, image)).map(|s| s.id).collect()
    }
}

/// Whether a snapshot's description says that it was made for this image (`Created by CreateImage(i-…) for ami-…`, `Copied for
/// DestinationAmi ami-… from …`): the image is the first one it names.
pub fn made_for(description: &str, image: &ImageId) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    description.split(|c| !word(c)).find(|w| w.starts_with("ami-")).is_some_and(|first| first == image.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(description: &str, expected: bool) {
        assert_eq!(made_for(description, &ImageId::new("ami-1").unwrap()), expected, "{description}");
    }

    #[test]
    fn snapshots_name_the_image_they_were_made_for_first() {
        check("Created by CreateImage(i-1) for ami-1", true);
        check("Created by CreateImage(i-1) for ami-1 from vol-1", true);
        check("Copied for DestinationAmi ami-1 from SourceAmi ami-2 for SourceSnapshot snap-1. Task created on 1.", true);
        check("Copied for DestinationAmi ami-2 from SourceAmi ami-1 for SourceSnapshot snap-1. Task created on 1.", false);
        check("Created by CreateImage(i-1) for ami-12", false);
        check("a snapshot of mine", false);
    }
}
