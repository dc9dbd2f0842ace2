//! The guest reached through Session Manager. In the place of AWS's program is a script that writes down how it was called, and forwards
//! the port as that does, to this machine.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use amibake::builder::amazon::step::connect::{BySsh, Connect, Connection};
use amibake::communicator::ssh::{ConnectError, HostSource, NoAddress, SshConfig};
use amibake::event::Reporter;
use amibake_ec2::lab::{At, Fault, Kind, Lab, Options, Times};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::ebs_config::found_in;
use super::ebs_lab::{Bench, Outcome, builder};
use super::sshd;

const PROFILE: &str = "own-profile";

fn lab(times: Times) -> Lab {
    Lab::new(Options { instance_profiles: [PROFILE.to_owned()].into(), ..Options::new(times) })
}

fn through_session(keys: Value) -> Value {
    let mut all = json!({"ssh_interface": "session_manager", "iam_instance_profile": PROFILE});
    all.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    builder(all)
}

/// A folder with a program that is called as AWS's.
struct StandIn {
    dir: tempfile::TempDir,
}

impl StandIn {
    /// One that does this when it is started for a session.
    fn doing(version: &str, what: &str) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = --version ]; then echo {version}; exit; fi\ncd \"${{0%/*}}\" || exit\nfor word; do echo \"$word\"; done \
             >>words\necho \"$AWS_SSM_START_SESSION_RESPONSE\" >>variable\necho $$ >>pids\n{what}\n"
        );
        let path = dir.path().join("session-manager-plugin");
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir }
    }

    /// One that stays.
    fn idle() -> Self {
        Self::doing("1.2.600.0", "exec sleep 1000")
    }

    /// One that forwards the port, by [`forwards_a_port`].
    fn forwarding(version: &str) -> Self {
        let program = std::env::current_exe().unwrap();
        let to = r#"export AMIBAKE_TEST_FORWARD="$(sed -n 's/.*"localPortNumber":\["\([0-9]*\)"\],"portNumber":\["\([0-9]*\)"\].*/\1 \2/p' words | tail -n 1)""#;
        let what = format!("{to}\nexec '{}' --exact --ignored ebs_session::forwards_a_port >/dev/null", program.display());
        Self::doing(version, &what)
    }

    fn written(&self, name: &str) -> Vec<String> {
        std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// Whether any of its processes still runs.
    fn runs(&self) -> bool {
        self.written("pids").iter().any(|pid| alive(pid))
    }

    fn bench(&self, lab: Lab) -> Bench {
        let mut bench = Bench::new(lab);
        bench.env.insert("PATH".to_owned(), format!("{}:/usr/bin:/bin", self.dir.path().display()));
        bench
    }
}

fn alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, fields)| !fields.starts_with('Z'))
}

/// No test, but the stand-in's other half: forwards a port of this machine to another one until it is killed.
#[test]
#[ignore = "a program for the tests beside"]
#[expect(clippy::disallowed_methods, reason = "a program of its own, which is told what to do by a variable")]
fn forwards_a_port() {
    let Ok(ports) = std::env::var("AMIBAKE_TEST_FORWARD") else { return };
    let (from, to) = ports.split_once(' ').unwrap();
    let (from, to): (u16, u16) = (from.parse().unwrap(), to.parse().unwrap());
    for near in TcpListener::bind(("127.0.0.1", from)).unwrap().incoming() {
        let Ok((near, far)) = near.and_then(|near| Ok((near, TcpStream::connect(("127.0.0.1", to))?))) else { continue };
        for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Both);
            });
        }
    }
}

/// Keys for a guest that is an sshd of this machine.
fn on_sshd(guest: &sshd::Guest) -> Value {
    json!({"ssh_username": sshd::Guest::user(), "ssh_port": guest.port, "ssh_private_key_file": guest.path("user").display().to_string()})
}

