//! Connects to the source instance by SSH.

use amibake_template::component::Given;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use amibake_ec2::model::{Instance, InstanceState};
use async_trait::async_trait;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::key_pair::LoginKey;
use crate::builder::BuildError;
use crate::builder::amazon::instance::InstanceConfig;
use crate::builder::amazon::session::{self, SESSION_MANAGER, Tunnel, View, Way};
use crate::builder::amazon::site::Site;
use crate::builder::communicator::Speaks;
use crate::communicator::Communicator;
use crate::communicator::none::NoHost;
use crate::communicator::ssh::{self, Address, ConnectError, HostSource, NoAddress, SshCommunicator, SshConfig};
use crate::engine::context::{BuildContext, Guests};
use crate::event::Reporter;

/// How the builder gets at its guest: SSH in the program, something else in tests of the other steps.
#[async_trait]
pub trait Connect: Send + Sync {
    /// Waits for the guest and connects.
    ///
    /// # Errors
    /// See [`ConnectError`].
    async fn connect(
        &self,
        config: &SshConfig,
        source: &dyn HostSource,
        report: &Reporter,
        cancel: &CancellationToken,
    ) -> Result<Box<dyn Connection>, ConnectError>;
}

/// An open connection.
#[async_trait]
pub trait Connection: Send + Sync {
    /// What talks over it.
    fn communicator(&self) -> &dyn Communicator;
    /// Ends it.
    async fn close(self: Box<Self>);
}

/// SSH by the system's `ssh`.
pub struct BySsh;

#[async_trait]
impl Connect for BySsh {
    async fn connect(
        &self,
        config: &SshConfig,
        source: &dyn HostSource,
        report: &Reporter,
        cancel: &CancellationToken,
    ) -> Result<Box<dyn Connection>, ConnectError> {
        Ok(Box::new(ssh::connect(config, source, report, cancel).await?))
    }
}

#[async_trait]
impl Connection for SshCommunicator {
    fn communicator(&self) -> &dyn Communicator {
        self
    }

    async fn close(self: Box<Self>) {
        (*self).close().await;
    }
}

#[async_trait]
impl Connection for NoHost {
    fn communicator(&self) -> &dyn Communicator {
        self
    }

    async fn close(self: Box<Self>) {}
}

/// The guest of a forecast: its address is asked for, since that is a call, and nobody is waited for.
#[async_trait]
impl Connect for NoHost {
    async fn connect(
        &self,
        _config: &SshConfig,
        source: &dyn HostSource,
        _report: &Reporter,
        _cancel: &CancellationToken,
    ) -> Result<Box<dyn Connection>, ConnectError> {
        let _ = source.address().await;
        Ok(Box::new(Self))
    }
}

/// A connection, and the address that it goes to.
pub struct Connected {
    /// The connection.
    pub connection: Box<dyn Connection>,
    /// Where it goes; None without a communicator.
    pub address: Option<Address>,
    /// What it goes through, where that is Session Manager.
    pub tunnel: Option<Tunnel>,
}

/// Waits for the instance's SSH and connects.
///
/// # Errors
/// Time is up, the login is refused, the instance is gone.
pub async fn connect(
    cx: &BuildContext,
    site: &Site,
    config: &InstanceConfig,
    (instance, key): (&Instance, &LoginKey),
    by: &dyn Connect,
) -> Result<Connected, BuildError> {
    if config.communicator.speaks() == Speaks::Nothing {
        return Ok(Connected { connection: Box::new(NoHost), address: None, tunnel: None });
    }
    let private_key = key.temporary.as_ref().map(|temporary| temporary.private_key.clone());
    let mut ssh = config.communicator.ssh(private_key, &cx.late.host.env);
    if cx.guests.is_some() {
        let mut left_out = ssh.confine();
        if config.ssh_interface.given() == Some(SESSION_MANAGER) {
            left_out.push("session_manager");
        }
        if !left_out.is_empty() {
            cx.report.detail(format!("Not rehearsed, the guest is on this machine: {}", left_out.join(", ")));
        }
    }
    let mut tunnel = if session::is_used(cx, config) { Some(Tunnel::open(cx, site, config, instance).await?) } else { None };
    let through = tunnel.as_ref().map(Tunnel::view);
    let source = InstanceAddress { guests: cx.guests.clone(), through, ..InstanceAddress::new(site, config, instance) };
    let by = if cx.guests.as_ref().is_some_and(|guests| guests.silent()) { &NoHost } else { by };
    let connecting = by.connect(&ssh, &source, &cx.report, &cx.cancel);
    let connected = match &mut tunnel {
        Some(tunnel) => tunnel.during(connecting).await,
        None => connecting.await,
    };
    match connected {
        Ok(connection) => Ok(Connected { connection, address: source.given_out(), tunnel }),
        Err(error) => {
            if let Some(tunnel) = tunnel {
                tunnel.close().await;
            }
            Err(failed(error))
        }
    }
}

