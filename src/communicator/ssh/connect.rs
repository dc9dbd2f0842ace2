//! Waiting for a guest's SSH, and opening the connection.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{Address, SshCommunicator, SshConfig};
use crate::event::Reporter;

/// Says where the guest is right now: an instance may get its address late, or another one.
#[async_trait]
pub trait HostSource: Send + Sync {
    /// The current address; an error is a reason to wait, not an end (except `Fatal`).
    async fn address(&self) -> Result<Address, NoAddress>;
}

#[async_trait]
impl HostSource for Address {
    async fn address(&self) -> Result<Address, NoAddress> {
        Ok(self.clone())
    }
}

/// Why there is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAddress {
    /// Not yet; why, for people.
    #[error("{0}")]
    Yet(String),
    /// Never (the instance is gone); why, for people.
    #[error("{0}")]
    Fatal(String),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The build is to stop.
    #[error("cancelled")]
    Cancelled,
    /// `ssh_timeout` is over.
    #[error("Timeout waiting for SSH.")]
    Timeout,
    /// The guest refused the login too often.
    #[error(
        "Packer experienced an authentication error when trying to connect via SSH. This can happen if your username/password are wrong. \
         You may want to double-check your credentials as part of your debugging process. original error: {0}"
    )]
    Authentication(String),
    /// It can never work; why, for people.
    #[error("{0}")]
    Fatal(String),
}

/// Waits until the guest's SSH answers and logs in. Tells Packer's lines (`Using ssh communicator to connect: HOST` to
/// `Connected to SSH!`), and, while it takes long, why it waits. What the guest cannot mend ends the wait early.
///
/// # Errors
/// See [`ConnectError`]; `Timeout` and `Authentication` have been told as error lines too, as Packer does.
pub async fn connect(
    _config: &SshConfig,
    _source: &dyn HostSource,
    _report: &Reporter,
    _cancel: &CancellationToken,
) -> Result<SshCommunicator, ConnectError> {
    Err(ConnectError::Timeout)
}
