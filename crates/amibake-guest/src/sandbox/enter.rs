//! A session in a guest. Two processes: one on this side, which goes into the guest's namespaces and ends as the session ended, and
//! its child, which belongs to the guest and becomes the user's shell.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, IoSlice, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus};

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{SigSet, Signal, killpg, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Gid, Pid, Uid, setgroups, setresgid, setresuid};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use rustix::process::PidfdFlags;
use rustix::pty::OpenptFlags;
use serde::{Deserialize, Serialize};

use super::account::{Account, groups_of, here};
use super::fault::{During as _, Fault};
use super::limits;

/// The variable that a request comes in: unlike words of a command line, other users of this machine cannot read it.
pub(super) const REQUEST: &str = "AMIBAKE_SESSION";

/// Signals that are handed on to the session. Nothing else sends SIGPWR, so it stands for SIGKILL, which cannot be handed on.
const HANDED_ON: [Signal; 8] =
    [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGALRM, Signal::SIGPWR];

/// Status where the session could not be started, as sshd has it.
const NOT_STARTED: u8 = 255;

/// What the owner asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    /// The guest's first process, and when it was started: the number alone could be somebody else's by now.
    pub(super) first: (u32, u64),
    /// Whether the guest shares this machine's network.
    pub(super) network: bool,
    /// Whether there are users other than root.
    pub(super) many: bool,
    pub(super) user: String,
    pub(super) what: Ask,
    /// What the client set.
    pub(super) env: BTreeMap<String, String>,
    /// Type, columns, rows.
    pub(super) terminal: Option<(String, u16, u16)>,
}

/// [`crate::guest::What`], written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Ask {
    Shell,
    Command(String),
    Sftp,
}

/// What the process in the guest needs to know.
#[derive(Debug, Serialize, Deserialize)]
struct Inner {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    many: bool,
    terminal: bool,
    home: String,
    shell: String,
    what: Ask,
}

/// `__guest-enter`: from this machine into the guest.
pub(super) fn enter(_: &str) -> u8 {
    #[expect(clippy::disallowed_methods, reason = "a request between two processes of this program, not the user's environment")]
    let request = std::env::var(REQUEST).unwrap_or_default();
    match serde_json::from_str(&request).map_err(io::Error::from).during(|| "a session".to_owned()).and_then(run) {
        Ok(status) => status,
        Err(fault) => {
            let _ = writeln!(io::stderr(), "{fault}");
            NOT_STARTED
        }
    }
}

fn run(request: Request) -> Result<u8, Fault> {
    // Our child is seen in the guest before it runs a program of the guest's. Nobody may look into it there: this file is its program.
    nix::sys::prctl::set_dumpable(false).during(|| "closing a session".to_owned())?;
    let nothing = File::open("/dev/null").during(|| "/dev/null".to_owned())?;
    join(&request)?;
    let (accounts, groups) = here();
    let Some(account) = accounts.into_iter().find(|account| account.name == request.user) else {
        return Err(Fault::new(super::fault::Step::Other, "the guest", io::Error::other(format!("no user `{}`", request.user))));
    };
    let terminal = request.terminal.as_ref().map(|terminal| open_terminal(terminal, &account)).transpose()?;
    limits::drop_capabilities()?;
    let inner = Inner {
        uid: account.uid,
        gid: account.gid,
        groups: groups_of(&account, &groups),
        many: request.many,
        terminal: terminal.is_some(),
        home: account.home.clone(),
        shell: account.shell.clone(),
        what: request.what.clone(),
    };
    let signals = listen()?;
    let child = start(&inner, environment(&request, &account), terminal)?;
    for closed in [rustix::stdio::dup2_stdin(&nothing), rustix::stdio::dup2_stdout(&nothing), rustix::stdio::dup2_stderr(&nothing)] {
        closed.during(|| "leaving a session's streams to it".to_owned())?;
    }
    wait(child, &signals).map(end_as)
}

/// Into all of the guest's namespaces.
fn join(request: &Request) -> Result<(), Fault> {
    let (pid, start) = request.first;
    let gone = || "the guest is off".to_owned();
    let first = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).ok_or(io::ErrorKind::NotFound).during(gone)?;
    let first = rustix::process::pidfd_open(first, PidfdFlags::empty()).during(gone)?;
    if super::inside::started(pid) != Some(start) {
        return Err(io::Error::from(io::ErrorKind::NotFound)).during(gone);
    }
    let mut flags = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWCGROUP;
    if !request.network {
        flags |= CloneFlags::CLONE_NEWNET;
    }
    setns(&first, flags).during(|| "going into a guest".to_owned())?;
    if request.many {
        setgroups(&[]).during(|| "giving up groups".to_owned())?;
    }
    let root = (Uid::from_raw(0), Gid::from_raw(0));
    setresgid(root.1, root.1, root.1).and_then(|()| setresuid(root.0, root.0, root.0)).during(|| "becoming the guest's root".to_owned())
}

