//! A guest that understands what the recorded templates' scripts and commands say: `echo`, `sleep` and `exit`. It has no `sudo`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use amibake::artifact::Artifact;
use amibake::builder::amazon::step::connect::{Connect, Connection};
use amibake::builder::amazon_chroot::{self, AmazonChroot};
use amibake::builder::amazon_ebs::{self, AmazonEbs};
use amibake::builder::amazon_ebssurrogate::{self, AmazonEbsSurrogate};
use amibake::builder::amazon_ebsvolume::{self, AmazonEbsVolume};
use amibake::builder::amazon_instance::{self, AmazonInstance};
use amibake::builder::{BuildError, Builder};
use amibake::communicator::ssh::{ConnectError, HostSource, NoAddress, SshConfig};
use amibake::communicator::{Communicator, CommunicatorError, Content, Ended};
use amibake::engine::context::BuildContext;
use amibake::event::{Reporter, Stream, What};
use amibake::parts::Parts;
use amibake_ec2::InstanceId;
use amibake_template::component::{Check, Component, Kind};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::chroot_host;

/// A builder as it is, apart from how its guest is reached.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct OnLab<B>(B);

impl<B: Component> Component for OnLab<B> {
    const KIND: Kind = Kind::Builder;
    const TYPE: &'static str = B::TYPE;
    const BUILD_DATA: &'static [&'static str] = B::BUILD_DATA;

    fn check(&self, check: &mut Check<'_>) {
        self.0.check(check);
    }
}

/// The builders that reach a guest.
pub fn register(parts: &mut Parts) {
    parts.builder::<OnLab<AmazonChroot>>();
    parts.builder::<OnLab<AmazonEbs>>();
    parts.builder::<OnLab<AmazonEbsSurrogate>>();
    parts.builder::<OnLab<AmazonEbsVolume>>();
    parts.builder::<OnLab<AmazonInstance>>();
}

macro_rules! on_lab {
    ($($module:ident $builder:ident)*) => {$(
        #[async_trait]
        impl Builder for OnLab<$builder> {
            async fn build(&self, cx: &mut BuildContext) -> Result<Option<Artifact>, BuildError> {
                $module::steps(cx, &self.0, &Network).await
            }
        }
    )*};
}

on_lab! {
    amazon_ebs AmazonEbs
    amazon_ebssurrogate AmazonEbsSurrogate
    amazon_ebsvolume AmazonEbsVolume
    amazon_instance AmazonInstance
}

#[async_trait]
impl Builder for OnLab<AmazonChroot> {
    async fn build(&self, cx: &mut BuildContext) -> Result<Option<Artifact>, BuildError> {
        match cx.late.host.env.get(INSTANCE).filter(|_| !cx.late.host.env.contains_key("AWS_EC2_METADATA_DISABLED")) {
            Some(instance) => {
                let host = chroot_host::Host::of(&InstanceId::new(instance.as_str()).unwrap());
                amazon_chroot::steps(cx, &self.0, &host).await
            }
            None => self.0.build(cx).await,
        }
    }
}

/// Variable that names the instance on which the recorder ran.
pub const INSTANCE: &str = "TRACE_HOST_INSTANCE";

/// The port and address where the recording's guest could be reached; elsewhere nobody answers, and no password opens it.
const GUEST: (&str, u16) = ("127.0.0.1", 22);

/// What is between a builder and its guest.
struct Network;

#[async_trait]
impl Connect for Network {
    async fn connect(
        &self,
        config: &SshConfig,
        source: &dyn HostSource,
        report: &Reporter,
        cancel: &CancellationToken,
    ) -> Result<Box<dyn Connection>, ConnectError> {
        let connected = tokio::select! {
            connected = until_connected(config, source, report) => connected,
            () = cancel.cancelled() => return Err(ConnectError::Cancelled),
            () = tokio::time::sleep(config.timeout.unwrap_or(Duration::from_secs(300))) => Err(ConnectError::Timeout),
        };
        if let Err(error) = &connected {
            report.error(error.to_string());
        }
        connected
    }
}

async fn until_connected(config: &SshConfig, source: &dyn HostSource, report: &Reporter) -> Result<Box<dyn Connection>, ConnectError> {
    let mut told = false;
    loop {
        match source.address().await {
            Err(NoAddress::Fatal(error)) => return Err(ConnectError::Fatal(error)),
            Err(NoAddress::Yet(_)) => {}
            Err(NoAddress::Closed { host, .. }) => tell(&mut told, &host, report),
            Ok(address) => {
                tell(&mut told, &address.host, report);
                if (address.host.as_str(), address.port) == GUEST && config.login.password.is_none() {
                    report.say("Connected to SSH!");
                    return Ok(Box::new(Guest::default()));
                }
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Packer's lines about where it connects to, once.
fn tell(told: &mut bool, host: &str, report: &Reporter) {
    if !std::mem::replace(told, true) {
        report.say(format!("Using ssh communicator to connect: {host}"));
        report.say("Waiting for SSH to become available...");
    }
}

/// A guest and its files.
#[derive(Default)]
struct Guest {
    files: Mutex<BTreeMap<String, String>>,
}

impl Guest {
    /// The script that a command names.
    fn script(&self, command: &str) -> Option<String> {
        let files = self.files.lock().unwrap();
        files.iter().find(|(path, _)| command.ends_with(path.as_str())).map(|(_, text)| text.clone())
    }
}

#[async_trait]
impl Connection for Guest {
    fn communicator(&self) -> &dyn Communicator {
        self
    }

    async fn close(self: Box<Self>) {}
}

#[async_trait]
impl Communicator for Guest {
    async fn run(&self, command: &str, output: &Reporter) -> Result<Ended, CommunicatorError> {
        if command.starts_with("rm ") {
            return Ok(Ended::Status(0));
        }
        if command.starts_with("sudo -i ") {
            let text = "bash: line 1: sudo: command not found".to_owned();
            output.tell(What::Output { stream: Stream::Err, text });
            return Ok(Ended::Status(127));
        }
        for line in self.script(command).as_deref().unwrap_or(command).lines() {
            match line.split_once(' ') {
                Some(("echo", text)) => output.detail(text.trim_end()),
                Some(("sleep", seconds)) => tokio::time::sleep(Duration::from_secs(seconds.parse().unwrap())).await,
                Some(("exit", status)) => return Ok(Ended::Status(status.parse().unwrap())),
                _ => {}
            }
        }
        Ok(Ended::Status(0))
    }

    async fn upload(&self, content: Content<'_>, remote: &str, _: Option<u32>) -> Result<(), CommunicatorError> {
        if let Content::Bytes(bytes) = content {
            self.files.lock().unwrap().insert(remote.to_owned(), String::from_utf8_lossy(bytes).into_owned());
        }
        Ok(())
    }

    async fn upload_dir(&self, _: &str, _: &str) -> Result<(), CommunicatorError> {
        Ok(())
    }

    async fn download(&self, _: &str, _: &Path) -> Result<(), CommunicatorError> {
        Ok(())
    }

    async fn download_dir(&self, _: &str, _: &Path) -> Result<(), CommunicatorError> {
        Ok(())
    }
}
