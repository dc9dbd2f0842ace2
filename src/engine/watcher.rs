//! One poller per account and region for the waits of all builds.
//!
//! Waiting builds drive it themselves: whoever is first polls for all, so nothing is spawned and nothing runs while nobody waits.

use std::collections::BTreeMap;
use std::time::Duration;

use amibake_ec2::model::{Image, Instance, Snapshot};
use amibake_ec2::{Ec2Error, ImageId, InstanceId, SnapshotId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The state that an instance is to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// `running`; fails on shutting-down, terminated, stopping, stopped.
    Running,
    /// `stopped`; fails on pending, shutting-down, terminated.
    Stopped,
    /// `terminated`; an id that EC2 no longer knows counts.
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

/// How long a build waits for EC2: `aws_polling` and its environment variables, as limits (reference: waiters).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Polling {
    /// `delay_seconds` or `AWS_POLL_DELAY_SECONDS`. Counts for the limit only: amibake asks more often.
    pub delay: Option<Duration>,
    /// `max_attempts` or `AWS_MAX_ATTEMPTS`.
    pub attempts: Option<u32>,
    /// `AWS_TIMEOUT_SECONDS`; counts only without attempts.
    pub timeout: Option<Duration>,
}

impl Polling {
    /// The template's two keys win over the environment, which wins over the defaults. Unreadable numbers count as absent.
    pub fn new(delay_seconds: Option<u32>, max_attempts: Option<u32>, env: &BTreeMap<String, String>) -> Self {
        let _ = (delay_seconds, max_attempts, env);
        Self::default()
    }

    /// Longest wait for an instance (default 10 minutes).
    pub fn instance_limit(&self) -> Duration {
        Duration::from_secs(600)
    }

    /// Longest wait for an image or snapshot (default 30 minutes).
    pub fn image_limit(&self) -> Duration {
        Duration::from_secs(1800)
    }
}

/// Polls one region of one account.
pub struct Watcher {}

impl Watcher {
    /// Waits until an instance is in the wanted state. Not found straight after a launch is tolerated.
    ///
    /// # Errors
    /// See [`WaitError`].
    #[allow(clippy::unused_async)]
    pub async fn instance(
        &self,
        id: &InstanceId,
        want: Want,
        deadline: Instant,
        cancel: &CancellationToken,
    ) -> Result<Instance, WaitError> {
        let _ = (id, want, deadline, cancel);
        unimplemented!()
    }

    /// Waits until an image is available.
    ///
    /// # Errors
    /// See [`WaitError`].
    #[allow(clippy::unused_async)]
    pub async fn image(&self, id: &ImageId, deadline: Instant, cancel: &CancellationToken) -> Result<Image, WaitError> {
        let _ = (id, deadline, cancel);
        unimplemented!()
    }

    /// Waits until a snapshot is completed.
    ///
    /// # Errors
    /// See [`WaitError`].
    #[allow(clippy::unused_async)]
    pub async fn snapshot(&self, id: &SnapshotId, deadline: Instant, cancel: &CancellationToken) -> Result<Snapshot, WaitError> {
        let _ = (id, deadline, cancel);
        unimplemented!()
    }
}
