//! A server in front of [`Here`], and the system's clients set up for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use amibake_guest::Guest;
use amibake_guest::keys::{self, Kind};
use amibake_guest::server::{Accepted, Door, Login, SshServer};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::here::Here;

/// Longer than anything takes; a test that waits so long hangs.
const LIMIT: Duration = Duration::from_secs(60);

pub struct Served<G: ?Sized = Here> {
    pub guest: Arc<G>,
    pub address: SocketAddr,
    pub door: Door,
    /// Where the clients' files are; the guest's home is `home` in it.
    pub folder: TempDir,
    cancel: CancellationToken,
    serving: JoinSet<std::io::Result<()>>,
}

/// What a client said.
#[derive(Debug)]
pub struct Said {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Self { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

pub fn write_key(path: &Path, pem: &str) {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(pem.as_bytes()).unwrap();
}

impl Served {
    /// A guest whose one key is the client's, with the login user `ubuntu`.
    pub fn new() -> Self {
        Self::with(Kind::Ed25519, |_| {})
    }

    /// The same with another kind of key and a changed [`Login`].
    pub fn with(kind: Kind, change: impl FnOnce(&mut Login)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        std::fs::create_dir(&home).unwrap();
        let guest = Arc::new(Here::new(&home));
        Self::before(guest.clone(), guest, folder, kind, change)
    }

    /// A file in the guest's home.
    pub fn home(&self, name: &str) -> PathBuf {
        self.guest.home.join(name)
    }
}

impl Served<dyn Guest> {
    /// A server in front of any guest, whose login user is `ubuntu`.
    pub fn over(guest: Arc<dyn Guest>) -> Self {
        Self::over_as(guest, "ubuntu")
    }

    /// The same with another login user.
    pub fn over_as(guest: Arc<dyn Guest>, user: &str) -> Self {
        let user = Some(user.to_owned());
        Self::before(guest.clone(), guest, tempfile::tempdir().unwrap(), Kind::Ed25519, |login| login.user = user)
    }
}

impl<G: ?Sized> Served<G> {
    fn before(guest: Arc<G>, as_guest: Arc<dyn Guest>, folder: TempDir, kind: Kind, change: impl FnOnce(&mut Login)) -> Self {
        let key = keys::generate(kind).unwrap();
        write_key(&folder.path().join("key"), &key.private_pem);
        let mut login = Login { keys: Accepted::Only(key.public), user: Some("ubuntu".into()), ..Login::default() };
        change(&mut login);
        let server = SshServer::bind((Ipv4Addr::LOCALHOST, 0).into(), login, as_guest).unwrap();
        let (address, door, cancel) = (server.address(), server.door(), CancellationToken::new());
        let mut serving = JoinSet::new();
        serving.spawn(server.serve(cancel.clone()));
        Self { guest, address, door, folder, cancel, serving }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A client without any settings of this machine. `-p` or `-P` is the port's flag.
    pub fn client(&self, program: &str, port_flag: &str) -> Command {
        let mut command = Command::new(program);
        command
            .args(["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
            .args(["-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-i"])
            .arg(self.path("key"))
            .args([port_flag, &self.address.port().to_string()])
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub fn ssh(&self) -> Command {
        self.client("ssh", "-p")
    }

    /// Runs a command as the login user.
    pub async fn run(&self, command: &str) -> Said {
        said(self.ssh().args(["ubuntu@127.0.0.1", command])).await
    }

    /// The same with something on its standard input.
    pub async fn run_with(&self, command: &str, input: Vec<u8>) -> Said {
        let mut child = self.ssh().args(["ubuntu@127.0.0.1", command]).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let feed = async {
            // The program may end without reading it.
            let _ = stdin.write_all(&input).await;
            drop(stdin);
        };
        let both = async { tokio::join!(feed, child.wait_with_output()).1.unwrap() };
        tokio::time::timeout(LIMIT, both).await.expect("the client hangs").into()
    }

    /// Ends the server; it must come to its end.
    pub async fn cancel(mut self) {
        self.cancel.cancel();
        let ended = tokio::time::timeout(LIMIT, self.serving.join_next()).await.expect("the server hangs");
        ended.unwrap().unwrap().unwrap();
    }
}

/// Runs a client to its end.
pub async fn said(command: &mut Command) -> Said {
    tokio::time::timeout(LIMIT, command.output()).await.expect("the client hangs").unwrap().into()
}

/// Waits until something is so.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let waited = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, waited).await.unwrap_or_else(|_| panic!("never: {what}"));
}
