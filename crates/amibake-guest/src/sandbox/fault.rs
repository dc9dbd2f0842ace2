//! What went wrong in a stage, in a form that passes through a pipe, and what would help.

use std::fmt;
use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use crate::guest::GuestError;

/// What a stage was doing: decides what would help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Step {
    /// Making a user namespace.
    UserNamespace,
    /// Writing its maps.
    Maps,
    /// Making the other namespaces.
    Namespaces,
    /// Mounting an overlay.
    Overlay,
    /// Mounting `/proc`.
    Proc,
    /// Anything else.
    Other,
}

/// A failed step of a stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Fault {
    pub(super) step: Step,
    pub(super) what: String,
    pub(super) why: String,
    pub(super) errno: i32,
}

impl Fault {
    pub(super) fn new(step: Step, what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        Self { step, what: what.into(), why: source.to_string(), errno: source.raw_os_error().unwrap_or(0) }
    }

    /// The same for people who wait for a guest.
    pub(super) fn for_people(self) -> GuestError {
        match self.help() {
            Some(help) => GuestError::Impossible(format!("{self}: {help}")),
            None => {
                let source = if self.errno == 0 { io::Error::other(self.why) } else { io::Error::from_raw_os_error(self.errno) };
                GuestError::Local { what: self.what, source }
            }
        }
    }

    fn help(&self) -> Option<String> {
        match self.step {
            Step::UserNamespace => Some(user_namespaces_off()),
            Step::Maps => Some("the ids of `/etc/subuid` and `/etc/subgid` could not be used; correct or remove the line of this user".to_owned()),
            Step::Namespaces => Some(
                "inside a container this needs `--security-opt seccomp=unconfined --security-opt apparmor=unconfined` (docker) or a machine that allows it"
                    .to_owned(),
            ),
            Step::Overlay => Some(
                "guests need Linux 5.11 or newer, and a temporary directory on ext4, xfs, btrfs or tmpfs: set TMPDIR to one (inside a container, to a volume)"
                    .to_owned(),
            ),
            Step::Proc => Some(
                "parts of /proc are hidden here, as inside a container: start it with `--security-opt systempaths=unconfined` (docker) or run this on the machine itself"
                    .to_owned(),
            ),
            Step::Other => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

/// Which switch keeps user namespaces away.
fn user_namespaces_off() -> String {
    let value = |name: &str| fs::read_to_string(format!("/proc/sys/{name}")).map(|text| text.trim().to_owned()).unwrap_or_default();
    if value("user/max_user_namespaces") == "0" {
        return "user namespaces are switched off: `sysctl user.max_user_namespaces=15000` as root allows them".to_owned();
    }
    if value("kernel/unprivileged_userns_clone") == "0" {
        return "user namespaces are for root only here: `sysctl kernel.unprivileged_userns_clone=1` as root allows them".to_owned();
    }
    if value("kernel/apparmor_restrict_unprivileged_userns") == "1" {
        return "AppArmor keeps user namespaces from ordinary programs: `sysctl kernel.apparmor_restrict_unprivileged_userns=0` as root allows them"
            .to_owned();
    }
    "user namespaces are not allowed here; inside a container this needs `--security-opt seccomp=unconfined` or `--privileged`".to_owned()
}

/// Says what was being done when a call failed.
pub(super) trait During<T> {
    /// With a step that has help of its own.
    fn at(self, step: Step, what: impl FnOnce() -> String) -> Result<T, Fault>;

    /// Without.
    fn during(self, what: impl FnOnce() -> String) -> Result<T, Fault>;
}

impl<T, E: Into<io::Error>> During<T> for Result<T, E> {
    fn at(self, step: Step, what: impl FnOnce() -> String) -> Result<T, Fault> {
        self.map_err(|source| Fault::new(step, what(), source))
    }

    fn during(self, what: impl FnOnce() -> String) -> Result<T, Fault> {
        self.at(Step::Other, what)
    }
}
