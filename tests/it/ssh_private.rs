//! What a connection shows and leaves on this machine: no secret where others can read it, nothing behind when it is over.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use amibake::communicator::ssh::{Address, Login, PrivateKey, SshConfig, connect};
use amibake::event::Reporter;
use amibake_template::component::Secret;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::sshd::Guest;

const PASSWORD: &str = "pass-4711-word";
const KEY: &str = "key-4711-text";

/// An SSH server that says who it is and then nothing more: ssh stays in the middle of opening the connection.
fn silent_server() -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(b"SSH-2.0-silent\r\n");
            open.push(stream);
        }
    });
    Address { host: "127.0.0.1".to_owned(), port }
}

/// Ids of the processes whose command line names the path.
fn processes_with(path: &Path) -> Vec<u32> {
    let wanted = path.to_string_lossy().into_owned();
    let ids = std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| proc_file(*id, "cmdline").contains(&wanted)).collect()
}

/// Empty where the process is gone or is not ours.
fn proc_file(id: u32, name: &str) -> String {
    let mut text = Vec::new();
    let _ = std::fs::File::open(format!("/proc/{id}/{name}")).and_then(|mut file| file.read_to_end(&mut text));
    String::from_utf8_lossy(&text).into_owned()
}

/// Waits for something that another process does.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < limit, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn only_entry(dir: &Path) -> PathBuf {
    let entries: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries[0].clone()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn secrets_stand_only_in_private_files_and_go_with_the_attempt() {
    let run = tempfile::tempdir().unwrap();
    let secret = |text: &str| Secret::new(text);
    let login = Login {
        username: "somebody".to_owned(),
        private_key: Some(PrivateKey::Text(secret(KEY))),
        password: Some(secret(PASSWORD)),
        ..Login::default()
    };
    let config = SshConfig { runtime_dir: Some(run.path().to_owned()), ..SshConfig::new(login) };
    let (report, cancel, server) = (Reporter::new().0, CancellationToken::new(), silent_server());
    let look = async {
        until("ssh is never started", || !processes_with(run.path()).is_empty()).await;
        for id in processes_with(run.path()) {
            let shown = proc_file(id, "cmdline") + &proc_file(id, "environ");
            assert!(shown.contains("SSH_ASKPASS"), "{shown}");
            assert!(!shown.contains("4711"), "{shown}");
        }
        let private = only_entry(run.path());
        assert_eq!(mode(&private), 0o700);
        let mut files: Vec<_> = std::fs::read_dir(&private).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let secrets: Vec<_> = files.iter().filter(|path| std::fs::read_to_string(path).is_ok_and(|text| text.contains("4711"))).collect();
        assert_eq!(secrets, [&private.join("key-guest"), &private.join("secret-guest")]);
        for path in &files {
            let expected = if path.ends_with("askpass") { 0o700 } else { 0o600 };
            assert!(mode(path) == expected || path.ends_with("log"), "{} is {:o}", path.display(), mode(path));
        }
        cancel.cancel();
    };
    let (connected, ()) = tokio::join!(connect(&config, &server, &report, &cancel), look);
    assert!(connected.is_err());
    assert_eq!(std::fs::read_dir(run.path()).unwrap().count(), 0, "the directory goes with the attempt");
    until("ssh outlives the attempt", || processes_with(run.path()).is_empty()).await;
}

/// While the connection stands, no key lies around; and it ends with amibake even when that is killed.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn nothing_runs_on_when_amibake_is_killed() {
    let Some(guest) = Guest::start() else { return };
    let mark = guest.path("begun");
    let script = format!("echo $$ >{0}.new; mv {0}.new {0}; exec sleep 600", mark.display());
    build(&guest, &script);
    let mut amibake = command(&guest).spawn().unwrap();
    until("the script is never begun", || mark.exists()).await;
    let remote: u32 = std::fs::read_to_string(&mark).unwrap().trim().parse().unwrap();
    let run = guest.path("run");
    assert_eq!(processes_with(&run).len(), 1, "one ssh a build");
    let private = only_entry(&run);
    let mut names: Vec<_> = std::fs::read_dir(&private).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["ctl", "lock", "log"], "what is needed while the connection stands");
    amibake.kill().unwrap();
    amibake.wait().unwrap();
    until("ssh outlives amibake", || processes_with(&run).is_empty()).await;
    assert!(Path::new("/proc").join(remote.to_string()).exists(), "without a terminal sshd leaves the script running, as with Packer");
    let _ = Command::new("kill").arg(remote.to_string()).status();

    // The next run clears away what the killed one could not, but nothing that may just be coming into being.
    build(&guest, "true");
    assert!(command(&guest).status().unwrap().success());
    assert_eq!(only_entry(&run), private);
    let long_ago = SystemTime::now() - Duration::from_secs(60);
    std::fs::File::open(private.join("lock")).unwrap().set_modified(long_ago).unwrap();
    assert!(command(&guest).status().unwrap().success());
    assert_eq!(guest.kept(), 0);
}

/// A template with one script on the guest.
fn build(guest: &Guest, script: &str) {
    let template = json!({
        "builders": [{
            "type": "null", "ssh_host": "127.0.0.1", "ssh_port": guest.port, "ssh_username": Guest::user(), "ssh_private_key_file": guest.path("user")
        }],
        "provisioners": [{"type": "shell", "inline": [script]}],
    });
    std::fs::write(guest.path("template.json"), template.to_string()).unwrap();
}

fn command(guest: &Guest) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amibake"));
    command.args(["build", "template.json"]).current_dir(guest.path("")).env_clear().stdin(Stdio::null()).stdout(Stdio::null());
    command.env("PATH", "/usr/bin:/bin").env("HOME", guest.path("")).env("XDG_RUNTIME_DIR", guest.path("run"));
    command
}
