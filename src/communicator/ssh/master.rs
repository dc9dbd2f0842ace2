//! The one `ssh` process of a connection: started, owned and ended here. It dies with us, even when we are killed.

use std::fs::{DirEntry, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::config::{Address, GUEST, KeyFiles, Login, PrivateKey, SshConfig, ssh_config};
use super::quote::literal;

/// What private directories are called; the rest of the name is random.
const PREFIX: &str = "amibake-ssh-";
/// A control socket's path may have 108 bytes, of which ssh takes 17 for a temporary name; longer base directories are not used.
const LONGEST_BASE: usize = 60;

/// A running master, and the private directory with its socket.
pub(super) struct Master {
    // Declared first: ssh is killed before its directory goes.
    child: Child,
    private: PrivateDir,
}

/// How starting a master ended.
pub(super) enum Started {
    /// Logged in.
    Up(Master),
    /// ssh gave up; its last words.
    Refused(String),
}

impl Master {
    /// Starts ssh and waits until it has logged in or given up. Dropping the future kills it.
    ///
    /// # Errors
    /// Something on this machine: no `ssh`, no place for the private directory, a value that cannot be configured.
    pub(super) async fn start(config: &SshConfig, at: &Address) -> Result<Started, String> {
        let private =
            PrivateDir::create(config.runtime_dir.as_deref()).map_err(|e| format!("cannot make a private directory for ssh: {e}"))?;
        let keys = private.write_keys(config).map_err(|e| format!("cannot write the key for ssh: {e}"))?;
        private.write("config", 0o600, ssh_config(config, at, &keys)?.as_bytes()).map_err(|e| format!("cannot configure ssh: {e}"))?;
        let child = private.ssh(config).spawn().map_err(|e| format!("cannot run `ssh` (is OpenSSH's client installed?): {e}"))?;
        let mut master = Self { child, private };
        Ok(match master.wait_up().await {
            Ok(()) => {
                master.private.forget_secrets();
                Started::Up(master)
            }
            Err(reason) => Started::Refused(reason),
        })
    }

    /// ssh makes its socket right after the login.
    async fn wait_up(&mut self) -> Result<(), String> {
        let socket = self.socket();
        loop {
            if socket.exists() {
                return Ok(());
            }
            tokio::select! {
                ended = self.child.wait() => return Err(self.last_words(ended)),
                () = tokio::time::sleep(Duration::from_millis(5)) => {}
            }
        }
    }

    fn last_words(&self, ended: io::Result<std::process::ExitStatus>) -> String {
        let log = std::fs::read(self.private.dir.path().join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        match (lines.is_empty(), ended) {
            (false, _) => lines.join("; "),
            (true, Ok(status)) => format!("ssh ended without a word ({status})"),
            (true, Err(error)) => format!("ssh could not be waited for: {error}"),
        }
    }

    /// The control socket.
    pub(super) fn socket(&self) -> PathBuf {
        self.private.dir.path().join("ctl")
    }

    /// A further ssh on this connection, for what the multiplexing protocol's library cannot ask for (a terminal).
    pub(super) fn attached(&self, options: &[&str], command: &str) -> Command {
        let mut ssh = Command::new("ssh");
        // Were the master gone, ssh would look for a host of the alias's name and hand it the command; the proxy keeps it from that.
        ssh.args(["-F", "none", "-o", "LogLevel=ERROR", "-o", "ProxyCommand=exit 1", "-S"])
            .arg(self.socket())
            .args(options)
            .args([GUEST, "--", command]);
        ssh.env("LC_ALL", "C").kill_on_drop(true).process_group(0);
        ssh
    }

    /// Ends ssh and waits for that; politely first, so that it ends its own proxy processes.
    pub(super) async fn close(mut self) {
        if let Some(ssh) = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(ssh, rustix::process::Signal::TERM);
            let _ = tokio::time::timeout(Duration::from_secs(1), self.child.wait()).await;
        }
        let _ = self.child.kill().await;
    }
}

/// The directory with all that ssh is given, of mode 0700. A lock in it tells a later run whether its owner still lives.
struct PrivateDir {
    dir: tempfile::TempDir,
    _lock: File,
}

impl PrivateDir {
    fn create(base: Option<&Path>) -> io::Result<Self> {
        let fits = |base: &&Path| base.is_dir() && base.as_os_str().len() <= LONGEST_BASE;
        let base = base.filter(fits).unwrap_or(Path::new("/tmp"));
        remove_orphans(base);
        let dir = tempfile::Builder::new().prefix(PREFIX).permissions(Permissions::from_mode(0o700)).tempdir_in(base)?;
        let lock = OpenOptions::new().create_new(true).write(true).mode(0o600).open(dir.path().join("lock"))?;
        lock.lock()?;
        Ok(Self { dir, _lock: lock })
    }

    fn write(&self, name: &str, mode: u32, content: &[u8]) -> io::Result<PathBuf> {
        let path = self.dir.path().join(name);
        OpenOptions::new().create_new(true).write(true).mode(mode).open(&path)?.write_all(content)?;
        Ok(path)
    }

    /// Keys in memory become files; passwords become files and a script that hands them to ssh.
    fn write_keys(&self, config: &SshConfig) -> io::Result<KeyFiles> {
        let key = |login: &Login, name: &str| match &login.private_key {
            Some(PrivateKey::Text(secret)) => self.write(name, 0o600, format!("{}\n", secret.expose().trim_end()).as_bytes()).map(Some),
            Some(PrivateKey::File(path)) => std::path::absolute(path).map(Some),
            None => Ok(None),
        };
        let keys = KeyFiles {
            guest: key(&config.login, "key-guest")?,
            bastion: config.bastion.as_ref().map_or(Ok(None), |bastion| key(&bastion.login, "key-bastion"))?,
        };
        if config.has_password() {
            self.write_askpass(config)?;
        }
        Ok(keys)
    }

    /// ssh runs the script with its question as argument and reads the answer: `USER@HOST's password: `.
    fn write_askpass(&self, config: &SshConfig) -> io::Result<()> {
        let mut script = String::from("#!/bin/sh\ncase \"$1\" in\n");
        if let Some(bastion) = &config.bastion {
            let secret = bastion.login.password.as_ref().map_or("", |secret| secret.expose());
            let path = self.write("secret-bastion", 0o600, secret.as_bytes())?;
            let whose = literal(&format!("{}@{}", bastion.login.username, bastion.address.host));
            script += &format!("*{whose}*) exec cat {} ;;\n", literal(&path.to_string_lossy()));
        }
        let secret = config.login.password.as_ref().map_or("", |secret| secret.expose());
        let path = self.write("secret-guest", 0o600, secret.as_bytes())?;
        script += &format!("*) exec cat {} ;;\nesac\n", literal(&path.to_string_lossy()));
        self.write("askpass", 0o700, script.as_bytes()).map(drop)
    }

    fn ssh(&self, config: &SshConfig) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(self.dir.path().join("config")).arg("-E").arg(self.dir.path().join("log"));
        ssh.args(["-N", "-M", "-o", "ControlPersist=no", "-S"]).arg(self.dir.path().join("ctl")).arg(GUEST);
        ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        ssh.env("LC_ALL", "C").env_remove("SSH_AUTH_SOCK").env_remove("DISPLAY");
        if config.has_password() {
            ssh.env("SSH_ASKPASS", self.dir.path().join("askpass")).env("SSH_ASKPASS_REQUIRE", "force");
        } else {
            ssh.env_remove("SSH_ASKPASS");
        }
        if let Some(agent) = &config.forward_agent {
            ssh.env("SSH_AUTH_SOCK", agent);
        }
        // A group of its own: Ctrl-C in the terminal is for us to handle, the connection is needed for tearing down.
        ssh.process_group(0).kill_on_drop(true);
        die_with_parent(&mut ssh);
        ssh
    }

    /// Once logged in, ssh needs no secret any more.
    fn forget_secrets(&self) {
        for name in ["key-guest", "key-bastion", "secret-guest", "secret-bastion", "askpass", "config"] {
            let _ = std::fs::remove_file(self.dir.path().join(name));
        }
    }
}

