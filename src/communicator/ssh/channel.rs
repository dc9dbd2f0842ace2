//! Running a command on the guest, one channel of the open connection each.

use std::process::Stdio as LocalStdio;
use std::time::Duration;

use openssh::{Child, Error, Session, Stdio};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::master::Master;
use super::relay::relay_both;
use crate::communicator::{CommunicatorError, Ended};
use crate::event::Reporter;

/// sshd allows ten channels a connection (`MaxSessions`) and refuses the next one. A status comes before its channel is closed, so that
/// each place here may have an old channel there that still counts: half of ten.
const CHANNELS: usize = 5;
/// As much of a guest's complaint is kept.
const LONGEST_COMPLAINT: usize = 16 * 1024;

/// One open connection to a guest; once lost it stays lost.
pub(super) struct Line {
    session: Session,
    master: Master,
    channels: Semaphore,
    guest: Guest,
    pty: bool,
}

/// What the guest turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guest {
    /// The login shell understands POSIX syntax.
    pub posix: bool,
    /// Its tar.
    pub tar: Tar,
}

/// A guest's tar, as far as its options differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tar {
    /// There is none.
    Missing,
    /// GNU's.
    Gnu,
    /// Another (BusyBox, BSD).
    Other,
}

/// Asks for both. Every shell answers something; only a POSIX shell answers the first line like that.
const PROBE: &str = "(exit 3); echo \"amibake $? ${PATH:+posix}\"; tar --version 2>&1 </dev/null";

impl Guest {
    fn from_answer(answer: &str) -> Self {
        let posix = answer.lines().any(|line| line == "amibake 3 posix");
        let tar = if answer.contains("GNU tar") {
            Tar::Gnu
        } else if answer.contains("bsdtar") || answer.contains("busybox") || answer.contains("BusyBox") {
            Tar::Other
        } else {
            Tar::Missing
        };
        Self { posix, tar }
    }
}

/// A command that has run to its end.
pub(super) struct Ran {
    pub ended: Ended,
    /// What it said on standard error, shortened.
    pub complaint: String,
}

/// A running command and its place among the channels.
pub(super) struct Channel<'a> {
    pub child: Child<&'a Session>,
    _place: SemaphorePermit<'a>,
}

impl Line {
    /// Takes a connection over that has just been opened, and asks the guest what it is.
    pub(super) async fn open(master: Master, pty: bool, forward_agent: bool) -> Result<Self, CommunicatorError> {
        let session = Session::resume_mux(master.socket().into_boxed_path(), None);
        let guest = Guest { posix: false, tar: Tar::Missing };
        let mut opened = Self { session, master, channels: Semaphore::new(CHANNELS), guest, pty };
        if forward_agent {
            // sshd serves the agent to every command once one has asked for it; the multiplexing library cannot ask.
            let _ = opened.master.attached(&["-A"], "true").stdin(LocalStdio::null()).output().await;
        }
        let answer = opened.ask(PROBE).await?;
        opened.guest = Guest::from_answer(&answer);
        Ok(opened)
    }

    /// Ends the connection and removes what it kept on this machine. Dropping does the same without waiting for it.
    pub(super) async fn close(self) {
        self.master.close().await;
    }

    pub(super) fn guest(&self) -> Guest {
        self.guest
    }

