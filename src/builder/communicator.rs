//! The keys with which a builder says how its guest is reached.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use amibake_template::component::{Check, FileKind, Given, GoDuration, Secret, Trilean};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::builder::amazon::given::given_list;
use crate::builder::amazon::run::one_of;
use crate::communicator::ssh::{Address, Bastion, Login, PrivateKey, SshConfig};

/// How the guest is reached.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct CommunicatorConfig {
    /// `ssh`, `winrm` or `none`. Default: ssh. (winrm is not supported yet.)
    #[schemars(extend("x-amibake-choices" = ["ssh", "winrm", "none"]))]
    pub communicator: Option<String>,
    /// After the first successful connection wait this long, then connect again. Default: 0s.
    pub pause_before_connecting: Option<GoDuration>,
    /// Host to connect to, instead of the instance's own address.
    pub ssh_host: Option<String>,
    /// Port of the guest's SSH; the temporary security group lets it through. Default: 22.
    #[serde(default)]
    pub ssh_port: u16,
    /// User to log in as. Must be given.
    #[schemars(extend("examples" = ["ec2-user", "ubuntu", "admin"]))]
    pub ssh_username: Option<String>,
    /// Password to log in with. Without `temporary_key_pair_name` no temporary key pair is made then.
    pub ssh_password: Option<Secret>,
    /// Existing EC2 key pair, by name; needs `ssh_private_key_file` or `ssh_agent_auth`.
    pub ssh_keypair_name: Option<String>,
    /// Name of the temporary key pair. Default: `packer_` and a UUID.
    pub temporary_key_pair_name: Option<String>,
    /// Type of the temporary key pair: `ed25519` or `rsa`. Default: ed25519.
    #[schemars(extend("x-amibake-choices" = ["ed25519", "rsa"]))]
    pub temporary_key_pair_type: Option<String>,
    /// Accepted for old templates: EC2 makes the key, in a size of its own.
    #[serde(default)]
    pub temporary_key_pair_bits: u32,
    /// Ciphers to offer, the preferred one first. Default: OpenSSH's.
    #[serde(default)]
    pub ssh_ciphers: Vec<String>,
    /// Remove the temporary key from the guest's `authorized_keys` after provisioning. Default: false.
    #[serde(default)]
    pub ssh_clear_authorized_keys: bool,
    /// Key exchange algorithms to offer, the preferred one first. Default: OpenSSH's.
    #[serde(default)]
    pub ssh_key_exchange_algorithms: Vec<String>,
    /// File with the private key to log in with. No temporary key pair is made then.
    #[schemars(extend("examples" = ["~/.ssh/id_ed25519"]))]
    pub ssh_private_key_file: Option<String>,
    /// Certificate that goes with `ssh_private_key_file`.
    pub ssh_certificate_file: Option<String>,
    /// Run commands in a terminal. Default: false.
    #[serde(default)]
    pub ssh_pty: bool,
    /// How long to wait for SSH: `10m`. Default: 5m; no limit where only `ssh_handshake_attempts` is set.
    #[schemars(extend("examples" = ["5m", "10m"]))]
    pub ssh_timeout: Option<GoDuration>,
    /// Old name of `ssh_timeout`; wins over it.
    pub ssh_wait_timeout: Option<GoDuration>,
    /// Log in by the local SSH agent. No temporary key pair is made then. Default: false.
    #[serde(default)]
    pub ssh_agent_auth: bool,
    /// Do not forward the local agent to the guest. Default: false.
    #[serde(default)]
    pub ssh_disable_agent_forwarding: bool,
    /// Give up after this many failed logins. Default: 10; no limit where only `ssh_timeout` is set.
    #[serde(default)]
    pub ssh_handshake_attempts: u32,
    /// Host to go through. Not together with `ssh_proxy_host`.
    pub ssh_bastion_host: Option<String>,
    /// Port of that host. Default: 22.
    #[serde(default)]
    pub ssh_bastion_port: u16,
    /// Log in there by the local SSH agent. Default: false.
    #[serde(default)]
    pub ssh_bastion_agent_auth: bool,
    /// User to log in as there.
    pub ssh_bastion_username: Option<String>,
    /// Password to log in with there.
    pub ssh_bastion_password: Option<Secret>,
    /// Ask on the terminal for what that host wants to know. Default: false. Not supported yet.
    #[serde(default)]
    pub ssh_bastion_interactive: bool,
    /// File with the private key to log in with there. Default: `ssh_private_key_file`.
    pub ssh_bastion_private_key_file: Option<String>,
    /// Certificate for that key.
    pub ssh_bastion_certificate_file: Option<String>,
    /// `scp` or `sftp`; accepted for old templates, amibake takes what is fastest with the guest.
    #[schemars(extend("x-amibake-choices" = ["scp", "sftp"]))]
    pub ssh_file_transfer_method: Option<String>,
    /// SOCKS5 proxy to go through. Not supported yet.
    pub ssh_proxy_host: Option<String>,
    /// Port of the proxy. Default: 1080.
    #[serde(default)]
    pub ssh_proxy_port: u16,
    /// User name for the proxy.
    pub ssh_proxy_username: Option<String>,
    /// Password for the proxy.
    pub ssh_proxy_password: Option<Secret>,
    /// Pause between two signs of life on a quiet connection; negative: none. Default: 5s.
    pub ssh_keep_alive_interval: Option<GoDuration>,
    /// Give up a read or write that stalls for this long. Default: 0s, which waits. Not supported yet.
    pub ssh_read_write_timeout: Option<GoDuration>,
    /// Ports of the guest that lead back here: `PORT:HOST:HOSTPORT`.
    #[serde(default)]
    pub ssh_remote_tunnels: Vec<String>,
    /// Ports here that lead to the guest's network: `PORT:HOST:HOSTPORT`.
    #[serde(default)]
    pub ssh_local_tunnels: Vec<String>,
    /// WinRM user.
    pub winrm_username: Option<String>,
    /// WinRM password.
    pub winrm_password: Option<Secret>,
    /// WinRM host.
    pub winrm_host: Option<String>,
    /// Do not use an HTTP proxy for WinRM.
    #[serde(default)]
    pub winrm_no_proxy: bool,
    /// WinRM port. Default: 5985; 5986 with `winrm_use_ssl`.
    #[serde(default)]
    pub winrm_port: u16,
    /// How long to wait for WinRM. Default: 30m.
    #[schemars(extend("examples" = ["30m"]))]
    pub winrm_timeout: Option<GoDuration>,
    /// WinRM by HTTPS.
    #[serde(default)]
    pub winrm_use_ssl: bool,
    /// Accept any certificate from WinRM.
    #[serde(default)]
    pub winrm_insecure: bool,
    /// WinRM login by NTLM.
    #[serde(default)]
    pub winrm_use_ntlm: Trilean,
}

