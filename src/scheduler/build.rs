//! One build: its builder, the unwinding of what it owns, its post-processors.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use amibake_template::plan::Build;
use futures_util::FutureExt;
use tokio::time::Instant;

use super::Shared;
use super::post_process::{Chains, Posted};
use super::provision::Provisioners;
use crate::artifact::Artifact;
use crate::builder::{Adopted, BuildError, Builder};
use crate::engine::context::{BuildContext, ContextParts, OnError};
use crate::engine::teardown::Ending;
use crate::event::{ArtifactSummary, What};

/// How long removing everything may take: EC2 takes minutes to end some instances.
const CLEANUP_LIMIT: Duration = Duration::from_secs(15 * 60);

/// How a build ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// With these artifacts.
    Made(Vec<ArtifactSummary>),
    /// Well, and without an artifact.
    Nothing,
    /// It failed.
    Failed(String),
    /// It was told to stop.
    Cancelled,
}

/// Runs a build to its end and tells how it ended.
pub(super) async fn run(shared: Arc<Shared>, build: Build) -> (String, Outcome) {
    let started = Instant::now();
    // Unwinding has its own net below; this one is for post-processors.
    let outcome = AssertUnwindSafe(outcome(&shared, &build)).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|panic| Outcome::Failed(panicked(&*panic).to_string()));
    let error = match &outcome {
        Outcome::Failed(error) => Some(error.clone()),
        Outcome::Made(_) | Outcome::Nothing | Outcome::Cancelled => None,
    };
    shared.voice(&build.name).tell(What::BuildEnded { took: started.elapsed(), error });
    (build.name, outcome)
}

async fn outcome(shared: &Shared, build: &Build) -> Outcome {
    let (builder, provisioners, chains) = match make(shared, build) {
        Ok(made) => made,
        Err(error) => return Outcome::Failed(error),
    };
    let mut cx = BuildContext::new(ContextParts {
        report: shared.voice(&build.name),
        cancel: shared.cancel.child_token(),
        late: shared.late(build),
        options: Arc::clone(&shared.options),
        clouds: Arc::clone(&shared.clouds),
        guests: shared.guests.clone(),
        accounts: Arc::clone(&shared.accounts),
        terminal: Arc::clone(&shared.terminal),
        teardown: shared.stack(&build.name),
        provisioning: Arc::new(provisioners),
    });
    match build_and_unwind(&mut cx, &*builder, shared.adopt.as_ref()).await {
        Ok(Some(artifact)) => post_process(&cx, &chains, artifact).await,
        Ok(None) => Outcome::Nothing,
        Err(BuildError::Cancelled) => Outcome::Cancelled,
        Err(BuildError::Failed(error)) => Outcome::Failed(error),
    }
}

async fn post_process(cx: &BuildContext, chains: &Chains, artifact: Artifact) -> Outcome {
    let Posted { artifacts, error } = chains.run(cx, artifact).await;
    if cx.cancel.is_cancelled() {
        // A cancelled run lists no artifacts, and what was finished before must not be lost sight of.
        for artifact in &artifacts {
            cx.report.say(format!("Finished before the interrupt, and kept: {}", artifact.text));
        }
    }
    match error {
        Some(error) => Outcome::Failed(error),
        None => Outcome::Made(artifacts.iter().map(Artifact::summary).collect()),
    }
}

/// Makes the parts of a build, all before anything is created in AWS.
fn make(shared: &Shared, build: &Build) -> Result<(Box<dyn Builder>, Provisioners, Chains), String> {
    let builder = made("builder", &build.builder.type_name, shared.parts.make_builder(&build.builder))?;
    Ok((builder, Provisioners::make(&shared.parts, build)?, Chains::make(shared, build)?))
}

/// What a part's maker answered, or why there is no part: the plan was not made with these parts.
pub(super) fn made<T>(kind: &str, type_name: &str, answer: Option<Result<T, serde_json::Error>>) -> Result<T, String> {
    match answer {
        Some(Ok(part)) => Ok(part),
        Some(Err(error)) => Err(format!("the configuration of {kind} `{type_name}` cannot be used: {error}")),
        None => Err(format!("there is no {kind} of type `{type_name}`")),
    }
}

