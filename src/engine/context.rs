//! One build's view of the run.

use std::collections::BTreeMap;
use std::sync::Arc;

use amibake_ec2::Clouds;
use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::communicator::Communicator;
use crate::engine::late::LateContext;
use crate::event::Reporter;

/// `-on-error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// Undo everything.
    #[default]
    Cleanup,
    /// Leave everything.
    Abort,
    /// Ask on the terminal.
    Ask,
    /// Run the cleanup provisioner, then leave everything.
    RunCleanupProvisioner,
}

/// What the command line decides for all builds of a run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// `-on-error`.
    pub on_error: OnError,
    /// `-force`.
    pub force: bool,
    /// `-debug`.
    pub debug: bool,
    /// UUID of the run.
    pub run_uuid: String,
}

/// A person at a terminal, for `-on-error=ask` and `-debug`; the program reads `/dev/tty`, tests answer from a list.
#[async_trait]
pub trait Terminal: Send + Sync {
    /// Asks and waits for a line; None where there is no terminal.
    async fn ask(&self, question: &str) -> Option<String>;
}

/// One build's view of the run.
pub struct BuildContext {
    /// The build's voice.
    pub report: Reporter,
    /// Cancelled when the build is to stop.
    pub cancel: CancellationToken,
    /// Renders run-time fields.
    pub late: LateContext,
    /// The command line's decisions.
    pub options: Arc<RunOptions>,
    /// Opens AWS accounts.
    pub clouds: Arc<dyn Clouds>,
    /// The person at the terminal.
    pub terminal: Arc<dyn Terminal>,
}

impl BuildContext {
    /// Runs the build's provisioners on a guest. `data` is added to what `` {{build `NAME`}} `` gives.
    ///
    /// # Errors
    /// The first provisioner's failure.
    #[allow(clippy::unused_async)]
    pub async fn provision(
        &mut self,
        _communicator: &dyn Communicator,
        _data: BTreeMap<String, String>,
    ) -> Result<(), crate::builder::BuildError> {
        unimplemented!()
    }
}
