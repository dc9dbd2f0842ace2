//! The directory of a run: everything that guests write is there, and it goes away with the run, or with the next one.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::SystemTime;

use super::backend::Options;
use super::base::Base;
use super::fault::{During as _, Fault, Step};
use super::ids::Mapping;
use super::job::Job;
use super::launch::{Ending, Launcher};
use super::system::Making;
use super::tree;
use crate::guest::System;

/// A run that goes on. Its files are removed when it is dropped, after all guests.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) launcher: Launcher,
    /// The trees of its guests.
    pub(super) names: Vec<String>,
    /// Where what its guests share is, if that is in memory.
    memory: Option<PathBuf>,
    /// Held for as long as the run goes on.
    _lock: File,
    lock_path: PathBuf,
    made: Mutex<HashMap<Shared, Arc<Mutex<Option<String>>>>>,
    number: AtomicU32,
    /// Guests that are being removed.
    leaving: Mutex<Vec<JoinHandle<()>>>,
}

/// What guests share, made when the first one wants it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Shared {
    Layer(PathBuf, Option<SystemTime>, u64),
    System(String, String),
}

impl Run {
    /// Removes what dead runs left, and begins one.
    pub(super) fn begin(options: Options) -> Result<Self, Fault> {
        let Options { program, state, stand_ins } = options;
        private(&state)?;
        let state = fs::canonicalize(&state).during(|| format!("{}", state.display()))?;
        let mapping = Mapping::find();
        let mut launcher = Launcher { program, mapping, dir: state.clone(), ending: Ending::default() };
        sweep(&state, &launcher);
        let (lock, lock_path, dir) = lock(&state)?;
        let memory = in_memory(&dir);
        launcher.dir = dir;
        let mut run = Self {
            launcher,
            memory,
            names: tree::names(),
            _lock: lock,
            lock_path,
            made: Mutex::default(),
            number: AtomicU32::new(0),
            leaving: Mutex::default(),
        };
        run.prepare(stand_ins)?;
        Ok(run)
    }

    fn prepare(&mut self, stand_ins: Vec<String>) -> Result<(), Fault> {
        let shared = self.dir().join("shared");
        self.memory = place(self.memory.take(), &shared)?;
        let mapping = &self.launcher.mapping;
        let base = Base { trees: self.names.clone(), owned: mapping.owns_this_machine(), many: mapping.many(), stand_ins };
        self.launcher.job::<()>(&Job::Base(base), Stdio::null())
    }

    pub(super) fn dir(&self) -> &Path {
        &self.launcher.dir
    }

    /// A name that nothing else in this run has.
    pub(super) fn name(&self, kind: &str) -> String {
        format!("{kind}/{}", self.number.fetch_add(1, Ordering::Relaxed))
    }

    /// The lower directories of a layer. Blocks while it is unpacked.
    pub(super) fn layer(&self, layer: &Path) -> Result<String, Fault> {
        let what = || format!("the layer {}", layer.display());
        let layer = fs::canonicalize(layer).during(what)?;
        let found = fs::metadata(&layer).during(what)?;
        let trees = self.names.clone();
        self.shared(Shared::Layer(layer.clone(), found.modified().ok(), found.len()), "layers", |dir| Job::Unpack { layer, dir, trees })
    }

    /// The lower directories of an operating system.
    pub(super) fn system(&self, system: &System) -> Result<String, Fault> {
        let (os_release, login) = (system.os_release.clone(), system.login.clone());
        let (trees, many) = (self.names.clone(), self.launcher.mapping.many());
        let key = Shared::System(os_release.clone(), login.clone());
        self.shared(key, "shared/systems", |dir| Job::System(Making { dir, trees, os_release, login, many }))
    }

