//! Calls about what images and instances can do besides the usual: two traits that every [`crate::Ec2`] has too, so that the list of
//! everyday calls stays short.

use async_trait::async_trait;

use crate::id::{ImageId, InstanceId};
use crate::{Ec2Error, Result};

/// What an image can be given after it is made.
#[async_trait]
pub trait ImageFeatures: Send + Sync {
    /// Marks an image as deprecated from a time on, RFC 3339. A later call sets another time.
    async fn enable_image_deprecation(&self, image: &ImageId, at: &str) -> Result<()>;
    /// Protects an image against deregistration. With a cooldown the protection lasts 24 hours after it was switched off.
    async fn protect_image(&self, image: &ImageId, with_cooldown: bool) -> Result<()>;
    /// Switches that protection off.
    async fn unprotect_image(&self, image: &ImageId) -> Result<()>;
    /// Begins to keep prepared snapshots of a Windows image.
    async fn enable_fast_launch(&self, request: FastLaunch) -> Result<()>;
    /// Ends that, and has EC2 remove the prepared snapshots.
    async fn disable_fast_launch(&self, image: &ImageId) -> Result<()>;
    /// How far fast launch is for an image; None where it was never switched on.
    async fn fast_launch_state(&self, image: &ImageId) -> Result<Option<FastLaunchState>>;
    /// Launch templates of this name or id. One that does not exist is an error.
    async fn describe_launch_templates(&self, template: &LaunchTemplateRef) -> Result<Vec<LaunchTemplate>>;
}

/// What an instance can be asked and given besides its states.
#[async_trait]
pub trait InstanceFeatures: Send + Sync {
    /// Changes how an instance's network card works, for itself and the images made of it. The instance must be stopped.
    async fn set_network_feature(&self, instance: &InstanceId, feature: NetworkFeature) -> Result<()>;
    /// The administrator's password of a Windows instance, encrypted with its key pair, base64; None while Windows has not set it.
    async fn password_data(&self, instance: &InstanceId) -> Result<Option<String>>;
}

/// How an instance's network card works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFeature {
    /// Elastic Network Adapter, on or off.
    Ena(bool),
    /// SR-IOV by the Intel 82599 interface: `simple`, the only value that can be set. It cannot be switched off.
    Sriov,
}

/// Fast launch for one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FastLaunch {
    /// The image.
    pub image: ImageId,
    /// How many instances prepare snapshots side by side; None: 6, EC2's default.
    pub max_parallel_launches: Option<i32>,
    /// How many prepared snapshots are kept; None: 5, EC2's default.
    pub target_resource_count: Option<i32>,
    /// What the preparing instances are launched with.
    pub template: Option<FastLaunchTemplate>,
}

/// A version of a launch template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FastLaunchTemplate {
    /// Which template.
    pub template: LaunchTemplateRef,
    /// Its version, a number.
    pub version: i64,
}

/// Names a launch template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaunchTemplateRef {
    /// `lt-…`
    Id(String),
    /// By name.
    Name(String),
}

/// A launch template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchTemplate {
    /// `lt-…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its newest version.
    pub latest_version: i64,
}

/// How far fast launch is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FastLaunchState {
    /// Being switched on or off.
    Changing,
    /// On.
    Enabled,
    /// It could not be switched on, or not off; why, where EC2 says so.
    Failed(Option<String>),
}

impl LaunchTemplateRef {
    /// The id or name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Id(text) | Self::Name(text) => text,
        }
    }
}

/// Where EC2's encoded authorisation message begins in a refusal.
const ENCODED: &str = "Encoded authorization failure message: ";

/// The encoded part of a refusal for a missing permission: what `sts:DecodeAuthorizationMessage` takes.
pub fn encoded_authorization(error: &Ec2Error) -> Option<&str> {
    let (_, encoded) = error.message.split_once(ENCODED).filter(|_| error.is("UnauthorizedOperation"))?;
    encoded.split_whitespace().next()
}

/// The refusal with the decoded message in the place of the encoded one, in the words that Packer has for it.
pub fn with_decoded(error: Ec2Error, decoded: &str) -> Ec2Error {
    let Some(encoded) = encoded_authorization(&error) else { return error };
    let message = error.message.replace(&format!("{ENCODED}{encoded}"), &format!("Authorization failure message: '{decoded}'"));
    Ec2Error { message, ..error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &'static str, message: &str, expected: &str) {
        let error = Ec2Error::refused("RunInstances", code, message);
        assert_eq!(with_decoded(error, "{\"allowed\":false}").message, expected);
    }

    #[test]
    fn only_what_is_encoded_is_replaced() {
        check(
            "UnauthorizedOperation",
            "You are not authorized to perform this operation. Encoded authorization failure message: AbC-1_x",
            "You are not authorized to perform this operation. Authorization failure message: '{\"allowed\":false}'",
        );
        check("UnauthorizedOperation", "You are not authorized.", "You are not authorized.");
        let other = "Encoded authorization failure message: AbC";
        check("InvalidParameterValue", other, other);
    }
}
