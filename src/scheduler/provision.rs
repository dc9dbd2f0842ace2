//! A build's provisioners and what the core wraps around them (reference: provisioners; the texts are Packer's).

use std::time::Duration;

use amibake_template::component::GoDuration;
use amibake_template::plan::{Build, ProvisionerPart};
use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::build::made;
use crate::builder::BuildError;
use crate::communicator::Communicator;
use crate::engine::context::{BuildContext, OnError, Provisioning};
use crate::parts::Parts;
use crate::provisioner::{ProvisionContext, ProvisionError, Provisioner};

/// How long a provisioner may take to end after it was told to; then it is dropped.
const GRACE: Duration = Duration::from_secs(10);

/// A build's provisioners.
pub(super) struct Provisioners {
    wrapped: Vec<Wrapped>,
    error_cleanup: Option<Wrapped>,
}

/// A provisioner with its wrappers.
struct Wrapped {
    provisioner: Box<dyn Provisioner>,
    type_name: String,
    pause_before: Option<Duration>,
    timeout: Option<Duration>,
    max_retries: u32,
}

impl Provisioners {
    /// Makes them.
    ///
    /// # Errors
    /// A part that cannot be made.
    pub fn make(parts: &Parts, build: &Build) -> Result<Self, String> {
        let wrap = |planned: &ProvisionerPart| {
            let type_name = planned.part.type_name.clone();
            Ok::<_, String>(Wrapped {
                provisioner: made("provisioner", &type_name, parts.make_provisioner(&planned.part))?,
                type_name,
                pause_before: planned.pause_before.filter(|d| !d.is_zero()),
                timeout: planned.timeout.filter(|d| !d.is_zero()),
                max_retries: planned.max_retries,
            })
        };
        Ok(Self {
            wrapped: build.provisioners.iter().map(wrap).collect::<Result<_, _>>()?,
            error_cleanup: build.error_cleanup_provisioner.as_ref().map(wrap).transpose()?,
        })
    }

    async fn all(&self, cx: &BuildContext, communicator: &dyn Communicator) -> Result<(), BuildError> {
        for wrapped in &self.wrapped {
            if cx.cancel.is_cancelled() {
                return Err(BuildError::Cancelled);
            }
            if cx.options.debug {
                cx.ask("Pausing before the next provisioner . Press enter to continue. ").await;
            }
            wrapped.retried(cx, communicator).await.map_err(to_build_error)?;
        }
        Ok(())
    }

    async fn clean_up(&self, cx: &BuildContext, communicator: &dyn Communicator, original: String) -> BuildError {
        cx.report.say("Provisioning step had errors: Running the cleanup provisioner, if present...");
        let Some(cleanup) = &self.error_cleanup else { return BuildError::Failed(original) };
        match cleanup.retried(cx, communicator).await {
            Ok(()) => BuildError::Failed(original),
            Err(error) => BuildError::Failed(format!("Cleanup failed: {error}. Original Provisioning error: {original}")),
        }
    }
}

fn to_build_error(error: ProvisionError) -> BuildError {
    match error {
        ProvisionError::Cancelled => BuildError::Cancelled,
        ProvisionError::Failed(text) => BuildError::Failed(text),
    }
}

#[async_trait]
impl Provisioning for Provisioners {
    async fn provision(&self, cx: &mut BuildContext, communicator: &dyn Communicator) -> Result<(), BuildError> {
        loop {
            let error = match self.all(cx, communicator).await {
                Err(BuildError::Failed(error)) => error,
                other => return other,
            };
            match cx.options.on_error {
                OnError::Cleanup | OnError::RunCleanupProvisioner => return Err(self.clean_up(cx, communicator, error).await),
                OnError::Abort => return Err(BuildError::Failed(error)),
                OnError::Ask => match ask(cx, &error).await {
                    Choice::Retry => {}
                    Choice::Abort => {
                        cx.decide(OnError::Abort);
                        return Err(BuildError::Failed(error));
                    }
                    Choice::CleanUp => {
                        cx.decide(OnError::Cleanup);
                        return Err(self.clean_up(cx, communicator, error).await);
                    }
                },
            }
        }
    }

