//! No guest to talk to: every command succeeds without running, files cannot be moved.

use std::path::Path;

use async_trait::async_trait;

use crate::communicator::{Communicator, CommunicatorError, Content, Ended};
use crate::event::Reporter;

/// The communicator `none`: every command succeeds without running, files cannot be moved.
pub struct NoHost;

impl NoHost {
    fn refuse(what: &str) -> CommunicatorError {
        CommunicatorError::Refused(format!("{what} is not implemented when communicator = 'none'"))
    }
}

#[async_trait]
impl Communicator for NoHost {
    async fn run(&self, _command: &str, _output: &Reporter) -> Result<Ended, CommunicatorError> {
        Ok(Ended::Status(0))
    }

    async fn upload(&self, _content: Content<'_>, _remote: &str, _mode: Option<u32>) -> Result<(), CommunicatorError> {
        Err(Self::refuse("Upload"))
    }

    async fn upload_dir(&self, _local: &str, _remote: &str) -> Result<(), CommunicatorError> {
        Err(Self::refuse("UploadDir"))
    }

    async fn download(&self, _remote: &str, _local: &Path) -> Result<(), CommunicatorError> {
        Err(Self::refuse("Download"))
    }

    async fn download_dir(&self, _remote: &str, _local: &Path) -> Result<(), CommunicatorError> {
        Err(Self::refuse("DownloadDir"))
    }
}
