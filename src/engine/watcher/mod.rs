//! One poller per account and region for the waits of all builds.
//!
//! Waiting builds drive it themselves: whoever is first polls for all, so nothing is spawned and nothing runs while nobody waits. If that
//! build stops waiting, the next one takes over. One describe call a second, whatever waits; a wait ends by its own deadline,
//! and neither throttling nor a lost answer nor another build's unknown id ends it.

mod poller;
mod polling;
#[cfg(test)]
mod tests;
mod wait;

use std::sync::Arc;

use amibake_ec2::model::{Image, Instance, Snapshot, Volume};
use amibake_ec2::{Ec2, Ec2Error, ImageId, InstanceId, SnapshotId, VolumeId};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use polling::Polling;

use poller::Poller;
use wait::{Found, Goal, Wait};

/// The state that an instance is to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// `running`; fails on stopping, stopped, shutting-down, terminated.
    Running,
    /// `stopped`; fails on shutting-down, terminated.
    Stopped,
    /// `terminated`; an id that EC2 no longer knows counts if it was seen before, and is `Gone` otherwise.
    Terminated,
}

/// Why a wait ended without what it waited for.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// The build was told to stop.
    #[error("cancelled")]
    Cancelled,
    /// The deadline passed.
    #[error("timed out; the last state was `{last}`")]
    TimedOut {
        /// The state when it was last seen; `not seen` if never.
        last: String,
    },
    /// It reached a state from which the wanted one cannot come.
    #[error("it is now `{state}`{}", reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default())]
    Failed {
        /// That state.
        state: String,
        /// EC2's reason, where it gives one.
        reason: Option<String>,
    },
    /// EC2 does not know the id (any more).
    #[error("it does not exist (any more)")]
    Gone,
    /// EC2 refuses to say: no permission, a wrong endpoint.
    #[error(transparent)]
    Ec2(Ec2Error),
}

/// Polls one region of one account.
pub struct Watcher {
    poller: Poller,
}

impl Watcher {
    /// A watcher that asks by these calls.
    pub fn new(ec2: Arc<dyn Ec2>) -> Self {
        Self { poller: Poller::new(ec2) }
    }

    /// Waits until an instance is in the wanted state. Not found straight after a launch is tolerated.
    ///
    /// # Errors
    /// See [`WaitError`].
    pub async fn instance(
        &self,
        id: &InstanceId,
        want: Want,
        deadline: Instant,
        cancel: &CancellationToken,
    ) -> Result<Instance, WaitError> {
        match self.wait(Goal::Instance(want), id.as_str(), deadline, cancel).await? {
            Found::Instance(instance) => Ok(*instance),
            Found::Image(_) | Found::Snapshot(_) | Found::Volume(_) => Err(WaitError::Gone),
        }
    }

    /// Waits until an image is available.
    ///
    /// # Errors
    /// See [`WaitError`].
    pub async fn image(&self, id: &ImageId, deadline: Instant, cancel: &CancellationToken) -> Result<Image, WaitError> {
        match self.wait(Goal::Image, id.as_str(), deadline, cancel).await? {
            Found::Image(image) => Ok(*image),
            Found::Instance(_) | Found::Snapshot(_) | Found::Volume(_) => Err(WaitError::Gone),
        }
    }

    /// Waits until a snapshot is completed.
    ///
    /// # Errors
    /// See [`WaitError`].
    pub async fn snapshot(&self, id: &SnapshotId, deadline: Instant, cancel: &CancellationToken) -> Result<Snapshot, WaitError> {
        match self.wait(Goal::Snapshot, id.as_str(), deadline, cancel).await? {
            Found::Snapshot(snapshot) => Ok(*snapshot),
            Found::Instance(_) | Found::Image(_) | Found::Volume(_) => Err(WaitError::Gone),
        }
    }

    /// Waits until a volume is attached to an instance, or to none.
    ///
    /// # Errors
    /// See [`WaitError`].
    pub async fn volume(&self, id: &VolumeId, attached: bool, deadline: Instant, cancel: &CancellationToken) -> Result<Volume, WaitError> {
        match self.wait(Goal::Volume { attached }, id.as_str(), deadline, cancel).await? {
            Found::Volume(volume) => Ok(*volume),
            Found::Instance(_) | Found::Image(_) | Found::Snapshot(_) => Err(WaitError::Gone),
        }
    }

    async fn wait(&self, goal: Goal, id: &str, deadline: Instant, cancel: &CancellationToken) -> wait::Answer {
        let (tell, answer) = oneshot::channel();
        let now = Instant::now();
        let wait = Wait { goal, id: id.to_owned(), since: now, due: now, seen: None, missing: 0, trouble: None, tell: Some(tell) };
        let entered = Entered { poller: &self.poller, number: self.poller.enter(wait) };
        tokio::select! {
            biased;
            told = answer => told.unwrap_or(Err(WaitError::Gone)),
            () = cancel.cancelled() => Err(WaitError::Cancelled),
            () = tokio::time::sleep_until(deadline) => Err(WaitError::TimedOut { last: entered.leave() }),
            never = self.poller.drive() => match never {},
        }
    }
}

/// A place among those who wait; given up by dropping.
struct Entered<'a> {
    poller: &'a Poller,
    number: u64,
}

impl Entered<'_> {
    fn leave(&self) -> String {
        self.poller.leave(self.number).map(|wait| wait.last()).unwrap_or_default()
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let _ = self.poller.leave(self.number);
    }
}
