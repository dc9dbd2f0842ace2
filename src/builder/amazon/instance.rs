//! The source instance, as far as a template says anything about it: for all builders that launch one.

use amibake_template::component::{Check, Given, GoDuration};
use schemars::JsonSchema;
use serde::Deserialize;

use super::network::NetworkConfig;
use super::not_yet::refuse;
use super::polling::AwsPolling;
use super::run::{RunConfig, one_of};
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
    /// Which of the instance's addresses to connect to: `public_ip`, `private_ip`, `public_dns`, `private_dns` or `ipv6`.
    /// Default: the public address where there is one, else the private one. (`session_manager` is not supported yet.)
    #[schemars(extend("x-amibake-choices" = ["public_ip", "private_ip", "public_dns", "private_dns", "ipv6", "session_manager"]))]
    pub ssh_interface: Option<String>,
    /// Limits of the waits for EC2.
    pub aws_polling: Option<AwsPolling>,
    /// How long to wait for a Windows instance's password; without meaning for SSH. Default: 20m.
    pub windows_password_timeout: Option<GoDuration>,
    /// Where and on which host the source instance runs. Since amazon plugin 1.0.7.
    pub placement: Option<Placement>,
}

/// Where and on which host the source instance runs.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Placement {
    /// Tenancy of the source instance: `default`, `dedicated` or `host`.
    #[schemars(extend("x-amibake-choices" = ["default", "dedicated", "host"]))]
    pub tenancy: Option<String>,
    /// Dedicated host. Not supported yet. Since amazon plugin 1.2.8.
    pub host_id: Option<String>,
    /// Host resource group. Not supported yet.
    pub host_resource_group_arn: Option<String>,
}

/// The values of `ssh_interface`.
const INTERFACES: &[&str] = &["public_ip", "private_ip", "public_dns", "private_dns", "ipv6", "session_manager"];

impl InstanceConfig {
    /// Tenancy of the source instance, by either of its keys.
    pub fn tenancy(&self) -> Option<&str> {
        self.placement.as_ref().and_then(|placement| placement.tenancy.given()).or_else(|| self.run.tenancy.given())
    }

    fn check_placement(&self, check: &mut Check<'_>) {
        let Some(placement) = &self.placement else { return };
        one_of(check, "placement/tenancy", placement.tenancy.given(), &["default", "dedicated", "host"]);
        if placement.tenancy.is_given() && self.run.tenancy.is_given() {
            check.error("tenancy", "exclude-each-other", "only one of `tenancy` and `placement.tenancy` can be given", None);
        }
        for (pointer, value) in
            [("placement/host_id", &placement.host_id), ("placement/host_resource_group_arn", &placement.host_resource_group_arn)]
        {
            if value.is_given() {
                refuse(check, pointer);
            }
        }
    }

    fn check_interface(&self, check: &mut Check<'_>) {
        match self.ssh_interface.given() {
            Some("session_manager") => check.not_supported_yet(
                "ssh_interface",
                "Session Manager",
                "use another `ssh_interface`, or build this template with Packer",
            ),
            other => one_of(check, "ssh_interface", other, INTERFACES),
        }
    }

    /// Checks all groups, and what is between them.
    pub fn check(&self, check: &mut Check<'_>) {
        self.communicator.check(check);
        self.source.check(check);
        self.run.check(check);
        self.network.check(check);
        self.check_interface(check);
        self.check_placement(check);
    }
}
