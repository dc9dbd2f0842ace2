//! A guest as its owner sees it.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use rustix::fs::OFlags;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use rustix::process::PidfdFlags;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::base::directory;
use super::enter::{Ask, REQUEST, Request};
use super::fault::{During as _, Fault};
use super::init::Plan;
use super::job::Job;
use super::run::Run;
use super::{account, inside, system, tree};
use crate::guest::{Guest, GuestError, Power, Session, Spec, Started, What};
use crate::layer::Change;

/// As much as is read of a guest's record, or of its list of users.
const LIMIT: u64 = 4 << 20;

/// A guest.
#[derive(Debug)]
pub(super) struct Machine {
    run: Arc<Run>,
    plan: Plan,
    state: Mutex<State>,
    /// One switch at a time.
    switch: tokio::sync::Mutex<()>,
    /// Where the guest says that it wants to restart or end; None while it is off.
    power: watch::Sender<Option<Arc<pipe::Receiver>>>,
}

#[derive(Debug)]
struct State {
    on: Option<On>,
    /// What was recorded until it was last switched off, and its users then.
    record: Vec<String>,
    users: Vec<String>,
    removed: bool,
}

/// A guest's first process, and what is needed of it.
#[derive(Debug)]
pub(super) struct On {
    first: OwnedFd,
    id: (u32, u64),
    root: OwnedFd,
    /// The guest lives for as long as this is open.
    _channel: UnixStream,
}

impl On {
    /// All of its processes begin to end.
    fn kill(&self) {
        let _ = rustix::process::pidfd_send_signal(&self.first, rustix::process::Signal::KILL);
    }

    /// Ends all of its processes. Blocks for some milliseconds: the kernel lets the first one end after all others.
    fn end(self) {
        self.kill();
        let mut waits = [PollFd::new(self.first.as_fd(), PollFlags::POLLIN)];
        while poll(&mut waits, PollTimeout::NONE) == Err(nix::errno::Errno::EINTR) {}
    }
}

impl Machine {
    /// Makes a guest and starts it. Blocks.
    pub(super) fn make(run: Arc<Run>, spec: &Spec) -> Result<(Self, On), Fault> {
        let layers = spec.layers.iter().map(|layer| run.layer(layer)).collect::<Result<Vec<_>, _>>()?;
        let system = run.system(&spec.system)?;
        let dir = run.name("guests");
        let hostname = hostname(spec);
        let trees = tree::trees(&run.names, &format!("{dir}/seed"), &layers, &system);
        let plan = Plan { dir, trees, hostname, network: spec.network, many: run.launcher.mapping.many() };
        let machine = Self {
            run,
            plan,
            state: Mutex::new(State { on: None, record: Vec::new(), users: Vec::new(), removed: false }),
            switch: tokio::sync::Mutex::default(),
            power: watch::Sender::new(None),
        };
        machine.directories()?;
        let on = start(&machine.run, &machine.plan)?;
        Ok((machine, on))
    }

    /// Its own directories, and the settings that a start gives it.
    fn directories(&self) -> Result<(), Fault> {
        let dir = self.dir();
        for tree in &self.plan.trees {
            for part in ["upper", "work"] {
                directory(&dir.join(tree.dir()).join(part), 0o755)?;
            }
        }
        directory(&dir.join("mnt"), 0o755)?;
        let etc = dir.join("seed/etc");
        directory(&etc, 0o755)?;
        let hostname = &self.plan.hostname;
        let resolve = if self.plan.network { std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default() } else { String::new() };
        let settings = [
            ("hostname", format!("{hostname}\n")),
            ("hosts", format!("127.0.0.1 localhost {hostname}\n::1 localhost ip6-localhost ip6-loopback\n")),
            ("resolv.conf", resolve),
            ("machine-id", format!("{:032x}\n", u128::from(std::process::id()) << 64 | u128::from(self.number()))),
            ("environment", String::new()),
            ("fstab", String::new()),
        ];
        settings.iter().try_for_each(|(name, text)| system::write(&etc.join(name), text, 0o644))
    }

    fn number(&self) -> u32 {
        self.plan.dir.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or_default()
    }

