//! The folders of tests/cases that hold a file `packer`: the real Packer must print the same and end the same.

use std::path::Path;

use crate::program::{Sandbox, difference, entries, repository};
use crate::real::RealPacker;

#[test]
fn packer_prints_what_the_cases_say() {
    let Some(packer) = RealPacker::find("the cases against Packer") else { return };
    let cases: Vec<_> = entries(&repository("tests/cases")).into_iter().filter(|dir| dir.join("packer").is_file()).collect();
    assert!(!cases.is_empty(), "no cases found");
    let failures: Vec<_> = cases.iter().filter_map(|case| compare(&packer, case).err()).collect();
    assert!(failures.is_empty(), "{} of {} cases differ\n\n{}", failures.len(), cases.len(), failures.join("\n\n"));
}

fn compare(packer: &RealPacker, case: &Path) -> Result<(), String> {
    let read = |file: &str| std::fs::read_to_string(case.join(file)).unwrap_or_default();
    let sandbox = Sandbox::new();
    for file in entries(case) {
        std::fs::copy(&file, sandbox.work().join(file.file_name().unwrap())).unwrap();
    }
    let (args, env) = (read("args"), read("env"));
    let env: Vec<_> = env.lines().map(|line| line.split_once('=').unwrap()).collect();
    let ran = packer.run_with(&args.lines().collect::<Vec<_>>(), &sandbox.work(), &read("stdin"), &env);
    let (expected, found) = (read("stdout"), sandbox.normalise(&ran.stdout));
    if lines(&expected) == lines(&found) && read("exit").trim() == ran.exit.to_string() {
        return Ok(());
    }
    Err(format!("{}: exit {}\n{}", case.display(), ran.exit, difference(&expected, &found)))
}

/// Builds run side by side and are listed in random order by Packer; within one, order is the tests' of our own output.
fn lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}
