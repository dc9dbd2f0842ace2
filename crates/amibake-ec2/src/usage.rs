//! What uses images: places that stop working when an image goes.

use async_trait::async_trait;

use crate::Result;
use crate::id::ImageId;

/// Where images are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsedIn {
    /// Instances that are not terminated.
    Instances,
    /// Launch templates: their default and their latest version.
    LaunchTemplates,
    /// Auto-scaling groups, by whatever version or launch configuration they launch.
    AutoScalingGroups,
    /// Parameters of Systems Manager that hold an image's id.
    Parameters,
}

impl UsedIn {
    /// All places.
    pub const ALL: [Self; 4] = [Self::Instances, Self::LaunchTemplates, Self::AutoScalingGroups, Self::Parameters];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instances => "instances",
            Self::LaunchTemplates => "launch templates",
            Self::AutoScalingGroups => "auto-scaling groups",
            Self::Parameters => "SSM parameters",
        }
    }

    /// What one must be allowed to do to look there.
    pub fn permissions(self) -> &'static [&'static str] {
        match self {
            Self::Instances => &["ec2:DescribeInstances"],
            Self::LaunchTemplates => &["ec2:DescribeLaunchTemplateVersions"],
            Self::AutoScalingGroups => {
                &["autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeLaunchConfigurations", "ec2:DescribeLaunchTemplateVersions"]
            }
            Self::Parameters => &["ssm:GetParametersByPath"],
        }
    }
}

/// A use of an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageUse {
    /// The image.
    pub image: ImageId,
    /// What uses it: `instance i-…`, `parameter /golden/web`.
    pub by: String,
}

/// Finds out what uses images, in one region.
#[async_trait]
pub trait ImageUses: Send + Sync {
    /// Uses of any of these images in one kind of place.
    ///
    /// # Errors
    /// The service's answer, where it is none.
    async fn uses(&self, place: UsedIn, images: &[ImageId]) -> Result<Vec<ImageUse>>;
}
