//! What a person sees in an editor: VS Code's own JSON engine with the published schemas, driven by tests/editor/editor.test.mjs.
//!
//! `tests/editor/setup.sh` installs the engine; where it is missing the tests skip aloud, or fail where AMIBAKE_E2E=require.

use std::path::PathBuf;
use std::process::Command;

use crate::corpus::{Corpus, Sample};
use crate::program::{Sandbox, entries, repository, setting};

#[test]
fn vs_codes_engine_completes_explains_and_underlines() {
    let Some(packages) = packages() else { return };
    let (mut templates, mut var_files) = (vec![repository("packer-template.json")], vec![repository("packer-vars.json")]);
    templates.extend(examples());
    for sample in Corpus::find().iter().flat_map(Corpus::samples).filter(valid) {
        templates.push(sample.folder().join(&sample.template));
        var_files.extend(sample.var_files.iter().map(|file| sample.folder().join(file)));
    }
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec"]).arg(repository("tests/editor/editor.test.mjs"));
    node.env("AMIBAKE_EDITOR_PACKAGES", packages).env("AMIBAKE_TEMPLATES", lines(&templates)).env("AMIBAKE_VAR_FILES", lines(&var_files));
    let output = node.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_settings_that_the_docs_show_are_json() {
    let page = std::fs::read_to_string(repository("docs/editors.md")).unwrap();
    let blocks: Vec<_> = page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        serde_json::from_str::<serde_json::Value>(block).unwrap_or_else(|error| panic!("{error}\n{block}"));
    }
}

/// The engine's place; None, with a word about it, where it is not installed.
#[expect(clippy::print_stderr, reason = "a test that does nothing has to say so")]
pub fn packages() -> Option<PathBuf> {
    let place = repository("target/editor");
    if place.join("installed").is_file() && Command::new("node").arg("--version").output().is_ok() {
        return Some(place);
    }
    assert!(setting("AMIBAKE_E2E").as_deref() != Some("require"), "VS Code's JSON engine is missing: run tests/editor/setup.sh");
    eprintln!("NOT TESTED: VS Code's JSON engine is missing; tests/editor/setup.sh installs it");
    None
}

/// What we accept, of the templates that are meant to be read as JSON without comments.
fn valid(sample: &Sample) -> bool {
    sample.validate(&Sandbox::new()).exit == 0
}

fn examples() -> Vec<PathBuf> {
    let folders = entries(&repository("examples"));
    let files = folders.iter().filter(|folder| folder.is_dir()).flat_map(|folder| entries(folder));
    files.filter(|file| file.extension().is_some_and(|extension| extension == "json")).collect()
}

fn lines(paths: &[PathBuf]) -> String {
    let mut lines: Vec<_> = paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    lines.sort();
    lines.dedup();
    lines.join("\n")
}
