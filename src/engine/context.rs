//! One build's view of the run.

use std::collections::BTreeMap;
use std::sync::Arc;

use amibake_ec2::model::Access;
use amibake_ec2::{Clouds, Ec2Error, InstanceId};
use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::builder::BuildError;
use crate::communicator::Communicator;
use crate::engine::account::Accounts;
pub use crate::engine::account::{Account, AwsRegion};
use crate::engine::late::LateContext;
use crate::engine::lookup::AwsEngine;
use crate::engine::teardown::Teardown;
use crate::event::{Reporter, What};

/// Variables by which programs find access to AWS.
pub const AWS_ACCESS: [&str; 14] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_DISABLED",
    // No access, but set and removed like the others: it tells a script that this is a rehearsal.
    "AMIBAKE_REHEARSAL",
];

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
    /// When the run began, on the clock that never jumps; the host tells what the wall clock said then.
    pub began: tokio::time::Instant,
}

/// A person at a terminal, for `-on-error=ask` and `-debug`; the program reads `/dev/tty`, tests answer from a list.
#[async_trait]
pub trait Terminal: Send + Sync {
    /// Asks and waits for a line; None where there is no terminal.
    async fn ask(&self, question: &str) -> Option<String>;
}

/// What stands where instances would be, in a rehearsal.
pub trait Guests: Send + Sync {
    /// Where an instance's guest really listens: an address of this machine, and a port. None while it boots.
    fn address(&self, instance: &InstanceId) -> Option<(String, u16)>;

    /// Whether nobody stands there at all: a forecast wants the calls of a build, not its provisioning.
    fn silent(&self) -> bool {
        false
    }
}

/// How a build's provisioners are run; the scheduler's part of [`BuildContext::provision`].
#[async_trait]
pub trait Provisioning: Send + Sync {
    /// Runs them all on a guest, with their wrappers and with what `-on-error` and the error-cleanup-provisioner say.
    ///
    /// # Errors
    /// The first provisioner's failure.
    async fn provision(&self, cx: &mut BuildContext, communicator: &dyn Communicator) -> Result<(), BuildError>;

    /// Runs them all once; a failure is nobody's business but the caller's.
    ///
    /// # Errors
    /// The first provisioner's failure.
    async fn provision_plainly(&self, cx: &mut BuildContext, communicator: &dyn Communicator) -> Result<(), BuildError> {
        self.provision(cx, communicator).await
    }
}

/// What a build's context is made of.
pub struct ContextParts {
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
    /// Accounts opened so far.
    pub accounts: Arc<Accounts>,
    /// Guests in place of instances: a rehearsal.
    pub guests: Option<Arc<dyn Guests>>,
    /// The person at the terminal.
    pub terminal: Arc<dyn Terminal>,
    /// Owns whatever the build creates.
    pub teardown: Teardown,
    /// Runs its provisioners.
    pub provisioning: Arc<dyn Provisioning>,
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
    /// Opens AWS accounts; [`BuildContext::open`] shares them between builds.
    pub clouds: Arc<dyn Clouds>,
    /// Guests in place of instances: a rehearsal.
    pub guests: Option<Arc<dyn Guests>>,
    /// The person at the terminal.
    pub terminal: Arc<dyn Terminal>,
    /// Owns whatever the build creates.
    pub teardown: Teardown,
    accounts: Arc<Accounts>,
    provisioning: Arc<dyn Provisioning>,
    steps: Vec<&'static str>,
    decided: Option<OnError>,
}

impl BuildContext {
    /// A context before the first step, with the build data that every builder has.
    pub fn new(parts: ContextParts) -> Self {
        let mut late = parts.late;
        late.build_data.extend(common_data(&parts.options.run_uuid));
        Self {
            report: parts.report,
            cancel: parts.cancel,
            late,
            options: parts.options,
            clouds: parts.clouds,
            guests: parts.guests,
            terminal: parts.terminal,
            teardown: parts.teardown,
            accounts: parts.accounts,
            provisioning: parts.provisioning,
            steps: Vec::new(),
            decided: None,
        }
    }

