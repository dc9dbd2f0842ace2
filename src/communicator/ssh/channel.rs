//! Running a command on the guest.
use crate::communicator::{Communicator, CommunicatorError, Content, Ended};
use crate::event::Reporter;
use async_trait::async_trait;
use std::path::Path;

/// An open connection to a guest.
pub struct SshCommunicator {}

impl SshCommunicator {
    /// Ends the connection and removes what it kept on this machine; dropping does the same without waiting for it.
    pub async fn close(self) {}
}
#[async_trait]
impl Communicator for SshCommunicator {
    async fn run(&self, _command: &str, _output: &Reporter) -> Result<Ended, CommunicatorError> {
        Err(CommunicatorError::Lost)
    }
    async fn upload(&self, _content: Content<'_>, _remote: &str, _mode: Option<u32>) -> Result<(), CommunicatorError> {
        Err(CommunicatorError::Lost)
    }
    async fn upload_dir(&self, _local: &str, _remote: &str) -> Result<(), CommunicatorError> {
        Err(CommunicatorError::Lost)
    }
    async fn download(&self, _remote: &str, _local: &Path) -> Result<(), CommunicatorError> {
        Err(CommunicatorError::Lost)
    }
    async fn download_dir(&self, _remote: &str, _local: &Path) -> Result<(), CommunicatorError> {
        Err(CommunicatorError::Lost)
    }
}
