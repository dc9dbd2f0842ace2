//! Terminals.

use std::process::Stdio;

use super::served::{Served, said, until};

#[tokio::test]
async fn a_terminal_is_one_and_joins_the_streams() {
    let served = Served::new();
    let mut ssh = served.ssh();
    ssh.args(["-tt", "ubuntu@127.0.0.1", "tty; echo $TERM; echo err >&2; exit 5"]).env("TERM", "screen-256color");
    let said = said(&mut ssh).await;
    let lines: Vec<_> = said.stdout.lines().collect();
    assert!(lines[0].starts_with("/dev/pts/"), "{said:?}");
    assert_eq!(lines[1..], ["screen-256color", "err"]);
    assert_eq!(said.status, Some(5));
}

#[tokio::test]
async fn without_a_terminal_there_is_none() {
    let said = Served::new().run("tty").await;
    assert_eq!((said.stdout.as_str(), said.status), ("not a tty\n", Some(1)));
}

#[tokio::test]
async fn the_size_of_the_clients_terminal_arrives_and_so_do_changes() {
    let served = Served::new();
    let ssh = served.ssh();
    // The client itself needs a terminal to have a size; `script` gives it one.
    let words: Vec<_> = ssh.as_std().get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let remote = "stty size > first; trap 'stty size > second; exit' WINCH; touch ready; while :; do sleep 0.02; done";
    let local = format!(
        "stty rows 33 cols 101; (while [ ! -e {0} ]; do sleep 0.02; done; stty rows 44 cols 55 < /dev/tty) & ssh {1} -tt ubuntu@127.0.0.1 '{2}'",
        served.home("ready").display(),
        words.join(" "),
        remote.replace('\'', "'\\''"),
    );
    let mut script = tokio::process::Command::new("script");
    script.args(["-qec", &local, "/dev/null"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let _client = script.spawn().unwrap();
    let read = |name: &str| std::fs::read_to_string(served.home(name)).unwrap_or_default();
    until("the first size", || read("first") == "33 101\n").await;
    until("the second size", || read("second") == "44 55\n").await;
}

#[tokio::test]
async fn a_client_that_goes_hangs_the_terminal_up() {
    let served = Served::new();
    let mut ssh = served.ssh();
    let script = "trap 'echo gone > hup; exit' HUP; touch ready; while :; do sleep 0.02; done";
    let mut client = ssh.args(["-tt", "ubuntu@127.0.0.1", script]).spawn().unwrap();
    until("it runs", || served.home("ready").exists()).await;
    client.kill().await.unwrap();
    until("it is told", || served.home("hup").exists()).await;
    served.cancel().await;
}
