//! The teardown stack on disk, for after a crash: one file of JSON lines per run, `STATE_DIR/runs/RUN_UUID.jsonl`, mode 0600.
//!
//! A record is written before the call that it announces, and is on the disk before that call is made: it survives the end of the
//! process by any signal, and of the machine. What is written after a call (its answer, the end of a thing) is handed to the kernel only:
//! names and tags find what a power failure takes of it. The run holds the file's lock (`flock`) as long as it lives. The file goes with
//! the last thing that it names. Nothing secret is ever written: names, ids, regions, the profile.
//!
//! [`Journal`] writes; [`reopen`] takes the journal of a dead run over, for `amibake cleanup`; `record`: the lines.

mod read;
mod record;
#[cfg(test)]
mod tests;
mod write;

use std::path::{Path, PathBuf};

pub use read::{Dead, Found, ReadError, list, read, reopen};
pub use record::{About, OpenEntry, Place, Unfinished, VERSION};
pub use write::{Journal, JournalError};

/// How journals' names end.
const EXTENSION: &str = "jsonl";

/// Where journals are.
fn runs_dir(state_dir: &Path) -> PathBuf {
    state_dir.join("runs")
}
