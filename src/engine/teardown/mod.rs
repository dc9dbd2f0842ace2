//! The explicit stack of what exists because of a build and must go: own, unwind, leftover.
//!
//! An entry is journalled before the creating call and completed with the id after it. The scheduler unwinds the stack at one place, after
//! the build's future has ended: success, failure, panic and cancellation alike. Builders never delete on their way out.
//!
//! ```ignore
//! let (instance, entry) = cx.teardown.create(&region, Resource::instance(&token), Lifetime::Build, region.ec2.run_instance(request)).await?;
//! ```

mod resource;

use std::future::Future;
use std::path::PathBuf;

use amibake_ec2::Ec2Error;
use amibake_ec2::model::Tag;

pub use resource::{Created, ImageOrigin, Lifetime, Resource};

use crate::engine::context::AwsRegion;
use crate::engine::journal::JournalError;

/// A build's stack. Cheap to clone; all methods take `&self`, so that things may be created side by side.
#[derive(Clone)]
pub struct Teardown {}

/// Names one entry of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(u64);

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

/// Something that could not be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// What it is, with its region: `instance i-… in us-east-2`.
    pub what: String,
    /// Why it is still there.
    pub why: String,
    /// The command that removes it.
    pub command: String,
}

impl Teardown {
    /// The tags that every creating call has to carry (key pair, group, instance, volumes, network interface), never the image:
    /// `amibake:run-id` and `amibake:build`. Unwinding finds by them what a lost reply hid.
    pub fn tags(&self) -> Vec<Tag> {
        unimplemented!()
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
        let _ = (region, resource, lifetime, call.await);
        unimplemented!()
    }

    /// Owns something that exists already: a volume that will outlive its instance, a temporary file (`region` None), a process.
    ///
    /// # Errors
    /// The journal cannot be written. It is owned all the same.
    pub fn own(&self, region: Option<&AwsRegion>, resource: Resource, lifetime: Lifetime) -> Result<EntryId, JournalError> {
        let _ = (region, resource, lifetime);
        unimplemented!()
    }

    /// Completes an entry whose reply was lost with what was found since.
    pub fn complete(&self, entry: EntryId, made: &impl Created) {
        let _ = (entry, made);
        unimplemented!()
    }

    /// Takes an entry off the stack: the builder removed it itself, or handed it over.
    pub fn release(&self, entry: EntryId) {
        let _ = entry;
        unimplemented!()
    }

    /// Makes an entry that was part of the artifact temporary, or the other way round (the image before encryption).
    pub fn set_lifetime(&self, entry: EntryId, lifetime: Lifetime) {
        let _ = (entry, lifetime);
        unimplemented!()
    }

    /// Where the run's journal is, for messages.
    pub fn journal_path(&self) -> Option<PathBuf> {
        unimplemented!()
    }
}

/// How long one creating call may take, all its repetitions within the SDK included.
pub const CREATE_LIMIT: std::time::Duration = std::time::Duration::from_secs(300);
