//! A guest that is no guest: it runs programs as the user of the tests, in a home of their own.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;

use amibake_guest::guest::{Power, Session, Started, Terminal, What};
use amibake_guest::layer::Change;
use amibake_guest::{Guest, GuestError};
use async_trait::async_trait;
use rustix::process::{Pid, Signal};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::process::{Child, Command};

/// Runs programs here.
pub struct Here {
    pub home: PathBuf,
    /// The environment that the client's sessions had, the newest last.
    pub seen: Mutex<Vec<BTreeMap<String, String>>>,
}

impl Here {
    pub fn new(home: &Path) -> Self {
        Self { home: home.to_owned(), seen: Mutex::default() }
    }
}

fn local(what: &str, source: impl Into<std::io::Error>) -> GuestError {
    GuestError::Local { what: what.into(), source: source.into() }
}

/// Both sides of a terminal.
fn terminal(terminal: &Terminal) -> rustix::io::Result<(OwnedFd, std::fs::File)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let (columns, rows) = terminal.size;
    tcsetwinsize(&master, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 })?;
    let name = PathBuf::from(ptsname(&master, Vec::new())?.into_string().unwrap());
    let slave = rustix::fs::open(&name, rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY, rustix::fs::Mode::empty())?;
    Ok((master, slave.into()))
}

fn words(what: &What) -> Vec<String> {
    match what {
        What::Shell => vec!["sh".into(), "-l".into()],
        What::Command(line) => vec!["sh".into(), "-c".into(), line.clone()],
        What::Sftp => vec![env!("CARGO_BIN_EXE_amibake-guest-sftp").into()],
    }
}

#[async_trait]
impl Guest for Here {
    fn has_user(&self, user: &str) -> bool {
        ["ubuntu", "root", "other"].contains(&user)
    }

    async fn start(&self, session: Session) -> Result<Started, GuestError> {
        self.seen.lock().unwrap().push(session.env.clone());
        let words = words(&session.what);
        let mut command = match session.terminal {
            // Takes the terminal as its own; it is what a login does.
            Some(_) => {
                let mut command = Command::new("setsid");
                command.args(["--ctty", "--wait"]).args(&words);
                command
            }
            None => {
                let mut command = Command::new(&words[0]);
                command.args(&words[1..]).process_group(0);
                command
            }
        };
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", &self.home).envs(&session.env).current_dir(&self.home);
        let master = match &session.terminal {
            Some(wanted) => {
                let (master, slave) = terminal(wanted).map_err(|error| local("no terminal", error))?;
                let stream = || slave.try_clone().map(Stdio::from).map_err(|error| local("no terminal", error));
                command.env("TERM", &wanted.term).stdin(stream()?).stdout(stream()?).stderr(stream()?);
                Some(master)
            }
            None => {
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
                None
            }
        };
        let child = command.spawn().map_err(|error| local("no program", error))?;
        Ok(Started { child, terminal: master })
    }

    fn signal(&self, session: &Child, name: &str) {
        let signal = match name {
            "INT" => Signal::INT,
            "TERM" => Signal::TERM,
            "HUP" => Signal::HUP,
            _ => Signal::KILL,
        };
        if let Some(group) = session.id().and_then(|id| Pid::from_raw(i32::try_from(id).unwrap())) {
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }

    async fn power_off(&self) -> Result<(), GuestError> {
        Ok(())
    }

    async fn power_on(&self) -> Result<(), GuestError> {
        Ok(())
    }

    async fn power_request(&self) -> Power {
        std::future::pending().await
    }

    async fn save(&self, _layer: &Path) -> Result<Vec<Change>, GuestError> {
        Ok(Vec::new())
    }

    async fn stand_ins(&self) -> Vec<String> {
        Vec::new()
    }

    async fn remove(&self) {}
}
