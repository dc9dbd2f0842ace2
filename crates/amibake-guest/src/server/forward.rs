//! Tunnels, for guests that share this machine's network.

use std::io;
use std::net::Ipv4Addr;

use russh::server::{ChannelOpenHandle, Handle, Msg};
use russh::{Channel, ChannelOpenFailure};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A port that is listened on for a client.
pub(super) struct Listening {
    listener: TcpListener,
    /// Which; the kernel's choice where the client asked for 0.
    pub(super) port: u16,
}

/// Listens for a client, on loopback whatever it asked for.
///
/// Source: `GatewayPorts no` of sshd_config(5), the default.
///
/// # Errors
/// The port is taken, or is none.
pub(super) async fn listen(port: u32) -> io::Result<Listening> {
    let port = u16::try_from(port).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let port = listener.local_addr()?.port();
    Ok(Listening { listener, port })
}

/// A connection from the client to something that the guest sees (`ssh -L`).
pub(super) async fn to_guest(channel: Channel<Msg>, handle: Handle, to: (String, u16), reply: ChannelOpenHandle, cut: CancellationToken) {
    let connected = tokio::select! {
        connected = TcpStream::connect(to) => connected,
        () = cut.cancelled() => return,
    };
    match connected {
        Ok(stream) => {
            reply.accept().await;
            join(channel, &handle, stream, &cut).await;
        }
        Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
    }
}

/// Connections from the guest to something that the client sees (`ssh -R`), until the client cancels it.
pub(super) async fn from_guest(listening: Listening, address: String, handle: Handle, cut: CancellationToken) {
    let mut tunnels = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listening.listener.accept() => accepted,
            Some(_) = tunnels.join_next() => continue,
            () = cut.cancelled() => break,
        };
        // No file descriptors, or the connection is gone again. The next one may work.
        let Ok((stream, peer)) = accepted else { continue };
        let (handle, address, cut, port) = (handle.clone(), address.clone(), cut.clone(), listening.port);
        tunnels.spawn(async move {
            let opened = handle.channel_open_forwarded_tcpip(address, port.into(), peer.ip().to_string(), peer.port().into());
            // The client may refuse it; then the connection is closed, as sshd does.
            if let Ok(channel) = opened.await {
                join(channel, &handle, stream, &cut).await;
            }
        });
    }
}

/// Relays both ways until both are at their end.
async fn join(channel: Channel<Msg>, handle: &Handle, mut stream: TcpStream, cut: &CancellationToken) {
    let id = channel.id();
    let mut channel = channel.into_stream();
    tokio::select! {
        // How a tunnel ends is for its two ends to find out.
        _ = tokio::io::copy_bidirectional(&mut channel, &mut stream) => {}
        () = cut.cancelled() => {}
    }
    // Best effort: the client may be gone.
    let _ = handle.close(id).await;
}
