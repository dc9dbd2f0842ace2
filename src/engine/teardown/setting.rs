//! How settings of images are undone.

use amibake_ec2::{ImageId, Result};

use super::ImageSetting;
use crate::engine::account::AwsRegion;

impl ImageSetting {
    /// Switches it off.
    pub(super) async fn undo(self, region: &AwsRegion, image: &ImageId) -> Result<()> {
        match self {
            Self::DeregistrationProtection => region.ec2.unprotect_image(image).await,
            Self::FastLaunch => region.ec2.disable_fast_launch(image).await,
        }
    }

    /// What it is, for people.
    pub(super) fn of(self, image: &ImageId) -> String {
        match self {
            Self::DeregistrationProtection => format!("deregistration protection of image {image}"),
            Self::FastLaunch => format!("fast launch of image {image}"),
        }
    }

    /// The call of the AWS command line that switches it off.
    pub(super) fn undoing(self, image: &ImageId) -> String {
        match self {
            Self::DeregistrationProtection => format!("disable-image-deregistration-protection --image-id {image}"),
            Self::FastLaunch => format!("disable-fast-launch --image-id {image} --force"),
        }
    }
}
