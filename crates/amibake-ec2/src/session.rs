//! Systems Manager, as far as a guest is reached by it: sessions that forward a port.

use async_trait::async_trait;
use secrecy::SecretString;

use crate::Result;
use crate::id::InstanceId;

/// The document that forwards a port of an instance to a port of this machine.
pub const PORT_FORWARDING: &str = "AWS-StartPortForwardingSession";

/// A session to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardPort {
    /// Whose port.
    pub target: InstanceId,
    /// The port there.
    pub port: u16,
    /// The port of this machine, as the session shall know it.
    pub local_port: u16,
}

/// A session as it was started: what the program needs that keeps it.
#[derive(Debug, Clone)]
pub struct Session {
    /// `USER-0123…`.
    pub id: String,
    /// Where the data goes (`wss://…`).
    pub stream_url: String,
    /// Opens the stream.
    pub token: SecretString,
}

/// The calls of Session Manager in one region. There are no client tokens: a session whose reply was lost is found by its target.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Starts a session by [`PORT_FORWARDING`]. `TargetNotConnected` until the agent on the instance has announced itself.
    async fn start(&self, request: &ForwardPort) -> Result<Session>;
    /// Ends a session. One that has ended is success.
    async fn terminate(&self, session: &str) -> Result<()>;
    /// Ids of the sessions with an instance that have not ended.
    async fn active(&self, target: &InstanceId) -> Result<Vec<String>>;
}
