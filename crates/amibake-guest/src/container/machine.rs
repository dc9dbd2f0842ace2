//! A guest.

use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::base::limits;
use super::runtime::{Runtime, local};
use super::save;
use super::session::{self, Accounts, Programs};
use crate::guest::{Guest, GuestError, Power, Session, Spec, Started};
use crate::layer::Change;

/// The first process.
const FIRST: &str = include_str!("first.sh");

/// How long the container may take to be gone after its processes were killed.
const ENDED: Duration = Duration::from_secs(10);

/// A container.
#[derive(Debug)]
pub(super) struct Machine {
    runtime: Runtime,
    name: String,
    /// The image that it was made of.
    base: String,
    accounts: Mutex<Accounts>,
    programs: Programs,
    /// What was asked of stand-ins, for each time that it was on.
    asked: Mutex<Vec<Vec<String>>>,
    removed: AtomicBool,
    /// None: it is off.
    on: tokio::sync::Mutex<Option<On>>,
    /// What its first process prints, one request a line.
    requests: tokio::sync::Mutex<Option<Lines<BufReader<ChildStdout>>>>,
    turned_on: tokio::sync::Notify,
}

/// The runtime's client that is attached to the first process.
#[derive(Debug)]
struct On {
    client: Child,
    /// Held: the container ends when it is closed.
    _life: Option<ChildStdin>,
}

impl Machine {
    pub(super) async fn boot(runtime: Runtime, name: String, base: &str, spec: &Spec) -> Result<Self, GuestError> {
        let hostname = if spec.hostname.is_empty() { &spec.id } else { &spec.hostname };
        let network = if spec.network { "host" } else { "none" };
        let mut words = vec!["create".to_owned(), "--name".into(), name.clone(), "--interactive".into()];
        words.extend([format!("--hostname={hostname}"), format!("--network={network}")]);
        words.extend(limits());
        // As a machine has it: empty after each start.
        words.extend(["--tmpfs=/run:rw,exec,mode=755".to_owned(), "--user=0:0".into(), "--entrypoint=/bin/sh".into()]);
        words.extend([base.to_owned(), "-c".into(), FIRST.into()]);
        runtime.run("a container cannot be made", words).await?;
        let machine = Self {
            runtime,
            name,
            base: base.to_owned(),
            accounts: Mutex::default(),
            programs: Programs::default(),
            asked: Mutex::default(),
            removed: AtomicBool::new(false),
            on: tokio::sync::Mutex::new(None),
            requests: tokio::sync::Mutex::new(None),
            turned_on: tokio::sync::Notify::new(),
        };
        // From here on it is removed when `machine` is dropped.
        machine.power_on().await?;
        Ok(machine)
    }

    fn removal(&self) -> [&str; 4] {
        ["rm", "--force", "--volumes", &self.name]
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was asked of stand-ins since the last start: `/run` is about to go.
    async fn note_asked(&self) {
        // Best effort: it is for information only.
        let Ok(text) = self.inside("cat /run/amibake/asked").await else { return };
        let lines = text.lines().map(|line| line.trim_end().to_owned()).collect();
        if let Some(last) = self.asked.lock().unwrap_or_else(PoisonError::into_inner).last_mut() {
            *last = lines;
        }
    }

    /// Runs a command of ours as root.
    async fn inside(&self, script: &str) -> Result<String, GuestError> {
        self.runtime.run("the guest does not answer", ["exec", "--user", "0:0", &self.name, "/bin/sh", "-c", script]).await
    }
}

#[async_trait]
impl Guest for Machine {
    fn has_user(&self, user: &str) -> bool {
        self.accounts().contains(user)
    }

    async fn start(&self, session: Session) -> Result<Started, GuestError> {
        if self.on.lock().await.is_none() {
            return Err(GuestError::Off);
        }
        let account = self.accounts().login(&session.user).ok_or_else(|| GuestError::NoUser(session.user.clone()))?;
        session::start(&self.runtime, &self.name, &account, &session, &self.programs)
    }

    fn signal(&self, session: &Child, name: &str) {
        session::signal(&self.runtime, &self.name, &self.programs, session, name);
    }

    async fn power_off(&self) -> Result<(), GuestError> {
        let Some(mut on) = self.on.lock().await.take() else { return Ok(()) };
        self.note_asked().await;
        // An error means that it has ended by itself.
        let _ = self.runtime.output(["kill", &self.name]).await;
        drop(on._life.take());
        tokio::time::timeout(ENDED, on.client.wait())
            .await
            .map_err(|late| local("the guest does not end", std::io::Error::from(late)))?
            .map_err(|source| local("the guest's end cannot be seen", source))?;
        Ok(())
    }

    async fn power_on(&self) -> Result<(), GuestError> {
        let mut on = self.on.lock().await;
        if on.is_some() {
            return Ok(());
        }
        let mut start = self.runtime.command();
        start.args(["start", "--attach", "--interactive", &self.name]);
        start.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // Away from the Ctrl-C of this process's terminal, which is for this process to decide on.
        start.process_group(0);
        let mut client = start.spawn().map_err(|source| local("the guest cannot be started", source))?;
        let life = client.stdin.take();
        let mut lines = client.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        let up = match &mut lines {
            Some(lines) => lines.next_line().await.ok().flatten().is_some_and(|line| line == "up"),
            None => false,
        };
        if !up {
            drop(life);
            let said = client.wait_with_output().await.map(|output| String::from_utf8_lossy(&output.stderr).trim().to_owned());
            return Err(local("the guest cannot be started", said.map_or_else(|error| error, std::io::Error::other)));
        }
        *self.requests.lock().await = lines;
        *on = Some(On { client, _life: life });
        drop(on);
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(Vec::new());
        let told = self.inside(session::TELL).await?;
        *self.accounts() = Accounts::read(&told);
        self.turned_on.notify_waiters();
        Ok(())
    }

    async fn power_request(&self) -> Power {
        loop {
            let turned_on = self.turned_on.notified();
            tokio::pin!(turned_on);
            turned_on.as_mut().enable();
            let mut requests = self.requests.lock().await;
            let line = match requests.as_mut() {
                Some(lines) => lines.next_line().await.ok().flatten(),
                None => None,
            };
            match line.as_deref() {
                Some("reboot") => return Power::Reboot,
                Some("off") => return Power::Off,
                Some(_) => {}
                None => {
                    // Off, or ended: it can ask for nothing until it is started again.
                    requests.take();
                    drop(requests);
                    turned_on.await;
                }
            }
        }
    }

    async fn save(&self, layer: &Path) -> Result<Vec<Change>, GuestError> {
        save::save(&self.runtime, &self.name, &self.base, layer).await
    }

    async fn stand_ins(&self) -> Vec<String> {
        if self.on.lock().await.is_some() {
            self.note_asked().await;
        }
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).concat()
    }

    async fn remove(&self) {
        // Best effort: what stays is taken by the sweep of the next owner.
        let _ = self.power_off().await;
        if self.runtime.output(self.removal()).await.is_ok() {
            self.removed.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Nothing can be awaited here; the runtime waits for children that nobody else does.
        if !*self.removed.get_mut() && tokio::runtime::Handle::try_current().is_ok() {
            let _ = self.runtime.command().args(self.removal()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn();
        }
    }
}
