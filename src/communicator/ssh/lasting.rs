//! The connection as provisioners see it: one that outlives a restart of the guest.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::channel::Line;
use super::config::{Address, SshConfig};
use super::connect::log_in_again;
use crate::communicator::{Communicator, CommunicatorError, Content, Ended};
use crate::event::Reporter;

/// A connection to a guest. Where it was lost (the guest restarted), the next use opens it again, with one attempt; whoever wants to
/// wait longer tries again, as the provisioners do.
pub struct SshCommunicator {
    config: SshConfig,
    at: Address,
    line: Mutex<Arc<Line>>,
}

impl SshCommunicator {
    pub(super) fn new(config: &SshConfig, at: Address, line: Line) -> Self {
        Self { config: config.clone(), at, line: Mutex::new(Arc::new(line)) }
    }

    /// Ends the connection and removes what it kept on this machine. Dropping does the same without waiting for it.
    pub async fn close(self) {
        if let Some(line) = Arc::into_inner(self.line.into_inner()) {
            line.close().await;
        }
    }

    /// The open connection. Asking ssh about it is a word on a local socket.
    async fn line(&self) -> Result<Arc<Line>, CommunicatorError> {
        let mut line = self.line.lock().await;
        if line.is_lost().await {
            *line = Arc::new(log_in_again(&self.config, &self.at).await?);
        }
        Ok(Arc::clone(&line))
    }
}

#[async_trait]
impl Communicator for SshCommunicator {
    async fn run(&self, command: &str, output: &Reporter) -> Result<Ended, CommunicatorError> {
        self.line().await?.run(command, output).await
    }

    async fn upload(&self, content: Content<'_>, remote: &str, mode: Option<u32>) -> Result<(), CommunicatorError> {
        self.line().await?.upload_file(content, remote, mode).await
    }

    async fn upload_dir(&self, local: &str, remote: &str) -> Result<(), CommunicatorError> {
        self.line().await?.upload_tree(local, remote).await
    }

    async fn download(&self, remote: &str, local: &Path) -> Result<(), CommunicatorError> {
        self.line().await?.download_file(remote, local).await
    }

    async fn download_dir(&self, remote: &str, local: &Path) -> Result<(), CommunicatorError> {
        self.line().await?.download_tree(remote, local).await
    }
}
