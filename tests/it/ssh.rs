//! The SSH communicator against a real sshd of this machine, on a free loopback port, as the user who runs the tests.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use amibake::communicator::ssh::{Address, ConnectError, Login, PrivateKey, SshCommunicator, SshConfig, connect};
use amibake::communicator::{Communicator, CommunicatorError, Content, Ended};
use amibake::event::{Event, Reporter, Stream, What};
use tokio_util::sync::CancellationToken;

use crate::sshd::Guest;

fn output(events: &mpsc::Receiver<Event>, wanted: Stream) -> Vec<String> {
    let texts = events.try_iter().filter_map(|event| match event.what {
        What::Output { stream, text } if stream == wanted => Some(text),
        _ => None,
    });
    texts.flat_map(|text| text.split('\n').map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Starts a guest, connects, or leaves the test.
macro_rules! connected {
    () => {{
        let Some(guest) = Guest::start() else { return };
        let connection = guest.connect(&guest.config()).await.unwrap();
        (guest, connection)
    }};
}

#[tokio::test]
async fn a_command_ends_as_it_ended_on_the_guest() {
    let (_guest, connection) = connected!();
    let (report, events) = Reporter::new();
    for (command, ended) in [
        ("true", 0),
        ("exit 4", 4),
        ("exit 127", 127),
        ("no-such-command-here", 127),
        ("exit 255", 255),
        ("sh -c 'kill -KILL $$'", 137),
        ("sh -c 'kill -TERM $$'", 143),
    ] {
        assert_eq!(connection.run(command, &report).await.unwrap(), Ended::Status(ended), "{command}");
    }
    let said = output(&events, Stream::Err);
    assert!(said.iter().any(|line| line.contains("no-such-command-here")), "{said:?}");
    assert!(said.iter().all(|line| !line.contains("kill")), "no shell repeats the command that was killed: {said:?}");
    connection.run("if then", &report).await.unwrap();
    assert!(output(&events, Stream::Err).join(" ").contains("yntax error"), "but of mistakes in the command it does");
}

#[tokio::test]
async fn output_comes_whole_and_in_order() {
    let (_guest, connection) = connected!();
    let (report, events) = Reporter::new();
    let ended = connection.run("seq 1 200000; printf 'a\\rb  \\n'; echo oops >&2; printf last", &report).await.unwrap();
    assert_eq!(ended, Ended::Status(0));
    let told: Vec<Event> = events.try_iter().collect();
    let (again, events) = Reporter::new();
    told.into_iter().for_each(|event| again.tell(event.what));
    drop(again);
    let all: Vec<Event> = events.iter().collect();
    let of = |wanted| {
        let (to, from) = mpsc::channel();
        all.iter().cloned().for_each(|event| to.send(event).unwrap());
        drop(to);
        output(&from, wanted)
    };
    let lines = of(Stream::Out);
    assert_eq!(lines.len(), 200_002);
    assert!(lines.iter().take(200_000).enumerate().all(|(n, line)| *line == (n + 1).to_string()));
    assert_eq!(lines[200_000..], ["b", "last"], "what stands before a carriage return goes, and blanks at the end");
    assert_eq!(of(Stream::Err), ["oops"]);
}

#[tokio::test]
async fn many_commands_share_one_connection() {
    let (guest, connection) = connected!();
    let reports: Vec<_> = (0..20).map(|_| Reporter::new()).collect();
    let all = futures_util::future::join_all(reports.iter().map(|(report, _)| connection.run("echo $SSH_CONNECTION; sleep 0.05", report)));
    assert!(all.await.into_iter().all(|ended| ended.unwrap() == Ended::Status(0)));
    let mut connections: Vec<_> = reports.iter().flat_map(|(_, events)| output(events, Stream::Out)).collect();
    connections.sort();
    connections.dedup();
    assert_eq!(connections.len(), 1, "{connections:?}");
    connection.close().await;
    assert_eq!(guest.kept(), 0, "closing leaves nothing on this machine");
}

#[tokio::test]
async fn files_arrive_with_content_and_mode() {
    let (guest, connection) = connected!();
    let target = guest.path("it's a file");
    connection.upload(Content::Bytes(b"one\n"), &target.to_string_lossy(), Some(0o755)).await.unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), b"one\n");
    assert_eq!(mode(&target), 0o755);
    let source = guest.path("source");
    std::fs::write(&source, vec![7; 3_000_000]).unwrap();
    std::fs::set_permissions(&source, std::fs::Permissions::from_mode(0o640)).unwrap();
    connection.upload(Content::File(&source), &guest.path("copy").to_string_lossy(), None).await.unwrap();
    assert_eq!((std::fs::read(guest.path("copy")).unwrap().len(), mode(&guest.path("copy"))), (3_000_000, 0o640));
    connection.download(&guest.path("copy").to_string_lossy(), &guest.path("back")).await.unwrap();
    assert_eq!(std::fs::read(guest.path("back")).unwrap(), std::fs::read(&source).unwrap());
    let home = format!(".amibake-test-{}", std::process::id());
    connection.upload(Content::Bytes(b"home"), &format!("~/{home}"), None).await.unwrap();
    connection.download(&format!("$HOME/{home}"), &guest.path("home")).await.unwrap();
    connection.run(&format!("rm ~/{home}"), &Reporter::new().0).await.unwrap();
    assert_eq!(std::fs::read(guest.path("home")).unwrap(), b"home");
    let missing = connection.download("/no/such/file", &guest.path("nothing")).await.unwrap_err();
    assert!(missing.to_string().contains("No such file"), "{missing}");
    assert!(!guest.path("nothing").exists(), "a failed download leaves no empty file");
    let refused = connection.upload(Content::Bytes(b""), "/no/such/folder/file", None).await.unwrap_err();
    assert!(refused.to_string().contains("cannot write /no/such/folder/file"), "{refused}");
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Relative path to mode and content; directories have no content.
fn tree(root: &Path) -> BTreeMap<String, (u32, Option<String>)> {
    let mut found = BTreeMap::new();
    let mut todo = vec![root.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            let content = path.is_file().then(|| std::fs::read_to_string(&path).unwrap());
            if path.is_dir() {
                todo.push(path.clone());
            }
            found.insert(name, (mode(&path), content));
        }
    }
    found
}

