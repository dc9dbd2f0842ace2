//! Real templates: what Packer 1.6.6 was recorded to print about them. They stand outside this project, see `real::corpus`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::{Sandbox, difference};
use crate::real::{RealPacker, corpus};

#[test]
fn inspect_prints_what_packer_printed() {
    each("inspect of real templates", |template| {
        let sandbox = Sandbox::new();
        let ran = sandbox.run_in(&["inspect", &template.path], &template.folder);
        let wanted = template.record["packer_1_6_6"]["inspect_exit"].as_i64().unwrap();
        if i64::from(ran.exit) != wanted {
            return Err(format!("exit {} instead of {wanted}\n{}", ran.exit, ran.stdout));
        }
        let recorded = std::fs::read_to_string(template.expected.join("inspect.txt")).unwrap_or_default();
        if wanted == 0 && ran.stdout != recorded {
            return Err(difference(&recorded, &ran.stdout));
        }
        // Programs read the same texts, with facts between them.
        let ran = sandbox.run_in(&["inspect", "-machine-readable", &template.path], &template.folder);
        let texts: String = ran.stdout.lines().filter_map(said).collect();
        if wanted == 0 && texts != recorded { Err(difference(&recorded, &texts)) } else { Ok(()) }
    });
}

#[test]
fn inspect_tells_programs_what_packer_tells_them() {
    let Some(packer) = RealPacker::find("inspect -machine-readable against Packer") else { return };
    each("inspect -machine-readable of real templates", |template| {
        let args = ["inspect", "-machine-readable", &template.path];
        let ours = Sandbox::new().run_in(&args, &template.folder);
        let theirs = packer.run(&args, &template.folder, "");
        if theirs.exit == 0 && lines(&ours.stdout) != lines(&theirs.stdout) {
            return Err(difference(&theirs.stdout, &ours.stdout));
        }
        if (theirs.exit == 0) == (ours.exit == 0) { Ok(()) } else { Err(format!("exit {} instead of {}", ours.exit, theirs.exit)) }
    });
}

/// A template of the corpus.
struct Template {
    record: Value,
    /// Where its relative paths start.
    folder: PathBuf,
    path: String,
    expected: PathBuf,
}

fn each(what: &str, check: impl Fn(&Template) -> Result<(), String>) {
    let Some(corpus) = corpus(what) else { return };
    let records: Vec<Value> = serde_json::from_slice(&std::fs::read(corpus.join("index.json")).unwrap()).unwrap();
    assert!(!records.is_empty(), "an empty corpus");
    let failures: Vec<_> = records
        .into_iter()
        .filter_map(|record| {
            let template = template(&corpus, record);
            check(&template).err().map(|failure| format!("{}: {failure}", template.record["id"]))
        })
        .collect();
    assert!(failures.is_empty(), "{} differ\n{}", failures.len(), failures.join("\n"));
}

fn template(corpus: &Path, record: Value) -> Template {
    let text = |key: &str| record[key].as_str().unwrap().to_owned();
    let (folder, expected) = (corpus.join(text("dir")).join(text("cwd")), corpus.join("expected").join(text("id")));
    Template { folder, path: text("template"), expected, record }
}

/// The text of a `ui` line.
fn said(line: &str) -> Option<String> {
    let text = line.split_once(",,ui,say,")?.1;
    Some(text.replace("%!(PACKER_COMMA)", ",").replace("\\n", "\n").replace("\\r", "\r") + "\n")
}

/// Without times and sorted: Packer lists required variables in random order.
fn lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().map(|line| line.split_once(',').map_or(line, |(_, rest)| rest)).collect();
    lines.sort_unstable();
    lines
}
