//! The keys of `amazon-ebs`, and the checks between its groups.

use amibake_template::component::{Check, Component, Given, Kind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::builder::amazon::access::AccessConfig;
use crate::builder::amazon::device::DeviceConfig;
use crate::builder::amazon::enhanced_networking::EnhancedNetworking;
use crate::builder::amazon::fast_launch::FastLaunchConfig;
use crate::builder::amazon::given::given_list;
use crate::builder::amazon::image::ImageConfig;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::network::NetworkConfig;
use crate::builder::amazon::not_yet::{NotYet, refuse};
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
    /// Network features of the source instance and the image.
    #[serde(flatten)]
    pub enhanced_networking: EnhancedNetworking,
    /// EC2 Fast Launch of the image, which must be Windows. Since amazon plugin 1.2.2.
    pub fast_launch: Option<FastLaunchConfig>,
    /// How long to wait for the password that a Windows instance sets; without meaning for SSH. Default: 20m.
    pub windows_password_timeout: Option<amibake_template::component::GoDuration>,
    /// Where and on which host the source instance runs. Since amazon plugin 1.0.7.
    pub placement: Option<Placement>,
    /// Keys that are known but not acted on yet.
    #[serde(flatten)]
    pub not_yet: NotYet,
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

impl AmazonEbs {
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

    fn check_fast_launch(&self, check: &mut Check<'_>) {
        if let Some(fast_launch) = &self.fast_launch {
            fast_launch.check(check, self.access.region.given(), &given_list(&self.image.ami_regions));
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
        self.check_placement(check);
        self.enhanced_networking.check(check, self.not_yet.spot_price.given().is_some_and(|price| price != "0"));
        self.check_fast_launch(check);
        self.not_yet.check(check);
    }
}
