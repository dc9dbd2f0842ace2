//! Whose containers those are, and the sweep of dead owners' ones.

use super::base::LABEL;
use super::runtime::Runtime;

/// What the names of all containers begin with.
const PREFIX: &str = "amibake-guest";

/// The process that owns containers. A process id alone is soon another process's; with the start time it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    id: u32,
    /// In the kernel's ticks since this machine's start; 0 where the system does not tell.
    started: u64,
}

impl Owner {
    /// This process.
    pub(super) fn this() -> Self {
        let id = std::process::id();
        Self { id, started: started(id).unwrap_or(0) }
    }

    /// A name for its container.
    pub(super) fn name(&self, guest: &str) -> String {
        format!("{PREFIX}-{}-{}-{guest}", self.id, self.started)
    }

    /// The owner that is written in a name.
    fn of(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix(PREFIX)?.strip_prefix('-')?.splitn(3, '-');
        Some(Self { id: parts.next()?.parse().ok()?, started: parts.next()?.parse().ok()? })
    }

    fn is_alive(&self) -> bool {
        match started(self.id) {
            Some(started) => started == self.started,
            // On a system without /proc nothing is known, and nothing is removed.
            None => !std::path::Path::new("/proc/self/stat").exists(),
        }
    }
}

/// When a process was started; None: there is none.
///
/// Source: field 22 of proc_pid_stat(5). The second field may contain anything, so the count begins after its last parenthesis.
fn started(id: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// How long a prepared image is kept for the next rehearsal.
const KEPT: &str = "until=168h";

/// Removes the containers whose owners are gone, and prepared images that are old and that no container uses. Best effort: what stays
/// is tried again by the next one.
pub(super) async fn sweep(runtime: &Runtime) {
    let label = format!("label={LABEL}");
    let _ = runtime.output(["image", "prune", "--all", "--force", "--filter", &label, "--filter", KEPT]).await;
    let filter = format!("name=^{PREFIX}-");
    let Ok(names) = runtime.output(["ps", "--all", "--filter", &filter, "--format", "{{.Names}}"]).await else { return };
    let dead: Vec<_> = names.lines().filter(|name| Owner::of(name).is_some_and(|owner| !owner.is_alive())).collect();
    if !dead.is_empty() {
        let _ = runtime.output(["rm", "--force", "--volumes"].into_iter().chain(dead)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_read_from_its_containers_names() {
        let this = Owner::this();
        assert_eq!(Owner::of(&this.name("i-0123-x")), Some(this));
        assert!(this.is_alive());
        let later = Owner { started: this.started + 1, ..this };
        assert!(!later.is_alive(), "another process with the same id");
        for name in ["amibake-guest-1", "amibake-guest-x-1-i", "somebody-else", "amibake-guest"] {
            assert_eq!(Owner::of(name), None, "{name}");
        }
    }
}
