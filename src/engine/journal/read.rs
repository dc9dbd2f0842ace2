//! Reading journals, and taking over those of dead runs.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::record::{Flaw, Unfinished, VERSION, replay};
use super::write::Journal;

/// The journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("cannot read the journal {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line that is no record, other than an unfinished last one.
    #[error("line {line} of the journal {} is no record: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// A newer amibake wrote it.
    #[error("the journal {} has version {version}; this amibake reads up to {VERSION}", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

/// A journal found on the disk.
pub enum Found {
    /// Its run lives, or another cleanup has it.
    Alive(Unfinished),
    /// Its run is dead. The journal is locked now, so that nobody else takes it over at the same time.
    Dead(Dead),
}

/// The journal of a dead run.
pub struct Dead {
    /// What the run still owned.
    pub unfinished: Unfinished,
    /// Takes down how that ends.
    pub journal: Journal,
    /// How long ago it was last written to.
    pub age: Duration,
}

/// The journals that there are; none where there is no such place.
///
/// # Errors
/// The folder cannot be read.
pub fn list(state_dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(super::runs_dir(state_dir)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == super::EXTENSION));
    paths.sort();
    Ok(paths)
}

/// Reads a journal: what the run still owned. A last line cut short by the crash does not count.
///
/// # Errors
/// See [`ReadError`].
pub fn read(path: &Path) -> Result<Unfinished, ReadError> {
    let file = File::open(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    text(path, &file).and_then(|text| understood(path, &text))
}

/// Takes a journal over, if its run is dead.
///
/// # Errors
/// See [`ReadError`].
pub fn reopen(path: &Path) -> Result<Found, ReadError> {
    let failed = |source| ReadError::Io { path: path.to_owned(), source };
    let file = OpenOptions::new().read(true).append(true).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return text(path, &file).and_then(|text| understood(path, &text)).map(Found::Alive),
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    let age = file.metadata().and_then(|about| about.modified()).map_err(failed)?.elapsed().unwrap_or_default();
    let text = text(path, &file)?;
    let unfinished = understood(path, &text)?;
    // The next record must not be glued to half of one.
    let whole = text.rfind('\n').map_or(0, |at| at + 1);
    if whole < text.len() {
        file.set_len(u64::try_from(whole).unwrap_or_default()).map_err(failed)?;
    }
    let journal = Journal::of_dead_run(path, file, &unfinished);
    Ok(Found::Dead(Dead { unfinished, journal, age }))
}

fn text(path: &Path, mut file: &File) -> Result<String, ReadError> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    // Half a line may end in the middle of a character.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn understood(path: &Path, text: &str) -> Result<Unfinished, ReadError> {
    replay(text).map_err(|flaw| match flaw {
        Flaw::Malformed(line, reason) => ReadError::Malformed { path: path.to_owned(), line, reason },
        Flaw::TooNew(version) => ReadError::TooNew { path: path.to_owned(), version },
    })
}
