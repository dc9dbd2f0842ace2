//! File systems of this machine: whether one is mounted, and how it goes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::Instant;

use super::local;

/// How often a busy file system is tried.
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The commands of a build that does not mount by itself (`command_wrapper`). They are never written to disk: a wrapper may hold a
/// password. After a crash the file system is unmounted without them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Wrapped {
    /// Succeeds if it is mounted, ends with 1 if it is not.
    pub mounted: String,
    /// Unmounts it.
    pub unmount: String,
}

impl fmt::Debug for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wrapped(..)")
    }
}

/// Unmounts a file system, if it is mounted, and removes the directories made for it where they are empty.
///
/// # Errors
/// It stays, for this reason.
pub(super) async fn unmount(path: &Path, wrapped: Option<&Wrapped>, directories: &[PathBuf], deadline: Instant) -> Result<(), String> {
    let mut pause = FIRST_PAUSE;
    for left in (0..TRIES).rev() {
        if !is_mounted(path, wrapped).await {
            break;
        }
        match unmount_once(path, wrapped).await {
            Ok(()) => break,
            Err(why) if left == 0 || Instant::now() + pause >= deadline => return Err(why),
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause *= 2;
    }
    // One that is not empty is not only ours, one that is gone needs no removing: neither keeps the volume.
    directories.iter().rev().for_each(|directory| drop(std::fs::remove_dir(directory)));
    Ok(())
}

async fn is_mounted(path: &Path, wrapped: Option<&Wrapped>) -> bool {
    if mounted_here(path) {
        return true;
    }
    let Some(wrapped) = wrapped else { return false };
    // Where the wrapper mounts, only the wrapper knows.
    let status = shell(&wrapped.mounted).stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    status.is_ok_and(|status| status.code() != Some(1))
}

/// Whether something is mounted exactly there, as this process sees it.
pub fn mounted_here(path: &Path) -> bool {
    let Ok(mounts) = std::fs::read_to_string("/proc/self/mounts") else { return false };
    let path = in_mounts(path);
    mounts.lines().any(|line| line.split(' ').nth(1) == Some(&path))
}

/// A path as `/proc/mounts` writes it.
pub fn in_mounts(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.replace('\\', r"\134").replace(' ', r"\040").replace('\t', r"\011").replace('\n', r"\012")
}

async fn unmount_once(path: &Path, wrapped: Option<&Wrapped>) -> Result<(), String> {
    let mut command = match wrapped {
        Some(wrapped) => shell(&wrapped.unmount),
        None => {
            let mut command = Command::new("umount");
            command.arg("--").arg(path);
            command
        }
    };
    // No limit of our own: an `umount` that hangs does so in the kernel, where nothing ends it.
    match command.stdin(Stdio::null()).kill_on_drop(true).output().await {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("umount: {error}")),
    }
}

fn shell(text: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", text]).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Ends processes whose root directory is at or below one of these: what a provisioner left running in a chroot keeps its file systems.
pub(super) async fn end_processes_below(roots: &[&Path]) {
    let Ok(processes) = std::fs::read_dir("/proc") else { return };
    let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    for pid in pids {
        // Processes of others cannot be looked at, and are none of ours.
        let Ok(root) = std::fs::read_link(format!("/proc/{pid}/root")) else { continue };
        if roots.iter().any(|path| root.starts_with(path)) {
            drop(local::end_process(pid, local::start_time(pid), None).await);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_looked_for_as_the_kernel_writes_them() {
        assert_eq!(in_mounts(Path::new("/mnt/a b\\c")), r"/mnt/a\040b\134c");
        assert!(mounted_here(Path::new("/proc")));
        assert!(!mounted_here(Path::new("/pro")));
    }

    #[tokio::test]
    async fn what_is_not_mounted_only_loses_its_directories() {
        let folder = tempfile::tempdir().unwrap();
        let (outer, inner) = (folder.path().join("a"), folder.path().join("a/b"));
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(folder.path().join("kept"), "").unwrap();
        let directories = [folder.path().to_owned(), outer.clone(), inner.clone()];
        unmount(&inner, None, &directories, Instant::now()).await.unwrap();
        assert!(!outer.exists() && folder.path().exists());
    }

    #[tokio::test]
    async fn a_wrapper_is_asked_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let told = |text: &str| format!("echo {text} >> {}", log.display());
        let wrapped = Wrapped { mounted: told("mounted"), unmount: told("unmount") };
        unmount(folder.path(), Some(&wrapped), &[], Instant::now()).await.unwrap();
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "mounted\nunmount\n");
        let gone = Wrapped { mounted: "exit 1".to_owned(), unmount: told("never") };
        unmount(folder.path(), Some(&gone), &[], Instant::now()).await.unwrap();
        let stays = Wrapped { mounted: "exit 0".to_owned(), unmount: "echo target is busy >&2; exit 32".to_owned() };
        assert_eq!(unmount(folder.path(), Some(&stays), &[], Instant::now()).await, Err("target is busy".to_owned()));
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "mounted\nunmount\n");
        assert_eq!(format!("{stays:?}"), "Wrapped(..)");
    }
}
