//! One channel, from its first request to the end of its program.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use russh::server::{Handle, Msg};
use russh::{Channel, ChannelMsg, ChannelReadHalf};
use tokio::process::Child;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::client::{Client, To};
use super::exit::Exit;
use super::login::Admission;
use super::relay::{self, Ended, Streams};
use crate::guest::{Guest, Session, Started, Terminal, What};

/// The one subsystem.
pub(super) const SFTP: &str = "sftp";

/// What OpenSSH's client reports when the far side failed, and what sshd ends with when it cannot start a program.
const CANNOT_START: u32 = 255;

/// Exit status of the forced command for root (see [`super::login`]).
const WRONG_USER: u32 = 142;

/// Variables that one channel may set. Nobody sets more.
const MAX_VARIABLES: usize = 128;

/// How long a program that was killed may take to be gone.
const KILLED: Duration = Duration::from_secs(3);

/// Who sits at a channel, and what it must let go of at its end.
pub(super) struct Seat {
    pub(super) guest: Arc<dyn Guest>,
    pub(super) user: String,
    pub(super) admission: Admission,
    /// One of the connection's sessions.
    pub(super) permit: OwnedSemaphorePermit,
    /// The end of the connection as seen from this side.
    pub(super) cut: CancellationToken,
}

/// Whether a client may set this variable.
///
/// Source: `AcceptEnv` in the sshd_config of the images of Ubuntu, Debian, Amazon Linux and RHEL.
pub(super) fn accepts_variable(name: &str) -> bool {
    name == "LANG" || name.starts_with("LC_") || name == "COLORTERM" || name == "NO_COLOR"
}

/// Serves one session channel.
pub(super) async fn run(channel: Channel<Msg>, handle: Handle, seat: Seat) {
    let (mut requests, output) = channel.split();
    let client = Client::new(output, handle);
    let Seat { guest, user, admission, permit, cut } = seat;
    let asked = tokio::select! {
        asked = asked(&mut requests, user) => asked,
        () = cut.cancelled() => None,
    };
    let Some(session) = asked else { return client.close(permit).await };
    if let Admission::Text(text) = admission {
        client.send(To::Output, text).await;
        client.tell(Exit::Status(WRONG_USER)).await;
        return client.close(permit).await;
    }
    let started = tokio::select! {
        started = guest.start(session) => started,
        () = cut.cancelled() => return,
    };
    match started {
        Ok(started) => relayed(started, requests, &client, &*guest, permit, &cut).await,
        Err(error) => fail(&client, &error.to_string(), permit).await,
    }
}

/// Reads the requests up to the one that names a program; None: the client closed the channel before.
async fn asked(requests: &mut ChannelReadHalf, user: String) -> Option<Session> {
    let mut env = BTreeMap::new();
    let mut terminal = None;
    loop {
        let what = match requests.wait().await? {
            ChannelMsg::SetEnv { variable_name, variable_value, .. } => {
                if accepts_variable(&variable_name) && env.len() < MAX_VARIABLES {
                    env.insert(variable_name, variable_value);
                }
                continue;
            }
            ChannelMsg::RequestPty { term, col_width, row_height, .. } => {
                terminal = Some(Terminal { term, size: size(col_width, row_height) });
                continue;
            }
            ChannelMsg::WindowChange { col_width, row_height, .. } => {
                if let Some(terminal) = &mut terminal {
                    terminal.size = size(col_width, row_height);
                }
                continue;
            }
            ChannelMsg::RequestShell { .. } => What::Shell,
            ChannelMsg::Exec { command, .. } => What::Command(String::from_utf8_lossy(&command).into_owned()),
            ChannelMsg::RequestSubsystem { name, .. } if name == SFTP => What::Sftp,
            ChannelMsg::Close => return None,
            _ => continue,
        };
        return Some(Session { user, what, env, terminal });
    }
}

/// Columns and rows as a terminal can have them.
pub(super) fn size(columns: u32, rows: u32) -> (u16, u16) {
    let fit = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
    (fit(columns), fit(rows))
}

/// Relays a program until it and its output are at their end, or the client or this side closes the channel.
async fn relayed(
    started: Started,
    requests: ChannelReadHalf,
    client: &Client,
    guest: &dyn Guest,
    permit: OwnedSemaphorePermit,
    cut: &CancellationToken,
) {
    let Started { mut child, terminal } = started;
    let streams = match Streams::of(&mut child, terminal) {
        Ok(streams) => streams,
        Err(error) => {
            kill(&mut child, guest).await;
            return fail(client, &format!("the terminal cannot be used: {error}"), permit).await;
        }
    };
    match relay::relay(streams, &mut child, requests, client, guest, cut).await {
        Ended::Program => client.close(permit).await,
        Ended::Client => {
            client.close(permit).await;
            // As sshd: the program has lost its streams (and its terminal, which hangs up), and goes on if it likes.
            tokio::select! {
                _ = child.wait() => {}
                () = cut.cancelled() => kill(&mut child, guest).await,
            }
        }
        Ended::Cut => kill(&mut child, guest).await,
    }
}

/// Tells the client that there is no program.
async fn fail(client: &Client, why: &str, permit: OwnedSemaphorePermit) {
    client.send(To::Error, format!("{why}\n")).await;
    client.tell(Exit::Status(CANNOT_START)).await;
    client.close(permit).await;
}

/// Ends a program for good. The guest's own way comes first and is given time: the process on this side may only stand for the one in
/// the guest, which would be left behind if it were killed before it could hand the signal on.
async fn kill(child: &mut Child, guest: &dyn Guest) {
    guest.signal(child, "KILL");
    if tokio::time::timeout(KILLED, child.wait()).await.is_err() {
        // It may fail because it is gone already; the wait sees that.
        let _ = child.start_kill();
        let _ = tokio::time::timeout(KILLED, child.wait()).await;
    }
}
