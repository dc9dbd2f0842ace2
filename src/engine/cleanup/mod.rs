//! What dead runs left, and its removal: `amibake cleanup`.
//!
//! [`journals`] finds it in the journals of this machine, [`tags`] by the tag [`RUN_TAG`](crate::engine::teardown::RUN_TAG) in AWS, for
//! machines whose journals are lost; both end in [`DeadRun`]s, whose stacks are unwound by the same code as those of a build. Nothing
//! here removes anything before [`DeadRun::remove`] is called, and a living run is never one of them: its journal is locked.

mod age;
pub mod journals;
pub mod tags;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::time::Instant;

pub use age::{AgeError, began_unix, parse_age};

use crate::engine::journal::{About, Journal};
use crate::engine::teardown::{Ending, Leftover, Teardown};

/// Which runs are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only this one.
    pub run_id: Option<String>,
    /// Only those that began at least so many seconds ago.
    pub older_than: Option<i64>,
    /// Now, seconds since 1970.
    pub now_unix: i64,
}

/// A run that is dead, and what it left.
pub struct DeadRun {
    /// What is known of it.
    pub about: About,
    /// What it left that cannot be removed from here, or is not to be, and why.
    pub notes: Vec<String>,
    stacks: Vec<Teardown>,
    journal: Option<Arc<Journal>>,
}

/// What was found.
#[derive(Default)]
pub struct Found {
    /// Runs that are dead.
    pub dead: Vec<DeadRun>,
    /// Runs that are alive: none of our business.
    pub alive: Vec<About>,
    /// Runs that are not wanted, or not understood, and why: told if nothing else is.
    pub spared: Vec<String>,
    /// What could not be read or asked.
    pub trouble: Vec<String>,
}

impl Wanted {
    /// Whether a run that began then is wanted; Err with the reason where it is not.
    fn takes(&self, run_id: &str, began: Option<i64>) -> Result<(), String> {
        if let Some(wanted) = &self.run_id {
            return if wanted == run_id { Ok(()) } else { Err(format!("run {run_id}: not the run asked for")) };
        }
        match (self.older_than, began) {
            (None, _) => Ok(()),
            (Some(least), Some(began)) if self.now_unix.saturating_sub(began) >= least => Ok(()),
            (Some(least), Some(began)) => Err(format!(
                "run {run_id}: it began {} ago, and may still run elsewhere; `-run-id` or an `-older-than` below {} takes it",
                age::in_words(self.now_unix.saturating_sub(began)),
                age::in_words(least)
            )),
            (Some(_), None) => Err(format!("run {run_id}: nothing says when it began; `-run-id` takes it")),
        }
    }
}

impl DeadRun {
    /// What is left, as far as is known.
    pub fn left(&self) -> Vec<Leftover> {
        self.stacks.iter().flat_map(|stack| stack.remaining("")).collect()
    }

    /// Whether there is nothing to do, not even a journal to remove.
    pub fn is_empty(&self) -> bool {
        self.journal.is_none() && self.notes.is_empty() && self.stacks.iter().all(Teardown::is_empty)
    }

    /// Removes what is left. The journal goes too, if nothing is left then.
    pub async fn remove(&self, deadline: Instant) -> Vec<Leftover> {
        let unwinding = self.stacks.iter().map(|stack| stack.unwind(Ending::Cleanup, deadline));
        let left = futures_util::future::join_all(unwinding).await.into_iter().flatten().collect();
        if let Some(journal) = &self.journal {
            journal.finish();
        }
        left
    }
}