/// What the guest speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// SSH.
    Ssh,
    /// Nothing: the builder has no guest to talk to.
    Nothing,
}

/// Where the login on the guest comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A key pair made for this build.
    Temporary {
        /// Its name, where the template gives one.
        name: Option<String>,
        /// RSA instead of ed25519.
        rsa: bool,
    },
    /// A private key file, and the EC2 key pair it belongs to, where one is named.
    File {
        /// `ssh_keypair_name`.
        key_pair: Option<String>,
    },
    /// The local agent, and the EC2 key pair whose key it has, where one is named.
    Agent {
        /// `ssh_keypair_name`.
        key_pair: Option<String>,
    },
    /// None of these: a password, or what the image lets in.
    Other,
}

impl CommunicatorConfig {
    /// What the guest speaks.
    pub fn speaks(&self) -> Speaks {
        if self.communicator.given() == Some("none") { Speaks::Nothing } else { Speaks::Ssh }
    }

    /// The guest's port.
    pub fn port(&self) -> u16 {
        or(self.ssh_port, 22)
    }

    /// Where the login comes from, by Packer's precedence.
    pub fn key_source(&self) -> KeySource {
        let key_pair = self.ssh_keypair_name.given().map(str::to_owned);
        let temporary = self.temporary_key_pair_name.given().map(str::to_owned);
        if self.ssh_private_key_file.is_given() {
            KeySource::File { key_pair }
        } else if self.ssh_agent_auth {
            KeySource::Agent { key_pair }
        } else if temporary.is_none() && (key_pair.is_some() || is_set(self.ssh_password.as_ref())) {
            KeySource::Other
        } else {
            KeySource::Temporary { name: temporary, rsa: self.temporary_key_pair_type.given() == Some("rsa") }
        }
    }

