//! What changes a running guest.

pub mod file;
pub mod local_script;
pub mod script;
pub mod shell;
pub mod shell_local;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::communicator::{Communicator, CommunicatorError};
use crate::engine::late::LateContext;
use crate::event::Reporter;

/// A provisioner, configured.
#[async_trait]
pub trait Provisioner: Send + Sync {
    /// Does its work on the guest.
    ///
    /// # Errors
    /// What went wrong, for people; the first error is the build's error.
    async fn provision(&self, cx: &ProvisionContext<'_>) -> Result<(), ProvisionError>;
}

/// What a provisioner works with.
pub struct ProvisionContext<'a> {
    /// Its voice (the build's).
    pub report: &'a Reporter,
    /// The guest.
    pub communicator: &'a dyn Communicator,
    /// Renders run-time fields; knows the build's name, type and data.
    pub late: &'a LateContext,
    /// Cancelled when the build is to stop: every wait and every command selects on it.
    pub cancel: &'a CancellationToken,
}

/// Why a provisioner failed.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The build is being cancelled.
    #[error("cancelled")]
    Cancelled,
    /// It failed.
    #[error("{0}")]
    Failed(String),
}

impl ProvisionError {
    /// The same failure, with what it happened to.
    #[must_use]
    pub fn within(self, what: &str) -> Self {
        match self {
            Self::Cancelled => Self::Cancelled,
            Self::Failed(why) => Self::Failed(format!("{what}: {why}")),
        }
    }
}

/// How long a guest that is away is waited for where the template does not say: Packer's `start_retry_timeout`.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// Packer's pause between two tries.
const RETRY_PAUSE: Duration = Duration::from_secs(2);

impl ProvisionContext<'_> {
    /// Tries again while the guest cannot be reached (it restarts), until the limit is over.
    ///
    /// # Errors
    /// What else went wrong, and being told to stop.
    pub async fn while_away<T, F>(&self, limit: Duration, mut attempt: impl FnMut() -> F) -> Result<T, ProvisionError>
    where
        F: Future<Output = Result<T, CommunicatorError>>,
    {
        let deadline = Instant::now() + limit;
        let mut told = false;
        loop {
            match self.unless_cancelled(attempt()).await? {
                Ok(done) => return Ok(done),
                Err(CommunicatorError::Lost) if Instant::now() + RETRY_PAUSE < deadline => {
                    if !std::mem::replace(&mut told, true) {
                        self.report.detail("the connection to the guest was lost; waiting for it to come back");
                    }
                    self.unless_cancelled(sleep(RETRY_PAUSE)).await?;
                }
                Err(error) => return Err(ProvisionError::Failed(error.whole())),
            }
        }
    }

    /// Renders a run-time field that knows only the build's data.
    ///
    /// # Errors
    /// What the template language reports, in a provisioner's words.
    pub fn render(&self, text: &str) -> Result<String, ProvisionError> {
        self.late.render(text, &BTreeMap::new()).map_err(|error| ProvisionError::Failed(format!("Error interpolating `{text}`: {error}")))
    }

    /// Waits for something unless the build is to stop: then the wait is given up.
    ///
    /// # Errors
    /// [`ProvisionError::Cancelled`].
    pub async fn unless_cancelled<T>(&self, wait: impl Future<Output = T>) -> Result<T, ProvisionError> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(ProvisionError::Cancelled),
            done = wait => Ok(done),
        }
    }
}
