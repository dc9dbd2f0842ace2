//! The template language against recorded runs of Packer 1.6.6: `golden/interp.json` holds the `content` of a `file` builder
//! and what Packer wrote, or the error it printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failing test may panic")]

use std::collections::BTreeMap;

use amibake_template::lang::{Context, Host, Scope, Template};
use serde_json::Value;

/// Where we differ and why; each entry is checked to differ, so that none outlives its reason.
const KNOWN_DIFFERENCES: [(&str, &str); 1] =
    [("interp-syntax-template-undefined", "Packer's column is that of the name, its node the whole action; we point at the action")];

fn host() -> Host {
    Host {
        cwd: "<TEMPLATE_DIR>".into(),
        template_dir: "<TEMPLATE_DIR>".into(),
        started_unix_nanos: 1_795_231_468_280_000_000,
        packer_version: "1.6.6".into(),
        ..Host::default()
    }
}

fn outcome(case: &Value) -> Result<String, String> {
    let text = case["text"].as_str().unwrap();
    let user: BTreeMap<String, String> =
        serde_json::from_value(case.get("user").cloned().unwrap_or_else(|| serde_json::json!({}))).unwrap();
    let name = case["name"].as_str().unwrap_or("file").replace("{{user `x`}}", "X");
    let cx = Context {
        host: &host(),
        scope: Scope::Component { amazon: false },
        user: &user,
        build: Some((&name, "file")),
        data: &Value::Null,
        strict_data: false,
        build_data: None,
    };
    Template::compile(text).and_then(|template| template.render(&cx)).map_err(|error| collapse(&error.packer_message(text)))
}

/// Packer wraps its messages, so runs of white space count as one blank.
fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn differs(case: &Value) -> Option<String> {
    let outcome = outcome(case);
    let agrees = match (&outcome, case["rendered"].as_str(), case["matches"].as_str(), case["error"].as_str()) {
        (Ok(text), Some(rendered), _, _) => text == rendered,
        (Ok(text), _, Some(pattern), _) => regex::Regex::new(pattern).unwrap().is_match(text),
        (Err(message), _, _, Some(error)) => message == error,
        _ => false,
    };
    (!agrees).then(|| format!("{}: {}\n   got {outcome:?}\n   recorded {case}", case["id"], case["text"]))
}

#[test]
fn renders_what_packer_rendered() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("golden/interp.json")).unwrap();
    let is_known = |case: &Value| KNOWN_DIFFERENCES.iter().any(|(id, _)| case["id"] == *id);
    let failures: Vec<String> = cases.iter().filter(|case| !is_known(case)).filter_map(differs).collect();
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
    for (id, reason) in KNOWN_DIFFERENCES {
        let case = cases.iter().find(|case| case["id"] == id).unwrap_or_else(|| panic!("no case {id}"));
        assert!(differs(case).is_some(), "{id} no longer differs ({reason}): take it off the list");
    }
}
