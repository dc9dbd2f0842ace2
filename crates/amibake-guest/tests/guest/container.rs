//! Guests in containers, where this machine has a runtime that can run one.
//!
//! The image is made of this machine's own programs, so that no registry is needed. `AMIBAKE_GUEST_IMAGE` names another one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use amibake_guest::container::{Container, Options};
use amibake_guest::guest::{Power, Session, Started, System, Terminal, What};
use amibake_guest::layer::{Change, Kind};
use amibake_guest::{Backend as _, Guest, Spec};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::server::served::Served;

/// Longer than anything takes; a test that waits so long hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// Programs of the image; what `/bin/sh` has itself is not among them.
const PROGRAMS: &[&str] = &[
    "cat", "chmod", "chown", "cp", "env", "grep", "id", "ln", "ls", "mkdir", "mkfifo", "mv", "rm", "seq", "sh", "sleep", "stat", "stty",
    "touch", "tty",
];

/// Says why a test does not run; where tests must run, fails.
fn skip(why: &str) {
    eprintln!("skipped: {why}");
    assert!(std::env::var("AMIBAKE_CONTAINERS").as_deref() != Ok("require"), "AMIBAKE_CONTAINERS=require, but {why}");
}

/// A root file system with [`PROGRAMS`] and the libraries that they need.
async fn root() -> Vec<u8> {
    let mut files = BTreeSet::new();
    for program in PROGRAMS {
        let path = Path::new("/bin").join(program);
        let listed = Command::new("ldd").arg(&path).output().await.unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        files.extend(listed.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from));
        files.insert(path);
    }
    let mut tar = tar::Builder::new(Vec::new());
    for folder in ["tmp", "root", "etc"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(if folder == "tmp" { 0o1777 } else { 0o755 });
        header.set_size(0);
        tar.append_data(&mut header, folder, std::io::empty()).unwrap();
    }
    for path in files {
        let mut file = std::fs::File::open(path.canonicalize().unwrap()).unwrap();
        tar.append_file(path.strip_prefix("/").unwrap(), &mut file).unwrap();
    }
    for (name, content) in [("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"), ("etc/group", "root:x:0:\n"), ("etc/motd", "hello\n")] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

/// The image to test with, made once; None: this machine cannot have one.
async fn image() -> Option<String> {
    static IMAGE: tokio::sync::OnceCell<Option<String>> = tokio::sync::OnceCell::const_new();
    IMAGE.get_or_init(make_image).await.clone()
}

