//! An sshd of this machine as a guest: on a free loopback port, as the user who runs the tests, with a key of its own.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use amibake::communicator::ssh::{Address, ConnectError, Login, PrivateKey, SshCommunicator, SshConfig, connect};
use amibake::event::Reporter;
use tokio_util::sync::CancellationToken;

const SSHD: &str = "/usr/sbin/sshd";

/// An sshd with a key that it lets in, and a folder to play in.
pub struct Guest {
    dir: tempfile::TempDir,
    pub port: u16,
    sshd: Child,
}

impl Guest {
    /// None, aloud, where this machine has no sshd; `AMIBAKE_E2E=require` makes that a failure.
    #[expect(
        clippy::disallowed_methods,
        clippy::print_stderr,
        reason = "a test that does nothing has to say so, unless it is told that it must not"
    )]
    pub fn start() -> Option<Self> {
        if !Path::new(SSHD).exists() {
            assert!(std::env::var_os("AMIBAKE_E2E").is_none_or(|word| word != "require"), "there is no {SSHD}");
            eprintln!("NOT TESTED: there is no {SSHD}");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        for name in ["host", "user"] {
            let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(dir.path().join(name)).status();
            assert!(made.unwrap().success());
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {0}/host\nAuthorizedKeysFile {0}/user.pub\nStrictModes no\nUsePAM no\nPidFile none\n\
             PermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n",
            dir.path().display()
        );
        std::fs::write(dir.path().join("config"), config).unwrap();
        std::fs::create_dir(dir.path().join("run")).unwrap();
        let sshd = spawn(dir.path(), port);
        Some(Self { dir, port, sshd })
    }

    pub fn restart(&mut self) {
        self.stop();
        self.sshd = spawn(self.dir.path(), self.port);
    }

    /// As a machine that goes down: the connections go with it.
    pub fn stop(&mut self) {
        let _ = Command::new("pkill").args(["-KILL", "-P", &self.sshd.id().to_string()]).status();
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }

    pub fn address(&self) -> Address {
        Address { host: "127.0.0.1".to_owned(), port: self.port }
    }

    /// Who runs the tests.
    pub fn user() -> String {
        String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap().trim().to_owned()
    }

    pub fn config(&self) -> SshConfig {
        let username = Self::user();
        let mut config =
            SshConfig::new(Login { username, private_key: Some(PrivateKey::File(self.dir.path().join("user"))), ..Login::default() });
        config.runtime_dir = Some(self.dir.path().join("run"));
        config
    }

    pub async fn connect(&self, config: &SshConfig) -> Result<SshCommunicator, ConnectError> {
        connect(config, &self.address(), &Reporter::new().0, &CancellationToken::new()).await
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What the connection keeps on this machine.
    pub fn kept(&self) -> usize {
        std::fs::read_dir(self.path("run")).unwrap().count()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(dir: &Path, port: u16) -> Child {
    // sshd separates privileges in this folder.
    let _ = std::fs::create_dir_all("/run/sshd");
    let mut command = Command::new(SSHD);
    command.args(["-D", "-f"]).arg(dir.join("config")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let sshd = command.spawn().unwrap();
    let limit = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < limit, "sshd does not answer");
        std::thread::yield_now();
    }
    sshd
}