    /// The connection. `temporary` is the private key made for this build; `env` gives agent and runtime directory.
    pub fn ssh(&self, temporary: Option<Secret>, env: &BTreeMap<String, String>) -> SshConfig {
        let agent = env.get("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty()).cloned();
        let home = env.get("HOME").map(String::as_str);
        let file = |key: &Option<String>| key.given().map(|path| expand_home(path, home));
        let login = Login {
            username: self.ssh_username.given().unwrap_or_default().to_owned(),
            private_key: file(&self.ssh_private_key_file).map(PrivateKey::File).or(temporary.map(PrivateKey::Text)),
            certificate_file: file(&self.ssh_certificate_file),
            agent_socket: agent.clone().filter(|_| self.ssh_agent_auth),
            password: secret(self.ssh_password.as_ref()),
        };
        SshConfig {
            bastion: self.bastion(&agent, home),
            pty: self.ssh_pty,
            timeout: self.timeout(),
            handshake_attempts: Some(self.ssh_handshake_attempts).filter(|attempts| *attempts > 0),
            pause_before_connecting: positive(self.pause_before_connecting).unwrap_or_default(),
            keep_alive_interval: self.keep_alive(),
            ciphers: given_list(&self.ssh_ciphers),
            key_exchange_algorithms: given_list(&self.ssh_key_exchange_algorithms),
            forward_agent: agent.filter(|_| !self.ssh_disable_agent_forwarding),
            local_tunnels: given_list(&self.ssh_local_tunnels),
            remote_tunnels: given_list(&self.ssh_remote_tunnels),
            runtime_dir: env.get("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from),
            ..SshConfig::new(login)
        }
    }

    fn timeout(&self) -> Option<Duration> {
        positive(self.ssh_wait_timeout).or_else(|| positive(self.ssh_timeout))
    }

    fn keep_alive(&self) -> Duration {
        match self.ssh_keep_alive_interval {
            Some(interval) if interval.nanos < 0 => Duration::ZERO,
            interval => positive(interval).unwrap_or(Duration::from_secs(5)),
        }
    }

    fn bastion(&self, agent: &Option<String>, home: Option<&str>) -> Option<Bastion> {
        let host = self.ssh_bastion_host.given()?.to_owned();
        // As in Packer, the guest's key also opens the bastion where it has no key of its own.
        let (key, certificate) = match self.ssh_bastion_private_key_file.given() {
            Some(key) => (Some(key), self.ssh_bastion_certificate_file.given()),
            None => (self.ssh_private_key_file.given(), self.ssh_certificate_file.given()),
        };
        Some(Bastion {
            address: Address { host, port: or(self.ssh_bastion_port, 22) },
            login: Login {
                username: self.ssh_bastion_username.given().unwrap_or_default().to_owned(),
                private_key: key.map(|path| PrivateKey::File(expand_home(path, home))),
                certificate_file: certificate.map(|path| expand_home(path, home)),
                agent_socket: agent.clone().filter(|_| self.ssh_bastion_agent_auth),
                password: secret(self.ssh_bastion_password.as_ref()),
            },
        })
    }

    /// Checks the keys against each other.
    pub fn check(&self, check: &mut Check<'_>) {
        match self.communicator.given() {
            None | Some("ssh") => self.check_ssh(check),
            Some("none") => {}
            Some("winrm") => check.not_supported_yet(
                "communicator",
                "the communicator `winrm`",
                "build this template with Packer, or let the guest speak SSH",
            ),
            Some(other) => one_of(check, "communicator", Some(other), &["ssh", "winrm", "none"]),
        }
    }

    fn check_ssh(&self, check: &mut Check<'_>) {
        if !self.ssh_username.is_given() {
            let help = "for Amazon Linux `ec2-user`, for Ubuntu `ubuntu`, for Debian `admin`";
            check.error("ssh_username", "ssh-username", "`ssh_username` must be given", Some(help.to_owned()));
        }
        self.check_files(check);
        one_of(check, "ssh_file_transfer_method", self.ssh_file_transfer_method.given(), &["scp", "sftp"]);
        one_of(check, "temporary_key_pair_type", self.temporary_key_pair_type.given(), &["rsa", "ed25519"]);
        if self.ssh_keypair_name.is_given() && !self.ssh_private_key_file.is_given() && !self.ssh_agent_auth {
            check.error(
                "ssh_keypair_name",
                "key-missing",
                "`ssh_keypair_name` needs the key: neither `ssh_private_key_file` nor `ssh_agent_auth` is given",
                None,
            );
        }
        self.check_bastion(check);
        self.check_tunnels(check);
        for (key, asked) in [
            ("ssh_bastion_interactive", self.ssh_bastion_interactive),
            ("ssh_proxy_host", self.ssh_proxy_host.is_given()),
            ("ssh_read_write_timeout", self.ssh_read_write_timeout.is_some_and(|timeout| timeout.nanos != 0)),
        ] {
            if asked {
                refuse(check, key);
            }
        }
    }

    fn check_files(&self, check: &mut Check<'_>) {
        for (key, path) in [
            ("ssh_private_key_file", &self.ssh_private_key_file),
            ("ssh_certificate_file", &self.ssh_certificate_file),
            ("ssh_bastion_private_key_file", &self.ssh_bastion_private_key_file),
            ("ssh_bastion_certificate_file", &self.ssh_bastion_certificate_file),
        ] {
            // Where `~` is, only the run knows.
            let Some(path) = path.given().filter(|path| !path.starts_with('~')) else { continue };
            if check.files.kind_of(path) != FileKind::File {
                check.error(key, "file-missing", format!("there is no file `{path}`"), None);
            }
        }
        for (certificate, given, key) in [
            ("ssh_certificate_file", self.ssh_certificate_file.is_given(), &self.ssh_private_key_file),
            ("ssh_bastion_certificate_file", self.ssh_bastion_certificate_file.is_given(), &self.ssh_bastion_private_key_file),
        ] {
            if given && !key.is_given() {
                let key = certificate.replace("certificate", "private_key");
                check.error(certificate, "key-missing", format!("`{certificate}` needs `{key}`"), None);
            }
        }
    }

    fn check_bastion(&self, check: &mut Check<'_>) {
        if !self.ssh_bastion_host.is_given() {
            return;
        }
        if self.ssh_proxy_host.is_given() {
            let message = "only one of `ssh_bastion_host` and `ssh_proxy_host` can be given";
            check.error("ssh_bastion_host", "exclude-each-other", message, None);
        }
        let key = self.ssh_bastion_private_key_file.is_given() || self.ssh_private_key_file.is_given();
        if !key && !self.ssh_bastion_agent_auth && !is_set(self.ssh_bastion_password.as_ref()) {
            let message =
                "no login for the bastion: give `ssh_bastion_private_key_file`, `ssh_bastion_agent_auth` or `ssh_bastion_password`";
            check.error("ssh_bastion_host", "key-missing", message, None);
        }
    }

    fn check_tunnels(&self, check: &mut Check<'_>) {
        for (key, tunnels) in [("ssh_local_tunnels", &self.ssh_local_tunnels), ("ssh_remote_tunnels", &self.ssh_remote_tunnels)] {
            for (index, tunnel) in tunnels.iter().enumerate() {
                let parts: Vec<&str> = tunnel.split(':').collect();
                let port = |text: &str| text.parse::<u16>().is_ok();
                if !matches!(parts[..], [from, _, to] if port(from) && port(to)) {
                    let message = format!("`{tunnel}` is not a tunnel of the form `PORT:HOST:HOSTPORT`");
                    check.error(&format!("{key}/{index}"), "tunnel", message, None);
                }
            }
        }
    }
}

/// A path with a leading `~/` put below the home directory.
fn expand_home(path: &str, home: Option<&str>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}

/// A duration that is set and positive.
fn positive(duration: Option<GoDuration>) -> Option<Duration> {
    duration.and_then(GoDuration::positive).filter(|duration| !duration.is_zero())
}

fn or(port: u16, usual: u16) -> u16 {
    if port == 0 { usual } else { port }
}

fn is_set(secret: Option<&Secret>) -> bool {
    secret.is_some_and(|secret| !secret.expose().is_empty())
}

fn secret(secret: Option<&Secret>) -> Option<Secret> {
    secret.filter(|secret| !secret.expose().is_empty()).cloned()
}

/// Reports a key that amibake does not act on yet, so that no template is built in another way than it says.
fn refuse(check: &mut Check<'_>, pointer: &str) {
    let key = pointer.rsplit('/').next().unwrap_or(pointer);
    check.not_supported_yet(pointer, &format!("`{key}`"), "remove the key, or build this template with Packer");
}
