//! Real templates, and what Packer 1.6.6 made of them: `AMIBAKE_CORPUS` names the folder with their `index.json`.

use std::path::Path;

use serde_json::Value;

use crate::{fixed, variable};

#[test]
fn fixed_as_recorded() {
    let Some(folder) = variable("AMIBAKE_CORPUS") else {
        eprintln!("NOT TESTED: AMIBAKE_CORPUS names no folder of recorded templates");
        return;
    };
    let folder = Path::new(&folder);
    let index: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("index.json")).unwrap()).unwrap();
    let templates = index.as_array().unwrap();
    let wrong: Vec<String> = templates.iter().filter_map(|entry| difference(folder, entry)).collect();
    eprintln!("{} templates, {} differences", templates.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn difference(folder: &Path, entry: &Value) -> Option<String> {
    let text = |key: &str| entry[key].as_str().unwrap();
    let path = folder.join(text("dir")).join(text("cwd")).join(text("template"));
    let recorded = std::fs::read_to_string(folder.join("expected").join(text("id")).join("fixed.json")).ok();
    // The template is read as the program reads it: text that is not UTF-8 has no place in a template.
    let ours = std::fs::read_to_string(path).ok().and_then(|template| fixed(&template).ok());
    let expected = recorded.as_deref().map(|text| text.strip_suffix('\n').unwrap_or(text));
    (ours.as_deref() != expected).then(|| {
        let verdict = |text: Option<&str>| if text.is_some() { "fixed" } else { "refused" };
        format!("{}: Packer {}, we {}", text("id"), verdict(expected), verdict(ours.as_deref()))
    })
}