    fn shared(&self, key: Shared, kind: &str, job: impl FnOnce(String) -> Job) -> Result<String, Fault> {
        let place = Arc::clone(self.made.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
        // Whoever comes second waits for the first one's work.
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = &*place {
            return Ok(dir.clone());
        }
        let dir = self.name(kind);
        self.launcher.job::<()>(&job(dir.clone()), Stdio::null())?;
        *place = Some(dir.clone());
        Ok(dir)
    }

    /// Removes a guest's files. Blocks.
    pub(super) fn delete(&self, guest: &str) -> Result<(), Fault> {
        self.launcher.delete(self.dir().join(guest))
    }

    /// The same, after something else, in a thread of its own, which the end of the run waits for.
    pub(super) fn delete_later(&self, guest: &str, after: impl FnOnce() + Send + 'static) {
        let (launcher, dir) = (self.launcher.clone(), self.dir().join(guest));
        let thread = std::thread::spawn(move || {
            after();
            // What cannot be removed now goes with the run's directory.
            let _ = launcher.delete(dir);
        });
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        for thread in std::mem::take(&mut *self.leaving.lock().unwrap_or_else(PoisonError::into_inner)) {
            let _ = thread.join();
        }
        // Not found by the link: somebody may have removed the directory that it is in.
        remove(&self.launcher, &self.lock_path, self.memory.clone());
        self.launcher.ending.wait();
    }
}

/// Where memory is a file system.
const MEMORY: &str = "/dev/shm";

/// A directory in memory for what all guests share: some 1,300 small files, whose making and removing cost a second and more on a
/// disk that is busy. None: there is no such place.
fn in_memory(run: &Path) -> Option<PathBuf> {
    let found = rustix::fs::statvfs(MEMORY).ok()?;
    let roomy = found.f_bavail.saturating_mul(found.f_frsize) > 256 << 20;
    if found.f_flag.contains(rustix::fs::StatVfsMountFlags::NOEXEC) || !roomy {
        return None;
    }
    let mine = memory_of_this_user();
    private(&mine).ok()?;
    // The same name may be in use by a process of another process namespace, with another temporary directory.
    Some(mine.join(format!("{}-{}", run.file_name()?.to_str()?, fs::metadata(run).ok()?.ino())))
}

/// Makes `shared`, in memory if it can be made there; then where.
fn place(memory: Option<PathBuf>, shared: &Path) -> Result<Option<PathBuf>, Fault> {
    let what = || format!("{}", shared.display());
    let directory = |path: &Path| fs::DirBuilder::new().mode(0o700).create(path);
    if let Some(memory) = memory {
        // First the link: who cleans up after us finds by it what we made.
        std::os::unix::fs::symlink(&memory, shared).during(what)?;
        if directory(&memory).is_ok() {
            return Ok(Some(memory));
        }
        // It is somebody else's, or a run that ended just now took the directory above with it.
        fs::remove_file(shared).during(what)?;
    }
    directory(shared).during(what).map(|()| None)
}

fn memory_of_this_user() -> PathBuf {
    Path::new(MEMORY).join(format!("amibake-{}", rustix::process::geteuid().as_raw()))
}

/// Makes the directory that all runs of a user share, for that user alone.
fn private(state: &Path) -> Result<(), Fault> {
    let what = || format!("the directory {} of guests", state.display());
    match fs::DirBuilder::new().mode(0o700).create(state) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => return Err(source).during(what),
        _ => {}
    }
    let found = fs::symlink_metadata(state).during(what)?;
    if found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o077 == 0 {
        return Ok(());
    }
    let why = io::Error::other("somebody else made it, or others may enter it; remove it, or set TMPDIR to a directory of your own");
    Err(Fault::new(Step::Other, what(), why))
}

/// A directory for a run, and the lock that says that it goes on: `RUN.lock` beside `RUN`.
///
/// The lock is taken before the directory exists: a directory whose lock is free belongs to nobody.
fn lock(state: &Path) -> Result<(File, PathBuf, PathBuf), Fault> {
    let pid = std::process::id();
    for number in 0..1_000 {
        let path = state.join(format!("{pid}-{number}.lock"));
        let Ok(file) = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) else { continue };
        // Somebody who cleans up may have been faster than this lock, and removed the file.
        let mine = file.try_lock().is_ok() && same_file(&file, &path);
        if mine {
            let dir = path.with_extension("");
            fs::DirBuilder::new().mode(0o700).create(&dir).during(|| format!("{}", dir.display()))?;
            return Ok((file, path, dir));
        }
    }
    Err(Fault::new(Step::Other, format!("a directory in {}", state.display()), io::Error::from(io::ErrorKind::AlreadyExists)))
}

fn same_file(file: &File, path: &Path) -> bool {
    let id = |found: fs::Metadata| (found.dev(), found.ino());
    file.metadata().map(id).ok().is_some_and(|ours| fs::symlink_metadata(path).map(id).is_ok_and(|there| there == ours))
}

/// Removes the directories of runs whose owners are gone. What cannot be removed is left to the next start.
fn sweep(state: &Path, launcher: &Launcher) {
    for entry in fs::read_dir(state).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "lock") {
            let Ok(file) = File::open(&path) else { continue };
            if file.try_lock().is_ok() {
                let memory = fs::read_link(path.with_extension("").join("shared")).ok();
                remove(launcher, &path, memory.filter(|memory| memory.parent() == Some(&memory_of_this_user())));
            }
        }
    }
}

/// Removes what a run has in memory, its directory, and then its lock.
fn remove(launcher: &Launcher, lock: &Path, memory: Option<PathBuf>) {
    let dir = lock.with_extension("");
    let launcher = Launcher { dir: lock.parent().unwrap_or(Path::new("/")).to_path_buf(), ..launcher.clone() };
    let delete = |dir: PathBuf| !dir.exists() || launcher.delete(dir).is_ok();
    if memory.is_none_or(delete) && delete(dir) {
        let _ = fs::remove_file(lock);
        // Only when it was the last one.
        let _ = fs::remove_dir(memory_of_this_user());
    }
}
