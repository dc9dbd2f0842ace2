//! The teardown stack on disk, for after a crash: one file of JSON lines per run.

use std::path::PathBuf;

/// The journal cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the journal {path}; nothing is created without it")]
pub struct JournalError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}
