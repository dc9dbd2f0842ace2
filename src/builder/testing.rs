//! A context for a builder's own tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use amibake_ec2::lab::{Lab, Times};
use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::builder::BuildError;
use crate::communicator::Communicator;
use crate::engine::account::Accounts;
use crate::engine::context::{BuildContext, ContextParts, OnError, Provisioning, RunOptions, Terminal};
use crate::engine::journal::Journal;
use crate::engine::late::LateContext;
use crate::engine::teardown::Teardown;
use crate::event::{Event, Reporter};

struct NoTerminal;

#[async_trait]
impl Terminal for NoTerminal {
    async fn ask(&self, _question: &str) -> Option<String> {
        None
    }
}

struct NoProvisioners;

#[async_trait]
impl Provisioning for NoProvisioners {
    async fn provision(&self, _cx: &mut BuildContext, _communicator: &dyn Communicator) -> Result<(), BuildError> {
        Ok(())
    }
}

/// A context for a builder alone, on an empty lab, and where its events arrive.
pub(crate) fn context() -> (BuildContext, Receiver<Event>) {
    let (report, events) = Reporter::new();
    let clouds = Arc::new(Lab::with_times(Times::instant()));
    let options = RunOptions {
        on_error: OnError::Cleanup,
        force: false,
        debug: false,
        run_uuid: "run-1".to_owned(),
        began: tokio::time::Instant::now(),
    };
    let late = LateContext {
        host: Arc::default(),
        user: Arc::default(),
        build_name: "b".to_owned(),
        build_type: "b".to_owned(),
        build_data: BTreeMap::new(),
    };
    let parts = ContextParts {
        teardown: Teardown::new("run-1", "b", 0, Arc::new(Journal::new(None, "run-1")), report.clone()),
        report,
        cancel: CancellationToken::new(),
        late,
        options: Arc::new(options),
        accounts: Arc::new(Accounts::new(clouds.clone())),
        clouds,
        guests: None,
        terminal: Arc::new(NoTerminal),
        provisioning: Arc::new(NoProvisioners),
    };
    (BuildContext::new(parts), events)
}
