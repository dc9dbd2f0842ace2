//! How a builder reaches its guest: SSH, a chroot, or nothing at all.

pub mod chroot;
pub mod mock;
pub mod none;
pub mod ssh;

use std::path::Path;

use async_trait::async_trait;

use crate::event::Reporter;

/// A connection to a guest.
#[async_trait]
pub trait Communicator: Send + Sync {
    /// Runs a command to its end. Output lines go to `output` as they come, trimmed as Packer trims them; nothing is lost.
    ///
    /// Cancellation is the caller's: dropping the future stops the relay and the remote command's channel.
    ///
    /// # Errors
    /// The command could not be started. How it ended is no error.
    async fn run(&self, command: &str, output: &Reporter) -> Result<Ended, CommunicatorError>;

    /// Writes a file. `mode` None keeps what the guest makes of it.
    ///
    /// # Errors
    /// The guest refused, or the connection is gone.
    async fn upload(&self, content: Content<'_>, remote: &str, mode: Option<u32>) -> Result<(), CommunicatorError>;

    /// Copies a directory. With a trailing slash on `local` its contents land in `remote`, without it the directory itself does.
    ///
    /// # Errors
    /// As [`Communicator::upload`].
    async fn upload_dir(&self, local: &str, remote: &str) -> Result<(), CommunicatorError>;

    /// Reads a file into `local`.
    ///
    /// # Errors
    /// As [`Communicator::upload`].
    async fn download(&self, remote: &str, local: &Path) -> Result<(), CommunicatorError>;

    /// Reads a directory into `local`.
    ///
    /// # Errors
    /// As [`Communicator::upload`].
    async fn download_dir(&self, remote: &str, local: &Path) -> Result<(), CommunicatorError>;
}

/// What to write.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// This local file.
    File(&'a Path),
}

/// How a remote command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With this status (128 + n for signal n).
    Status(i32),
    /// The connection went away before a status came.
    Disconnected,
}

/// Why the guest could not be reached or refused.
#[derive(Debug, thiserror::Error)]
pub enum CommunicatorError {
    /// The connection is gone.
    #[error("the connection to the guest was lost")]
    Lost,
    /// The guest refused.
    #[error("{0}")]
    Refused(String),
    /// Something on this machine.
    #[error("{what}")]
    Local {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl CommunicatorError {
    /// The error with its cause, for a message that ends here.
    pub fn whole(&self) -> String {
        match self {
            Self::Local { what, source } => format!("{what}: {source}"),
            Self::Lost | Self::Refused(_) => self.to_string(),
        }
    }
}