    async fn provision_plainly(&self, cx: &mut BuildContext, communicator: &dyn Communicator) -> Result<(), BuildError> {
        self.all(cx, communicator).await
    }
}

enum Choice {
    CleanUp,
    Abort,
    Retry,
}

/// Packer's question. Running all provisioners again on the same guest is what "retry" means there and here.
async fn ask(cx: &BuildContext, error: &str) -> Choice {
    cx.report.error(error);
    cx.report.error("Step \"StepProvision\" failed");
    loop {
        let question = "[c] Clean up and exit, [a] abort without cleanup, or [r] retry step (build may fail even if retry succeeds)?";
        let Some(answer) = cx.ask(question).await else { return Choice::CleanUp };
        match answer.trim().chars().next().map(|c| c.to_ascii_lowercase()) {
            None | Some('c') => return Choice::CleanUp,
            Some('a') => return Choice::Abort,
            Some('r') => return Choice::Retry,
            Some(_) => cx.report.say(format!("Incorrect input: {:?}", answer.trim())),
        }
    }
}

impl Wrapped {
    /// `max_retries`. The text and the final error are those of the first failure.
    async fn retried(&self, cx: &BuildContext, communicator: &dyn Communicator) -> Result<(), ProvisionError> {
        let first = match self.once(cx, communicator).await {
            Err(ProvisionError::Failed(text)) if self.max_retries > 0 => text,
            other => return other,
        };
        for left in (1..=self.max_retries).rev() {
            let quoted = go_quoted(&first);
            cx.report.say(format!("Provisioner failed with {quoted}, retrying with {left} trie(s) left"));
            match self.once(cx, communicator).await {
                Err(ProvisionError::Failed(_)) => {}
                other => return other,
            }
        }
        cx.report.say("retry limit reached.");
        Err(ProvisionError::Failed(first))
    }

    /// `pause_before` and `timeout`. With both, Packer drops the timeout without a word; here it holds, as silently.
    async fn once(&self, cx: &BuildContext, communicator: &dyn Communicator) -> Result<(), ProvisionError> {
        if let Some(pause) = self.pause_before {
            cx.report.say(format!("Pausing {} before the next provisioner...", go(pause)));
            tokio::select! {
                () = cx.cancel.cancelled() => return Err(ProvisionError::Cancelled),
                () = tokio::time::sleep(pause) => {}
            }
        } else if let Some(timeout) = self.timeout {
            cx.report.say(format!("Setting a {} timeout for the next provisioner...", go(timeout)));
        }
        let cancel = cx.cancel.child_token();
        let own = ProvisionContext { report: &cx.report, communicator, late: &cx.late, cancel: &cancel };
        let running = self.provisioner.provision(&own);
        match self.timeout {
            None => running.await,
            Some(timeout) => self.within(timeout, cx, &cancel, running).await,
        }
    }

    async fn within(
        &self,
        timeout: Duration,
        cx: &BuildContext,
        cancel: &CancellationToken,
        mut running: impl Future<Output = Result<(), ProvisionError>> + Unpin,
    ) -> Result<(), ProvisionError> {
        if let Ok(ended) = tokio::time::timeout(timeout, &mut running).await {
            return ended;
        }
        cx.report.error("Cancelling provisioner after a timeout...");
        cancel.cancel();
        let timed_out =
            || ProvisionError::Failed(format!("provisioner {} took longer than its timeout of {}", self.type_name, go(timeout)));
        match tokio::time::timeout(GRACE, running).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) if cx.cancel.is_cancelled() => Err(ProvisionError::Cancelled),
            Ok(Err(_)) | Err(_) => Err(timed_out()),
        }
    }
}

fn go(duration: Duration) -> String {
    GoDuration { nanos: i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX) }.to_string()
}

/// Go's `%q`, as far as error texts need it.
fn go_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
