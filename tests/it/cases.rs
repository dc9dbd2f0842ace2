//! Runs the folders of tests/cases: `args` (one a line), and where they are there `stdin`, `env` (NAME=VALUE lines) and any file that
//! the command is to find; then `stdout` and `exit` are compared, in full. `UPDATE=1` writes what was found: read it before you commit it.

use std::path::Path;

use crate::program::{Sandbox, difference, entries, repository};

#[test]
fn cases() {
    let cases: Vec<_> = entries(&repository("tests/cases")).into_iter().filter(|dir| dir.join("args").is_file()).collect();
    assert!(!cases.is_empty(), "no cases found");
    let failures: Vec<_> = cases.iter().filter_map(|dir| run(dir).err()).collect();
    assert!(failures.is_empty(), "{} of {} cases failed\n\n{}", failures.len(), cases.len(), failures.join("\n\n"));
}

fn run(dir: &Path) -> Result<(), String> {
    let mut sandbox = Sandbox::new();
    copy(dir, &sandbox.work());
    for line in read(dir, "env").lines() {
        let (name, value) = line.split_once('=').unwrap();
        sandbox.env(name, value);
    }
    let args = read(dir, "args");
    let ran = sandbox.run(&args.lines().collect::<Vec<_>>(), &read(dir, "stdin"));
    let (stdout, exit) = (sandbox.normalise(&ran.stdout), format!("{}\n", ran.exit));
    #[expect(clippy::disallowed_methods, reason = "the word to a test on how to run")]
    let update = std::env::var_os("UPDATE").is_some();
    if update {
        std::fs::write(dir.join("stdout"), &stdout).unwrap();
        std::fs::write(dir.join("exit"), &exit).unwrap();
    }
    let name = dir.file_name().unwrap().to_string_lossy();
    if stdout != read(dir, "stdout") || exit != read(dir, "exit") {
        let expected = format!("{}exit {}", read(dir, "stdout"), read(dir, "exit"));
        return Err(format!("{name}:\n{}", difference(&expected, &format!("{stdout}exit {exit}"))));
    }
    if !ran.stderr.is_empty() {
        return Err(format!("{name}: wrote to standard error: {}", ran.stderr));
    }
    Ok(())
}

fn read(dir: &Path, file: &str) -> String {
    std::fs::read_to_string(dir.join(file)).unwrap_or_default()
}

fn copy(from: &Path, to: &Path) {
    for entry in entries(from) {
        let target = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry, &target);
        } else {
            std::fs::copy(&entry, &target).unwrap();
        }
    }
}
