//! The listening socket, who owns the connections, and the door that shuts while the guest is off.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use russh::server::{Config, run_stream};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::algorithms;
use super::connection::Connection;
use super::cut::Cut;
use super::login::{Login, Policy};
use crate::guest::Guest;
use crate::keys;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// Pause after the kernel refused to hand over a connection (no file descriptors, no memory).
const PAUSE: Duration = Duration::from_millis(50);

/// What all connections of one server share.
pub(super) struct Shared {
    pub(super) guest: Arc<dyn Guest>,
    pub(super) policy: Policy,
    config: Arc<Config>,
}

/// An SSH server in front of one guest, with a host key of its own.
pub struct SshServer {
    shared: Arc<Shared>,
    /// Bound and never listening: it keeps the port ours while the door is shut, and the kernel refuses connections to it.
    #[expect(dead_code, reason = "held, not used")]
    place: TcpSocket,
    listener: Option<TcpListener>,
    address: SocketAddr,
    door: Door,
}

impl SshServer {
    /// Binds the address; port 0 takes a free one. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The address cannot be bound or is taken, or the key in [`Login::keys`] is none.
    pub fn bind(address: SocketAddr, login: Login, guest: Arc<dyn Guest>) -> io::Result<Self> {
        let policy = Policy::new(login).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let host_key = keys::ed25519().map_err(io::Error::other)?;
        let config = Arc::new(algorithms::config(host_key, policy.methods()));
        refuse_taken(address)?;
        let place = socket(address)?;
        let address = place.local_addr()?;
        let listener = Some(socket(address)?.listen(BACKLOG)?);
        let shared = Arc::new(Shared { guest, policy, config });
        Ok(Self { shared, place, listener, address, door: Door::new() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What shuts it while the guest restarts.
    pub fn door(&self) -> Door {
        self.door.clone()
    }

    /// Serves until cancelled, then drops the connections, ends what they started and waits for that. Dropping the future does the
    /// same without the wait.
    ///
    /// # Errors
    /// The address could not be listened on again after the door was shut.
    pub async fn serve(mut self, cancel: CancellationToken) -> io::Result<()> {
        let _life = self.door.life.clone().drop_guard();
        let mut connections = JoinSet::new();
        let result = self.accept(cancel, &mut connections).await;
        self.door.life.cancel();
        while connections.join_next().await.is_some() {}
        result
    }

    async fn accept(&mut self, cancel: CancellationToken, connections: &mut JoinSet<()>) -> io::Result<()> {
        let mut door = self.door.state.subscribe();
        loop {
            let state = door.borrow_and_update().clone();
            self.follow(&state)?;
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(()),
                // It cannot fail: the sender lives in `self`.
                _ = door.changed() => {}
                Some(_) = connections.join_next() => {}
                stream = next(self.listener.as_ref()) => {
                    connections.spawn(connection(self.shared.clone(), stream, state.connections.child_token()));
                }
            }
        }
    }

    /// Listens where the door is open and not where it is shut.
    fn follow(&mut self, state: &State) -> io::Result<()> {
        match (state.open, &self.listener) {
            (true, None) => self.listener = Some(socket(self.address)?.listen(BACKLOG)?),
            (false, Some(_)) => self.listener = None,
            (true, Some(_)) | (false, None) => {}
        }
        Ok(())
    }
}

/// Two servers of one user could share a port by `SO_REUSEPORT` and not notice. Without it the kernel says that it is taken.
fn refuse_taken(address: SocketAddr) -> io::Result<()> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// The next client; never, where the door is shut.
async fn next(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// One client, until it is gone and all that it started has ended, or the token is cancelled.
async fn connection(shared: Arc<Shared>, stream: TcpStream, cut: CancellationToken) {
    let _cut = cut.clone().drop_guard();
    // Best effort: only latency depends on it.
    let _ = stream.set_nodelay(true);
    let tasks = TaskTracker::new();
    let client = Connection::new(shared.clone(), tasks.clone(), cut.clone());
    if let Ok(session) = run_stream(shared.config.clone(), Cut::new(stream, cut.clone()), client).await {
        // How a connection ends is the client's business; nobody here could act on it.
        let _ = session.await;
    }
    tasks.close();
    tasks.wait().await;
}

/// Shuts and opens a server while its guest restarts. Clones are the same door.
#[derive(Debug, Clone)]
pub struct Door {
    state: watch::Sender<State>,
    /// Cancelled when the server is at its end.
    life: CancellationToken,
}

#[derive(Debug, Clone)]
struct State {
    open: bool,
    /// Parent of the connections that are there now.
    connections: CancellationToken,
}

impl Door {
    fn new() -> Self {
        let life = CancellationToken::new();
        let state = State { open: true, connections: life.child_token() };
        Self { state: watch::Sender::new(state), life }
    }

    /// Drops all connections, and ends what they started. New ones are served.
    pub fn disconnect_all(&self) {
        self.change(None);
    }

    /// Drops all connections and refuses new ones, as a machine does that is off.
    pub fn shut(&self) {
        self.change(Some(false));
    }

    /// Serves new connections again.
    pub fn open(&self) {
        self.state.send_modify(|state| state.open = true);
    }

    fn change(&self, open: Option<bool>) {
        self.state.send_modify(|state| {
            state.open = open.unwrap_or(state.open);
            let old = std::mem::replace(&mut state.connections, self.life.child_token());
            old.cancel();
        });
    }
}