fn failed(error: ConnectError) -> BuildError {
    match error {
        ConnectError::Cancelled => BuildError::Cancelled,
        // These have been told already.
        ConnectError::Timeout | ConnectError::Authentication(_) | ConnectError::Fatal(_) => BuildError::Failed(error.to_string()),
    }
}

/// How often the instance is looked at again while there is an address: it may change, or the instance may end.
const LOOK_AGAIN: Duration = Duration::from_secs(15);
/// Pause between two looks for an address that is not there yet.
const LOOK_FOR_ADDRESS: Duration = Duration::from_secs(1);
/// From this look on, an instance in a VPC without a public address is tried at its private one.
const LOOKS_FOR_PUBLIC: u32 = 3;

/// Says where the instance can be reached right now.
struct InstanceAddress<'a> {
    site: &'a Site,
    fixed: Option<&'a str>,
    interface: Option<&'a str>,
    port: u16,
    guests: Option<Arc<dyn Guests>>,
    /// The way through Session Manager, where there is one.
    through: Option<View>,
    seen: Mutex<Seen>,
}

/// What was seen of the instance last.
struct Seen {
    instance: Instance,
    at: Instant,
    looks: u32,
    given_out: Option<Address>,
}

impl<'a> InstanceAddress<'a> {
    fn new(site: &'a Site, config: &'a InstanceConfig, instance: &Instance) -> Self {
        Self {
            site,
            fixed: config.communicator.ssh_host.given(),
            interface: config.ssh_interface.given(),
            port: config.communicator.port(),
            guests: None,
            through: None,
            seen: Mutex::new(Seen { instance: instance.clone(), at: Instant::now(), looks: 1, given_out: None }),
        }
    }

    fn given_out(&self) -> Option<Address> {
        self.lock().given_out.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Looks at the instance again where the last look is too old.
    async fn look(&self) -> Result<(), NoAddress> {
        let (id, age, has_address) = {
            let seen = self.lock();
            (seen.instance.id.clone(), seen.at.elapsed(), host(&seen.instance, self.interface, seen.looks).is_some())
        };
        let patience = if has_address { LOOK_AGAIN } else { LOOK_FOR_ADDRESS };
        if self.fixed.is_some() || age < patience {
            return Ok(());
        }
        let found = self.site.ec2().describe_instances(&[id], &[]).await.map_err(|error| NoAddress::Yet(error.to_string()))?;
        let mut seen = self.lock();
        seen.at = Instant::now();
        seen.looks += 1;
        if let Some(instance) = found.into_iter().next() {
            seen.instance = instance;
        }
        Ok(())
    }
}

#[async_trait]
impl HostSource for InstanceAddress<'_> {
    async fn address(&self) -> Result<Address, NoAddress> {
        self.look().await?;
        let mut seen = self.lock();
        let instance = &seen.instance;
        if matches!(instance.state, InstanceState::ShuttingDown | InstanceState::Terminated) {
            let reason = instance.state_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            return Err(NoAddress::Fatal(format!("instance {} is gone{reason}", instance.id)));
        }
        let host = self.fixed.map(str::to_owned).or_else(|| host(instance, self.interface, seen.looks));
        let host = host.ok_or_else(|| NoAddress::Yet("couldn't determine address for instance".to_owned()))?;
        let address = match (&self.guests, &self.through) {
            (None, Some(through)) => match through.way() {
                Way::Open(port) => Address { host, port },
                Way::Waiting(why) => return Err(NoAddress::Closed { host, why }),
                Way::Broken(why) => return Err(NoAddress::Fatal(why)),
            },
            (None, None) => Address { host, port: self.port },
            (Some(guests), _) => {
                let (host, port) = guests.address(&instance.id).ok_or_else(|| NoAddress::Yet("the guest boots".to_owned()))?;
                Address { host, port }
            }
        };
        seen.given_out = Some(address.clone());
        Ok(address)
    }
}

