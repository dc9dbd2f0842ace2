//! The source instance, as far as a template says anything about it: for all builders that launch one.

use amibake_template::component::{Check, Given, GoDuration};
use schemars::JsonSchema;
use serde::Deserialize;

use super::enhanced_networking::EnhancedNetworking;
use super::network::NetworkConfig;
use super::polling::AwsPolling;
use super::run::{RunConfig, one_of};
use super::session::{self, SESSION_MANAGER, SessionConfig};
use super::source::SourceConfig;
use crate::builder::communicator::CommunicatorConfig;

/// The keys about the source instance: what it is made of, where it stands, how it is reached.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct InstanceConfig {
    /// Which image to start from.
    #[serde(flatten)]
    pub source: SourceConfig,
    /// The instance.
    #[serde(flatten)]
    pub run: RunConfig,
    /// Its network.
    #[serde(flatten)]
    pub network: NetworkConfig,
    /// How it is reached.
    #[serde(flatten)]
    pub communicator: CommunicatorConfig,
    /// Which of the instance's addresses to connect to: `public_ip`, `private_ip`, `public_dns`, `private_dns` or `ipv6`; or
    /// `session_manager`: no address, but AWS Session Manager, which needs `session-manager-plugin` on this machine and an instance
    /// profile. Default: the public address where there is one, else the private one.
    #[schemars(extend("x-amibake-choices" = ["public_ip", "private_ip", "public_dns", "private_dns", "ipv6", "session_manager"]))]
    pub ssh_interface: Option<String>,
    /// Session Manager.
    #[serde(flatten)]
    pub session: SessionConfig,
    /// Limits of the waits for EC2.
    pub aws_polling: Option<AwsPolling>,
    /// Its network features, which the image takes over.
    #[serde(flatten)]
    pub enhanced_networking: EnhancedNetworking,
    /// How long to wait for the password that a Windows instance sets; without meaning for SSH. Default: 20m.
    pub windows_password_timeout: Option<GoDuration>,
}

/// The values of `ssh_interface`.
const INTERFACES: &[&str] = &["public_ip", "private_ip", "public_dns", "private_dns", "ipv6", "session_manager"];

impl InstanceConfig {
    fn check_interface(&self, check: &mut Check<'_>) {
        match self.ssh_interface.given() {
            Some(SESSION_MANAGER) => session::check(self, check),
            other => one_of(check, "ssh_interface", other, INTERFACES),
        }
    }

    /// A spot instance cannot be stopped, and EC2 changes the network features of stopped ones only. Not for a builder that registers its
    /// image, which can say there what the image has.
    pub fn check_changed_when_stopped(&self, check: &mut Check<'_>) {
        self.enhanced_networking.check(check, self.run.spot.is_spot());
    }

    /// Checks all groups, and what is between them.
    pub fn check(&self, check: &mut Check<'_>) {
        self.communicator.check(check);
        self.source.check(check);
        self.run.check(check);
        self.network.check(check);
        self.check_interface(check);
    }
}