/// A directory with what directories have: a hidden file, an empty folder, a link, a script.
fn make_tree(root: &Path) {
    std::fs::create_dir_all(root.join("empty")).unwrap();
    std::fs::create_dir_all(root.join("sub")).unwrap();
    for (name, mode) in [("plain", 0o644), (".hidden", 0o600), ("sub/run.sh", 0o755)] {
        std::fs::write(root.join(name), name).unwrap();
        std::fs::set_permissions(root.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    std::os::unix::fs::symlink("plain", root.join("link")).unwrap();
}

#[tokio::test]
async fn directories_arrive_as_packer_brings_them() {
    let (guest, connection) = connected!();
    let source = guest.path("source");
    make_tree(&source);
    let with_slash = format!("{}/", source.display());
    let expected = tree(&source);
    assert_eq!(expected["link"].1.as_deref(), Some("plain"), "links are followed, as scp does");

    // With a slash: the contents, into a directory that exists.
    std::fs::create_dir(guest.path("there")).unwrap();
    connection.upload_dir(&with_slash, &guest.path("there").to_string_lossy()).await.unwrap();
    assert_eq!(tree(&guest.path("there")), expected);
    assert!(!guest.path("there/link").is_symlink());
    let missing = connection.upload_dir(&with_slash, &guest.path("missing").to_string_lossy()).await.unwrap_err();
    assert!(missing.to_string().contains("is not a directory"), "{missing}");

    // Without: the directory itself, or under the target's name where that does not exist.
    connection.upload_dir(&source.to_string_lossy(), &guest.path("there").to_string_lossy()).await.unwrap();
    assert_eq!(tree(&guest.path("there/source")), expected);
    connection.upload_dir(&source.to_string_lossy(), &guest.path("renamed").to_string_lossy()).await.unwrap();
    assert_eq!(tree(&guest.path("renamed")), expected);

    std::fs::create_dir(guest.path("back")).unwrap();
    connection.download_dir(&format!("{}/", guest.path("renamed").display()), &guest.path("back")).await.unwrap();
    assert_eq!(tree(&guest.path("back")), expected);
}

#[tokio::test]
async fn a_terminal_is_given_where_the_template_asks_for_one() {
    let Some(guest) = Guest::start() else { return };
    let config = SshConfig { pty: true, ..guest.config() };
    let connection = guest.connect(&config).await.unwrap();
    let (report, events) = Reporter::new();
    assert_eq!(connection.run("[ -t 1 ] && echo terminal; exit 3", &report).await.unwrap(), Ended::Status(3));
    assert_eq!(output(&events, Stream::Out), ["terminal"]);
}

/// What becomes of a command during which the guest goes down, its connections with it.
async fn guest_goes_down(guest: &mut Guest, connection: &SshCommunicator) -> (Ended, Vec<String>) {
    let mark = guest.path("begun");
    let command = format!("echo begun; touch {}; sleep 60", mark.display());
    let (report, events) = Reporter::new();
    let run = connection.run(&command, &report);
    let down = async {
        while !mark.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        guest.stop();
    };
    let ended = tokio::join!(run, down).0.unwrap();
    (ended, output(&events, Stream::Out))
}

async fn survives_a_restart(pty: bool) {
    let Some(mut guest) = Guest::start() else { return };
    let connection = guest.connect(&SshConfig { pty, ..guest.config() }).await.unwrap();
    let report = Reporter::new().0;
    assert_eq!(guest_goes_down(&mut guest, &connection).await, (Ended::Disconnected, vec!["begun".to_owned()]));
    let away = connection.run("true", &report).await;
    assert!(matches!(away, Err(CommunicatorError::Lost)), "{away:?}");
    guest.restart();
    assert_eq!(connection.run("exit 7", &report).await.unwrap(), Ended::Status(7));
    connection.upload(Content::Bytes(b"x"), &guest.path("after").to_string_lossy(), None).await.unwrap();
    drop(connection);
    assert_eq!(guest.kept(), 0, "dropping leaves nothing on this machine");
}

#[tokio::test]
async fn a_restart_of_the_guest_is_survived() {
    survives_a_restart(false).await;
}

#[tokio::test]
async fn a_restart_is_survived_with_a_terminal_too() {
    survives_a_restart(true).await;
}

/// A guest that shuts down kills its sessions first; that the connection follows tells it from a command that was killed.
#[tokio::test]
async fn sessions_killed_by_a_shutdown_are_a_lost_connection() {
    for pty in [false, true] {
        let Some(mut guest) = Guest::start() else { return };
        let connection = guest.connect(&SshConfig { pty, ..guest.config() }).await.unwrap();
        let report = Reporter::new().0;
        let mark = guest.path("going-down");
        // Every session has a process group of its own.
        let command = format!("touch {}; kill -KILL 0", mark.display());
        let down = async {
            while !mark.exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
            guest.stop();
        };
        let (ended, ()) = tokio::join!(connection.run(&command, &report), down);
        assert_eq!(ended.unwrap(), Ended::Disconnected, "terminal: {pty}");
    }
}

#[tokio::test]
async fn a_key_that_is_refused_is_told_as_that() {
    let Some(guest) = Guest::start() else { return };
    let config = SshConfig { handshake_attempts: Some(1), ..guest.config() };
    let config = SshConfig { login: Login { private_key: Some(PrivateKey::File(guest.path("host"))), ..config.login.clone() }, ..config };
    let refused = guest.connect(&config).await.err().unwrap();
    assert!(matches!(&refused, ConnectError::Authentication(words) if words.contains("Permission denied")), "{refused}");
    assert_eq!(guest.kept(), 0);
}

#[tokio::test]
async fn cancelling_ends_the_wait() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = Address { host: closed.ip().to_string(), port: closed.port() };
    let cancel = CancellationToken::new();
    let config = SshConfig::new(Login { username: "nobody".to_owned(), ..Login::default() });
    let report = Reporter::new().0;
    let (connected, ()) = tokio::join!(connect(&config, &address, &report, &cancel), async { cancel.cancel() });
    assert!(matches!(connected.err(), Some(ConnectError::Cancelled)));
}
