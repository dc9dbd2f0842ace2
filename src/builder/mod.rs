//! What makes images.

pub mod amazon;
pub mod amazon_chroot;
pub mod amazon_ebs;
pub mod amazon_ebssurrogate;
pub mod amazon_ebsvolume;
pub mod communicator;
pub mod file;
pub mod null;
#[cfg(test)]
pub(crate) mod testing;

use async_trait::async_trait;

use crate::artifact::Artifact;
use crate::engine::context::BuildContext;

/// A builder, configured.
#[async_trait]
pub trait Builder: Send + Sync {
    /// Makes its artifact; runs the provisioners by [`BuildContext::provision`] at its time. Whatever it creates is owned by
    /// `cx.teardown` before the next thing can fail; the caller unwinds it.
    ///
    /// # Errors
    /// What went wrong, for people.
    async fn build(&self, cx: &mut BuildContext) -> Result<Option<Artifact>, BuildError>;
}

/// Why a build made nothing.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The build was told to stop.
    #[error("cancelled")]
    Cancelled,
    /// It failed. The text names step, region and EC2's code where there is one.
    #[error("{0}")]
    Failed(String),
}
