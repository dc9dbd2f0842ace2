//! Compares whole output with what Packer 1.6.6 printed for the same template, recorded under tests/cases/packer.
//!
//! Where we differ on purpose the recording has a member `amibake`: `why`, and the `exit_code` and `stdout` that we want instead. A
//! difference without such a member is a bug.

use std::path::Path;

use serde_json::Value;

use crate::program::{NOT_YET, Sandbox, difference, entries, repository, waits_for};

#[test]
fn inspect_prints_what_packer_prints() {
    compare_all("inspect-");
}

#[test]
fn build_prints_what_packer_prints() {
    compare_all("build-");
}

#[test]
fn types_that_cannot_be_run_yet() {
    for (section, type_name) in NOT_YET {
        let sandbox = Sandbox::new();
        let template = serde_json::json!({"builders": [{"type": "null", "communicator": "none"}], *section: [{"type": type_name}]});
        let ran = sandbox.file("template.json", &template.to_string()).run(&["build", "template.json"], "");
        let absent = format!("amibake knows the {} `{type_name}`, but cannot run it yet", section.trim_end_matches('s'));
        assert!(ran.stdout.contains(&absent), "`{type_name}` runs: remove it from NOT_YET in tests/it/program.rs\n{}", ran.stdout);
    }
}

fn compare_all(prefix: &str) {
    let recordings = entries(&repository("tests/cases/packer"));
    let recordings: Vec<_> = recordings.iter().filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix)).collect();
    assert!(!recordings.is_empty(), "no recordings found");
    let failures: Vec<_> = recordings.iter().filter_map(|path| compare(path).err()).collect();
    assert!(failures.is_empty(), "{} of {} differ\n\n{}", failures.len(), recordings.len(), failures.join("\n\n"));
}

fn compare(path: &Path) -> Result<(), String> {
    let recording: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let ours = &recording["amibake"];
    // `inspect` asks for no type to exist.
    if recording["command"] == "build" && waits_for(recording["id"].as_str().unwrap(), &template_of(&recording)) {
        return Ok(());
    }
    let expect = if ours.is_object() { ours } else { &recording["expect"] };
    let mut sandbox = Sandbox::new();
    let ran = sandbox_of(&recording, &mut sandbox).run(&args_of(&recording), "");
    let expected = format!("{}exit {}", expect["stdout"].as_str().unwrap(), expect["exit_code"]);
    let found = format!("{}exit {}", sandbox.normalise(&ran.stdout), ran.exit);
    if expected == found { Ok(()) } else { Err(format!("{}:\n{}", recording["id"], difference(&expected, &found))) }
}

fn sandbox_of<'s>(recording: &Value, sandbox: &'s mut Sandbox) -> &'s Sandbox {
    for (name, value) in members(&recording["env"]) {
        sandbox.env(name, value.as_str().unwrap());
    }
    for (path, content) in members(&recording["files"]) {
        sandbox.file(path, &text(content));
    }
    sandbox.file("template.json", &template_of(recording))
}

fn template_of(recording: &Value) -> String {
    recording["template_text"].as_str().map_or_else(|| text(&recording["template"]), str::to_owned)
}

fn args_of(recording: &Value) -> Vec<String> {
    let args: Vec<_> = recording["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap().to_owned()).collect();
    let mut line = vec![recording["command"].as_str().unwrap().to_owned()];
    if line[0] == "build" && !args.iter().any(|arg| arg.starts_with("-color")) {
        line.push("-color=false".to_owned());
    }
    line.extend(args);
    line.extend(members(&recording["vars"]).map(|(name, value)| format!("-var={name}={}", value.as_str().unwrap())));
    line.push("template.json".to_owned());
    line
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| serde_json::to_string_pretty(value).unwrap(), str::to_owned)
}