    fn dir(&self) -> PathBuf {
        self.run.dir().join(&self.plan.dir)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It runs. Needs tokio's reactor.
    pub(super) fn switched_on(&self, on: On) -> Result<(), GuestError> {
        // Open for writing too: without that its end would be reached after the first word.
        let fifo = inside::open(&on.root, "run/amibake/power", OFlags::RDWR).and_then(pipe::Receiver::from_file);
        self.power
            .send_replace(Some(Arc::new(fifo.map_err(|source| GuestError::Local { what: "a guest's power switch".to_owned(), source })?)));
        self.state().on = Some(on);
        Ok(())
    }

    /// From here on it is off; what is to be ended.
    fn switched_off(&self) -> Option<On> {
        self.power.send_replace(None);
        let mut state = self.state();
        let on = state.on.take()?;
        state.record.extend(record(&on));
        state.users = users(&on);
        Some(on)
    }

    fn request(&self, session: &Session) -> Result<Request, GuestError> {
        let state = self.state();
        let on = state.on.as_ref().ok_or(GuestError::Off)?;
        if !users(on).contains(&session.user) {
            return Err(GuestError::NoUser(session.user.clone()));
        }
        Ok(Request {
            first: on.id,
            network: self.plan.network,
            many: self.plan.many,
            user: session.user.clone(),
            what: match &session.what {
                What::Shell => Ask::Shell,
                What::Command(command) => Ask::Command(command.clone()),
                What::Sftp => Ask::Sftp,
            },
            env: session.env.clone(),
            terminal: session.terminal.as_ref().map(|terminal| (terminal.term.clone(), terminal.size.0, terminal.size.1)),
        })
    }
}

/// A name that the kernel and all tools take.
fn hostname(spec: &Spec) -> String {
    let wanted = if spec.hostname.is_empty() { &spec.id } else { &spec.hostname };
    let name: String = wanted.chars().filter(|letter| letter.is_ascii_alphanumeric() || "-.".contains(*letter)).take(63).collect();
    if name.is_empty() { "guest".to_owned() } else { name }
}

fn start(run: &Run, plan: &Plan) -> Result<On, Fault> {
    let words = serde_json::to_string(plan).map_err(io::Error::from).during(|| "the plan of a guest".to_owned())?;
    let mut stage = run.launcher.start(&["__guest-init", &words], Stdio::null())?;
    let pid = stage.first()?;
    let what = || "the first process of a guest".to_owned();
    let first = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).ok_or(io::ErrorKind::NotFound).during(what)?;
    let first = rustix::process::pidfd_open(first, PidfdFlags::empty()).during(what)?;
    let started = inside::started(pid).ok_or(io::ErrorKind::NotFound).during(what)?;
    stage.go_on()?;
    let ready = stage.done().and_then(|_| inside::root(pid).during(what));
    match ready {
        Ok(root) => Ok(On { first, id: (pid, started), root, _channel: stage.leave()? }),
        Err(fault) => {
            let _ = rustix::process::pidfd_send_signal(&first, rustix::process::Signal::KILL);
            Err(fault)
        }
    }
}

fn record(on: &On) -> Vec<String> {
    let text = inside::read(&on.root, "run/amibake/log", LIMIT).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}

fn users(on: &On) -> Vec<String> {
    let text = inside::read(&on.root, "etc/passwd", LIMIT).unwrap_or_default();
    account::passwd(&String::from_utf8_lossy(&text)).into_iter().map(|account| account.name).collect()
}

/// Work that blocks, on a thread for that.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, GuestError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Fault::for_people),
        Err(source) => Err(GuestError::Local { what: "work on a guest".to_owned(), source: io::Error::other(source) }),
    }
}

#[async_trait]
impl Guest for Machine {
    fn has_user(&self, user: &str) -> bool {
        let state = self.state();
        match &state.on {
            Some(on) => users(on).iter().any(|name| name == user),
            None => state.users.iter().any(|name| name == user),
        }
    }

