//! The bytes and signals between a client and a program.

use std::io;
use std::os::fd::OwnedFd;

use russh::{ChannelMsg, ChannelReadHalf, Sig};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::client::{Client, To};
use super::exit;
use super::inbox::Inbox;
use super::session::size;
use super::terminal::Master;
use crate::guest::Guest;

/// Signals that wait for the program. More than that at once are dropped, as a kernel merges them.
const SIGNALS: usize = 8;

/// A program's streams.
pub(super) enum Streams {
    Pipes(Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>),
    Terminal(Master),
}

impl Streams {
    /// Takes them.
    ///
    /// # Errors
    /// The terminal cannot be used.
    pub(super) fn of(child: &mut Child, terminal: Option<OwnedFd>) -> io::Result<Self> {
        Ok(match terminal {
            Some(fd) => Self::Terminal(Master::new(fd)?),
            None => Self::Pipes(child.stdin.take(), child.stdout.take(), child.stderr.take()),
        })
    }
}

/// Who or what ended a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The program ended, and so did its output.
    Program,
    /// The client closed the channel.
    Client,
    /// This side ended the connection.
    Cut,
}

/// Relays until the program and its output are at their end, or the client or this side closes the channel. The streams are closed then.
pub(super) async fn relay(
    streams: Streams,
    child: &mut Child,
    requests: ChannelReadHalf,
    client: &Client,
    guest: &dyn Guest,
    cut: &CancellationToken,
) -> Ended {
    let (sender, mut signals) = mpsc::channel(SIGNALS);
    let exit = async { client.tell(exit::wait(child, &mut signals, guest).await).await };
    match streams {
        Streams::Pipes(stdin, stdout, stderr) => tokio::select! {
            _ = async { tokio::join!(client.relay(To::Output, stdout), client.relay(To::Error, stderr), exit) } => Ended::Program,
            () = input(requests, stdin, None, sender) => Ended::Client,
            () = cut.cancelled() => Ended::Cut,
        },
        Streams::Terminal(master) => tokio::select! {
            _ = async { tokio::join!(client.relay(To::Output, Some(&master)), exit) } => Ended::Program,
            () = input(requests, Some(&master), Some(&master), sender) => Ended::Client,
            () = cut.cancelled() => Ended::Cut,
        },
    }
}

/// Passes on what the client sends, until it closes the channel.
async fn input(
    mut requests: ChannelReadHalf,
    mut program: Option<impl AsyncWrite + Unpin>,
    window: Option<&Master>,
    signals: mpsc::Sender<String>,
) {
    let mut inbox = Inbox::new();
    loop {
        if inbox.is_finished() || inbox.refill().await.is_err() {
            program = None;
        }
        let room = inbox.room();
        tokio::select! {
            message = requests.wait(), if program.is_none() || room.is_ok() => match message {
                Some(ChannelMsg::Data { data }) if program.is_some() => {
                    if inbox.push(data).await.is_err() {
                        program = None;
                    }
                }
                Some(ChannelMsg::Eof) => inbox.end(),
                Some(ChannelMsg::WindowChange { col_width, row_height, .. }) => {
                    if let Some(master) = window {
                        master.resize(size(col_width, row_height));
                    }
                }
                // Best effort, as signals are.
                Some(ChannelMsg::Signal { signal }) => { let _ = signals.try_send(name(&signal).to_owned()); }
                Some(ChannelMsg::Close) | None => return,
                Some(_) => {}
            },
            written = write(program.as_mut(), inbox.front()) => match written {
                Ok(count) => inbox.advance(count),
                // It does not read any more; what comes is thrown away, as sshd does.
                Err(_) => program = None,
            },
            () = until(room.err()) => {}
        }
    }
}

/// Writes some bytes; never ends, where there is nobody or nothing to write.
async fn write(to: Option<&mut (impl AsyncWrite + Unpin)>, bytes: &[u8]) -> io::Result<usize> {
    match to {
        Some(to) if !bytes.is_empty() => to.write(bytes).await,
        _ => std::future::pending().await,
    }
}

async fn until(instant: Option<tokio::time::Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn name(signal: &Sig) -> &str {
    match signal {
        Sig::ABRT => "ABRT",
        Sig::ALRM => "ALRM",
        Sig::FPE => "FPE",
        Sig::HUP => "HUP",
        Sig::ILL => "ILL",
        Sig::INT => "INT",
        Sig::KILL => "KILL",
        Sig::PIPE => "PIPE",
        Sig::QUIT => "QUIT",
        Sig::SEGV => "SEGV",
        Sig::TERM => "TERM",
        Sig::USR1 => "USR1",
        Sig::Custom(name) => name,
    }
}
