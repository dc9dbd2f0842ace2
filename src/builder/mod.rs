//! What makes images.

pub mod amazon;
pub mod amazon_chroot;
pub mod amazon_ebs;
pub mod amazon_ebssurrogate;
pub mod amazon_ebsvolume;
pub mod amazon_instance;
pub mod communicator;
pub mod file;
pub mod null;
#[cfg(test)]
pub(crate) mod testing;

use std::sync::{Arc, Mutex, PoisonError};

use amibake_ec2::model::Access;
use amibake_ec2::{ImageId, Region};
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

    /// Does with an image that exists what a build does after making it: `amibake adopt`.
    ///
    /// # Errors
    /// As [`Builder::build`]; the image itself is left as it is.
    async fn adopt(&self, cx: &mut BuildContext, image: &Adopted) -> Result<Option<Artifact>, BuildError> {
        let text = format!("a builder of this type makes no image that could be adopted, as {} is to be", image.id);
        cx.report.error(text.clone());
        Err(BuildError::Failed(text))
    }

    /// The account that it works in, and the regions beyond the account's own one: where `amibake cleanup` looks for what a build left.
    /// None for what is not in AWS.
    fn place(&self) -> Option<(Access, Vec<Region>)> {
        None
    }
}

/// An image to be adopted.
#[derive(Debug, Clone)]
pub struct Adopted {
    /// Its id.
    pub id: ImageId,
    /// Take it although it does not look like this template's.
    pub unchecked: bool,
    /// What the template would have called it at another time: what both names have in common has to be in the image's.
    pub name_at_another_time: Option<String>,
    /// Images that have found their owner: no journal is to hold them any more.
    pub finished: Arc<Mutex<Vec<ImageId>>>,
}

impl Adopted {
    /// Says that these images are finished, and the user's from here on.
    pub fn done(&self, images: impl Iterator<Item = ImageId>) {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).extend(images);
    }
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
