//! The teardown stack on disk, for after a crash: one file of JSON lines per run, `STATE_DIR/runs/RUN_UUID.jsonl`, mode 0600.
//!
//! A record is written before the call it announces. It is handed to the kernel, not forced onto the disk: it survives the end of the
//! process by any signal; after a power failure the tags of the resources still find them. Nothing secret is ever written: names, ids,
//! regions, the profile. [`Journal`] writes, [`read`] says what was still owned at the end.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use amibake_ec2::Region;
use serde::{Deserialize, Serialize};

use crate::engine::account::Reach;
use crate::engine::teardown::{EntryId, Lifetime, Resource};

/// Version of the records; a reader refuses a higher one.
pub const VERSION: u32 = 1;

/// The journal cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the journal {}; nothing is created without it: {source}", path.display())]
pub struct JournalError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

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

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
enum Record {
    /// First line.
    Run { version: u32, run_id: String, pid: u32 },
    /// Something is about to be created, or is owned from here on.
    Intend { entry: EntryId, build: String, place: Option<Place>, lifetime: Lifetime, resource: Resource },
    /// Its id is known.
    Complete { entry: EntryId, resource: Resource },
    /// It is meant to live differently.
    Live { entry: EntryId, lifetime: Lifetime },
    /// It is gone or handed over.
    Release { entry: EntryId },
}

/// Where in AWS something is, and how that account was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The region.
    pub region: Region,
    /// The account.
    pub reach: Reach,
}

/// What a run still owned when its journal ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// UUID of the run: the value of the tag `amibake:run-id`.
    pub run_id: String,
    /// Process id of the run; while it lives, the journal is none of anybody else's business.
    pub pid: u32,
    /// Its entries, oldest first.
    pub entries: Vec<OpenEntry>,
}

/// One entry that was never released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenEntry {
    /// Its number.
    pub entry: EntryId,
    /// The build.
    pub build: String,
    /// Where; None for what is on this machine.
    pub place: Option<Place>,
    /// How long it was meant to live.
    pub lifetime: Lifetime,
    /// What it is. Without its id: the creating call's answer never came.
    pub resource: Resource,
}

/// Writes a run's journal; shared by its builds.
pub struct Journal {
    path: Option<PathBuf>,
    run_id: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    file: Option<File>,
    last_entry: u64,
    open: usize,
}

impl Journal {
    /// A journal under `state_dir` (None keeps none). The file is made with the first entry.
    pub fn new(state_dir: Option<&Path>, run_id: &str) -> Self {
        let path = state_dir.map(|dir| dir.join("runs").join(format!("{run_id}.jsonl")));
        Self { path, run_id: run_id.to_owned(), state: Mutex::default() }
    }

    /// The file, where one is kept.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Numbers an entry and writes it down.
    ///
    /// # Errors
    /// It could not be written; the number is valid all the same.
    pub fn intend(
        &self,
        build: &str,
        place: Option<Place>,
        lifetime: Lifetime,
        resource: &Resource,
    ) -> (EntryId, Result<(), JournalError>) {
        let mut state = self.lock();
        state.last_entry += 1;
        state.open += 1;
        let entry = EntryId(state.last_entry);
        let record = Record::Intend { entry, build: build.to_owned(), place, lifetime, resource: resource.clone() };
        (entry, self.write(&mut state, &record))
    }

    /// Writes down what is known now. A failure is no error: the entry is found by name and tags.
    pub fn complete(&self, entry: EntryId, resource: &Resource) {
        let _ = self.write(&mut self.lock(), &Record::Complete { entry, resource: resource.clone() });
    }

    /// Writes down another lifetime.
    pub fn live(&self, entry: EntryId, lifetime: Lifetime) {
        let _ = self.write(&mut self.lock(), &Record::Live { entry, lifetime });
    }

    /// Writes down that an entry is gone. A failure is no error: removing what is gone succeeds.
    pub fn release(&self, entry: EntryId) {
        let mut state = self.lock();
        state.open = state.open.saturating_sub(1);
        let _ = self.write(&mut state, &Record::Release { entry });
    }

    /// Ends the journal: the file goes if nothing is owned any more, and stays otherwise.
    pub fn finish(&self) {
        let state = self.lock();
        if let (0, Some(_), Some(path)) = (state.open, &state.file, &self.path) {
            let _ = std::fs::remove_file(path);
        }
    }

