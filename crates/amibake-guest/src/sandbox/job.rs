//! The stages: which words of the program's command line start which, and work on files as the guest's root.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fault::{During as _, Fault};
use super::launch::{Said, become_root, say};
use super::tree::Tree;
use super::{base, enter, first, init, save, sudo, system, unpack};

/// Work on a run's files. In the run's directory, with the ids of a guest.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Job {
    /// Makes what all guests share, and tries what the kernel allows.
    Base(base::Base),
    /// Makes what guests of one operating system share.
    System(system::Making),
    /// Makes lower directories of a layer.
    Unpack { layer: PathBuf, dir: String, trees: Vec<String> },
    /// Writes a layer to standard output.
    Save { dir: String, trees: Vec<Tree> },
    /// Removes a directory with all that is in it.
    Delete(PathBuf),
}

/// See [`crate::stage::run`].
pub(crate) fn stage(words: &[OsString]) -> Option<u8> {
    let name = words.first().map(Path::new).and_then(Path::file_name).unwrap_or_default();
    if name == "sudo" {
        return Some(sudo::run(words.get(1..).unwrap_or_default()));
    }
    let stage = words.get(1)?.to_str()?;
    if !stage.starts_with("__guest-") {
        return None;
    }
    // Whatever the program was started with is not for guests: they get the three standard streams.
    close_fds::set_fds_cloexec(3, &[]);
    let word = |at: usize| words.get(at).and_then(|word| word.to_str()).unwrap_or_default();
    let done = match stage {
        "__guest-init" => init::namespaces(word(2)),
        "__guest-root" => init::first(word(2)),
        "__guest-first" => first::stay(),
        "__guest-job" => work(word(2)),
        "__guest-probe" => base::probe_proc(),
        "__guest-enter" => return Some(enter::enter(word(2))),
        "__guest-session" => return Some(enter::session(word(2))),
        _ => return None,
    };
    match done {
        Ok(()) => Some(0),
        Err(fault) => {
            // With the owner gone nobody is left to hear it.
            let _ = say(&Said::Failed(fault));
            Some(1)
        }
    }
}

fn work(job: &str) -> Result<(), Fault> {
    become_root()?;
    let job: Job = serde_json::from_str(job).map_err(std::io::Error::from).during(|| "a job".to_owned())?;
    let found = match job {
        Job::Base(base) => base.make().map(|()| serde_json::Value::Null)?,
        Job::System(making) => making.make().map(|()| serde_json::Value::Null)?,
        Job::Unpack { layer, dir, trees } => unpack::unpack(&layer, &dir, &trees).map(|()| serde_json::Value::Null)?,
        Job::Save { dir, trees } => {
            let changes = save::save(&dir, &trees)?;
            serde_json::to_value(changes).map_err(std::io::Error::from).during(|| "the list of changes".to_owned())?
        }
        Job::Delete(dir) => delete(&dir).map(|()| serde_json::Value::Null)?,
    };
    say(&Said::Done(found))
}

/// Also directories that their owners made unreadable: root may do everything, but a single user is no such root.
pub(super) fn delete(dir: &Path) -> Result<(), Fault> {
    let removed = std::fs::remove_dir_all(dir).or_else(|_| {
        open_up(dir);
        std::fs::remove_dir_all(dir)
    });
    match removed {
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.during(|| format!("removing {}", dir.display())),
    }
}

fn open_up(dir: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let _ = std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700));
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|found| found.is_dir()) {
            open_up(&entry.path());
        }
    }
}
