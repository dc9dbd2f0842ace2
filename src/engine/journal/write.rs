//! Writing a run's journal.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record::{About, Place, Record, Unfinished, VERSION};
use crate::engine::teardown::{EntryId, Lifetime, Resource};

/// The journal cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the journal {}; nothing is created without it: {source}", path.display())]
pub struct JournalError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

/// Writes a run's journal; shared by its builds. Holds the file's lock as long as it lives: that is what tells a living run from a
/// dead one.
pub struct Journal {
    path: Option<PathBuf>,
    about: About,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    file: Option<Arc<File>>,
    /// Its name is on the disk too.
    named: bool,
    last_entry: u64,
    open: usize,
}

impl Journal {
    /// A journal under `state_dir` (None keeps none). The file is made with the first entry.
    pub fn new(state_dir: Option<&Path>, run_id: &str) -> Self {
        let path = state_dir.map(|dir| super::runs_dir(dir).join(format!("{run_id}.{}", super::EXTENSION)));
        let about = About { run_id: run_id.to_owned(), pid: std::process::id(), ..About::default() };
        Self { path, about, state: Mutex::default() }
    }

    /// Says when the run began (seconds since 1970) and by which words of a command line its template is found again.
    #[must_use]
    pub fn about(mut self, started_unix: i64, template: Option<String>) -> Self {
        self.about.started_unix = Some(started_unix);
        self.about.template = template;
        self
    }

    /// The journal of an earlier run, opened and locked by [`super::reopen`], to be brought to its end.
    pub(super) fn of_dead_run(path: &Path, file: File, unfinished: &Unfinished) -> Self {
        let state = State { file: Some(Arc::new(file)), named: true, last_entry: unfinished.last_entry, open: unfinished.entries.len() };
        Self { path: Some(path.to_owned()), about: unfinished.about.clone(), state: Mutex::new(state) }
    }

    /// The file, where one is kept.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The words by which the run's template is found again.
    pub fn template(&self) -> Option<&str> {
        self.about.template.as_deref()
    }

    /// Numbers an entry and writes it down. It survives the end of this program from here on, and that of the machine once
    /// [`Journal::force`] has returned.
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

    /// Waits until what was written is on the disk; on a thread of its own, since a disk may take its time.
    ///
    /// # Errors
    /// The disk does not take it.
    pub async fn force(&self) -> Result<(), JournalError> {
        let (Some(path), Some((file, named))) = (self.path.clone(), self.written()) else { return Ok(()) };
        let dir = path.parent().filter(|_| !named).map(Path::to_owned);
        let forced = tokio::task::spawn_blocking(move || {
            file.sync_data()?;
            dir.map_or(Ok(()), |dir| File::open(dir)?.sync_all())
        });
        forced.await.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(|source| JournalError { path, source })?;
        self.lock().named = true;
        Ok(())
    }

    fn written(&self) -> Option<(Arc<File>, bool)> {
        let state = self.lock();
        state.file.clone().map(|file| (file, state.named))
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
            state.file = Some(Arc::new(create(path, &Record::Run { version: VERSION, about: self.about.clone() }).map_err(failed)?));
        }
        state.file.as_deref().map_or(Ok(()), |file| append(file, record)).map_err(failed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the state usable: it is numbers and a file opened for appending.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A journal whose file is this one: for the failures of a disk.
    #[cfg(test)]
    pub(super) fn on(path: &Path, file: File) -> Self {
        let journal = Self { path: Some(path.to_owned()), ..Self::new(None, "run-1") };
        journal.lock().file = Some(Arc::new(file));
        journal
    }
}

/// Makes the file with its first line. It gets its name when it is locked and begun: whoever looks for journals of dead runs never sees
/// one that only seems to be nobody's.
fn create(path: &Path, first: &Record) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let young = path.with_extension("new");
    let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&young)?;
    let begun = file.lock().and_then(|()| append(&file, first)).and_then(|()| std::fs::rename(&young, path));
    if begun.is_err() {
        let _ = std::fs::remove_file(&young);
    }
    begun.map(|()| file)
}

fn append(mut file: &File, record: &Record) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    let before = file.metadata()?.len();
    file.write_all(&line).inspect_err(|_| {
        // A full disk takes half a line; without this the next record would be lost with it.
        let _ = file.set_len(before);
    })
}
