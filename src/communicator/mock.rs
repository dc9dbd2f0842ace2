//! A guest that is not there and takes everything: what the `file` builder gives its provisioners, as Packer does.

use std::path::Path;

use async_trait::async_trait;

use crate::communicator::{Communicator, CommunicatorError, Content, Ended};
use crate::event::Reporter;

/// Every command succeeds without running, what is sent goes nowhere, files that are fetched are empty.
pub struct MockHost;

#[async_trait]
impl Communicator for MockHost {
    async fn run(&self, _command: &str, _output: &Reporter) -> Result<Ended, CommunicatorError> {
        Ok(Ended::Status(0))
    }

    async fn upload(&self, _content: Content<'_>, _remote: &str, _mode: Option<u32>) -> Result<(), CommunicatorError> {
        Ok(())
    }

    async fn upload_dir(&self, _local: &str, _remote: &str) -> Result<(), CommunicatorError> {
        Ok(())
    }

    async fn download(&self, _remote: &str, local: &Path) -> Result<(), CommunicatorError> {
        let failed = |source| CommunicatorError::Local { what: format!("cannot write {}", local.display()), source };
        tokio::fs::write(local, b"").await.map_err(failed)
    }

    async fn download_dir(&self, _remote: &str, _local: &Path) -> Result<(), CommunicatorError> {
        Ok(())
    }
}
