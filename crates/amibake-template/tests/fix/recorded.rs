//! Recorded runs of Packer 1.6.6 (`golden/fix.json`): the same bytes, and an error where it has one or crashes.

use serde_json::Value;

use crate::fixed;

#[test]
fn every_recorded_run() {
    let recording: Value = serde_json::from_str(include_str!("../golden/fix.json")).unwrap();
    let cases = recording["cases"].as_array().unwrap();
    let mut wrong = Vec::new();
    for case in cases {
        // Packer's screen adds a line break of its own.
        let expected = case["fixed"].as_str().map(|text| text.strip_suffix('\n').unwrap());
        let found = fixed(case["template"].as_str().unwrap());
        if found.as_ref().ok().map(String::as_str) != expected {
            wrong.push(format!("{}\npacker {expected:?}\nours   {found:?}", case["id"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ\n\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
}

#[track_caller]
fn check_error(text: &str, expected: &str) {
    assert_eq!(fixed(text).unwrap_err().trim_end(), expected.trim_matches('\n'), "{text}");
}

/// Where Packer has a line without a place, or a crash.
#[test]
fn errors_have_a_place() {
    check_error(
        r#"{"builders": [{"type": "amazon-ebs", "ssh_private_ip": "{{user `x`}}"}]}"#,
        r#"
error[fix]: `ssh_private_ip` is not a boolean, but "{{user `x`}}"
 --> t.json:1:56
  |
1 | {"builders": [{"type": "amazon-ebs", "ssh_private_ip": "{{user `x`}}"}]}
  |                                                        ^^^^^^^^^^^^^^ fixer `amazon-private-ip`
help: write "ssh_interface": "private_ip" instead of true, "public_ip" instead of false"#,
    );
    check_error(
        r#"{"builders": [{}, 5]}"#,
        r#"
error[fix]: builder 1 has no `type`
 --> t.json:1:15
  |
1 | {"builders": [{}, 5]}
  |               ^^
help: add `"type": ...` to say which one it is

error[fix]: builder 2 is a number, not an object
 --> t.json:1:19
  |
1 | {"builders": [{}, 5]}
  |                   ^
help: a builder looks like {"type": ...}"#,
    );
    check_error(
        r#"{"provisioners": [{"type": "shell"}, {"type": "shell", "override": [1]}]}"#,
        r#"
error[fix]: `override` is a number, not an object
 --> t.json:1:69
  |
1 | {"provisioners": [{"type": "shell"}, {"type": "shell", "override": [1]}]}
  |                                                                     ^ fixer `virtualbox-rename`
help: it looks like {"BUILDER": {...}}"#,
    );
}
