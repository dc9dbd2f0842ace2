//! What the folders of tests/cases cannot say.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::program::{Sandbox, waits_for};

const SLOW: &str = r#"{
  "builders": [{"type": "null", "communicator": "none"}],
  "provisioners": [{"type": "shell-local", "inline": ["sleep 60"]}]
}"#;

const AMAZON: &str = r#"{
  "builders": [{
    "type": "amazon-ebs", "region": "us-east-1", "source_ami": "ami-0123456789abcdef0", "instance_type": "t3.micro",
    "ssh_username": "ec2-user", "ami_name": "x-{{timestamp}}"
  }]
}"#;

/// Commands that only look at a template reach for no endpoint, no proxy and no metadata service, whatever the environment offers.
#[test]
fn looking_at_a_template_makes_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut sandbox = Sandbox::new();
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
    {
        sandbox.env(name, &url);
    }
    sandbox.file("template.json", AMAZON);
    for args in [["validate", "template.json"], ["inspect", "template.json"], ["validate", "-syntax-only"]] {
        let ran = sandbox.run(&[&args[..], &["template.json"][..usize::from(args[1] == "-syntax-only")]].concat(), "");
        assert_eq!(ran.exit, 0, "{args:?}: {}", ran.stdout);
    }
    let connection = listener.accept().map_err(|error| error.kind());
    assert_eq!(connection.map(|_| ()), Err(std::io::ErrorKind::WouldBlock), "something was asked");
}

/// A build with a mistake in it starts nothing: not even the builds that are right.
#[test]
fn a_build_with_a_mistake_touches_nothing() {
    let sandbox = Sandbox::new();
    sandbox.file(
        "template.json",
        r#"{"builders": [{"type": "null", "communicator": "none", "bogus": 1}, {"type": "file", "target": "made", "content": "x"}]}"#,
    );
    let ran = sandbox.run(&["build", "template.json"], "");
    assert_eq!(ran.exit, 1);
    assert!(ran.stdout.contains("bogus"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("1 error; nothing was started.\n"), "{}", ran.stdout);
    assert!(!sandbox.work().join("made").exists());
}

/// A reader that goes away (`| head -1`) stops neither the build nor its teardown.
#[test]
fn a_closed_pipe_does_not_stop_a_build() {
    let sandbox = Sandbox::new();
    sandbox.file("template.json", r#"{"builders": [{"type": "file", "target": "made", "content": "x"}]}"#);
    let mut child = sandbox.command(&["build", "template.json"]).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(sandbox.work().join("made").exists());
}

#[track_caller]
fn interrupted(signal: &str, says: &str) {
    if waits_for(signal, SLOW) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.file("template.json", SLOW);
    let mut child = sandbox.command(&["build", "-color=false", "template.json"]).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut output = String::new();
    // The first line says that the script is being started.
    reader.read_line(&mut output).unwrap();
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    reader.read_to_string(&mut output).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{output}");
    assert!(output.contains(says), "{output}");
    assert!(output.ends_with("Cleanly cancelled builds after being interrupted.\n"), "{output}");
}

#[test]
fn an_interrupt_cancels_cleanly() {
    interrupted("-INT", "Cancelling build after receiving interrupt\n");
}

#[test]
fn a_terminated_program_cancels_cleanly() {
    interrupted("-TERM", "Cancelling build after receiving terminated\n");
}

/// Escape codes and the log go where the environment wants them.
#[test]
fn the_log_tells_what_happened() {
    let mut sandbox = Sandbox::new();
    sandbox.env("PACKER_LOG_PATH", "log").file("template.json", r#"{"builders": [{"type": "null", "communicator": "none"}]}"#);
    let ran = sandbox.run(&["validate", "template.json"], "");
    assert_eq!((ran.exit, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    let log = std::fs::read_to_string(sandbox.work().join("log")).unwrap();
    assert!(log.ends_with(" ui say: The configuration is valid.\n"), "{log}");
}

#[test]
fn the_log_goes_to_standard_error() {
    let mut sandbox = Sandbox::new();
    sandbox.env("PACKER_LOG", "1");
    let ran = sandbox.run(&["version"], "");
    assert!(ran.stderr.contains("ui say: amibake v"), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("amibake v"), "{}", ran.stdout);
}

/// `-debug` without a terminal pauses nowhere; with `setsid` there is none, whoever runs this test.
#[test]
fn debug_without_a_terminal_does_not_wait() {
    let sandbox = Sandbox::new();
    sandbox.file("template.json", r#"{"builders": [{"type": "null", "communicator": "none"}]}"#);
    let program = sandbox.command(&["build", "-debug", "-color=false", "template.json"]);
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(program.get_program()).args(program.get_args()).current_dir(sandbox.work()).stdin(Stdio::null());
    let output = command.output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.starts_with("Debug mode enabled. Builds will not be parallelized.\n"), "{stdout}");
    assert!(output.status.success(), "{stdout}");
}

/// What stands under a key that is secret by nature is hidden without being asked for.
#[test]
fn passwords_of_the_template_are_hidden() {
    let sandbox = Sandbox::new();
    sandbox.file(
        "template.json",
        r#"{"variables": {"pw": ""}, "builders": [{"type": "null", "name": "hunter22", "ssh_host": "127.0.0.1", "ssh_port": 1, "ssh_username": "u",
            "ssh_password": "{{user `pw`}}", "ssh_timeout": "1ms"}]}"#,
    );
    let ran = sandbox.run(&["build", "-color=false", "-var", "pw=hunter22", "template.json"], "");
    assert!(ran.stdout.contains("Build '<sensitive>' errored") && !ran.stdout.contains("hunter22"), "{}", ran.stdout);
}