    /// Starts a command on a channel of its own.
    pub(super) async fn spawn(&self, command: &str, input: Stdio, output: Stdio) -> Result<Channel<'_>, CommunicatorError> {
        let place = self.channels.acquire().await.map_err(|_| CommunicatorError::Lost)?;
        // The command is a temporary: it holds our end of `input` and `output`, which must be closed for the other end to see it.
        let spawned = self.session.raw_command(command).stdin(input).stdout(output).stderr(Stdio::piped()).spawn().await;
        match spawned {
            Ok(child) => Ok(Channel { child, _place: place }),
            Err(error) => Err(self.why(&error).await),
        }
    }

    async fn why(&self, error: &Error) -> CommunicatorError {
        if self.is_lost().await { CommunicatorError::Lost } else { CommunicatorError::Refused(chain(error)) }
    }

    /// Whether ssh has noticed that the connection is gone.
    pub(super) async fn is_lost(&self) -> bool {
        self.session.check().await.is_err()
    }

    /// Output of a small command.
    async fn ask(&self, command: &str) -> Result<String, CommunicatorError> {
        let mut channel = self.spawn(command, Stdio::null(), Stdio::piped()).await?;
        let (out, err) = (channel.child.stdout().take(), channel.child.stderr().take());
        let (answer, _) = tokio::join!(head(out), head(err));
        self.end(channel).await?;
        Ok(answer)
    }

    /// Waits for a command whose output has been read to its end. The multiplexing library closes the streams as soon as it knows the
    /// status, so it may be asked for that only now.
    pub(super) async fn end(&self, channel: Channel<'_>) -> Result<Ended, CommunicatorError> {
        match channel.child.wait().await {
            Ok(status) => Ok(status.code().map_or(Ended::Disconnected, Ended::Status)),
            // The crate takes 127 for a command that is not there.
            Err(Error::Remote(_)) => Ok(Ended::Status(127)),
            // OpenSSH's client does not pass the signal's name on; TERM is what a session's end sends.
            Err(Error::RemoteProcessTerminated | Error::Disconnected) => Ok(self.ended_without_status(128 + 15).await),
            // Not `Lost`, which callers answer by trying again: this command has begun, and may do harm twice.
            Err(_) if self.is_lost().await => Ok(Ended::Disconnected),
            Err(error) => Err(CommunicatorError::Refused(chain(&error))),
        }
    }

    /// Without a status the command was killed, or the connection is gone. A guest that shuts down kills its sessions a moment before
    /// the connection ends, so a moment's patience tells the two apart.
    async fn ended_without_status(&self, killed: i32) -> Ended {
        for _ in 0..20 {
            if self.is_lost().await {
                return Ended::Disconnected;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ended::Status(killed)
    }

    /// A POSIX shell turns death by a signal into 128 + n, which the protocol's client would not tell. Bash has words of its own for such
    /// a death, the whole command among them; nobody is to read those, so the outer shell's go nowhere.
    fn wrapped(&self, command: &str) -> String {
        if !self.guest.posix {
            return command.to_owned();
        }
        format!("{{ (\n{command}\n) 2>&3 3>&-; }} 3>&2 2>/dev/null\nexit $?")
    }

    /// Runs a command, with a terminal where the template asks for one.
    pub(super) async fn run(&self, command: &str, output: &Reporter) -> Result<Ended, CommunicatorError> {
        let command = self.wrapped(command);
        if self.pty { self.run_on_terminal(&command, output).await } else { self.run_plain(&command, output).await }
    }

    async fn run_plain(&self, command: &str, output: &Reporter) -> Result<Ended, CommunicatorError> {
        let mut channel = self.spawn(command, Stdio::null(), Stdio::piped()).await?;
        let (out, err) = (channel.child.stdout().take(), channel.child.stderr().take());
        told(relay_both(out, err, output).await)?;
        self.end(channel).await
    }

    /// With a terminal: a second ssh asks for it on the same connection.
    async fn run_on_terminal(&self, command: &str, output: &Reporter) -> Result<Ended, CommunicatorError> {
        let _place = self.channels.acquire().await.map_err(|_| CommunicatorError::Lost)?;
        let mut ssh = self.master.attached(&["-tt"], command);
        let started = ssh.stdin(LocalStdio::null()).stdout(LocalStdio::piped()).stderr(LocalStdio::piped()).spawn();
        let mut child = started.map_err(|source| local("cannot run ssh", source))?;
        told(relay_both(child.stdout.take(), child.stderr.take(), output).await)?;
        let status = child.wait().await.map_err(|source| local("cannot wait for ssh", source))?;
        match status.code() {
            // The command's own status, or ssh's word for one that was killed or whose connection is gone.
            Some(255) => Ok(self.ended_without_status(255).await),
            Some(code) => Ok(Ended::Status(code)),
            None => Ok(Ended::Disconnected),
        }
    }
}

fn told(relayed: std::io::Result<()>) -> Result<(), CommunicatorError> {
    relayed.map_err(|source| local("cannot read the command's output", source))
}

/// Reads a stream to its end and keeps its beginning.
pub(super) async fn head(from: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut from) = from else { return String::new() };
    let mut kept = Vec::new();
    let mut buffer = vec![0; 4096];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        let room = LONGEST_COMPLAINT.saturating_sub(kept.len()).min(n);
        kept.extend_from_slice(&buffer[..room]);
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

pub(super) fn local(what: &str, source: std::io::Error) -> CommunicatorError {
    CommunicatorError::Local { what: what.to_owned(), source }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text += &format!(": {cause}");
        next = cause.source();
    }
    text
}
