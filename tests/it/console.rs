//! The console where its input is no pipe: a file, a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::program::Sandbox;

const TEMPLATE: &str = r#"{"variables": {"a": "x", "pw": "s3cret"}, "sensitive-variables": ["pw"], "builders": [{"type": "null"}]}"#;

fn sandbox(lines: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("t.json", TEMPLATE).file("lines", lines);
    sandbox
}

#[track_caller]
fn check_file(lines: &str, expected: &str) {
    let sandbox = sandbox(lines);
    let mut command = sandbox.command(&["console", "t.json"]);
    let output = command.stdin(File::open(sandbox.work().join("lines")).unwrap()).output().unwrap();
    assert_eq!((String::from_utf8(output.stdout).unwrap().as_str(), output.status.code()), (expected, Some(0)), "{lines:?}");
}

/// As recorded from Packer 1.6.6, whose list of variables is in random order.
#[test]
fn each_line_of_a_file_is_answered() {
    check_file("", "");
    check_file("{{user `a`}}\n\n{{upper `b`}}\n", "x\n\nB\n");
    check_file("{{foo}}\n", "???????: Interpolation error\n\ntemplate: root:1: function \"foo\" not defined\n\n\n\n");
    check_file("variables\nexit\n{{user `a`}}\n", "\na: x,\npw: <sensitive>,\n\n");
}

/// `script` gives the program a terminal.
#[test]
fn a_terminal_gets_a_prompt_and_help() {
    let sandbox = sandbox("");
    let program = sandbox.command(&["console", "t.json"]);
    let line = format!("{} console t.json", program.get_program().to_str().unwrap());
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(sandbox.work()).env("TERM", "xterm").env("HOME", sandbox.home());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        #[expect(clippy::print_stderr, reason = "a test that does nothing has to say so")]
        {
            eprintln!("NOT TESTED: the console on a terminal needs `script`");
        }
        return;
    };
    let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut shown = String::new();
    let mut wait_for = |expected: &str| {
        let mut buffer = [0; 4096];
        while !shown.contains(expected) {
            let read = screen.read(&mut buffer).unwrap();
            assert!(read > 0, "no {expected:?} in {shown:?}");
            shown.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        let end = shown.find(expected).unwrap() + expected.len();
        shown.drain(..end);
    };
    wait_for("> ");
    for (line, answer) in [("{{user `a`}}!", "\nx!\r\n"), ("{{user `pw`}}", "\n<sensitive>\r\n"), ("{{foo}}", "\nhelp: text needs quotes")]
    {
        keys.write_all(format!("{line}\r").as_bytes()).unwrap();
        wait_for(answer);
        wait_for("> ");
    }
    keys.write_all(b"exit\r").unwrap();
    drop(keys);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
