//! What is on this machine: temporary files, the ssh master.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::Instant;

/// How long a process may take to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(2);
const CHECK_EVERY: Duration = Duration::from_millis(20);

/// Removes a file, or a directory with all it holds; one that is not there is success.
pub(super) fn remove_path(path: &Path) -> std::io::Result<()> {
    let removed = match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Ends a process of ours: SIGTERM, then SIGKILL; removes its control socket. One that is gone, or whose pid has a new owner, is success.
pub(super) async fn end_process(pid: u32, start_time: Option<u64>, control_socket: Option<&Path>) -> std::io::Result<()> {
    if alive(pid, start_time) {
        signal(pid, "TERM").await?;
        let patience = Instant::now() + PATIENCE;
        while alive(pid, start_time) {
            if Instant::now() >= patience {
                signal(pid, "KILL").await?;
                break;
            }
            tokio::time::sleep(CHECK_EVERY).await;
        }
    }
    control_socket.map_or(Ok(()), remove_path)
}

/// `kill` rather than a call of our own: unsafe code is not worth it for two signals a build.
async fn signal(pid: u32, name: &str) -> std::io::Result<()> {
    // A failure means that it has ended meanwhile.
    Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).stderr(std::process::Stdio::null()).status().await.map(drop)
}

/// Whether the process runs; a zombie (ended, its parent has not looked yet) does not.
fn alive(pid: u32, start_time: Option<u64>) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The command name in parentheses may hold blanks and parentheses; the fields after its last `)` are numbered from 3.
    let Some((_, fields)) = stat.rsplit_once(')') else { return false };
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let same = start_time.is_none_or(|start| fields.get(19).and_then(|field| field.parse().ok()) == Some(start));
    same && !matches!(fields.first(), Some(&("Z" | "X")))
}

/// Start time of a process (field 22 of `/proc/PID/stat`), for [`super::Resource::Process`].
pub(super) fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}