#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the build is over; what is waited for is another process")]
fn left_nothing(outcome: &Outcome, stand_in: &StandIn) {
    assert_eq!(outcome.remaining, Vec::<String>::new(), "{}", outcome.text);
    assert_eq!(outcome.leftovers, [], "{}", outcome.text);
    // A killed process is there for a moment longer.
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while stand_in.runs() {
        assert!(std::time::Instant::now() < deadline, "the program still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What was told of the guest.
fn of_guest(outcome: &Outcome) -> String {
    let session = regex::Regex::new("amibake-0[0-9a-f]{16}").unwrap();
    let port = regex::Regex::new(r"port [0-9]+").unwrap();
    let from = outcome.text.find("to become ready...\n").unwrap() + "to become ready...\n".len();
    let until = outcome.text.find("Connected to SSH!\n").unwrap() + "Connected to SSH!\n".len();
    port.replace_all(&session.replace_all(&outcome.text[from..until], "SESSION"), "port PORT").into_owned()
}

#[tokio::test]
async fn a_build_reaches_its_guest_through_a_session() {
    let Some(guest) = sshd::Guest::start() else { return };
    let stand_in = StandIn::forwarding("1.2.600.0");
    let mut bench = stand_in.bench(lab(Times { ssh: Duration::from_millis(1500), ..Times::fast() }));
    bench.by = Arc::new(BySsh);
    let mut keys = on_sshd(&guest);
    keys["pause_before_ssm"] = json!("20ms");
    let outcome = bench.bake(through_session(keys)).await;
    outcome.artifact();
    left_nothing(&outcome, &stand_in);
    insta::assert_snapshot!(of_guest(&outcome), @r#"
    ==> Waiting 20ms before establishing the SSM session...
    ==> Using ssh communicator to connect: localhost
    ==> Waiting for SSH to become available...
    ==> Starting portForwarding session "SESSION".
    ==> Connected to SSH!
    "#);
    let starts: Vec<_> = outcome.calls.iter().filter(|call| call.operation == "StartSession").collect();
    assert_eq!(starts[0].failed.as_deref(), Some("TargetNotConnected"));
    let started = starts.last().unwrap();
    assert_eq!(started.parameters["Parameters.portNumber.1"], guest.port.to_string());
    assert!(!outcome.changes().contains(&"AuthorizeSecurityGroupIngress"), "nobody has to be let in: {:?}", outcome.changes());
    let local_port = &started.parameters["Parameters.localPortNumber.1"];
    let target = &started.parameters["Target"];
    let session = &outcome.call("TerminateSession").parameters["SessionId"];
    let request = format!(
        r#"{{"DocumentName":"AWS-StartPortForwardingSession","Parameters":{{"localPortNumber":["{local_port}"],"portNumber":["{}"]}},"Target":"{target}"}}"#,
        guest.port
    );
    let url = format!("wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/{session}?role=publish_subscribe");
    assert_eq!(stand_in.written("words"), ["AWS_SSM_START_SESSION_RESPONSE", "us-east-1", "StartSession", "", &request, &url]);
    let given = format!(r#"{{"SessionId":"{session}","StreamUrl":"{url}","TokenValue":"token-of-{session}"}}"#);
    assert_eq!(stand_in.written("variable"), [given]);
}

#[tokio::test]
async fn an_old_program_gets_the_session_as_packer_gives_it() {
    let stand_in = StandIn::doing("1.2.497.0", "exec sleep 1000");
    let outcome = stand_in.bench(lab(Times::instant())).bake(through_session(json!({"session_manager_port": 0}))).await;
    outcome.artifact();
    left_nothing(&outcome, &stand_in);
    let words = stand_in.written("words");
    assert!(words[0].starts_with(r#"{"SessionId":"amibake-0"#) && words[0].contains(r#""TokenValue":"token-of-"#), "{words:?}");
    assert_eq!(stand_in.written("variable"), [""]);
}

/// A guest that restarts as soon as it is reached, and is to be reached again.
struct Restarting {
    pids: PathBuf,
}

#[async_trait]
impl Connect for Restarting {
    async fn connect(
        &self,
        config: &SshConfig,
        source: &dyn HostSource,
        report: &Reporter,
        cancel: &CancellationToken,
    ) -> Result<Box<dyn Connection>, ConnectError> {
        let connection = BySsh.connect(config, source, report, cancel).await?;
        let pids = std::fs::read_to_string(&self.pids).unwrap();
        assert!(std::process::Command::new("kill").args(["-KILL", pids.trim()]).status().unwrap().success());
        for _ in 0..60 {
            let again = connection.communicator().run("echo back", report).await;
            if again.is_ok() && std::fs::read_to_string(&self.pids).unwrap().lines().count() == 2 {
                return Ok(connection);
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        panic!("the guest is not reached again")
    }
}

#[tokio::test]
async fn a_session_that_ends_is_followed_by_another() {
    let Some(guest) = sshd::Guest::start() else { return };
    let stand_in = StandIn::forwarding("1.2.600.0");
    let mut bench = stand_in.bench(lab(Times::instant()));
    bench.by = Arc::new(Restarting { pids: stand_in.dir.path().join("pids") });
    let outcome = bench.bake(through_session(on_sshd(&guest))).await;
    outcome.artifact();
    left_nothing(&outcome, &stand_in);
    let count = |name: &str| outcome.calls.iter().filter(|call| call.operation == name).count();
    assert_eq!((count("StartSession"), count("TerminateSession")), (2, 2));
}

#[tokio::test]
async fn what_this_machine_lacks_is_told_before_anything_is_made() {
    let nothing = Bench::new(lab(Times::instant())).bake(through_session(json!({}))).await;
    assert!(nothing.error().contains("needs AWS's program `session-manager-plugin`, which is not on PATH"), "{}", nothing.error());
    assert_eq!(nothing.calls, []);
    let broken = StandIn::doing("oops; exit 3", "").bench(lab(Times::instant())).bake(through_session(json!({}))).await;
    assert!(broken.error().contains("--version failed (exit status: 3)"), "{}", broken.error());
    assert_eq!(broken.calls, []);
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let busy = StandIn::idle().bench(lab(Times::instant())).bake(through_session(json!({"session_manager_port": port}))).await;
    assert!(busy.error().contains(&format!("port {port} cannot be opened")), "{}", busy.error());
    assert_eq!(busy.calls, []);
}

/// Nobody answers, however long one tries.
struct Unreachable;

#[async_trait]
impl Connect for Unreachable {
    async fn connect(
        &self,
        _: &SshConfig,
        source: &dyn HostSource,
        _: &Reporter,
        _: &CancellationToken,
    ) -> Result<Box<dyn Connection>, ConnectError> {
        loop {
            if let Err(NoAddress::Fatal(why)) = source.address().await {
                return Err(ConnectError::Fatal(why));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_that_always_ends_ends_the_build() {
    let stand_in = StandIn::doing("1.2.600.0", "echo 'cannot do it' >&2; exit 7");
    let mut bench = stand_in.bench(lab(Times::real()));
    bench.by = Arc::new(Unreachable);
    let outcome = bench.bake(through_session(json!({}))).await;
    let error = outcome.error();
    assert!(
        error.contains("10 sessions with i-") && error.contains("session-manager-plugin ended (exit status: 7): cannot do it"),
        "{error}"
    );
    left_nothing(&outcome, &stand_in);
}

/// A build meets this, and leaves nothing but its image; answers with its error.
#[track_caller]
fn leaves_nothing(fault: Fault) -> impl Future<Output = Option<String>> {
    let place = std::panic::Location::caller();
    async move {
        let stand_in = StandIn::idle();
        let bench = stand_in.bench(lab(Times::real()));
        let what = format!("{place}: {fault:?}");
        bench.lab.fault(fault);
        let outcome = bench.bake(through_session(json!({}))).await;
        assert_eq!(outcome.remaining, Vec::<String>::new(), "{what}\n{}", outcome.text);
        assert_eq!(outcome.leftovers, [], "{what}\n{}", outcome.text);
        outcome.result.err().map(|error| error.to_string())
    }
}

#[tokio::test(start_paused = true)]
async fn lost_calls_leave_no_session() {
    for operation in ["StartSession", "TerminateSession"] {
        for nth in [1, 2, 9, 18, 19, 20] {
            for kind in [Kind::LoseReply, Kind::LoseRequest, Kind::Throttle] {
                assert_eq!(leaves_nothing(Fault::new(At::Operation(operation, nth), kind)).await, None);
            }
        }
    }
    let denied = Kind::Refuse("AccessDeniedException", "User is not authorized to perform: ssm:StartSession");
    let error = leaves_nothing(Fault::new(At::Operation("StartSession", 2), denied)).await.unwrap();
    assert!(error.contains("AccessDeniedException: User is not authorized"), "{error}");
    let passing = Kind::Refuse("InternalServerError", "An error occurred on the server side.");
    assert_eq!(leaves_nothing(Fault::new(At::Operation("TerminateSession", 1), passing)).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_build_ends_its_session() {
    for after in [false, true] {
        for nth in [1, 3, 9] {
            let stand_in = StandIn::idle();
            let bench = stand_in.bench(lab(Times::real()));
            let (at, cancel) = (At::Operation("StartSession", nth), bench.cancel.clone());
            let hook = move || cancel.cancel();
            bench.lab.fault(if after { Fault::after(at, hook) } else { Fault::before(at, hook) });
            let outcome = bench.bake(through_session(json!({}))).await;
            assert_eq!(outcome.remaining, Vec::<String>::new(), "{nth} {after}\n{}", outcome.text);
            assert_eq!(outcome.leftovers, [], "{nth} {after}\n{}", outcome.text);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_stays_of_a_session_is_told_with_the_command() {
    let stand_in = StandIn::idle();
    let bench = stand_in.bench(lab(Times::real()));
    bench.lab.fault(Fault::new(At::Every("TerminateSession"), Kind::Refuse("AccessDeniedException", "no")));
    let outcome = bench.bake(through_session(json!({}))).await;
    let [leftover] = &outcome.leftovers[..] else { panic!("{:?}", outcome.leftovers) };
    assert!(leftover.what.starts_with("session amibake-0"), "{leftover:?}");
    assert!(leftover.command.starts_with("aws --region us-east-1 ssm terminate-session --session-id amibake-0"), "{leftover:?}");
}

#[test]
fn mistakes() {
    let mut config = builder(json!({"ssh_interface": "session_manager"}));
    config["type"] = json!("amazon-ebs");
    let profile = "\"session_manager\": no iam_instance_profile defined; session_manager connectivity requires a valid instance profile with \
                   AmazonSSMManagedInstanceCore permissions. Alternatively a temporary_iam_instance_profile_policy_document can be used.";
    assert_eq!(found_in(config.clone()), [profile]);
    config["iam_instance_profile"] = json!(PROFILE);
    assert_eq!(found_in(config.clone()), Vec::<String>::new());
    config["communicator"] = json!("winrm");
    let winrm =
        "\"session_manager\": session_manager connectivity is not supported with the \"winrm\" communicator; please use \"ssh\"".to_owned();
    assert!(found_in(config).contains(&winrm));
}
