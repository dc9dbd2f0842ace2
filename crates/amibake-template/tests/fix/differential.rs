//! Generated templates, to the Packer 1.6.6 of this machine and to us: the same bytes, and an error where it has one or crashes.
//!
//! `AMIBAKE_SEED` repeats a run; `AMIBAKE_CASES` makes a longer one.

use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;

use crate::generate::{Random, template};
use crate::{fixed, variable};

/// 40 templates of 60 components are 2,400 components; a run of Packer takes a third of a second, most of it for starting.
const TEMPLATES: usize = 40;
const COMPONENTS: usize = 60;

#[test]
fn fixed_as_by_packer() {
    if !has_packer() {
        assert!(variable("AMIBAKE_PACKER").as_deref() != Some("require"), "no Packer 1.6.6 on the path to compare with");
        eprintln!("NOT TESTED: no Packer 1.6.6 on the path to compare with");
        return;
    }
    let seed = variable("AMIBAKE_SEED").and_then(|text| text.parse().ok()).unwrap_or(1);
    let templates = variable("AMIBAKE_CASES").and_then(|text| text.parse().ok()).unwrap_or(TEMPLATES);
    eprintln!("AMIBAKE_SEED={seed}");
    let folder = std::env::temp_dir().join(format!("amibake-fix-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut random = Random::new(seed);
    let (mut accepted, mut wrong) = (0, Vec::new());
    for _ in 0..templates {
        let template = template(&mut random, COMPONENTS, true);
        let theirs = packer(&folder, &template);
        accepted += usize::from(theirs.is_some());
        if theirs != fixed(&template.to_string()).ok() {
            wrong.push(smallest(&folder, &template));
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    eprintln!("{templates} templates, {accepted} accepted, {} differences", wrong.len());
    assert!(accepted * 2 > templates, "the generator makes too few good templates");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What Packer prints; None for an error.
fn packer(folder: &Path, template: &Json) -> Option<String> {
    std::fs::write(folder.join("t.json"), template.to_string()).unwrap();
    let mut command = Command::new("packer");
    command.args(["fix", "-validate=false", "t.json"]).current_dir(folder).env("CHECKPOINT_DISABLE", "1").env("HOME", folder);
    let output = command.output().unwrap();
    let text = output.status.success().then(|| String::from_utf8(output.stdout).unwrap())?;
    Some(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

/// The first component that alone makes the difference; else the whole template.
fn smallest(folder: &Path, template: &Json) -> String {
    for (section, components) in template.as_object().unwrap() {
        for component in components.as_array().into_iter().flatten() {
            let alone = serde_json::json!({ section: [component] });
            let (theirs, ours) = (packer(folder, &alone), fixed(&alone.to_string()));
            if theirs.as_deref() != ours.as_deref().ok() {
                return format!("{alone}\npacker {theirs:?}\nours   {ours:?}");
            }
        }
    }
    template.to_string()
}

fn has_packer() -> bool {
    let version = Command::new("packer").arg("version").env("CHECKPOINT_DISABLE", "1").output();
    version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("v1.6.6"))
}