    fn write(&self, state: &mut State, record: &Record) -> Result<(), JournalError> {
        let Some(path) = &self.path else { return Ok(()) };
        let failed = |source| JournalError { path: path.clone(), source };
        if state.file.is_none() {
            let mut file = create(path).map_err(failed)?;
            let run = Record::Run { version: VERSION, run_id: self.run_id.clone(), pid: std::process::id() };
            append(&mut file, &run).map_err(failed)?;
            state.file = Some(file);
        }
        state.file.as_mut().map_or(Ok(()), |file| append(file, record)).map_err(failed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the state usable: it is numbers and a file opened for appending.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn create(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)
}

fn append(file: &mut File, record: &Record) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    let before = file.metadata()?.len();
    file.write_all(&line).inspect_err(|_| {
        // A full disk takes half a line; without this the next record would be lost with it.
        let _ = file.set_len(before);
    })
}

/// Reads a journal: what the run still owned. A last line cut short by the crash does not count.
///
/// # Errors
/// See [`ReadError`].
pub fn read(path: &Path) -> Result<Unfinished, ReadError> {
    let text = std::fs::read_to_string(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    let mut unfinished = Unfinished { run_id: String::new(), pid: 0, entries: Vec::new() };
    let mut open: BTreeMap<EntryId, OpenEntry> = BTreeMap::new();
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    for (number, line) in lines.enumerate() {
        match serde_json::from_str(line) {
            Ok(Record::Run { version, .. }) if version > VERSION => return Err(ReadError::TooNew { path: path.to_owned(), version }),
            Ok(Record::Run { run_id, pid, .. }) => (unfinished.run_id, unfinished.pid) = (run_id, pid),
            Ok(record) => apply(&mut open, record),
            Err(error) => {
                return Err(ReadError::Malformed { path: path.to_owned(), line: number + 1, reason: error.to_string() });
            }
        }
    }
    unfinished.entries = open.into_values().collect();
    Ok(unfinished)
}

fn apply(open: &mut BTreeMap<EntryId, OpenEntry>, record: Record) {
    match record {
        Record::Run { .. } => {}
        Record::Intend { entry, build, place, lifetime, resource } => {
            open.insert(entry, OpenEntry { entry, build, place, lifetime, resource });
        }
        Record::Complete { entry, resource } => {
            if let Some(known) = open.get_mut(&entry) {
                known.resource = resource;
            }
        }
        Record::Live { entry, lifetime } => {
            if let Some(known) = open.get_mut(&entry) {
                known.lifetime = lifetime;
            }
        }
        Record::Release { entry } => {
            open.remove(&entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use amibake_ec2::SecurityGroupId;

    use super::*;

    fn place() -> Option<Place> {
        Some(Place { region: Region::new("us-east-2"), reach: Reach { key: "lab".into(), ..Reach::default() } })
    }

    fn group(id: Option<&str>) -> Resource {
        Resource::SecurityGroup { name: "packer_1".into(), id: id.map(|id| SecurityGroupId::new(id).unwrap()) }
    }

    #[test]
    fn what_was_never_released_is_read_back_with_its_id() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::new(Some(dir.path()), "run-1");
        let (key, written) = journal.intend("b", place(), Lifetime::Build, &Resource::key_pair("packer_1"));
        written.unwrap();
        let (sg, written) = journal.intend("b", place(), Lifetime::Build, &group(None));
        written.unwrap();
        journal.complete(sg, &group(Some("sg-1")));
        journal.live(sg, Lifetime::Artifact);
        journal.release(key);
        journal.finish();

        let path = journal.path().unwrap();
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        let found = read(path).unwrap();
        assert_eq!((found.run_id.as_str(), found.pid), ("run-1", std::process::id()));
        let expected =
            OpenEntry { entry: sg, build: "b".into(), place: place(), lifetime: Lifetime::Artifact, resource: group(Some("sg-1")) };
        assert_eq!(found.entries, [expected]);
    }

    #[test]
    fn a_run_that_leaves_nothing_leaves_no_journal() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::new(Some(dir.path()), "run-1");
        let (entry, _) = journal.intend("b", None, Lifetime::Build, &Resource::TempPath { path: "/x".into() });
        assert!(journal.path().unwrap().exists(), "written before the call");
        journal.release(entry);
        journal.finish();
        assert!(!journal.path().unwrap().exists());
    }

    #[test]
    fn an_unwritable_place_is_an_error_before_anything_is_created() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("runs"), "a file in the way").unwrap();
        let journal = Journal::new(Some(dir.path()), "run-1");
        let (_, written) = journal.intend("b", None, Lifetime::Build, &Resource::key_pair("k"));
        let text = written.unwrap_err().to_string();
        assert!(text.contains("run-1.jsonl; nothing is created without it: "), "{text}");
    }

    #[track_caller]
    fn check_read(text: &str, expected: Result<usize, &str>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j.jsonl");
        std::fs::write(&path, text).unwrap();
        match (read(&path), expected) {
            (Ok(found), Ok(entries)) => assert_eq!(found.entries.len(), entries, "{text}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, _) => panic!("{text}: {found:?}"),
        }
    }

    #[test]
    fn damaged_journals() {
        let run = r#"{"record":"run","version":1,"run_id":"r","pid":1}"#;
        let intend =
            r#"{"record":"intend","entry":1,"build":"b","place":null,"lifetime":"build","resource":{"kind":"key_pair","name":"k"}}"#;
        check_read(&format!("{run}\n{intend}\n"), Ok(1));
        check_read(&format!("{run}\n{intend}\n{{\"record\":\"rel"), Ok(1));
        check_read(&format!("{run}\nnonsense\n"), Err("line 2"));
        check_read(
            r#"{"record":"run","version":2,"run_id":"r","pid":1}
"#,
            Err("version 2"),
        );
        check_read("", Ok(0));
    }
}
