//! Switching guests off and on, signals, and what is left afterwards.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use amibake_guest::Backend as _;
use amibake_guest::guest::{GuestError, Power, Spec};
use tokio::io::{AsyncBufReadExt as _, BufReader as AsyncBufReader};

use crate::sandbox_support::{Place, WORLD, Who, boot, prints, processes_of, sandbox, session, shared_of};

/// Waits for what another process does in its own time.
fn until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_killed_owner_leaves_no_process_and_the_next_start_no_file() {
    for who in Who::everyone() {
        let place = Place::new(who);
        let script = format!(
            "sudo setsid sleep 1000 & sudo touch /tmp/mine; sudo mkdir -m 700 /opt/deep; sudo touch /opt/deep/file; {WORLD} >&2; sleep 1000"
        );
        let mut owner = place.command(&["--stream", "--", &script]).stderr(Stdio::piped()).spawn().unwrap();
        let mut world = String::new();
        BufReader::new(owner.stderr.take().unwrap()).read_line(&mut world).unwrap();
        // The guest's first process, the session's two, sudo's sleep and maybe this one's.
        assert!(processes_of(&world).len() >= 4, "{who:?}: the guest runs");
        let shared = shared_of(&place.state());
        assert!(shared.iter().any(|dir| dir.exists()), "{who:?}");
        owner.kill().unwrap();
        owner.wait().unwrap();
        until("processes of a guest whose owner was killed", || processes_of(&world).is_empty());
        assert!(std::fs::read_dir(place.state()).unwrap().count() > 0, "{who:?}: files are left");
        place.prints("true");
        place.is_clean();
        assert!(!shared.iter().any(|dir| dir.exists()), "{who:?}: {shared:?}");
    }
}

#[tokio::test]
async fn what_is_dropped_is_gone() {
    let (dir, sandbox) = sandbox();
    let guest = boot(&sandbox).await;
    prints(&guest, "sudo touch /opt/x").await;
    drop(sandbox);
    assert_eq!(prints(&guest, "ls /opt").await, "x\n");
    let (world, shared) = (prints(&guest, WORLD).await, shared_of(&dir.path().join("state")));
    assert!(!processes_of(&world).is_empty() && !shared.is_empty());
    drop(guest);
    assert_eq!(std::fs::read_dir(dir.path().join("state")).unwrap().count(), 0);
    assert!(processes_of(&world).is_empty() && !shared.iter().any(|dir| dir.exists()));
}

#[tokio::test]
async fn a_removed_guest_is_off_for_ever() {
    let (_dir, sandbox) = sandbox();
    let guest = boot(&sandbox).await;
    let world = prints(&guest, WORLD).await;
    guest.remove().await;
    guest.remove().await;
    assert!(matches!(guest.start(session("true")).await, Err(GuestError::Off)));
    assert!(matches!(guest.power_on().await, Err(GuestError::Off)));
    assert!(processes_of(&world).is_empty());
}

#[tokio::test]
async fn files_outlast_a_restart_and_run_does_not() {
    let (_dir, sandbox) = sandbox();
    let guest = boot(&sandbox).await;
    prints(&guest, "sudo touch /opt/kept /run/lost /tmp/kept; sudo apt-get update; sudo useradd app").await;
    guest.power_off().await.unwrap();
    assert!(matches!(guest.start(session("true")).await, Err(GuestError::Off)));
    assert!(guest.has_user("app") && !guest.has_user("other"));
    guest.power_on().await.unwrap();
    assert_eq!(prints(&guest, "ls /opt /tmp /run/lost 2>/dev/null || true").await, "/opt:\nkept\n\n/tmp:\nkept\n");
    prints(&guest, "sudo yum install -y 'a b' nginx").await;
    assert_eq!(guest.stand_ins().await, ["apt-get update", "yum install -y 'a b' nginx"]);
    assert!(guest.has_user("app") && !guest.has_user("other"));
}

#[tokio::test]
async fn a_guest_asks_for_its_own_restart() {
    let (_dir, sandbox) = sandbox();
    let guest = boot(&sandbox).await;
    for (command, expected) in [
        ("sudo reboot", Power::Reboot),
        ("sudo shutdown -r now", Power::Reboot),
        ("sudo systemctl reboot", Power::Reboot),
        ("sudo init 6", Power::Reboot),
        ("sudo shutdown -h now", Power::Off),
        ("sudo poweroff", Power::Off),
    ] {
        prints(&guest, command).await;
        assert_eq!(guest.power_request().await, expected, "{command}");
        guest.power_off().await.unwrap();
        guest.power_on().await.unwrap();
    }
}

#[tokio::test]
async fn signals_reach_the_session() {
    let (_dir, sandbox) = sandbox();
    let guest = boot(&sandbox).await;
    for (name, expected) in [("TERM", 15), ("HUP", 1), ("INT", 2), ("KILL", 9)] {
        let mut started = guest.start(session("echo up; sleep 1000; true")).await.unwrap();
        let mut line = String::new();
        AsyncBufReader::new(started.child.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
        guest.signal(&started.child, name);
        let status = started.child.wait().await.unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(expected), "{name}: {status}");
    }
    assert_eq!(prints(&guest, "pgrep sleep || true").await, "");
}

#[tokio::test]
async fn a_session_whose_process_here_is_killed_is_gone_there() {
    let (_dir, sandbox) = sandbox();
    let guest = boot(&sandbox).await;
    for command in ["echo up; exec sleep 1000", "echo up; exec sudo sleep 1000"] {
        let mut started = guest.start(session(command)).await.unwrap();
        let mut reader = AsyncBufReader::new(started.child.stdout.take().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).await.unwrap();
        // The word was the shell's; what it becomes must have been reached.
        let sleeps = "until pgrep -x sleep >/dev/null; do :; done";
        prints(&guest, sleeps).await;
        started.child.kill().await.unwrap();
        prints(&guest, "while pgrep -x sleep >/dev/null; do :; done").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_guests_run_side_by_side() {
    let (dir, sandbox) = sandbox();
    let boots = (0..50).map(|number| sandbox.boot(Spec { id: format!("i-{number}"), ..Spec::default() }));
    let guests = futures_util::future::try_join_all(boots).await.unwrap();
    let names = futures_util::future::join_all(guests.iter().map(|guest| prints(guest, "hostname"))).await;
    for (number, name) in names.iter().enumerate() {
        assert_eq!(*name, format!("i-{number}\n"));
    }
    drop((guests, sandbox));
    assert_eq!(std::fs::read_dir(dir.path().join("state")).unwrap().count(), 0);
}
