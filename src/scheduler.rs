//! Runs the builds of a plan side by side. The only place that spawns tasks.
//!
//! [`run`] starts the builds and hears interrupts; `build`: one build from its first step to its last artifact, unwinding included;
//! `provision`: its provisioners and what the core wraps around them; `post_process`: its post-processor chains.

mod build;
mod interrupt;
mod post_process;
mod provision;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use amibake_ec2::Clouds;
use amibake_template::lang::Host;
use amibake_template::plan::{Build, Plan};
use async_trait::async_trait;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::builder::Adopted;
use crate::engine::account::Accounts;
use crate::engine::context::{Guests, RunOptions, Terminal};
use crate::engine::journal::Journal;
use crate::engine::late::LateContext;
use crate::engine::teardown::Teardown;
use crate::event::{Reporter, Speaker, Summary, What};
use crate::parts::Parts;

use build::Outcome;

/// All that a run needs.
pub struct Run {
    /// What to build.
    pub plan: Plan,
    /// The parts that the plan names.
    pub parts: Arc<Parts>,
    /// AWS, or the lab.
    pub clouds: Arc<dyn Clouds>,
    /// Guests in place of the lab's instances: a rehearsal.
    pub guests: Option<Arc<dyn Guests>>,
    /// The command line's decisions.
    pub options: RunOptions,
    /// `-parallel-builds`; None is no limit.
    pub parallel: Option<usize>,
    /// The person at the terminal.
    pub terminal: Arc<dyn Terminal>,
    /// Where the journal lives (`$XDG_STATE_HOME/amibake`); None keeps none.
    pub state_dir: Option<PathBuf>,
    /// The template and the var files as words of a command line, for the commands that messages name.
    pub template: Option<String>,
    /// Adopt this image instead of building one.
    pub adopt: Option<Adopted>,
    /// The run's voice.
    pub report: Reporter,
}

/// A signal that asks the run to end. The first one tears down, the second says what is left and where the journal is, the third ends
/// the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminated,
}

/// How a run ended.
#[derive(Debug)]
pub enum RunEnd {
    /// All builds ended; the summary has been told as an event too.
    Ended(Summary),
    /// A third signal came; what is left is in the journal.
    Killed,
}

/// What all builds of a run share.
struct Shared {
    parts: Arc<Parts>,
    clouds: Arc<dyn Clouds>,
    guests: Option<Arc<dyn Guests>>,
    accounts: Arc<Accounts>,
    options: Arc<RunOptions>,
    terminal: Arc<dyn Terminal>,
    journal: Arc<Journal>,
    adopt: Option<Adopted>,
    report: Reporter,
    host: Arc<Host>,
    user: Arc<std::collections::BTreeMap<String, String>>,
    cancel: CancellationToken,
    /// Stacks of the builds started, for the second interrupt.
    stacks: Mutex<Vec<Teardown>>,
}

/// Runs all builds to their end, teardown included.
pub async fn run(run: Run, interrupts: mpsc::Receiver<Interrupt>) -> RunEnd {
    let started = Instant::now();
    let builds = run.plan.builds.clone();
    let at_once = if run.options.debug { 1 } else { run.parallel.filter(|&n| n > 0).unwrap_or(usize::MAX) };
    let shared = Arc::new(Shared::new(run));
    shared.report.tell(What::Builds(builds.iter().map(|build| build.name.clone()).collect()));
    let outcomes = tokio::select! {
        outcomes = run_builds(&shared, builds, at_once) => outcomes,
        () = interrupt::third(&shared, interrupts) => return RunEnd::Killed,
    };
    shared.journal.finish();
    let summary = summarise(outcomes, started, shared.cancel.is_cancelled());
    shared.report.tell(What::RunEnded(summary.clone()));
    RunEnd::Ended(summary)
}

/// Dropped (by a third interrupt), it ends the builds where they stand.
async fn run_builds(shared: &Arc<Shared>, builds: Vec<Build>, at_once: usize) -> Vec<(String, Outcome)> {
    let mut waiting = VecDeque::from(builds);
    let mut running = JoinSet::new();
    let mut outcomes = Vec::new();
    loop {
        while running.len() < at_once && !shared.cancel.is_cancelled() {
            let Some(build) = waiting.pop_front() else { break };
            running.spawn(build::run(Arc::clone(shared), build));
        }
        match running.join_next().await {
            Some(Ok(outcome)) => outcomes.push(outcome),
            // Panics are caught inside, and nobody aborts a build that is still awaited; should it happen, it is no success.
            Some(Err(error)) => outcomes.push(("amibake".to_owned(), Outcome::Failed(error.to_string()))),
            None => return outcomes,
        }
    }
}

fn summarise(outcomes: Vec<(String, Outcome)>, started: Instant, cancelled: bool) -> Summary {
    let mut summary = Summary { took: started.elapsed(), cancelled, errors: Vec::new(), artifacts: Vec::new() };
    for (name, outcome) in outcomes {
        match outcome {
            Outcome::Failed(error) => summary.errors.push((name, error)),
            Outcome::Made(artifacts) => summary.artifacts.push((name, artifacts)),
            Outcome::Nothing | Outcome::Cancelled => {}
        }
    }
    summary.errors.sort();
    summary.artifacts.sort_by(|a, b| a.0.cmp(&b.0));
    summary
}

impl Shared {
    fn new(run: Run) -> Self {
        Self {
            parts: run.parts,
            accounts: Arc::new(Accounts::new(Arc::clone(&run.clouds))),
            clouds: run.clouds,
            guests: run.guests,
            terminal: Arc::new(OneAtATime { terminal: run.terminal, turn: Semaphore::new(1) }),
            journal: Arc::new(
                Journal::new(run.state_dir.as_deref(), &run.options.run_uuid)
                    .about(i64::try_from(run.plan.host.started_unix_nanos / 1_000_000_000).unwrap_or_default(), run.template),
            ),
            options: Arc::new(run.options),
            adopt: run.adopt,
            report: run.report,
            host: Arc::new(run.plan.host),
            user: Arc::new(run.plan.variables.values),
            cancel: CancellationToken::new(),
            stacks: Mutex::default(),
        }
    }

    fn voice(&self, build: &str) -> Reporter {
        self.report.as_speaker(Speaker::Build(build.to_owned()))
    }

    fn late(&self, build: &Build) -> LateContext {
        LateContext {
            host: Arc::clone(&self.host),
            user: Arc::clone(&self.user),
            build_name: build.name.clone(),
            build_type: build.builder.type_name.clone(),
            build_data: std::collections::BTreeMap::new(),
        }
    }

    fn stack(&self, build: &str) -> Teardown {
        let journal = Arc::clone(&self.journal);
        let stack = Teardown::new(&self.options.run_uuid, build, self.host.started_unix_nanos, journal, self.voice(build));
        self.stacks.lock().unwrap_or_else(PoisonError::into_inner).push(stack.clone());
        stack
    }
}

/// Builds side by side ask one after the other.
struct OneAtATime {
    terminal: Arc<dyn Terminal>,
    turn: Semaphore,
}

#[async_trait]
impl Terminal for OneAtATime {
    async fn ask(&self, question: &str) -> Option<String> {
        let _turn = self.turn.acquire().await.ok()?;
        self.terminal.ask(question).await
    }
}