/// The one place where a stack is unwound.
async fn build_and_unwind(cx: &mut BuildContext, builder: &dyn Builder, adopt: Option<&Adopted>) -> Result<Option<Artifact>, BuildError> {
    let work = match adopt {
        Some(image) => builder.adopt(cx, image),
        None => builder.build(cx),
    };
    // A panic in a step is a failed build, not a reason to leave an instance running.
    let result = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| Err(panicked(&*panic)));
    let ending = match &result {
        // Whatever a cancelled step calls its end: an interrupted build leaves nothing.
        _ if cx.cancel.is_cancelled() => Ending::Failure,
        Ok(_) => Ending::Success,
        Err(BuildError::Cancelled) => Ending::Failure,
        Err(BuildError::Failed(error)) => after_failure(cx, error).await,
    };
    if cx.options.debug {
        cx.ask("Pausing before cleanup. Press enter to continue. ").await;
    }
    unwind(cx, ending).await;
    match (result, ending) {
        // Interrupted while it cleaned up: the run will not end well, so that it must not leave an image either.
        (Ok(_), _) if cx.cancel.is_cancelled() => {
            unwind(cx, Ending::Failure).await;
            Err(BuildError::Cancelled)
        }
        (result, Ending::Success) => {
            cx.teardown.hand_over_artifact();
            result
        }
        (result, Ending::Failure | Ending::Abort | Ending::Cleanup) => result,
    }
}

/// Unwinds and tells what is left.
pub(super) async fn unwind(cx: &BuildContext, ending: Ending) {
    let unwinding = cx.teardown.unwind(ending, Instant::now() + CLEANUP_LIMIT);
    let left = match AssertUnwindSafe(unwinding).catch_unwind().await {
        Ok(left) => left,
        Err(_) => cx.teardown.remaining("cleaning up failed by a defect of amibake"),
    };
    for leftover in &left {
        cx.report.error(leftover.to_string());
    }
    if let (false, Some(journal)) = (left.is_empty(), cx.teardown.journal_path()) {
        cx.report.error(format!("The journal of this run is {}", journal.display()));
        if let Some(command) = cx.teardown.cleanup_command() {
            cx.report.error(format!("To remove all that it names, once that is possible: {command}"));
        }
    }
}

fn panicked(panic: &(dyn Any + Send)) -> BuildError {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    BuildError::Failed(format!("a defect of amibake ended the build: {}; please report it", text.unwrap_or("panic")))
}

/// What `-on-error` says about a failed step, told in Packer's words.
async fn after_failure(cx: &mut BuildContext, error: &str) -> Ending {
    let steps = cx.steps().to_vec();
    // A builder without steps leaves nothing to decide about.
    let Some((failed, earlier)) = steps.split_last().map(|(last, earlier)| (*last, earlier)) else { return Ending::Failure };
    let decision = match (cx.decided(), cx.options.on_error) {
        (Some(decided), _) => decided,
        (None, OnError::Ask) => ask(cx, failed, error).await,
        (None, on_error) => on_error,
    };
    match decision {
        OnError::Cleanup | OnError::Ask => return Ending::Failure,
        OnError::Abort => tell_abort(cx, error, failed, earlier),
        OnError::RunCleanupProvisioner => match (failed, earlier.split_last()) {
            // The cleanup provisioner has undone this step; the one before is the first that is left.
            ("StepProvision", Some((before, earlier))) => tell_abort(cx, error, before, earlier),
            _ => tell_abort(cx, error, failed, earlier),
        },
    }
    Ending::Abort
}

fn tell_abort(cx: &BuildContext, error: &str, failed: &str, earlier: &[&str]) {
    if cx.decided().is_none() {
        cx.report.error(error);
    }
    cx.report.error(format!("Step \"{failed}\" failed, aborting..."));
    for step in earlier.iter().rev() {
        cx.report.error(format!("aborted: skipping cleanup of step \"{step}\""));
    }
}

/// Asks about a failed step that cannot be repeated: half of it may have happened.
async fn ask(cx: &mut BuildContext, failed: &str, error: &str) -> OnError {
    cx.report.error(error);
    cx.report.error(format!("Step \"{failed}\" failed"));
    loop {
        let Some(answer) = cx.ask("[c] Clean up and exit, or [a] abort without cleanup?").await else { return OnError::Cleanup };
        match answer.trim().chars().next().map(|c| c.to_ascii_lowercase()) {
            None | Some('c') => return OnError::Cleanup,
            Some('a') => {
                cx.decide(OnError::Abort);
                return OnError::Abort;
            }
            Some(_) => cx.report.say(format!("Incorrect input: {:?}", answer.trim())),
        }
    }
}
