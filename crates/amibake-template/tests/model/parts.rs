//! Components for tests, as Packer's own ones of these names are.
#![allow(dead_code, reason = "the fields are there to be decoded into")]

use std::collections::BTreeMap;

use amibake_template::component::{Check, Component, FileKind, Files, GoDuration, Kind, Late, Secret, Trilean};
use amibake_template::registry::Registry;
use schemars::JsonSchema;
use serde::Deserialize;

/// How a guest is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Communicator {
    /// Over SSH.
    #[default]
    Ssh,
    /// Not at all.
    None,
}

/// Builds nothing.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Null {
    /// How the guest is reached.
    #[serde(default)]
    pub communicator: Communicator,
    /// The guest's name or address.
    pub ssh_host: Option<String>,
    /// The port of sshd.
    pub ssh_port: Option<i64>,
    /// Who logs in.
    pub ssh_username: Option<String>,
    /// The password.
    pub ssh_password: Option<Secret>,
    /// Whether a terminal is asked for.
    pub ssh_pty: Option<bool>,
    /// How long to wait.
    pub ssh_timeout: Option<GoDuration>,
    /// Which ciphers may be used.
    pub ssh_ciphers: Option<Vec<String>>,
}

impl Component for Null {
    const KIND: Kind = Kind::Builder;
    const TYPE: &'static str = "null";

    fn check(&self, check: &mut Check<'_>) {
        if self.communicator == Communicator::Ssh {
            if self.ssh_username.is_none() {
                check.error("ssh_username", "missing-key", "an `ssh_username` must be given", None);
            }
            if self.ssh_host.is_none() {
                check.error("ssh_host", "missing-key", "an `ssh_host` must be given", None);
            }
        }
    }
}

/// Writes a file.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct FileBuilder {
    /// What to write.
    pub content: Option<String>,
    /// What to copy.
    pub source: Option<String>,
    /// Where to.
    pub target: String,
}

impl Component for FileBuilder {
    const KIND: Kind = Kind::Builder;
    const TYPE: &'static str = "file";
    const EXAMPLE: &'static str = r#"{"type": "file", "target": "out.txt", "content": "hello"}"#;

    fn check(&self, check: &mut Check<'_>) {
        if self.content.is_none() && self.source.is_none() {
            check.warning("", "no-content", "neither `content` nor `source` is given; the target will be empty", None);
        }
    }
}

/// A block device.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct BlockDevice {
    /// As the guest sees it.
    pub device_name: String,
    /// Kind of EBS volume.
    pub volume_type: Option<VolumeType>,
    /// In GiB.
    #[schemars(range(min = 1))]
    pub volume_size: Option<u32>,
    /// Whether it is encrypted.
    #[serde(default)]
    pub encrypted: Trilean,
}

/// Kind of EBS volume.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VolumeType {
    /// General purpose SSD, second generation.
    Gp2,
    /// General purpose SSD, third generation.
    Gp3,
    /// Provisioned IOPS.
    Io1,
}

/// How the source image is found.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct SourceAmiFilter {
    /// EC2's filters.
    #[serde(default)]
    pub filters: BTreeMap<String, String>,
    /// Account ids or aliases.
    #[serde(default)]
    pub owners: Vec<String>,
    /// The newest of several.
    #[serde(default)]
    pub most_recent: bool,
}

/// Makes an AMI from an instance; a part of it.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct AmazonEbs {
    /// Name of the image.
    ///
    /// Unique in account and region.
    #[schemars(length(min = 3, max = 128))]
    pub ami_name: String,
    /// Region.
    pub region: Option<String>,
    /// Address of another EC2.
    pub custom_endpoint_ec2: Option<String>,
    /// Size of the instance.
    pub instance_type: Option<String>,
    /// VPC.
    pub vpc_id: Option<String>,
    /// Subnet.
    pub subnet_id: Option<String>,
    /// Filter for the source image.
    pub source_ami_filter: Option<SourceAmiFilter>,
    /// Who logs in.
    pub ssh_username: Option<String>,
    /// Which address.
    pub ssh_interface: Option<String>,
    /// Tags of the image.
    #[serde(default)]
    pub tags: BTreeMap<String, Late>,
    /// Devices at launch.
    #[serde(default)]
    pub launch_block_device_mappings: Vec<BlockDevice>,
    /// Secret key.
    pub secret_key: Option<Secret>,
    /// Reservation preference.
    #[schemars(regex(pattern = "^(none|open)$"))]
    pub capacity_reservation_preference: Option<String>,
}

impl Component for AmazonEbs {
    const KIND: Kind = Kind::Builder;
    const TYPE: &'static str = "amazon-ebs";
    const BUILD_DATA: &'static [&'static str] = &["SourceAMI", "BuildRegion"];
}

/// Runs commands on this machine.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ShellLocal {
    /// Lines of a script.
    #[serde(default)]
    pub inline: Vec<String>,
    /// Environment.
    #[serde(default)]
    pub environment_vars: Vec<String>,
    /// How it is run.
    #[serde(default)]
    pub execute_command: Vec<Late>,
}

impl Component for ShellLocal {
    const KIND: Kind = Kind::Provisioner;
    const TYPE: &'static str = "shell-local";
}

/// Runs commands on the guest.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Shell {
    /// Lines of a script.
    #[serde(default)]
    pub inline: Vec<String>,
    /// A script.
    pub script: Option<String>,
    /// Statuses that are no failure.
    #[serde(default)]
    pub valid_exit_codes: Vec<i32>,
}

impl Component for Shell {
    const KIND: Kind = Kind::Provisioner;
    const TYPE: &'static str = "shell";

    fn check(&self, check: &mut Check<'_>) {
        if let Some(script) = &self.script
            && check.files.kind_of(script) != FileKind::File
        {
            check.error("script", "missing-file", format!("there is no file `{script}`"), None);
        }
    }
}

/// Copies files.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct FileProvisioner {
    /// From here.
    pub source: String,
    /// To there.
    pub destination: String,
}

impl Component for FileProvisioner {
    const KIND: Kind = Kind::Provisioner;
    const TYPE: &'static str = "file";
}

/// Writes a list of artifacts.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Manifest {
    /// Where to.
    pub output: Option<String>,
    /// Anything.
    #[serde(default)]
    pub custom_data: BTreeMap<String, String>,
}

impl Component for Manifest {
    const KIND: Kind = Kind::PostProcessor;
    const TYPE: &'static str = "manifest";
}

/// Files that exist in tests.
pub struct Exist(pub &'static [&'static str]);

impl Files for Exist {
    fn kind_of(&self, path: &str) -> FileKind {
        if self.0.contains(&path) { FileKind::File } else { FileKind::Missing }
    }
}

/// All of the above.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.register::<AmazonEbs>().register::<Null>().register::<FileBuilder>();
    registry.register::<Shell>().register::<FileProvisioner>().register::<ShellLocal>();
    registry.register::<Manifest>();
    registry
}
