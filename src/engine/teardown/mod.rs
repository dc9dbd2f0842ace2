//! The explicit stack of what exists because of a build and must go: own, unwind, leftover.
//!
//! An entry is journalled before the creating call and completed with the id after it. The scheduler unwinds the stack at one place, after
//! the build's future has ended: success, failure, panic and cancellation alike. Builders never delete on their way out.
//!
//! ```text
//! let (instance, entry) = cx.teardown.create(&region, Resource::instance(&token), Lifetime::Build, region.ec2.run_instance(request)).await?;
//! ```
//!
//! [`resource`](Resource): what can be owned; `unwind`: in which order it goes; `remove`: how each kind goes; `search`: how what a lost
//! reply hid is found; `profile`, `session`, `imports`: what takes more than one call; `chain`, `mount`: what goes one after the other on
//! this machine; `resume`: the stack of a dead run.

mod chain;
mod imports;
mod leftover;
mod local;
mod mount;
mod profile;
mod remove;
mod resource;
mod resume;
mod search;
mod session;
mod setting;
#[cfg(test)]
mod tests;
mod unwind;

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use amibake_ec2::model::Tag;
use amibake_ec2::{Ec2Error, ErrorKind};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub use chain::Attached;
pub use leftover::Leftover;
pub use mount::{Wrapped, in_mounts, mounted_here};
pub use remove::{made_for, remove_image, remove_image_of};
pub use resource::{Created, ImageOrigin, ImageSetting, Lifetime, Resource, UploadId};
pub use resume::Past;
pub use unwind::Ending;

use crate::engine::account::AwsRegion;
use crate::engine::journal::{Journal, JournalError, Place};
use crate::event::Reporter;

/// Tag of the run, on whatever a build creates except the image.
pub const RUN_TAG: &str = "amibake:run-id";
/// Tag of the build, beside [`RUN_TAG`].
pub const BUILD_TAG: &str = "amibake:build";
/// EC2's longest tag value, characters.
const TAG_VALUE_LIMIT: usize = 256;
/// How long one creating call may take, all its repetitions within the SDK included.
pub const CREATE_LIMIT: Duration = Duration::from_secs(300);

/// A build's stack. Cheap to clone; all methods take `&self`, so that things may be created side by side.
#[derive(Clone)]
pub struct Teardown {
    inner: Arc<Inner>,
}

struct Inner {
    run_id: String,
    build: String,
    /// Start of the run, nanoseconds since 1970: an image older than that is not ours.
    started_unix_nanos: i128,
    journal: Arc<Journal>,
    report: Reporter,
    stack: Mutex<Vec<Entry>>,
}

/// One owned thing.
#[derive(Clone)]
struct Entry {
    id: EntryId,
    region: Option<AwsRegion>,
    resource: Resource,
    lifetime: Lifetime,
    /// When it was made, as far as known.
    since: Instant,
}

/// Names one entry of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(pub(in crate::engine) u64);

/// Why nothing (certain) was created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The journal cannot be written; nothing was sent.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// EC2 refused, or nothing was sent: nothing exists, the entry is gone again.
    #[error(transparent)]
    Ec2(Ec2Error),
    /// No answer came: it may exist. The entry stays, and unwinding looks for it by name and tags. A caller that finds it, or asks
    /// again with the same client token, hands it over by [`Teardown::complete`].
    #[error("{error}")]
    Unknown {
        /// What stood in the way.
        error: Ec2Error,
        /// The entry.
        entry: EntryId,
    },
}

impl CreateError {
    /// EC2's side of it.
    pub fn ec2(&self) -> Option<&Ec2Error> {
        match self {
            Self::Journal(_) => None,
            Self::Ec2(error) | Self::Unknown { error, .. } => Some(error),
        }
    }
}

impl Teardown {
    /// An empty stack of a build.
    pub fn new(run_id: &str, build: &str, started_unix_nanos: i128, journal: Arc<Journal>, report: Reporter) -> Self {
        let (run_id, build) = (run_id.to_owned(), build.to_owned());
        Self { inner: Arc::new(Inner { run_id, build, started_unix_nanos, journal, report, stack: Mutex::default() }) }
    }