async fn make_image() -> Option<String> {
    if let Ok(image) = std::env::var("AMIBAKE_GUEST_IMAGE") {
        return Some(image);
    }
    let name = "localhost/amibake-test:programs";
    for runtime in ["podman", "docker"] {
        if !Command::new(runtime)
            .arg("info")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await
            .is_ok_and(|status| status.success())
        {
            continue;
        }
        let mut import = Command::new(runtime);
        let mut import =
            import.args(["import", "-", name]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        import.stdin.take().unwrap().write_all(&root().await).await.unwrap();
        return import.wait().await.unwrap().success().then(|| name.to_owned());
    }
    None
}

struct Booted {
    backend: Container,
    guest: Arc<dyn Guest>,
}

/// A guest; None: this machine can have none.
async fn boot(id: &str, layers: Vec<PathBuf>) -> Option<Booted> {
    let Some(image) = image().await else {
        skip("there is no container runtime");
        return None;
    };
    let backend = Container::new(Options { image: Some(image) }).await.unwrap();
    let system = System { login: "ubuntu".into(), ..System::default() };
    let spec = Spec { id: id.into(), hostname: "ip-172-31-4-7".into(), layers, system, network: false };
    match backend.boot(spec).await {
        Ok(guest) => Some(Booted { backend, guest }),
        Err(error) => {
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            skip(&format!("the container runtime cannot run a container here: {error}: {source}"));
            None
        }
    }
}

impl Booted {
    async fn start(&self, command: &str) -> Started {
        let session = Session {
            user: "ubuntu".into(),
            what: What::Command(command.into()),
            env: [("LC_X".into(), "y".into())].into(),
            terminal: None,
        };
        self.guest.start(session).await.unwrap()
    }

    /// Status, output and errors of a command.
    async fn run(&self, command: &str) -> (Option<i32>, String, String) {
        let mut child = self.start(command).await.child;
        drop(child.stdin.take());
        let output = tokio::time::timeout(LIMIT, child.wait_with_output()).await.expect("it hangs").unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    #[track_caller]
    fn check(ran: (Option<i32>, String, String), status: i32, stdout: &str) {
        assert_eq!((ran.0, ran.1.as_str()), (Some(status), stdout), "{}", ran.2);
    }
}

#[tokio::test]
async fn programs_run_as_over_ssh() {
    let Some(booted) = boot("i-1", Vec::new()).await else { return };
    assert!(booted.guest.has_user("ubuntu") && booted.guest.has_user("root") && !booted.guest.has_user("nobody-here"));
    Booted::check(
        booted.run("echo $USER $HOME $LC_X; echo $(cat /etc/hostname); exit 7").await,
        7,
        "ubuntu /home/ubuntu y\nip-172-31-4-7\n",
    );
    Booted::check(booted.run("cd; touch x; ls; echo err >&2").await, 0, "x\n");
    Booted::check(booted.run("sudo -E -n id -u").await, 0, "0\n");
    let mut cat = booted.start("cat").await.child;
    cat.stdin.take().unwrap().write_all(b"through").await.unwrap();
    let mut text = String::new();
    cat.stdout.take().unwrap().read_to_string(&mut text).await.unwrap();
    assert_eq!((text.as_str(), cat.wait().await.unwrap().code()), ("through", Some(0)));
    booted.guest.remove().await;
}

#[tokio::test]
async fn a_terminal_is_one() {
    let Some(booted) = boot("i-1", Vec::new()).await else { return };
    let terminal = Some(Terminal { term: "xterm".into(), size: (101, 33) });
    let what = What::Command("tty; echo $TERM; stty size; exit 4".into());
    let mut started = booted.guest.start(Session { user: "ubuntu".into(), what, env: Default::default(), terminal }).await.unwrap();
    let mut master = tokio::fs::File::from_std(started.terminal.take().unwrap().into());
    let mut seen = Vec::new();
    // It ends with an error, as terminals do.
    let _ = master.read_to_end(&mut seen).await;
    let seen = String::from_utf8_lossy(&seen);
    let lines: Vec<_> = seen.lines().collect();
    assert!(lines[0].starts_with("/dev/pts/"), "{seen}");
    assert_eq!(lines[1..], ["xterm", "33 101"]);
    assert_eq!(started.child.wait().await.unwrap().code(), Some(4));
    booted.guest.remove().await;
}

#[tokio::test]
async fn a_signal_reaches_the_program() {
    let Some(booted) = boot("i-1", Vec::new()).await else { return };
    let mut child = booted.start("trap 'echo caught; exit 3' TERM; echo ready; while :; do sleep 0.05; done").await.child;
    let mut stdout = child.stdout.take().unwrap();
    let mut ready = [0; 6];
    stdout.read_exact(&mut ready).await.unwrap();
    booted.guest.signal(&child, "TERM");
    let mut rest = String::new();
    tokio::time::timeout(LIMIT, stdout.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert_eq!((rest.as_str(), child.wait().await.unwrap().code()), ("caught\n", Some(3)));
    booted.guest.remove().await;
}

#[tokio::test]
async fn a_restart_keeps_files_and_ends_processes() {
    let Some(booted) = boot("i-1", Vec::new()).await else { return };
    Booted::check(booted.run("echo kept > /home/ubuntu/kept; sudo touch /run/gone").await, 0, "");
    let mut running = booted.start("sleep 1000").await.child;
    Booted::check(booted.run("sudo reboot").await, 0, "");
    assert_eq!(tokio::time::timeout(LIMIT, booted.guest.power_request()).await.unwrap(), Power::Reboot);
    booted.guest.power_off().await.unwrap();
    tokio::time::timeout(LIMIT, running.wait()).await.unwrap().unwrap();
    let session = Session { user: "ubuntu".into(), what: What::Shell, env: Default::default(), terminal: None };
    assert!(booted.guest.start(session).await.is_err());
    booted.guest.power_on().await.unwrap();
    Booted::check(booted.run("cat /home/ubuntu/kept; ls /run/gone 2> /dev/null; systemctl enable --now app").await, 0, "kept\n");
    assert_eq!(booted.guest.stand_ins().await, ["reboot", "systemctl enable --now app"]);
    booted.guest.remove().await;
}

fn summary(changes: &[Change]) -> Vec<(Kind, &str, Option<u32>)> {
    changes.iter().map(|change| (change.kind, change.path.as_str(), change.entry.as_ref().map(|entry| entry.mode))).collect()
}

#[tokio::test]
async fn what_was_changed_is_saved_and_a_later_guest_has_it() {
    let Some(booted) = boot("i-1", Vec::new()).await else { return };
    let script = "sudo sh -c 'mkdir -p /opt/app; echo new > /opt/app/file; chmod 640 /opt/app/file; ln -s file /opt/app/link; rm /etc/motd; chmod 1777 /root'";
    Booted::check(booted.run(script).await, 0, "");
    booted.guest.power_off().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let layer = folder.path().join("layer.tar");
    let changes = booted.guest.save(&layer).await.unwrap();
    let seen: Vec<_> = summary(&changes).into_iter().filter(|(_, path, _)| *path != "/opt").collect();
    let expected = [
        (Kind::Removed, "/etc/motd", None),
        (Kind::Added, "/opt/app", Some(0o755)),
        (Kind::Added, "/opt/app/file", Some(0o640)),
        (Kind::Added, "/opt/app/link", Some(0o777)),
        (Kind::Changed, "/root", Some(0o1777)),
    ];
    assert_eq!(seen, expected, "and nothing of a guest's own, or of folders that only hold a change");
    booted.guest.remove().await;
    let later = boot("i-2", vec![layer]).await.unwrap();
    Booted::check(
        later.run("sudo cat /opt/app/link; ls /etc/motd 2> /dev/null; ls -a /etc | grep wh; sudo stat -c %a /opt/app/file").await,
        0,
        "new\n640\n",
    );
    later.guest.power_off().await.unwrap();
    assert_eq!(later.guest.save(&folder.path().join("none.tar")).await.unwrap(), [], "its source is the layer");
    later.guest.remove().await;
}

/// Containers of this process whose names end so.
async fn containers(end: &str) -> String {
    let filter = format!("name=^amibake-guest-{}-.*-{end}$", std::process::id());
    let words = ["ps", "--all", "--filter", &filter, "--format", "{{.Names}}"];
    let runtime = if Command::new("podman").arg("info").output().await.is_ok() { "podman" } else { "docker" };
    let output = Command::new(runtime).args(words).output().await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_guest_that_is_dropped_is_gone() {
    let Some(booted) = boot("i-dropped", Vec::new()).await else { return };
    assert!(booted.backend.about().contains("containers of"));
    assert_ne!(containers("i-dropped").await, "");
    drop(booted.guest);
    let gone = async {
        while !containers("i-dropped").await.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LIMIT, gone).await.expect("it stays");
}

#[tokio::test]
async fn an_image_that_is_nowhere_is_named() {
    if image().await.is_none() {
        return skip("there is no container runtime");
    }
    let backend = Container::new(Options { image: Some("localhost/amibake-nothing:none".into()) }).await.unwrap();
    let error = backend.boot(Spec::default()).await.err().unwrap();
    assert_eq!(error.to_string(), "the image localhost/amibake-nothing:none cannot be had");
    let backend = Container::new(Options::default()).await.unwrap();
    let error = backend.boot(Spec::default()).await.err().unwrap();
    assert!(error.to_string().contains("-guest-image"), "{error}");
}

#[tokio::test]
async fn ssh_reaches_a_container() {
    let Some(booted) = boot("i-ssh", Vec::new()).await else { return };
    let served = Served::over(booted.guest.clone());
    let said = served.run("echo $USER in $HOME; echo err >&2; exit 6").await;
    assert_eq!((said.status, said.stdout.as_str(), said.stderr.as_str()), (Some(6), "ubuntu in /home/ubuntu\n", "err\n"));
    assert_eq!(served.run("seq 200000").await.stdout.lines().count(), 200_000);
    let pid = served.run("sleep 1000 > /dev/null 2>&1 & echo $!").await.stdout;
    assert_eq!(served.run(&format!("kill {pid}")).await.status, Some(0), "it went on without its client");
    served.cancel().await;
    booted.guest.remove().await;
}
