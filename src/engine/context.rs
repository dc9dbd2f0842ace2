//! One build's view of the run.

use std::collections::BTreeMap;
use std::sync::Arc;

use amibake_ec2::model::Access;
use amibake_ec2::{Clouds, Ec2, Ec2Error, Region};
use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::communicator::Communicator;
use crate::engine::late::LateContext;
use crate::engine::teardown::Teardown;
use crate::engine::watcher::Watcher;
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
    /// Owns whatever the build creates.
    pub teardown: Teardown,
}

/// An account, opened once for all builds with the same access. Cheap to clone.
#[derive(Clone)]
pub struct Account {
    build_region: Region,
}

impl Account {
    /// The region of the build.
    pub fn build_region(&self) -> &Region {
        &self.build_region
    }

    /// A region's calls (within request budgets) and its watcher, both shared by all builds of the account.
    pub fn region(&self, _region: &Region) -> AwsRegion {
        unimplemented!()
    }
}

/// One region of an account. Cheap to clone.
#[derive(Clone)]
pub struct AwsRegion {
    /// Its calls, within the account's request budgets.
    pub ec2: Arc<dyn Ec2>,
    /// Waits for instances, images, snapshots.
    pub watcher: Arc<Watcher>,
}

impl BuildContext {
    /// Opens an account; builds of a run with the same access share it.
    ///
    /// # Errors
    /// No region, no credentials, a role that cannot be assumed.
    #[allow(clippy::unused_async)]
    pub async fn open(&self, _access: &Access) -> Result<Account, Ec2Error> {
        unimplemented!()
    }

    /// Begins a step, by Packer's name of it (`StepConnect`): for the texts of `-on-error` and for the pauses of `-debug`, which
    /// come between the end of the step before and this one.
    #[allow(clippy::unused_async)]
    pub async fn step(&mut self, _name: &'static str) {
        unimplemented!()
    }

    /// Runs the build's provisioners on a guest, as step `StepProvision`. `data` is added to what `` {{build `NAME`}} `` gives
    /// (`late.build_data`, where the names that every builder has are filled in already).
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