/// The instance's address by `ssh_interface`. Without it: in a VPC the public address, or the private one after some looks; outside,
/// the public name.
fn host(instance: &Instance, interface: Option<&str>, looks: u32) -> Option<String> {
    let address = match interface {
        // The near end of a tunnel.
        Some(SESSION_MANAGER) => return Some("localhost".to_owned()),
        Some("public_ip") => instance.public_ip.as_ref(),
        Some("private_ip") => instance.private_ip.as_ref(),
        Some("public_dns") => instance.public_dns.as_ref(),
        Some("private_dns") => instance.private_dns.as_ref(),
        Some("ipv6") => instance.ipv6.as_ref(),
        _ if instance.vpc.is_none() => instance.public_dns.as_ref(),
        _ => match &instance.public_ip {
            Some(public) if !public.is_empty() => Some(public),
            _ => instance.private_ip.as_ref().filter(|_| looks >= LOOKS_FOR_PUBLIC),
        },
    };
    address.filter(|address| !address.is_empty()).cloned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use amibake_ec2::{InstanceId, VpcId};

    use super::*;

    fn instance() -> Instance {
        let text = |text: &str| Some(text.to_owned());
        Instance {
            id: InstanceId::new("i-1").unwrap(),
            state: InstanceState::Running,
            state_reason: None,
            public_ip: text("203.0.113.7"),
            private_ip: text("10.0.0.7"),
            public_dns: text("public.example"),
            private_dns: text("private.example"),
            ipv6: text("2001:db8::7"),
            vpc: Some(VpcId::new("vpc-1").unwrap()),
            security_groups: Vec::new(),
            volumes: Vec::new(),
            spot_request: None,
            availability_zone: None,
            tags: Vec::new(),
        }
    }

    #[track_caller]
    fn check(interface: Option<&str>, expected: &str) {
        assert_eq!(host(&instance(), interface, 1).as_deref(), Some(expected), "{interface:?}");
    }

    #[test]
    fn ssh_interface_chooses_the_address() {
        check(None, "203.0.113.7");
        check(Some("public_ip"), "203.0.113.7");
        check(Some("private_ip"), "10.0.0.7");
        check(Some("public_dns"), "public.example");
        check(Some("private_dns"), "private.example");
        check(Some("ipv6"), "2001:db8::7");
        check(Some("session_manager"), "localhost");
    }

    #[test]
    fn the_private_address_is_the_last_resort() {
        let private = Instance { public_ip: None, ..instance() };
        assert_eq!(host(&private, None, 1), None);
        assert_eq!(host(&private, None, 3).as_deref(), Some("10.0.0.7"));
        assert_eq!(host(&private, Some("public_ip"), 9), None, "asked for by name, it is waited for");
        let empty = Instance { public_ip: Some(String::new()), ..instance() };
        assert_eq!(host(&empty, Some("public_ip"), 9), None);
    }

    #[test]
    fn outside_a_vpc_the_public_name_counts() {
        let classic = Instance { vpc: None, ..instance() };
        assert_eq!(host(&classic, None, 1).as_deref(), Some("public.example"));
    }
}