    /// The tags that every creating call has to carry (key pair, group, instance, volumes, network interface), never the image:
    /// [`RUN_TAG`] and [`BUILD_TAG`]. Unwinding finds by them what a lost reply hid.
    pub fn tags(&self) -> Vec<Tag> {
        let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.chars().take(TAG_VALUE_LIMIT).collect() };
        vec![tag(RUN_TAG, &self.inner.run_id), tag(BUILD_TAG, &self.inner.build)]
    }

    /// Owns what `call` creates: journals the intention, lets the call run to its end (never raced against cancellation, at most
    /// [`CREATE_LIMIT`]), then completes the entry, or drops it where EC2 refused.
    ///
    /// # Errors
    /// See [`CreateError`]. After `Ec2` a repeated attempt is a new `create`.
    pub async fn create<T: Created>(
        &self,
        region: &AwsRegion,
        resource: Resource,
        lifetime: Lifetime,
        call: impl Future<Output = amibake_ec2::Result<T>> + Send,
    ) -> Result<(T, EntryId), CreateError> {
        let entry = self.intend(region, resource, lifetime).await?;
        match tokio::time::timeout(CREATE_LIMIT, call).await {
            Ok(Ok(made)) => {
                self.complete(entry, &made);
                Ok((made, entry))
            }
            Ok(Err(error)) if error.kind == ErrorKind::Unknown => Err(CreateError::Unknown { error, entry }),
            Ok(Err(error)) => {
                self.release(entry);
                Err(CreateError::Ec2(error))
            }
            Err(_) => {
                let error = Ec2Error::unknown("Create", format!("no answer within {} seconds", CREATE_LIMIT.as_secs()));
                Err(CreateError::Unknown { error, entry })
            }
        }
    }

    async fn intend(&self, region: &AwsRegion, resource: Resource, lifetime: Lifetime) -> Result<EntryId, JournalError> {
        let (entry, written) = self.push(Some(region), resource, lifetime);
        let forced = match written {
            Ok(()) => self.inner.journal.force().await,
            Err(error) => Err(error),
        };
        forced.map(|()| entry).inspect_err(|_| self.release(entry))
    }

    /// Owns something that exists already: a volume that will outlive its instance, a temporary file (`region` None), a process.
    ///
    /// # Errors
    /// The journal cannot be written. It is owned all the same.
    pub fn own(&self, region: Option<&AwsRegion>, resource: Resource, lifetime: Lifetime) -> Result<EntryId, JournalError> {
        let (entry, written) = self.push(region, resource, lifetime);
        written.map(|()| entry)
    }

    fn push(&self, region: Option<&AwsRegion>, resource: Resource, lifetime: Lifetime) -> (EntryId, Result<(), JournalError>) {
        let place = region.map(|region| Place { region: region.name().clone(), reach: (*region.reach).clone() });
        let (id, written) = self.inner.journal.intend(&self.inner.build, place, lifetime, &resource);
        self.stack().push(Entry { id, region: region.cloned(), resource, lifetime, since: Instant::now() });
        (id, written)
    }

    /// An empty stack of the same build, for what is done with its artifact; `report` tells what becomes of it.
    pub fn another(&self, report: Reporter) -> Self {
        let Inner { run_id, build, started_unix_nanos, journal, .. } = &*self.inner;
        Self::new(run_id, build, *started_unix_nanos, Arc::clone(journal), report)
    }

    /// Completes an entry whose reply was lost with what was found since.
    pub fn complete(&self, entry: EntryId, made: &impl Created) {
        if let Some(known) = self.stack().iter_mut().find(|known| known.id == entry) {
            made.complete(&mut known.resource);
            known.since = Instant::now();
            self.inner.journal.complete(entry, &known.resource);
        }
    }

    /// Name of the build, as the run's other builds know it.
    pub fn build(&self) -> &str {
        &self.inner.build
    }

    /// Takes an entry off the stack: the builder removed it itself, or handed it over.
    pub fn release(&self, entry: EntryId) {
        let mut stack = self.stack();
        let before = stack.len();
        stack.retain(|known| known.id != entry);
        if stack.len() < before {
            self.inner.journal.release(entry);
        }
    }

    /// Makes an entry that was part of the artifact temporary, or the other way round (the image before encryption).
    pub fn set_lifetime(&self, entry: EntryId, lifetime: Lifetime) {
        if let Some(known) = self.stack().iter_mut().find(|known| known.id == entry) {
            known.lifetime = lifetime;
            self.inner.journal.live(entry, lifetime);
        }
    }

    /// Lets the images stay whatever becomes of the build: AWS has begun them, may still finish them, and `amibake adopt` does the rest
    /// then. They stay in the journal, so that `amibake cleanup` can remove them.
    pub fn keep_images(&self) {
        let images: Vec<_> = self.stack().iter().filter(|e| matches!(e.resource, Resource::Image { .. })).map(|e| e.id).collect();
        for image in images {
            self.set_lifetime(image, Lifetime::Kept);
        }
    }

    /// The command that removes what is left of this run; None without a journal that remembers it.
    pub fn cleanup_command(&self) -> Option<String> {
        self.inner.journal.path().map(|_| format!("amibake cleanup -run-id {}", self.inner.run_id))
    }

    /// The command that does with an image what this build would have done.
    pub fn adopt_command(&self, image: &amibake_ec2::ImageId) -> String {
        format!("amibake adopt {image} {}", self.inner.journal.template().unwrap_or("TEMPLATE"))
    }

    /// What is on the stack at this moment, newest first, as it would be told if it stayed: for the second interrupt.
    pub fn remaining(&self, why: &str) -> Vec<Leftover> {
        self.stack().iter().rev().filter_map(|entry| Leftover::of(entry, &self.inner.run_id, why)).collect()
    }

    /// Whether nothing is owned.
    pub fn is_empty(&self) -> bool {
        self.stack().is_empty()
    }

    /// Where the run's journal is, for messages.
    pub fn journal_path(&self) -> Option<PathBuf> {
        self.inner.journal.path().map(ToOwned::to_owned)
    }

    fn stack(&self) -> MutexGuard<'_, Vec<Entry>> {
        // A build that panicked in here leaves a vector, and it must be unwound all the more.
        self.inner.stack.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
