//! Which users and groups of this machine a guest's users and groups are.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::fault::{During as _, Fault, Step};

/// How ids inside map to ids here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mapping {
    /// Started by root: the same ids. The ranges that exist, as lines of a map.
    Same { users: String, groups: String },
    /// Root is the user who started this, all others are from the user's subordinate ranges.
    Subordinate { user: (u32, Range), group: (u32, Range) },
    /// There is only root, who is the user who started this.
    Single { user: u32, group: u32 },
}

/// First id and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u32,
    pub(super) count: u32,
}

impl Mapping {
    /// What this process can have.
    pub(super) fn find() -> Self {
        let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        if user == 0 {
            return Self::Same { users: identity("/proc/self/uid_map"), groups: identity("/proc/self/gid_map") };
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let name = super::account::passwd(&passwd).into_iter().find(|account| account.uid == user).map(|account| account.name);
        let range = |file: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            subordinate(&text, name.as_deref(), user)
        };
        let helpers = ["newuidmap", "newgidmap"].iter().all(|helper| Path::new("/usr/bin").join(helper).exists());
        match (range("/etc/subuid"), range("/etc/subgid")) {
            (Some(users), Some(groups)) if helpers => Self::Subordinate { user: (user, users), group: (group, groups) },
            _ => Self::Single { user, group },
        }
    }

    /// Whether users other than root exist inside.
    pub(super) fn many(&self) -> bool {
        !matches!(self, Self::Single { .. })
    }

    /// Whether files of this machine's root belong to the guest's root too.
    pub(super) fn owns_this_machine(&self) -> bool {
        matches!(self, Self::Same { .. })
    }

    /// Whether this process may do with the guests' files what their root may.
    pub(super) fn owns_all_files(&self) -> bool {
        !matches!(self, Self::Subordinate { .. })
    }

    /// Writes the maps of a process that has just made its user namespace.
    pub(super) fn write(&self, pid: u32) -> Result<(), Fault> {
        let write =
            |file: &str, text: &str| fs::write(format!("/proc/{pid}/{file}"), text).at(Step::Maps, || format!("the {file} of a guest"));
        match self {
            Self::Same { users, groups } => {
                write("uid_map", users)?;
                write("gid_map", groups)
            }
            Self::Subordinate { user, group } => {
                helper("newuidmap", pid, user)?;
                helper("newgidmap", pid, group)
            }
            Self::Single { user, group } => {
                write("uid_map", &format!("0 {user} 1\n"))?;
                // The kernel lets nobody without rights map groups before this.
                write("setgroups", "deny")?;
                write("gid_map", &format!("0 {group} 1\n"))
            }
        }
    }
}

/// The ranges that exist here, each mapped to itself.
fn identity(file: &str) -> String {
    let mut map = String::new();
    for line in fs::read_to_string(file).unwrap_or_default().lines() {
        if let [inside, _, count] = line.split_whitespace().collect::<Vec<_>>()[..] {
            map.push_str(&format!("{inside} {inside} {count}\n"));
        }
    }
    map
}

/// A user's range of subordinate ids: `NAME:FIRST:COUNT`, see subuid(5). One that is too small for `nobody` is of no use.
fn subordinate(text: &str, name: Option<&str>, id: u32) -> Option<Range> {
    let id = id.to_string();
    text.lines().find_map(|line| {
        let mut words = line.trim().split(':');
        let who = words.next()?;
        let range = Range { first: words.next()?.parse().ok()?, count: words.next()?.parse().ok()? };
        ((Some(who) == name || who == id) && range.count >= 65_535).then_some(range)
    })
}

/// Has a setuid helper write a map that this user may have but not write.
fn helper(program: &str, pid: u32, (own, range): &(u32, Range)) -> Result<(), Fault> {
    let words = [pid, 0, *own, 1, 1, range.first, range.count].map(|number| number.to_string());
    let output = Command::new(Path::new("/usr/bin").join(program))
        .args(words)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .at(Step::Maps, || format!("starting {program}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Fault::new(Step::Maps, program, std::io::Error::other(said)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(u32, u32)>) {
        assert_eq!(subordinate(text, Some("ann"), 1001), expected.map(|(first, count)| Range { first, count }), "{text:?}");
    }

    #[test]
    fn a_subordinate_range_is_found_by_name_or_number() {
        check("bob:100000:65536\nann:165536:65536\n", Some((165_536, 65_536)));
        check("1001:165536:65536", Some((165_536, 65_536)));
        check("ann:165536:1000", None);
        check("anna:165536:65536", None);
        check("ann:x:65536", None);
        check("ann:165536", None);
        check("", None);
    }
}