    /// A context for what is done with the artifact: another voice, another stack, no steps yet; all else is the build's.
    pub fn beside(&self, report: Reporter, late: LateContext) -> Self {
        Self {
            teardown: self.teardown.another(report.clone()),
            report,
            cancel: self.cancel.clone(),
            late,
            options: Arc::clone(&self.options),
            clouds: Arc::clone(&self.clouds),
            guests: self.guests.clone(),
            terminal: Arc::clone(&self.terminal),
            accounts: Arc::clone(&self.accounts),
            provisioning: Arc::clone(&self.provisioning),
            steps: Vec::new(),
            decided: None,
        }
    }

    /// Opens an account; builds of a run with the same access share it.
    ///
    /// # Errors
    /// No region, no credentials, a role that cannot be assumed.
    pub async fn open(&self, access: &Access) -> Result<Account, Ec2Error> {
        self.accounts.open(access).await
    }

    /// The same with credentials from Vault where `vault` is given; they are hidden from all output.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and what Vault said.
    pub async fn open_by(&self, access: &Access, vault: Option<&AwsEngine>) -> Result<Account, Ec2Error> {
        let account = self.accounts.open_by(access, vault, &self.late.host.env).await?;
        for secret in account.secrets() {
            self.report.hide(secret);
        }
        Ok(account)
    }

    /// Begins a step, by Packer's name of it (`StepConnect`): for the texts of `-on-error` and for the pauses of `-debug`, which
    /// come between the end of the step before and this one.
    pub async fn step(&mut self, name: &'static str) {
        if let (true, Some(before)) = (self.options.debug, self.steps.last()) {
            self.ask(&format!("Pausing after run of step '{before}'. Press enter to continue. ")).await;
        }
        self.report.tell(What::Step(name));
        self.steps.push(name);
    }

    /// Steps begun so far, the running or failed one last.
    pub fn steps(&self) -> &[&'static str] {
        &self.steps
    }

    /// Asks the person at the terminal, in the build's name; None without a terminal, or when the build is cancelled meanwhile.
    pub async fn ask(&self, question: &str) -> Option<String> {
        let question = format!("==> {}: {question}", self.late.build_name);
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => None,
            answer = self.terminal.ask(&question) => answer,
        }
    }

    /// What to do about a failure, where a person has been asked already.
    pub fn decided(&self) -> Option<OnError> {
        self.decided
    }

    /// Remembers what a person decided.
    pub fn decide(&mut self, on_error: OnError) {
        self.decided = Some(on_error);
    }

    /// Runs the build's provisioners on a guest, as step `StepProvision`. `data` is added to what `` {{build `NAME`}} `` gives
    /// (`late.build_data`, where the names that every builder has are filled in already).
    ///
    /// # Errors
    /// The first provisioner's failure.
    pub async fn provision(&mut self, communicator: &dyn Communicator, data: BTreeMap<String, String>) -> Result<(), BuildError> {
        self.step("StepProvision").await;
        self.late.build_data.extend(data);
        let provisioning = Arc::clone(&self.provisioning);
        provisioning.provision(self, communicator).await
    }

    /// As [`BuildContext::provision`] without being a step: `-on-error` and the error-cleanup-provisioner have no part in it, and
    /// `` {{build `NAME`}} `` gives nothing.
    ///
    /// # Errors
    /// The first provisioner's failure.
    pub async fn provision_plainly(&mut self, communicator: &dyn Communicator) -> Result<(), BuildError> {
        self.late.build_data.clear();
        let provisioning = Arc::clone(&self.provisioning);
        provisioning.provision_plainly(self, communicator).await
    }
}

/// What `` {{build `NAME`}} `` gives in every build until its builder knows better (reference: build data).
fn common_data(run_uuid: &str) -> BTreeMap<String, String> {
    let mut data = BTreeMap::from([("PackerRunUUID".to_owned(), run_uuid.to_owned())]);
    let missing = [("ID", "ID"), ("PackerHTTPIP", "HTTP_IP"), ("PackerHTTPPort", "HTTP_PORT"), ("PackerHTTPAddr", "HTTP_ADDR")];
    data.extend(missing.map(|(name, text)| (name.to_owned(), format!("ERR_{text}_NOT_IMPLEMENTED_BY_BUILDER"))));
    data
}
