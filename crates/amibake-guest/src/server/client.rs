//! The client as a program's channel sees it.

use bytes::{Bytes, BytesMut};
use russh::ChannelWriteHalf;
use russh::server::{Handle, Msg};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::OwnedSemaphorePermit;

use super::exit::Exit;

/// Bytes that are read from a program at a time: one packet of OpenSSH's.
const CHUNK: usize = 32 * 1024;

/// Where output goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum To {
    /// The client's standard output.
    Output,
    /// The client's standard error output.
    Error,
}

/// The client's end of a channel. Sending is best effort everywhere: it may be gone, and then its channel ends by itself.
pub(super) struct Client {
    output: ChannelWriteHalf<Msg>,
    handle: Handle,
}

impl Client {
    pub(super) fn new(output: ChannelWriteHalf<Msg>, handle: Handle) -> Self {
        Self { output, handle }
    }

    /// Sends bytes, at the client's pace. False: it is gone.
    pub(super) async fn send(&self, to: To, bytes: impl Into<Bytes>) -> bool {
        match to {
            To::Output => self.output.data_bytes(bytes).await,
            // `SSH_EXTENDED_DATA_STDERR` of RFC 4254, section 5.2.
            To::Error => self.output.extended_data_bytes(1, bytes).await,
        }
        .is_ok()
    }

    /// Sends all that a program prints.
    pub(super) async fn relay(&self, to: To, from: Option<impl AsyncRead + Unpin>) {
        let Some(mut from) = from else { return };
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(CHUNK);
            match from.read_buf(&mut buffer).await {
                Ok(1..) if self.send(to, buffer.split().freeze()).await => {}
                // A terminal or pipe that cannot be read is one that nobody writes to.
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Says how the program ended.
    pub(super) async fn tell(&self, exit: Exit) {
        match exit {
            Exit::Status(status) => {
                let _ = self.output.exit_status(status).await;
            }
            Exit::Signal { name, core } => {
                let _ = self.handle.exit_signal_request(self.output.id(), name, core, String::new(), String::new()).await;
            }
        }
    }

    /// Sends the end of the output and closes the channel. Frees the session first, because the client may open the next one at once.
    pub(super) async fn close(&self, permit: OwnedSemaphorePermit) {
        drop(permit);
        let _ = self.output.eof().await;
        let _ = self.output.close().await;
    }
}
