//! What a guest is, and who makes one.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use crate::layer::Change;

/// Makes guests: namespaces of this machine, or containers.
#[async_trait]
pub trait Backend: Send + Sync {
    /// One line for people: what the guests are and what is not as on EC2.
    fn about(&self) -> String;

    /// Makes a guest and starts it. It is gone, with its files, when the last reference to it is dropped or this process ends.
    ///
    /// # Errors
    /// What this machine refused, and what would help.
    async fn boot(&self, spec: Spec) -> Result<Arc<dyn Guest>, GuestError>;
}

/// A machine that stands where an instance would be.
#[async_trait]
pub trait Guest: Send + Sync {
    /// Whether somebody can log in by this name.
    fn has_user(&self, user: &str) -> bool;

    /// Starts a command, as sshd would start it.
    ///
    /// # Errors
    /// The guest is off, there is no such user.
    async fn start(&self, session: Session) -> Result<Started, GuestError>;

    /// Sends a signal (`INT`, `TERM`, `HUP`, `KILL`, ...; SSH's names) to the processes of a session. Best effort.
    fn signal(&self, session: &tokio::process::Child, name: &str);

    /// Ends all processes, as a power switch does; files stay. `/run` is empty afterwards.
    ///
    /// # Errors
    /// They could not be ended.
    async fn power_off(&self) -> Result<(), GuestError>;

    /// Starts it again after [`Guest::power_off`].
    ///
    /// # Errors
    /// As [`Backend::boot`].
    async fn power_on(&self) -> Result<(), GuestError>;

    /// Waits until something inside asks for a restart or the end (`reboot`, `shutdown`, `systemctl reboot`, ...).
    async fn power_request(&self) -> Power;

    /// Writes what was changed, against the guest's source, as an uncompressed tar layer (OCI's form: `.wh.NAME` for what was removed),
    /// and answers with the list. The guest is off.
    ///
    /// # Errors
    /// Reading or writing failed.
    async fn save(&self, layer: &Path) -> Result<Vec<Change>, GuestError>;

    /// What was asked of things that a rehearsal does not have (package managers, services), one command line each, in order.
    async fn stand_ins(&self) -> Vec<String>;

    /// Ends it and removes its files. Further calls do nothing.
    async fn remove(&self);
}

/// What a guest shall be.
#[derive(Debug, Clone, Default)]
pub struct Spec {
    /// The instance's id; also the guest's host name where `hostname` is empty.
    pub id: String,
    /// Host name, as EC2 gives it: `ip-172-31-4-7`.
    pub hostname: String,
    /// Layers of earlier rehearsals to start from, the oldest first.
    pub layers: Vec<PathBuf>,
    /// The operating system that the image has.
    pub system: System,
    /// Whether the guest shares this machine's network; else it has only itself.
    pub network: bool,
}

/// An operating system as far as a guest shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct System {
    /// Content of `/etc/os-release`; empty: this machine's.
    pub os_release: String,
    /// The user that its images log in as; empty: any of the usual ones.
    pub login: String,
    /// A container image with it: `docker.io/library/debian:12`; empty: none is known.
    pub container: String,
}

/// What to start for a login.
#[derive(Debug, Clone)]
pub struct Session {
    /// Who.
    pub user: String,
    /// What.
    pub what: What,
    /// Variables that the client set.
    pub env: BTreeMap<String, String>,
    /// A terminal, where one was asked for.
    pub terminal: Option<Terminal>,
}

/// What a session runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A login shell.
    Shell,
    /// A command line, given to the user's shell with `-c`.
    Command(String),
    /// The sftp server, on standard input and output.
    Sftp,
}

/// A terminal as the client describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// `xterm-256color`
    pub term: String,
    /// Columns and rows.
    pub size: (u16, u16),
}

/// A session that runs.
#[derive(Debug)]
pub struct Started {
    /// Its process on this machine. Standard streams are pipes, or the terminal. It ends with the command's status, or by its signal.
    pub child: tokio::process::Child,
    /// Our side of its terminal, where it has one: what it prints can be read here, what is typed can be written.
    pub terminal: Option<OwnedFd>,
}

/// What a guest asks for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// A restart.
    Reboot,
    /// The end.
    Off,
}

/// Why there is no guest, or why it could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// This machine cannot have such guests: what is missing and what to do, for people.
    #[error("{0}")]
    Impossible(String),
    /// There is no such user.
    #[error("the image has no user `{0}`")]
    NoUser(String),
    /// The guest is off or gone.
    #[error("the guest is off")]
    Off,
    /// Something on this machine.
    #[error("{what}")]
    Local {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl GuestError {
    /// The error with its cause, for a message that ends here.
    pub fn whole(&self) -> String {
        match self {
            Self::Local { what, source } => format!("{what}: {source}"),
            Self::Impossible(_) | Self::NoUser(_) | Self::Off => self.to_string(),
        }
    }
}
