//! The end of the server, and the door that shuts while the guest is off.

use std::io::ErrorKind;

use amibake_guest::server::{Accepted, Login, SshServer};

use super::served::{Served, until};

fn alive(pid: &str) -> bool {
    std::path::Path::new("/proc").join(pid.trim()).join("cmdline").exists()
}

/// Starts a command that says its process id in a file and then waits.
async fn waiting(served: &Served) -> (tokio::process::Child, String) {
    let mut ssh = served.ssh();
    let client = ssh.args(["ubuntu@127.0.0.1", "echo $$ > pid.new && mv pid.new pid; exec sleep 1000"]).spawn().unwrap();
    let path = served.home("pid");
    until("it runs", || path.exists()).await;
    let pid = std::fs::read_to_string(&path).unwrap();
    assert!(alive(&pid));
    (client, pid)
}

#[tokio::test]
async fn the_end_of_the_server_leaves_no_process() {
    let served = Served::new();
    let (client, pid) = waiting(&served).await;
    served.cancel().await;
    assert!(!alive(&pid));
    let output = client.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(255));
    assert!(String::from_utf8_lossy(&output.stderr).contains("closed by"), "{output:?}");
}

#[tokio::test]
async fn a_server_that_is_dropped_leaves_no_process() {
    let served = Served::new();
    let (_client, pid) = waiting(&served).await;
    drop(served);
    until("it is gone", || !alive(&pid)).await;
}

#[tokio::test]
async fn a_program_outlives_its_client_as_with_sshd_but_not_the_server() {
    let served = Served::new();
    let (mut client, pid) = waiting(&served).await;
    client.kill().await.unwrap();
    assert_eq!(served.run("echo next").await.stdout, "next\n");
    assert!(alive(&pid));
    served.cancel().await;
    assert!(!alive(&pid));
}

#[tokio::test]
async fn a_guest_that_is_off_refuses_connections_and_comes_back_at_its_address() {
    let served = Served::new();
    let (client, pid) = waiting(&served).await;
    served.door.shut();
    until("its programs are gone", || !alive(&pid)).await;
    assert_eq!(client.wait_with_output().await.unwrap().status.code(), Some(255));
    let refused = served.run("true").await;
    assert!(refused.stderr.contains("Connection refused"), "{}", refused.stderr);
    served.door.open();
    let address = served.address;
    until("it listens", || std::net::TcpStream::connect(address).is_ok()).await;
    assert_eq!(served.run("echo back").await.stdout, "back\n");
    served.cancel().await;
}

#[tokio::test]
async fn connections_can_be_dropped_without_shutting() {
    let served = Served::new();
    let (client, pid) = waiting(&served).await;
    served.door.disconnect_all();
    assert_eq!(client.wait_with_output().await.unwrap().status.code(), Some(255));
    until("its programs are gone", || !alive(&pid)).await;
    assert_eq!(served.run("echo new").await.stdout, "new\n");
}

#[tokio::test]
async fn an_address_that_is_taken_or_a_key_that_is_none_is_said() {
    let served = Served::new();
    let bind = |login| SshServer::bind(served.address, login, served.guest.clone()).err().map(|error| error.kind());
    assert_eq!(bind(Login::default()), Some(ErrorKind::AddrInUse));
    assert_eq!(bind(Login { keys: Accepted::Only("ssh-ed25519 nonsense".into()), ..Login::default() }), Some(ErrorKind::InvalidInput));
}
