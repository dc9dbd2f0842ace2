//! Guests by the program `amibake-guest`, as each kind of user who may have some; or by the library, as whoever runs the tests.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, PoisonError};

use amibake_guest::guest::{Session, Spec, What};
use amibake_guest::sandbox::{Options, Sandbox};
use amibake_guest::{Backend as _, Guest};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;

/// Somebody who has guests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Whoever runs the tests.
    Self_,
    /// An ordinary user with subordinate ids.
    Ordinary(u32),
    /// An ordinary user without any: all users of the guest are root.
    Single(u32),
}

impl Who {
    /// All kinds that this machine has. Only root can be somebody else.
    pub fn everyone() -> Vec<Self> {
        let mut everyone = vec![Self::Self_];
        if !root() {
            skip("guests of other users: the tests do not run as root");
            return everyone;
        }
        match with_subordinate_ids().find(|uid| *uid >= 1000) {
            Some(uid) => everyone.push(Self::Ordinary(uid)),
            None => skip("guests of a user with subordinate ids: no line of /etc/subuid is for an ordinary user"),
        }
        everyone.push(Self::Single(54_321));
        everyone
    }

    /// Whether the guest has users other than root.
    pub fn many(self) -> bool {
        match self {
            Self::Self_ => root() || with_subordinate_ids().any(|uid| uid == self.uid()),
            Self::Ordinary(_) => true,
            Self::Single(_) => false,
        }
    }

    fn uid(self) -> u32 {
        match self {
            Self::Self_ => rustix::process::geteuid().as_raw(),
            Self::Ordinary(uid) | Self::Single(uid) => uid,
        }
    }

    /// A command that is run as this user.
    pub fn command(self, program: &Path) -> Command {
        match self {
            Self::Self_ => Command::new(program),
            Self::Ordinary(uid) | Self::Single(uid) => {
                let mut command = Command::new("setpriv");
                command.args([format!("--reuid={uid}"), format!("--regid={uid}"), "--clear-groups".to_owned()]).arg(program);
                command
            }
        }
    }
}

pub fn root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says why something is not tested. It is a failure where everything must be.
pub fn skip(why: &str) {
    #[expect(clippy::disallowed_methods, reason = "a test's switch")]
    let required = std::env::var("AMIBAKE_USERS").is_ok_and(|value| value == "require");
    assert!(!required, "{why}");
    // Once is enough.
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(why.to_owned()) {
        let _ = writeln!(std::io::stderr(), "skipped: {why}");
    }
}

/// Users of this machine with a line in `/etc/subuid`.
fn with_subordinate_ids() -> impl Iterator<Item = u32> {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let subuid = fs::read_to_string("/etc/subuid").unwrap_or_default();
    let names: Vec<String> = subuid.lines().filter_map(|line| Some(line.split(':').next()?.to_owned())).collect();
    names.into_iter().filter_map(move |name| {
        let line = passwd.lines().find(|line| line.starts_with(&format!("{name}:")))?;
        line.split(':').nth(2)?.parse().ok()
    })
}

/// A place for one user's guests, with a program that the user can start.
pub struct Place {
    pub who: Who,
    dir: TempDir,
}

impl Place {
    pub fn new(who: Who) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        // By another process: what this one has open for writing while another test starts something cannot be run.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_amibake-guest")).arg(dir.path().join("program")).status();
        assert!(copied.unwrap().success());
        fs::create_dir(dir.path().join("own")).unwrap();
        chown(dir.path().join("own"), Some(who.uid()), Some(who.uid())).unwrap();
        Self { who, dir }
    }

    /// A directory of the user's own.
    pub fn own(&self) -> PathBuf {
        self.dir.path().join("own")
    }

    pub fn state(&self) -> PathBuf {
        self.own().join("state")
    }

    pub fn program(&self) -> PathBuf {
        self.dir.path().join("program")
    }

    /// `amibake-guest run WORDS`.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = self.who.command(&self.program());
        command.args(["run", "--state"]).arg(self.state()).args(words).current_dir(self.own());
        command
    }

    pub fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Runs a command line in a guest, as its ordinary user, and answers with what it printed.
    #[track_caller]
    pub fn prints(&self, script: &str) -> String {
        let output = self.run(&["--", script]);
        let errors = text(&output.stderr);
        assert!(output.status.success(), "{:?}: {script}: {}\n{errors}", self.who, output.status);
        text(&output.stdout)
    }

    /// Nothing is left of any guest: no files, and no mounts where this test can see them.
    #[track_caller]
    pub fn is_clean(&self) {
        let left: Vec<_> =
            fs::read_dir(self.state()).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default();
        assert_eq!(left, Vec::<PathBuf>::new(), "{:?}", self.who);
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(self.own().to_str().unwrap()), "{:?}: {mounts}", self.who);
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Prints which world a guest's processes are in.
pub const WORLD: &str = "readlink /proc/self/ns/mnt";

/// Processes of this machine that see the file systems of a guest, by what [`WORLD`] printed there. A guest's mounts are gone with them.
pub fn processes_of(world: &str) -> Vec<u32> {
    assert!(world.starts_with("mnt:["), "{world}");
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| fs::read_link(format!("/proc/{pid}/ns/mnt")).is_ok_and(|link| link == Path::new(world.trim())))
        .collect()
}

/// Where runs whose files are below `state` keep what their guests share.
pub fn shared_of(state: &Path) -> Vec<PathBuf> {
    let runs = fs::read_dir(state).into_iter().flatten().flatten();
    runs.filter_map(|run| fs::canonicalize(run.path().join("shared")).ok()).collect()
}

/// A sandbox of whoever runs the tests. It is dropped before the directory that it is in.
pub fn sandbox() -> (TempDir, Sandbox) {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { program: env!("CARGO_BIN_EXE_amibake-guest").into(), state: dir.path().join("state"), stand_ins: Vec::new() };
    let sandbox = Sandbox::new(options).unwrap();
    (dir, sandbox)
}

pub async fn boot(sandbox: &Sandbox) -> Arc<dyn Guest> {
    sandbox.boot(Spec { id: "i-1".to_owned(), ..Spec::default() }).await.unwrap()
}

pub fn session(command: &str) -> Session {
    let what = What::Command(command.to_owned());
    Session { user: "ec2-user".to_owned(), what, env: std::collections::BTreeMap::new(), terminal: None }
}

/// Runs a command line in a guest and answers with what it printed.
pub async fn prints(guest: &Arc<dyn Guest>, command: &str) -> String {
    let mut started = guest.start(session(command)).await.unwrap();
    drop(started.child.stdin.take());
    let mut output = String::new();
    started.child.stdout.take().unwrap().read_to_string(&mut output).await.unwrap();
    let mut errors = String::new();
    started.child.stderr.take().unwrap().read_to_string(&mut errors).await.unwrap();
    let status = started.child.wait().await.unwrap();
    assert!(status.success(), "{command}: {status}: {errors}");
    output
}

/// Which file a path is.
pub fn inode(path: &Path) -> (u64, i64) {
    let found = fs::metadata(path).unwrap();
    (found.ino(), found.mtime())
}