/// A terminal of the guest's own; our side of it goes to the owner through standard input, which is a socket then.
fn open_terminal((_, columns, rows): &(String, u16, u16), account: &Account) -> Result<OwnedFd, Fault> {
    let what = || "a terminal in the guest".to_owned();
    let ours = rustix::fs::open(
        "/dev/pts/ptmx",
        rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )
    .during(what)?;
    rustix::pty::unlockpt(&ours).during(what)?;
    let theirs = rustix::pty::ioctl_tiocgptpeer(&ours, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).during(what)?;
    let size = rustix::termios::Winsize { ws_row: *rows, ws_col: *columns, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&theirs, size).during(what)?;
    // Where only root exists nobody else can own it.
    let _ = rustix::fs::fchown(&theirs, Some(rustix::fs::Uid::from_raw(account.uid)), None);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    let sent = [ours.as_fd()];
    rights.push(SendAncillaryMessage::ScmRights(&sent));
    rustix::net::sendmsg(rustix::stdio::stdin(), &[IoSlice::new(b"t")], &mut rights, SendFlags::empty()).during(what)?;
    Ok(theirs)
}

/// As sshd sets it: nothing of this machine's.
fn environment(request: &Request, account: &Account) -> BTreeMap<String, String> {
    let mut env = request.env.clone();
    env.retain(|name, value| !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0'));
    let fixed = [
        ("HOME", account.home.as_str()),
        ("LOGNAME", &account.name),
        ("PATH", super::sudo::PATH),
        ("SHELL", &account.shell),
        ("USER", &account.name),
    ];
    env.extend(fixed.map(|(name, value)| (name.to_owned(), value.to_owned())));
    if let Some((term, ..)) = &request.terminal {
        env.insert("TERM".to_owned(), term.clone());
    }
    env
}

fn listen() -> Result<SignalFd, Fault> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    for signal in HANDED_ON {
        mask.add(signal);
    }
    mask.thread_block().and_then(|()| SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC)).during(|| "signals of a session".to_owned())
}

fn start(inner: &Inner, env: BTreeMap<String, String>, terminal: Option<OwnedFd>) -> Result<Child, Fault> {
    let what = || "starting a session".to_owned();
    let words = serde_json::to_string(inner).map_err(io::Error::from).during(what)?;
    let mut command = Command::new("/run/amibake/program");
    command.arg0("sshd").args(["__guest-session", &words]).env_clear().envs(env);
    if let Some(terminal) = terminal {
        let copy = || terminal.try_clone().during(what);
        command.stdin(copy()?).stdout(copy()?).stderr(copy()?);
    }
    command.spawn().during(what)
}

/// Hands signals on until the session's first process is at its end.
fn wait(mut child: Child, signals: &SignalFd) -> Result<ExitStatus, Fault> {
    // A process group of this number exists as soon as the child has made its session.
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    loop {
        if let Some(status) = child.try_wait().during(|| "waiting for a session".to_owned())? {
            return Ok(status);
        }
        let Ok(Some(received)) = signals.read_signal() else { continue };
        let signal = i32::try_from(received.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok());
        match signal {
            Some(Signal::SIGPWR) => drop(killpg(group, Signal::SIGKILL)),
            Some(Signal::SIGCHLD) | None => {}
            Some(signal) => drop(killpg(group, signal)),
        }
    }
}

/// Ends as the session ended: by its signal, or with its status.
fn end_as(status: ExitStatus) -> u8 {
    if let Some(signal) = status.signal().and_then(|number| Signal::try_from(number).ok()) {
        let _ = SigSet::empty().thread_set_mask();
        let _ = raise(signal);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(NOT_STARTED)
}

/// `__guest-session INNER`: in the guest, from its root to the user's shell.
pub(super) fn session(words: &str) -> u8 {
    let done = serde_json::from_str(words).map_err(io::Error::from).during(|| "a session".to_owned()).and_then(|inner| become_user(&inner));
    match done {
        Ok(status) => status,
        Err(fault) => {
            let _ = writeln!(io::stderr(), "{fault}");
            NOT_STARTED
        }
    }
}

fn become_user(inner: &Inner) -> Result<u8, Fault> {
    let what = || "starting a session".to_owned();
    nix::unistd::setsid().during(what)?;
    SigSet::empty().thread_set_mask().during(what)?;
    if inner.terminal {
        rustix::process::ioctl_tiocsctty(rustix::stdio::stdin()).during(what)?;
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    if inner.many {
        let groups: Vec<Gid> = inner.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
        let (uid, gid) = (Uid::from_raw(inner.uid), Gid::from_raw(inner.gid));
        setgroups(&groups).and_then(|()| setresgid(gid, gid, gid)).and_then(|()| setresuid(uid, uid, uid)).during(what)?;
    }
    // Not earlier: a change of users takes it away.
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).during(what)?;
    if let Err(source) = std::env::set_current_dir(&inner.home) {
        let _ = writeln!(io::stderr(), "Could not chdir to home directory {}: {source}", inner.home);
        std::env::set_current_dir("/").during(what)?;
    }
    let name = inner.shell.rsplit('/').next().unwrap_or("sh");
    let mut shell = Command::new(&inner.shell);
    match &inner.what {
        Ask::Shell => shell.arg0(format!("-{name}")),
        Ask::Command(command) => shell.arg0(name).arg("-c").arg(command),
        Ask::Sftp => return Ok(crate::server::sftp::serve_stdio()),
    };
    Err(shell.exec()).during(|| inner.shell.clone())
}
