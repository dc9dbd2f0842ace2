//! The keys of `amazon-ebs`, and the checks between its groups.

use amibake_template::component::{Check, Component, Given, Kind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::builder::amazon::access::AccessConfig;
use crate::builder::amazon::device::DeviceConfig;
use crate::builder::amazon::image::ImageConfig;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::network::NetworkConfig;
use crate::builder::amazon::not_yet::NotYet;
use crate::builder::amazon::polling::AwsPolling;
use crate::builder::amazon::run::{RunConfig, one_of};
use crate::builder::amazon::source::SourceConfig;
use crate::builder::communicator::CommunicatorConfig;

/// Makes an EBS-backed image: launches an instance of a source image, provisions it, and makes an image of it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct AmazonEbs {
    /// Account, region, login.
    #[serde(flatten)]
    pub access: AccessConfig,
    /// Which image to start from.
    #[serde(flatten)]
    pub source: SourceConfig,
    /// The source instance.
    #[serde(flatten)]
    pub run: RunConfig,
    /// Its network.
    #[serde(flatten)]
    pub network: NetworkConfig,
    /// How it is reached.
    #[serde(flatten)]
    pub communicator: CommunicatorConfig,
    /// Its disks and those of the image.
    #[serde(flatten)]
    pub devices: DeviceConfig,
    /// The image.
    #[serde(flatten)]
    pub image: ImageConfig,
    /// Which of the instance's addresses to connect to: `public_ip`, `private_ip`, `public_dns`, `private_dns` or `ipv6`.
    /// Default: the public address where there is one, else the private one. (`session_manager` is not supported yet.)
    #[schemars(extend("x-amibake-choices" = ["public_ip", "private_ip", "public_dns", "private_dns", "ipv6", "session_manager"]))]
    pub ssh_interface: Option<String>,
    /// Limits of the waits for EC2.
    pub aws_polling: Option<AwsPolling>,
    /// Run everything but make no image. Default: false. Since Packer 1.7.0.
    #[serde(default)]
    pub skip_create_ami: bool,
    /// Do not put `run_tags` on the image. Default: false. Since amazon plugin 1.3.7.
    #[serde(default)]
    pub skip_ami_run_tags: bool,
    /// How long to wait for a Windows instance's password; without meaning for SSH. Default: 20m.
    pub windows_password_timeout: Option<amibake_template::component::GoDuration>,
    /// Keys that are known but not acted on yet.
    #[serde(flatten)]
    pub not_yet: NotYet,
}

/// The values of `ssh_interface`.
const INTERFACES: &[&str] = &["public_ip", "private_ip", "public_dns", "private_dns", "ipv6", "session_manager"];

impl AmazonEbs {
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
}

impl Component for AmazonEbs {
    const KIND: Kind = Kind::Builder;
    const TYPE: &'static str = "amazon-ebs";
    const BUILD_DATA: &'static [&'static str] = BuildInfo::NAMES;
    const EXAMPLE: &'static str = r#"{
  "type": "amazon-ebs",
  "region": "us-east-2",
  "instance_type": "t3.micro",
  "source_ami_filter": {
    "filters": {"name": "al2023-ami-2023*x86_64", "root-device-type": "ebs", "virtualization-type": "hvm"},
    "owners": ["amazon"],
    "most_recent": true
  },
  "ssh_username": "ec2-user",
  "ami_name": "my-image-{{timestamp}}"
}"#;

    fn check(&self, check: &mut Check<'_>) {
        self.access.check(check);
        self.image.check(check);
        self.devices.check(check);
        self.communicator.check(check);
        self.source.check(check);
        self.run.check(check);
        self.network.check(check);
        self.check_interface(check);
        self.not_yet.check(check);
    }
}
