//! A build's post-processor chains, and which artifacts they keep (reference: post-processors, section 1).

use std::panic::AssertUnwindSafe;

use amibake_template::plan::Build;
use futures_util::FutureExt;

use super::Shared;
use super::build::{made, unwind};
use crate::artifact::Artifact;
use crate::engine::context::{BuildContext, OnError};
use crate::engine::late::LateContext;
use crate::engine::teardown::Ending;
use crate::event::Speaker;
use crate::post_processor::{PostProcessContext, PostProcessor, Processed};

/// A build's chains.
pub(super) struct Chains {
    chains: Vec<Vec<Element>>,
}

struct Element {
    post_processor: Box<dyn PostProcessor>,
    type_name: String,
    name: String,
    keep_input_artifact: Option<bool>,
}

/// What the chains answered.
pub(super) struct Posted {
    /// The artifacts that are left, in Packer's order.
    pub artifacts: Vec<Artifact>,
    /// All that went wrong.
    pub error: Option<String>,
}

/// What happened so far.
#[derive(Default)]
struct Results {
    artifacts: Vec<Artifact>,
    errors: Vec<String>,
    keep_builders: bool,
}

impl Chains {
    /// Makes them.
    ///
    /// # Errors
    /// A part that cannot be made.
    pub fn make(shared: &Shared, build: &Build) -> Result<Self, String> {
        let element = |planned: &amibake_template::plan::PostProcessorPart| {
            let type_name = planned.part.type_name.clone();
            Ok::<_, String>(Element {
                post_processor: made("post-processor", &type_name, shared.parts.make_post_processor(&planned.part))?,
                type_name,
                name: planned.name.clone(),
                keep_input_artifact: planned.keep_input_artifact,
            })
        };
        let chain = |chain: &Vec<_>| chain.iter().map(element).collect::<Result<Vec<_>, _>>();
        Ok(Self { chains: build.post_processors.iter().map(chain).collect::<Result<_, _>>()? })
    }

    /// Runs all chains, each from the builder's artifact. An error ends its chain only.
    pub async fn run(&self, cx: &BuildContext, artifact: Artifact) -> Posted {
        let mut results = Results { keep_builders: self.chains.iter().all(Vec::is_empty), ..Results::default() };
        for chain in self.chains.iter().filter(|chain| !chain.is_empty()) {
            if cx.cancel.is_cancelled() {
                break;
            }
            if let Some(last) = run_chain(chain, cx, &artifact, &mut results).await {
                results.artifacts.push(last);
            }
        }
        // Nothing is removed for the sake of a chain that did not come to its end.
        if results.keep_builders || cx.cancel.is_cancelled() {
            results.artifacts.insert(0, artifact);
        } else if let Err(error) = destroy(&artifact).await {
            results.errors.push(format!("Error destroying builder artifact: {error}"));
        }
        Posted { artifacts: results.artifacts, error: (!results.errors.is_empty()).then(|| list(&results.errors)) }
    }
}

/// Runs a chain; its last artifact, unless it ended early.
async fn run_chain(chain: &[Element], cx: &BuildContext, first: &Artifact, results: &mut Results) -> Option<Artifact> {
    let mut prior = first.clone();
    for (index, element) in chain.iter().enumerate() {
        if cx.cancel.is_cancelled() {
            return (index > 0).then_some(prior);
        }
        let processed = match element.run(cx, prior.clone()).await {
            Ok(processed) => processed,
            Err(error) => {
                results.errors.push(format!("Post-processor failed: {error}"));
                return None;
            }
        };
        let keep = element.keeps(&processed);
        let made = processed.artifact?;
        if index == 0 {
            results.keep_builders |= keep;
        } else if keep {
            results.artifacts.push(prior);
        } else if let Err(error) = destroy(&prior).await {
            results.errors.push(format!("Failed cleaning up prior artifact: {error}; pp is {}", element.type_name));
        }
        prior = made;
    }
    Some(prior)
}

async fn destroy(artifact: &Artifact) -> Result<(), String> {
    match &artifact.destroy {
        Some(destroy) => destroy.destroy().await,
        None => Ok(()),
    }
}

/// Seconds: what the wall clock said at the run's start, and how long ago that is.
fn unix_now(cx: &BuildContext) -> i64 {
    let since = i128::try_from(cx.options.began.elapsed().as_nanos()).unwrap_or_default();
    i64::try_from((cx.late.host.started_unix_nanos + since) / 1_000_000_000).unwrap_or_default()
}

impl Element {
    async fn run(&self, cx: &BuildContext, input: Artifact) -> Result<Processed, String> {
        let named = if self.name == self.type_name { String::new() } else { format!("{} (type ", self.name) };
        let end = if named.is_empty() { "" } else { ")" };
        cx.report.say(format!("Running post-processor: {named}{}{end}", self.type_name));
        let build = cx.late.build_name.clone();
        let report = cx.report.as_speaker(Speaker::PostProcessor { build, type_name: self.type_name.clone() });
        let late = LateContext { build_data: input.build_data.clone(), ..cx.late.clone() };
        let build = cx.beside(report, late);
        let own = PostProcessContext {
            report: &build.report,
            late: &build.late,
            run_uuid: &build.options.run_uuid,
            force: build.options.force,
            now_unix: unix_now(cx),
            cancel: &build.cancel,
            build: &build,
        };
        // A panic unwinds the stack like any failure, and goes on to whoever catches it.
        let ended = AssertUnwindSafe(self.post_processor.process(&own, input)).catch_unwind().await;
        self.settle(&build, ended.as_ref().is_ok_and(Result::is_ok)).await;
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Removes what is only temporary, and all of what was made by one that failed or was interrupted.
    async fn settle(&self, build: &BuildContext, well: bool) {
        let ending = match build.options.on_error {
            _ if well && !build.cancel.is_cancelled() => Ending::Success,
            OnError::Abort | OnError::RunCleanupProvisioner if !build.cancel.is_cancelled() => Ending::Abort,
            OnError::Cleanup | OnError::Ask | OnError::Abort | OnError::RunCleanupProvisioner => Ending::Failure,
        };
        unwind(build, ending).await;
        if ending == Ending::Success {
            build.teardown.hand_over_artifact();
        }
    }

    /// `keep_input_artifact` wins over the post-processor's wish, unless that insists on keeping.
    fn keeps(&self, processed: &Processed) -> bool {
        match self.keep_input_artifact {
            Some(false) if processed.keep_input && processed.insists => true,
            Some(keep) => keep,
            None => processed.keep_input,
        }
    }
}

/// Several errors as one text, in Packer's form.
fn list(errors: &[String]) -> String {
    let lines: Vec<String> = errors.iter().map(|error| format!("* {error}")).collect();
    format!("{} error(s) occurred:\n\n{}", errors.len(), lines.join("\n"))
}
