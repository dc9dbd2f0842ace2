//! Waiting for a guest's SSH, and opening the connection.

use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::channel::Line;
use super::master::{Master, Started};
use super::{Address, SshCommunicator, SshConfig};
use crate::communicator::CommunicatorError;
use crate::event::Reporter;

/// Both of Packer's limits where the template sets neither.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);
const DEFAULT_ATTEMPTS: u32 = 10;
/// Packer counts a refused login every seven seconds (two after the failure, five before the next round; measured). The limit is a time
/// in which a booting guest may still be installing the key, so it is kept although logins are tried more often here.
const PACKERS_ROUND: Duration = Duration::from_secs(7);
/// Pauses between attempts, growing while nothing changes. sshd of OpenSSH 9.8 and newer punishes quicker callers.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE_REFUSED: Duration = Duration::from_secs(3);
/// How often a long wait says why it waits.
const EXPLAIN_EVERY: Duration = Duration::from_secs(30);
const FIRST_EXPLANATION: Duration = Duration::from_secs(10);
/// A guest that is there answers within this.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// Packer's limit for connection and handshake together is 75 s; sshd answers within seconds or not at all.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(60);

/// Says where the guest is right now: an instance may get its address late, or another one.
#[async_trait]
pub trait HostSource: Send + Sync {
    /// The current address. It is asked before every attempt, several times a second.
    ///
    /// # Errors
    /// [`NoAddress::Yet`] and [`NoAddress::Closed`] are reasons to wait, [`NoAddress::Fatal`] the end.
    async fn address(&self) -> Result<Address, NoAddress>;
}

#[async_trait]
impl HostSource for Address {
    async fn address(&self) -> Result<Address, NoAddress> {
        Ok(self.clone())
    }
}

/// Why there is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAddress {
    /// Not yet; why, for people.
    #[error("{0}")]
    Yet(String),
    /// The host is known, the way to it is not open yet; why, for people.
    #[error("{why}")]
    Closed {
        /// The host.
        host: String,
        /// Why.
        why: String,
    },
    /// Never (the instance is gone); why, for people.
    #[error("{0}")]
    Fatal(String),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The build is to stop.
    #[error("cancelled")]
    Cancelled,
    /// `ssh_timeout` is over.
    #[error("Timeout waiting for SSH.")]
    Timeout,
    /// The guest refused the login too often; its words.
    #[error(
        "Packer experienced an authentication error when trying to connect via SSH. This can happen if your username/password are wrong. \
         You may want to double-check your credentials as part of your debugging process. original error: {0}"
    )]
    Authentication(String),
    /// It can never work; why, for people.
    #[error("{0}")]
    Fatal(String),
}

/// Waits until the guest's SSH answers and logs in. Tells Packer's lines (`Using ssh communicator to connect: HOST` to
/// `Connected to SSH!`), and, while it takes long, why it waits. What the guest cannot mend ends the wait early.
///
/// # Errors
/// See [`ConnectError`]. `Timeout`, `Authentication` and `Fatal` have been told as error lines too, as Packer does.
pub async fn connect(
    config: &SshConfig,
    source: &dyn HostSource,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<SshCommunicator, ConnectError> {
    let connected = tokio::select! {
        connected = connect_in_time(config, source, report) => connected,
        () = cancel.cancelled() => Err(ConnectError::Cancelled),
    };
    match &connected {
        Err(ConnectError::Timeout) => report.error(ConnectError::Timeout.to_string()),
        Err(error @ (ConnectError::Authentication(_) | ConnectError::Fatal(_))) => report.error(format!("Error waiting for SSH: {error}")),
        Err(ConnectError::Cancelled) | Ok(_) => {}
    }
    connected
}

async fn connect_in_time(config: &SshConfig, source: &dyn HostSource, report: &Reporter) -> Result<SshCommunicator, ConnectError> {
    let limit = match (config.timeout, config.handshake_attempts) {
        (Some(limit), _) => Some(limit),
        (None, None) => Some(DEFAULT_TIMEOUT),
        (None, Some(_)) => None,
    };
    let mut pause = config.pause_before_connecting;
    loop {
        let wait = Wait::new(config, source, report).until_connected();
        let connected = match limit {
            Some(limit) => timeout(limit, wait).await.map_err(|_| ConnectError::Timeout)??,
            None => wait.await?,
        };
        report.say("Connected to SSH!");
        if pause.is_zero() {
            return Ok(connected);
        }
        // As Packer: the guest may be about to restart, so the first connection counts for nothing.
        connected.close().await;
        report.say(format!("Pausing {} before connecting...", in_go(pause)));
        sleep(std::mem::take(&mut pause)).await;
    }
}

/// One wait, with what it has learnt.
struct Wait<'a> {
    config: &'a SshConfig,
    source: &'a dyn HostSource,
    report: &'a Reporter,
    began: Instant,
    explained: Option<Instant>,
    named: Option<String>,
    /// Where sshd has answered already: no more probes there.
    answered: Option<Address>,
    refused_since: Option<Instant>,
    pause: Duration,
    reason: String,
}

