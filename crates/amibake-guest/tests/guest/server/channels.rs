//! Programs: output, input, exit, signals, many at once.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::served::{Said, Served, said, until};

#[track_caller]
fn check(said: &Said, status: i32, stdout: &str, stderr: &str) {
    assert_eq!((said.status, said.stdout.as_str(), said.stderr.as_str()), (Some(status), stdout, stderr));
}

#[tokio::test]
async fn a_command_gives_its_output_and_status() {
    let served = Served::new();
    check(&served.run("echo out; echo err >&2").await, 0, "out\n", "err\n");
    check(&served.run("exit 7").await, 7, "", "");
    check(&served.run("printf 'no newline'; exit 255").await, 255, "no newline", "");
    check(&served.run("pwd").await, 0, &format!("{}\n", served.guest.home.display()), "");
    served.cancel().await;
}

#[tokio::test]
async fn a_shell_reads_its_script_from_standard_input() {
    let served = Served::new();
    let mut ssh = served.ssh();
    let mut child = ssh.args(["-T", "ubuntu@127.0.0.1"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stdin, b"echo $((40+2))\nexit 3\n").await.unwrap();
    drop(stdin);
    check(&child.wait_with_output().await.unwrap().into(), 3, "42\n", "");
}

#[tokio::test]
async fn a_signal_that_ended_the_command_is_told() {
    let served = Served::new();
    for signal in ["TERM", "KILL", "SEGV", "XCPU"] {
        // OpenSSH's client shows the signal with -v only, and ends with 255.
        let said = said(served.ssh().args(["-v", "ubuntu@127.0.0.1", &format!("kill -{signal} $$")])).await;
        assert_eq!(said.status, Some(255), "{signal}");
        assert!(said.stderr.contains("rtype exit-signal"), "{signal}: {}", said.stderr);
    }
}

#[tokio::test]
async fn standard_input_arrives_whole_and_ends() {
    let served = Served::new();
    check(&served.run_with("cat", b"hello".to_vec()).await, 0, "hello", "");
    check(&served.run_with("wc -c", vec![b'x'; 20_000_000]).await, 0, "20000000\n", "");
    check(&served.run_with("true", vec![b'x'; 20_000_000]).await, 0, "", "");
}

#[tokio::test]
async fn a_million_lines_arrive_whole_and_fast() {
    let served = Served::new();
    let start = Instant::now();
    let said = served.run("seq -f 'this is line number %.0f of very many' 1000000").await;
    let took = start.elapsed();
    assert_eq!(said.status, Some(0));
    assert_eq!(said.stdout.lines().count(), 1_000_000);
    assert!(said.stdout.ends_with("this is line number 1000000 of very many\n"));
    // It takes a second or two; the rest is for a machine that is busy with other tests.
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[tokio::test]
async fn both_streams_at_once_do_not_block_each_other() {
    let served = Served::new();
    let said = served.run("(seq 300000 >&2) & seq 300000; wait").await;
    assert_eq!((said.stdout.lines().count(), said.stderr.lines().count()), (300_000, 300_000));
}

#[tokio::test]
async fn the_client_may_set_what_cloud_images_allow() {
    let served = Served::new();
    let mut ssh = served.ssh();
    ssh.args(["-o", "SetEnv=LC_TEST=yes", "-o", "SendEnv=LANG", "-o", "SendEnv=SECRET"]).env("LANG", "C.UTF-8").env("SECRET", "no");
    check(&said(ssh.args(["ubuntu@127.0.0.1", "echo $LC_TEST-$LANG-$SECRET"])).await, 0, "yes-C.UTF-8-\n", "");
    let seen = served.guest.seen.lock().unwrap().clone();
    assert_eq!(seen[0].keys().map(String::as_str).collect::<Vec<_>>(), ["LANG", "LC_TEST"]);
}

#[tokio::test]
async fn keepalives_are_answered() {
    let served = Served::new();
    let mut ssh = served.ssh();
    ssh.args(["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=1", "ubuntu@127.0.0.1", "sleep 3; echo still there"]);
    check(&said(&mut ssh).await, 0, "still there\n", "");
}

/// A connection that is shared by several clients.
async fn master(served: &Served) -> tokio::process::Child {
    let socket = served.path("mux");
    let mut ssh = served.ssh();
    ssh.args(["-M", "-N", "-S"]).arg(&socket).arg("ubuntu@127.0.0.1");
    let master = ssh.spawn().unwrap();
    until("the master is there", || socket.exists()).await;
    master
}

fn muxed(served: &Served, command: &str) -> tokio::process::Command {
    let mut ssh = served.ssh();
    ssh.arg("-S").arg(served.path("mux")).args(["-o", "ControlMaster=no", "ubuntu@127.0.0.1", command]);
    ssh
}

#[tokio::test]
async fn ten_sessions_at_once_and_no_eleventh() {
    let served = Served::new();
    let _master = master(&served).await;
    let fifo = served.home("gate");
    let wait = format!("mkfifo -m 600 {0}.$$; echo ready > started.$$; cat {0}.$$", fifo.display());
    let ten: Vec<_> = (0..10).map(|_| muxed(&served, &wait).spawn().unwrap()).collect();
    let names = |prefix: &str| {
        let entries = std::fs::read_dir(&served.guest.home).unwrap();
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.to_string_lossy().contains(prefix)).collect::<Vec<_>>()
    };
    until("ten run", || names("started.").len() == 10).await;
    let eleventh = said(&mut muxed(&served, "true")).await;
    // The client then opens a connection of its own, as with sshd; its master says why.
    assert_eq!(eleventh.status, Some(0), "{eleventh:?}");
    assert!(eleventh.stderr.contains("Session open refused by peer"), "{eleventh:?}");
    for gate in names("gate.") {
        tokio::fs::write(gate, "go\n").await.unwrap();
    }
    for client in ten {
        check(&client.wait_with_output().await.unwrap().into(), 0, "go\n", "");
    }
    for _ in 0..30 {
        check(&said(&mut muxed(&served, "echo again")).await, 0, "again\n", "");
    }
}

#[tokio::test]
async fn a_program_that_reads_nothing_does_not_stop_its_neighbours() {
    let served = Served::new();
    let _master = master(&served).await;
    let mut stuck = muxed(&served, "echo $$ > pid; exec sleep 1000");
    let mut stuck = stuck.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = stuck.stdin.take().unwrap();
    let feed = async {
        let chunk = vec![0; 1 << 20];
        for _ in 0..24 {
            tokio::io::AsyncWriteExt::write_all(&mut stdin, &chunk).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), feed).await.expect("it takes what the program does not read");
    check(&said(&mut muxed(&served, "echo free")).await, 0, "free\n", "");
    served.cancel().await;
}

#[tokio::test]
async fn input_for_a_program_that_reads_late_is_whole() {
    let served = Served::new();
    let input: Vec<u8> = (0..16_000_000_u32).map(|n| (n % 251) as u8).collect();
    let sum = |bytes: &[u8]| bytes.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    let said = served.run_with("sleep 1; cat > late", input.clone()).await;
    check(&said, 0, "", "");
    assert_eq!(sum(&std::fs::read(served.home("late")).unwrap()), sum(&input));
}

#[tokio::test]
async fn a_tunnel_is_refused_where_the_guest_has_its_own_network() {
    let served = Served::new();
    let said = said(served.ssh().args(["-v", "-W", "127.0.0.1:1", "ubuntu@127.0.0.1"])).await;
    assert_eq!(said.status, Some(255));
    assert!(said.stderr.contains("a network of its own"), "{}", said.stderr);
}

#[tokio::test]
async fn tunnels_work_both_ways_on_a_shared_network() {
    let served = Served::with(amibake_guest::keys::Kind::Ed25519, |login| login.network = true);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = async {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"hello").await.unwrap();
        }
    };
    let ask = async {
        let direct = said(served.ssh().args(["-W", &format!("127.0.0.1:{port}"), "ubuntu@127.0.0.1"])).await;
        assert_eq!((direct.stdout.as_str(), direct.status), ("hello", Some(0)), "{direct:?}");
        let reverse = format!("0:127.0.0.1:{port}");
        let mut ssh = served.ssh();
        let mut remote = ssh.args(["-v", "-N", "-R", &reverse, "ubuntu@127.0.0.1"]).spawn().unwrap();
        let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(remote.stderr.take().unwrap()));
        let allocated = loop {
            let line = lines.next_line().await.unwrap().unwrap();
            if let Some(rest) = line.strip_prefix("Allocated port ") {
                break rest.split(' ').next().unwrap().parse::<u16>().unwrap();
            }
        };
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", allocated)).await.unwrap();
        let mut text = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut text).await.unwrap();
        assert_eq!(text, "hello");
    };
    tokio::select! { () = answer => {}, () = ask => {} }
    served.cancel().await;
}
