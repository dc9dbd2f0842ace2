//! `amibake migrate` on files: replaced whole or not at all; and on real templates, from the folder that `AMIBAKE_CORPUS` names.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::program::{Sandbox, entries};
use crate::real;

const OLD: &str = r#"{"builders": [{"type": "null", "communicator": "none", "ssh_wait_timeout": "5m"}]}"#;

#[test]
fn a_file_is_replaced_with_its_mode() {
    let sandbox = Sandbox::new();
    let path = sandbox.file("t.json", OLD).work().join("t.json");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let ran = sandbox.run(&["migrate", "-write", "-schema=false", "t.json"], "");
    assert_eq!((ran.stdout.as_str(), ran.exit), ("t.json\n", 0));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), OLD.replace("ssh_wait_timeout", "ssh_timeout"));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(entries(&sandbox.work()), [path], "nothing else is left");
    assert_eq!(sandbox.run(&["migrate", "-check", "-schema=false", "t.json"], "").exit, 0);
}

#[test]
fn a_file_that_cannot_be_resolved_is_left_alone() {
    let sandbox = Sandbox::new();
    let text = OLD.replace("none", "nonsense");
    let path = sandbox.file("t.json", &text).work().join("t.json");
    let ran = sandbox.run(&["migrate", "-write", "t.json"], "");
    assert!(ran.exit == 1 && ran.stdout.contains("communicator"), "{}", ran.stdout);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

/// Whatever `validate` takes can be migrated, resolves to the same, and is in its best form then.
#[test]
#[expect(clippy::print_stderr, reason = "how many were migrated is worth a look")]
fn real_templates() {
    let Some(folder) = real::corpus("migration of real templates") else { return };
    let index: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("index.json")).unwrap()).unwrap();
    let (mut migrated, mut wrong) = (0, Vec::new());
    for entry in index.as_array().unwrap() {
        match migrate(&folder, entry) {
            Ok(done) => migrated += usize::from(done),
            Err(problem) => wrong.push(format!("{}: {problem}", entry["id"])),
        }
    }
    eprintln!("{migrated} of {} templates migrated", index.as_array().unwrap().len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(migrated > 0);
}

/// Whether a template could be migrated; those that `validate` refuses need not.
fn migrate(folder: &Path, entry: &Value) -> Result<bool, String> {
    let strings = |key: &str| entry[key].as_array().into_iter().flatten().map(|word| word.as_str().unwrap().to_owned());
    let mut given: Vec<String> = strings("extra_args").collect();
    given.extend(strings("var_files").map(|file| format!("-var-file={file}")));
    let dir = folder.join(entry["dir"].as_str().unwrap()).join(entry["cwd"].as_str().unwrap());
    let template = entry["template"].as_str().unwrap();
    let run = |words: &[&str], path: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amibake"));
        command.args(words).args(&given).arg(path).current_dir(&dir).env("AWS_DEFAULT_REGION", "us-east-1");
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let valid = run(&["validate"], template).0;
    for style in ["-native=false", "-native"] {
        let (done, once) = run(&["migrate", style], template);
        if !done {
            return if valid { Err(once) } else { Ok(false) };
        }
        let sandbox = Sandbox::new();
        let copy = sandbox.file("t.json", &once).work().join("t.json");
        let (same, again) = run(&["migrate", "-check", "-diff", style], copy.to_str().unwrap());
        if !same {
            return Err(again);
        }
    }
    Ok(true)
}