/// Why an attempt failed.
enum NotYet {
    /// Nothing that could answer is there.
    Waiting(String),
    /// The login was refused.
    Refused(String),
}

impl<'a> Wait<'a> {
    fn new(config: &'a SshConfig, source: &'a dyn HostSource, report: &'a Reporter) -> Self {
        Self {
            config,
            source,
            report,
            began: Instant::now(),
            explained: None,
            named: None,
            answered: None,
            refused_since: None,
            pause: FIRST_PAUSE,
            reason: String::new(),
        }
    }

    async fn until_connected(mut self) -> Result<SshCommunicator, ConnectError> {
        loop {
            let (reason, longest) = match self.attempt().await? {
                Ok(connected) => return Ok(connected),
                Err(NotYet::Waiting(reason)) => (reason, LONGEST_PAUSE),
                Err(NotYet::Refused(reason)) => {
                    self.count_refusal(&reason)?;
                    (reason, LONGEST_PAUSE_REFUSED)
                }
            };
            if reason != self.reason {
                self.pause = FIRST_PAUSE;
            }
            self.explain(reason);
            sleep(self.pause).await;
            self.pause = (self.pause * 3 / 2).min(longest);
        }
    }

    async fn attempt(&mut self) -> Result<Result<SshCommunicator, NotYet>, ConnectError> {
        let at = match self.source.address().await {
            Ok(at) => at,
            Err(NoAddress::Yet(why)) => return Ok(Err(NotYet::Waiting(why))),
            Err(NoAddress::Closed { host, why }) => {
                self.name(&host);
                return Ok(Err(NotYet::Waiting(why)));
            }
            Err(NoAddress::Fatal(why)) => return Err(ConnectError::Fatal(why)),
        };
        self.name(&at.host);
        if self.config.is_direct() && self.answered.as_ref() != Some(&at) {
            if let Err(why) = probe(&at).await {
                return Ok(Err(NotYet::Waiting(why)));
            }
            self.answered = Some(at.clone());
        }
        self.log_in(&at).await
    }

    async fn log_in(&mut self, at: &Address) -> Result<Result<SshCommunicator, NotYet>, ConnectError> {
        let started = match timeout(LOGIN_TIMEOUT, Master::start(self.config, at)).await {
            Ok(started) => started.map_err(ConnectError::Fatal)?,
            Err(_) => return Ok(Err(NotYet::Waiting(format!("{} accepts connections, but its SSH does not finish the login", at.host)))),
        };
        match started {
            Started::Up(master) => {
                let opened = open(self.config, master).await.map(|line| SshCommunicator::new(self.config, at.clone(), line));
                Ok(opened.map_err(|error| NotYet::Waiting(error.to_string())))
            }
            Started::Refused(words) if is_hopeless(&words) => Err(ConnectError::Fatal(words)),
            Started::Refused(words) if words.contains("Permission denied") || words.contains("Too many authentication failures") => {
                Ok(Err(NotYet::Refused(words)))
            }
            Started::Refused(words) => {
                self.answered = None;
                Ok(Err(NotYet::Waiting(words)))
            }
        }
    }

    /// Packer says where it connects to once it knows.
    fn name(&mut self, host: &str) {
        if self.named.as_deref() != Some(host) {
            self.report.say(format!("Using ssh communicator to connect: {host}"));
            if self.named.is_none() {
                self.report.say("Waiting for SSH to become available...");
            }
            self.named = Some(host.to_owned());
        }
    }