/// Removes the directories of runs that were killed: those that are ours and whose lock nobody holds.
pub fn remove_orphans(base: &Path) {
    for entry in std::fs::read_dir(base).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && is_private(&entry) && is_orphan(&entry.path().join("lock")) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether we made the directory. Everybody can make names in `/tmp`, with a pipe for a lock that whoever opens it waits at.
fn is_private(entry: &DirEntry) -> bool {
    let own = rustix::process::geteuid().as_raw();
    entry.metadata().is_ok_and(|about| about.is_dir() && about.uid() == own && about.permissions().mode() & 0o077 == 0)
}

/// Whether nobody holds the lock. A young one may just be about to be taken.
fn is_orphan(lock: &Path) -> bool {
    let Ok(lock) = File::open(lock) else { return false };
    let age = lock.metadata().and_then(|about| about.modified()).ok().and_then(|made| made.elapsed().ok());
    age.is_some_and(|age| age > Duration::from_secs(10)) && lock.try_lock().is_ok()
}

/// Has the kernel end the command when the thread that starts it ends: no ssh stays behind when amibake is killed.
#[cfg(target_os = "linux")]
pub(crate) fn die_with_parent(command: &mut Command) {
    let parent = rustix::process::getpid();
    let arrange = move || {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
        // The parent may have ended before the call; then no signal would ever come.
        if rustix::process::getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    #[expect(unsafe_code, reason = "only the child itself can ask for the signal, between fork and exec; std has no safe way")]
    // SAFETY: the closure makes two system calls and neither allocates nor takes a lock, so it may run after a fork.
    unsafe {
        command.pre_exec(arrange);
    }
}

/// Other systems have no such signal; there a killed amibake leaves ssh to the guest's end.
#[cfg(not(target_os = "linux"))]
pub(crate) fn die_with_parent(_command: &mut Command) {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test should panic")]
    use amibake_template::component::Secret;

    use super::super::config::Bastion;
    use super::*;

    /// What ssh is answered when it asks this.
    #[track_caller]
    fn check_answer(private: &PrivateDir, question: &str, answer: &str) {
        let said = std::process::Command::new(private.dir.path().join("askpass")).arg(question).output().unwrap();
        assert_eq!(String::from_utf8(said.stdout).unwrap(), answer, "{question}");
    }

    #[test]
    fn each_host_gets_its_own_password() {
        let login = |username: &str, password: &str| Login {
            username: username.to_owned(),
            password: Some(Secret::new(password)),
            ..Login::default()
        };
        let base = tempfile::tempdir().unwrap();
        let mut config = SshConfig::new(login("ec2-user", r#"it's $(a) "guest" \n"#));
        let address = Address { host: "hop.example.org".to_owned(), port: 22 };
        config.bastion = Some(Bastion { address, login: login("jump*", "`over`") });
        let private = PrivateDir::create(Some(base.path())).unwrap();
        private.write_keys(&config).unwrap();
        check_answer(&private, "ec2-user@10.0.0.1's password: ", r#"it's $(a) "guest" \n"#);
        check_answer(&private, "(ec2-user@10.0.0.1) Password: ", r#"it's $(a) "guest" \n"#);
        check_answer(&private, "jump*@hop.example.org's password: ", "`over`");
        check_answer(&private, "(jump*@hop.example.org) One-time code: ", "`over`");
    }

    #[test]
    fn only_private_directories_of_ours_are_cleared_away() {
        let base = tempfile::tempdir().unwrap();
        let long_ago = std::time::SystemTime::now() - Duration::from_secs(60);
        for (name, mode) in [("amibake-ssh-old", 0o700), ("amibake-ssh-shown", 0o755), ("other", 0o700)] {
            let dir = base.path().join(name);
            std::fs::create_dir(&dir).unwrap();
            std::fs::set_permissions(&dir, Permissions::from_mode(mode)).unwrap();
            File::create(dir.join("lock")).unwrap().set_modified(long_ago).unwrap();
        }
        let held = PrivateDir::create(Some(base.path())).unwrap();
        held._lock.set_modified(long_ago).unwrap();
        drop(PrivateDir::create(Some(base.path())).unwrap());
        let mut left: Vec<_> = std::fs::read_dir(base.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        left.sort();
        let mut expected = vec![held.dir.path().to_owned(), base.path().join("amibake-ssh-shown"), base.path().join("other")];
        expected.sort();
        assert_eq!(left, expected);
    }
}
