//! Provisioners on a real guest (`null` builder, sshd of this machine), held against what Packer 1.6.6 did with the same
//! templates and the same sshd (recorded 2026-11-24).

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::sshd::Guest;

/// Runs one provisioner; the exit status and the lines of the guest and of errors, paths of the guest's folder as `<G>`.
fn provision(guest: &Guest, provisioner: &Value) -> (i32, Vec<String>) {
    let template = json!({
        "builders": [{
            "type": "null", "ssh_host": "127.0.0.1", "ssh_port": guest.port, "ssh_username": Guest::user(), "ssh_private_key_file": guest.path("user")
        }],
        "provisioners": [provisioner],
    });
    std::fs::write(guest.path("template.json"), template.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_amibake"));
    command.args(["build", "-color=false", "template.json"]).current_dir(guest.path("")).env_clear();
    let ran = command.env("PATH", "/usr/bin:/bin").env("HOME", guest.path("")).output().unwrap();
    let text = String::from_utf8(ran.stdout).unwrap().replace(&*guest.path("").to_string_lossy(), "<G>/");
    let lines = text.lines().filter(|line| line.starts_with("    null: ") || line.starts_with("--> null: Script"));
    (ran.status.code().unwrap(), lines.map(|line| line.trim_start().to_owned()).collect())
}

/// `path mode` of all that is in a folder, sorted; directories end in a slash.
fn listing(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = vec![root.to_owned()];
    while let Some(dir) = todo.pop() {
        for path in std::fs::read_dir(dir).unwrap().flatten().map(|entry| entry.path()) {
            let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            let end = if path.is_dir() { "/" } else { "" };
            found.push(format!("{}{end} {mode:o}", path.strip_prefix(root).unwrap().display()));
            if path.is_dir() {
                todo.push(path);
            }
        }
    }
    found.sort();
    found
}

fn write(path: &Path, content: &str, mode: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// One copy into a fresh folder `g`, in which `before` (a directory with a slash, else a file of mode 640) stands already.
#[track_caller]
fn check_copy(guest: &Guest, direction: &str, source: &str, destination: &str, before: &[&str], after: &[&str]) {
    let target = guest.path("g");
    let _ = std::fs::remove_dir_all(&target);
    std::fs::create_dir(&target).unwrap();
    for name in before {
        match name.strip_suffix('/') {
            Some(name) => std::fs::create_dir(target.join(name)).unwrap(),
            None => write(&target.join(name), "old", 0o640),
        }
    }
    let path = |text: &str| guest.path(text).to_string_lossy().into_owned();
    let copy = json!({"type": "file", "direction": direction, "source": path(source), "destination": path(destination)});
    let (exit, lines) = provision(guest, &copy);
    assert_eq!(exit, 0, "{source} to {destination}: {lines:?}");
    assert_eq!(listing(&target), after, "{direction} of {source} to {destination}");
}

#[test]
fn files_and_directories_land_where_packer_puts_them() {
    let Some(guest) = Guest::start() else { return };
    write(&guest.path("src/a"), "a", 0o644);
    write(&guest.path("src/.h"), "h", 0o600);
    write(&guest.path("src/sub/run.sh"), "r", 0o755);
    std::os::unix::fs::symlink("a", guest.path("src/link")).unwrap();
    let up = |source, destination, before: &[&str], after: &[&str]| check_copy(&guest, "upload", source, destination, before, after);
    up("src/", "g/d", &["d/"], &["d/ 755", "d/.h 600", "d/a 644", "d/link 644", "d/sub/ 755", "d/sub/run.sh 755"]);
    up("src/sub", "g/d", &["d/"], &["d/ 755", "d/sub/ 755", "d/sub/run.sh 755"]);
    up("src/sub", "g/d", &[], &["d/ 755", "d/run.sh 755"]);
    up("src/sub", "g/d/", &[], &["d/ 755", "d/run.sh 755"]);
    up("src/sub/run.sh", "g/x", &[], &["x 755"]);
    up("src/sub/run.sh", "g/d/", &["d/"], &["d/ 755", "d/run.sh 755"]);
    up("src/sub/run.sh", "g/e", &["e"], &["e 640"]);
    let down = |source, destination, before: &[&str], after: &[&str]| check_copy(&guest, "download", source, destination, before, after);
    down("src/a", "g/n/x", &[], &["n/ 755", "n/x 644"]);
    down("src/a", "g/n/", &[], &["n/ 755", "n/a 644"]);
    down("src/sub/", "g/n", &[], &["n/ 755", "n/sub/ 755", "n/sub/run.sh 755"]);
    down("src/sub/", "g/n", &["n/"], &["n/ 755", "n/sub/ 755", "n/sub/run.sh 755"]);
}

/// One `shell` provisioner: its exit status and what the guest said.
#[track_caller]
fn check_shell(guest: &Guest, keys: Value, exit: i32, said: &[&str]) {
    let mut provisioner = json!({"type": "shell"});
    provisioner.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    let said: Vec<String> = said.iter().map(|line| (*line).to_owned()).collect();
    assert_eq!(provision(guest, &provisioner), (exit, said), "{keys}");
}

#[test]
fn scripts_run_as_packer_runs_them() {
    let Some(guest) = Guest::start() else { return };
    write(&guest.path("s.sh"), "#!/bin/sh\r\necho \"$FOO\" \"$PACKER_BUILDER_TYPE\"\r\n", 0o644);
    let (script, folder) = (guest.path("s.sh"), guest.path(""));
    check_shell(&guest, json!({"script": script, "environment_vars": ["FOO=it's \"x\" $HOME"]}), 0, &["null: it's \"x\" $HOME null"]);
    check_shell(&guest, json!({"script": script, "use_env_var_file": true, "env": {"FOO": "it's"}}), 0, &["null: it's null"]);
    let twice = json!({"scripts": [script, script], "use_env_var_file": true, "environment_vars": ["FOO=x"]});
    check_shell(&guest, twice, 0, &["null: x null", "null: x null"]);
    let custom = "{{.Vars}} bash '{{.Path}}' arg";
    check_shell(&guest, json!({"inline": ["echo $FOO $1"], "execute_command": custom, "environment_vars": ["FOO=z"]}), 0, &["null: z arg"]);
    check_shell(&guest, json!({"inline": ["echo $0"], "remote_folder": folder, "remote_file": "rf.sh"}), 0, &["null: <G>//rf.sh"]);
    assert!(!guest.path("rf.sh").exists(), "a script does not stay");
    check_shell(
        &guest,
        json!({"inline": ["echo $0"], "remote_path": guest.path("kept.sh"), "skip_clean": true}),
        0,
        &["null: <G>/kept.sh"],
    );
    assert!(guest.path("kept.sh").exists());
    check_shell(&guest, json!({"inline": ["exit 3"], "valid_exit_codes": [0, 3]}), 0, &[]);
    let refused = "--> null: Script exited with non-zero exit status: 1.Allowed exit codes are: [0]";
    check_shell(&guest, json!({"inline": ["false", "echo not here"]}), 1, &[refused]);
    check_shell(&guest, json!({"inline": ["printf 'a\\rb  \\n'; printf end"]}), 0, &["null: b", "null: end"]);
    let data = "echo {{build `Host`}} {{build_name}} {{build_type}}";
    check_shell(&guest, json!({"inline": [data]}), 0, &["null: 127.0.0.1 null null"]);
}