    async fn start(&self, session: Session) -> Result<Started, GuestError> {
        let local = |what: &str| {
            let what = what.to_owned();
            move |source: io::Error| GuestError::Local { what, source }
        };
        let request = self.request(&session)?;
        let words = serde_json::to_string(&request).map_err(io::Error::from).map_err(local("a session"))?;
        let mut command = Command::new(&self.run.launcher.program);
        command.arg0("amibake").arg("__guest-enter").env_clear().env(REQUEST, words).process_group(0).kill_on_drop(true);
        command.current_dir(self.run.dir());
        let ours = if session.terminal.is_some() {
            let (ours, theirs) = UnixStream::pair().map_err(local("a pair of sockets"))?;
            command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::null()).stderr(Stdio::null());
            Some(ours)
        } else {
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            None
        };
        let child = command.spawn().map_err(local("starting a session"))?;
        // Its end of the socket must not stay open here.
        drop(command);
        let terminal = match ours {
            Some(ours) => Some(blocking(move || receive(&ours)).await?),
            None => None,
        };
        Ok(Started { child, terminal })
    }

    fn signal(&self, session: &Child, name: &str) {
        let signal = match name {
            "ABRT" | "QUIT" => Signal::SIGQUIT,
            "ALRM" => Signal::SIGALRM,
            "HUP" => Signal::SIGHUP,
            "INT" => Signal::SIGINT,
            // Asks the session's own process to kill all of it: one that is killed itself cannot do that.
            "KILL" => Signal::SIGPWR,
            "USR1" => Signal::SIGUSR1,
            "USR2" => Signal::SIGUSR2,
            _ => Signal::SIGTERM,
        };
        if let Some(pid) = session.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = kill(nix::unistd::Pid::from_raw(pid), signal);
        }
    }

    async fn power_off(&self) -> Result<(), GuestError> {
        let _one = self.switch.lock().await;
        match self.switched_off() {
            Some(on) => {
                blocking(move || {
                    on.end();
                    Ok(())
                })
                .await
            }
            None => Ok(()),
        }
    }

    async fn power_on(&self) -> Result<(), GuestError> {
        let _one = self.switch.lock().await;
        {
            let state = self.state();
            if state.removed {
                return Err(GuestError::Off);
            }
            if state.on.is_some() {
                return Ok(());
            }
        }
        let (run, plan) = (Arc::clone(&self.run), self.plan.clone());
        let on = blocking(move || start(&run, &plan)).await?;
        self.switched_on(on)
    }

    async fn power_request(&self) -> Power {
        let mut power = self.power.subscribe();
        loop {
            let fifo = power.borrow_and_update().clone();
            let Some(fifo) = fifo else {
                // It is in our own hands: this lasts as long as we do.
                let _ = power.changed().await;
                continue;
            };
            tokio::select! {
                _ = power.changed() => {}
                ready = fifo.readable() => {
                    let mut words = [0; 64];
                    match (ready, fifo.try_read(&mut words)) {
                        (Ok(()), Ok(length)) if words[..length].starts_with(b"reboot") => return Power::Reboot,
                        (Ok(()), Ok(length)) if words[..length].starts_with(b"off") => return Power::Off,
                        _ => {}
                    }
                }
            }
        }
    }

    async fn save(&self, layer: &Path) -> Result<Vec<Change>, GuestError> {
        let _one = self.switch.lock().await;
        if self.state().removed {
            return Err(GuestError::Off);
        }
        let (run, plan, layer) = (Arc::clone(&self.run), self.plan.clone(), layer.to_path_buf());
        blocking(move || {
            let file = File::create(&layer).during(|| format!("making {}", layer.display()))?;
            run.launcher.job(&Job::Save { dir: plan.dir, trees: plan.trees }, Stdio::from(file))
        })
        .await
    }

    async fn stand_ins(&self) -> Vec<String> {
        let state = self.state();
        let mut lines = state.record.clone();
        lines.extend(state.on.as_ref().map(record).unwrap_or_default());
        lines
    }

    async fn remove(&self) {
        let _one = self.switch.lock().await;
        let on = self.switched_off();
        if std::mem::replace(&mut self.state().removed, true) {
            return;
        }
        let (run, dir) = (Arc::clone(&self.run), self.plan.dir.clone());
        // What cannot be removed now goes with the run's directory.
        let _ = blocking(move || {
            if let Some(on) = on {
                on.end();
            }
            run.delete(&dir)
        })
        .await;
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let on = self.switched_off();
        if let Some(on) = &on {
            on.kill();
        }
        if !self.state().removed {
            self.run.delete_later(&self.plan.dir, move || on.map_or((), On::end));
        }
    }
}

/// Our side of a session's terminal.
fn receive(socket: &UnixStream) -> Result<OwnedFd, Fault> {
    let what = || "a terminal in the guest".to_owned();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut rights, RecvFlags::CMSG_CLOEXEC).during(what)?;
    let received = rights.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    received.ok_or(io::ErrorKind::UnexpectedEof).during(what)
}