    fn count_refusal(&mut self, words: &str) -> Result<(), ConnectError> {
        let attempts = match (self.config.handshake_attempts, self.config.timeout) {
            (Some(attempts), _) if attempts > 0 => attempts,
            (_, None) => DEFAULT_ATTEMPTS,
            (_, Some(_)) => return Ok(()),
        };
        let since = *self.refused_since.get_or_insert_with(Instant::now);
        let counted = 1 + since.elapsed().as_millis() / PACKERS_ROUND.as_millis();
        if counted >= u128::from(attempts) { Err(ConnectError::Authentication(words.to_owned())) } else { Ok(()) }
    }

    fn explain(&mut self, reason: String) {
        let due = match self.explained {
            None => self.began.elapsed() >= FIRST_EXPLANATION,
            Some(last) => last.elapsed() >= EXPLAIN_EVERY,
        };
        if due {
            self.report.detail(format!("still waiting for SSH after {} s: {reason}", self.began.elapsed().as_secs()));
            self.explained = Some(Instant::now());
        }
        self.reason = reason;
    }
}

async fn open(config: &SshConfig, master: Master) -> Result<Line, CommunicatorError> {
    Line::open(master, config.pty, config.forward_agent.is_some()).await
}

/// One attempt to log in where it worked before: after a restart of the guest.
///
/// # Errors
/// `Lost` while the guest cannot be reached or does not let us in (yet).
pub(super) async fn log_in_again(config: &SshConfig, at: &Address) -> Result<Line, CommunicatorError> {
    if config.is_direct() && probe(at).await.is_err() {
        return Err(CommunicatorError::Lost);
    }
    match timeout(LOGIN_TIMEOUT, Master::start(config, at)).await {
        Ok(Ok(Started::Up(master))) => open(config, master).await,
        Ok(Ok(Started::Refused(_))) | Err(_) => Err(CommunicatorError::Lost),
        Ok(Err(why)) => Err(CommunicatorError::Refused(why)),
    }
}

/// Whether an SSH server answers, and if not, why. A probe is quicker than a process, and tells apart what ssh does not.
async fn probe(at: &Address) -> Result<(), String> {
    let Address { host, port } = at;
    let connecting = timeout(PROBE_TIMEOUT, TcpStream::connect((host.as_str(), *port))).await;
    let mut stream = match connecting {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(reason(host, *port, &error)),
        Err(_) => return Err(format!("{host} does not answer on port {port} (a security group or network ACL may drop the packets)")),
    };
    let mut banner = [0; 4];
    match timeout(PROBE_TIMEOUT, stream.read_exact(&mut banner)).await {
        Ok(Ok(_)) if &banner == b"SSH-" => Ok(()),
        Ok(Ok(_)) => Err(format!("what answers on port {port} of {host} is no SSH server")),
        Ok(Err(_)) => Err(format!("{host} closes connections to port {port} without a word (sshd may be starting)")),
        Err(_) => Err(format!("{host} accepts connections to port {port} but says nothing (sshd may be starting)")),
    }
}

fn reason(host: &str, port: u16, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => format!("{host} refuses connections to port {port} (sshd is not running yet)"),
        std::io::ErrorKind::HostUnreachable | std::io::ErrorKind::NetworkUnreachable => format!("there is no route to {host}"),
        _ => format!("cannot connect to {host} port {port}: {error}"),
    }
}

/// Whether ssh's last words tell of something that waiting cannot mend.
fn is_hopeless(words: &str) -> bool {
    [
        "no matching ",
        "Bad SSH2",
        "Bad configuration option",
        "Unsupported KEX",
        "terminating, ",
        "invalid format",
        "UNPROTECTED PRIVATE KEY",
    ]
    .iter()
    .any(|sign| words.contains(sign))
}

/// A span as Go prints whole seconds and milliseconds.
fn in_go(span: Duration) -> String {
    amibake_template::component::GoDuration { nanos: i64::try_from(span.as_nanos()).unwrap_or(i64::MAX) }.to_string()
}
