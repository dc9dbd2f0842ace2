//! Runs the builds of a plan side by side. The only place that spawns tasks.

use std::path::PathBuf;
use std::sync::Arc;

use amibake_ec2::Clouds;
use amibake_template::plan::Plan;
use tokio::sync::mpsc;

use crate::engine::context::{RunOptions, Terminal};
use crate::event::{Reporter, Summary};
use crate::parts::Parts;

/// All that a run needs.
pub struct Run {
    /// What to build.
    pub plan: Plan,
    /// The parts that the plan names.
    pub parts: Arc<Parts>,
    /// AWS, or the lab.
    pub clouds: Arc<dyn Clouds>,
    /// The command line's decisions.
    pub options: RunOptions,
    /// `-parallel-builds`; None is no limit.
    pub parallel: Option<usize>,
    /// The person at the terminal.
    pub terminal: Arc<dyn Terminal>,
    /// Where the journal lives (`$XDG_STATE_HOME/amibake`); None keeps none.
    pub state_dir: Option<PathBuf>,
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

/// Runs all builds to their end, teardown included.
#[allow(clippy::unused_async)]
pub async fn run(_run: Run, _interrupts: mpsc::Receiver<Interrupt>) -> RunEnd {
    unimplemented!()
}
