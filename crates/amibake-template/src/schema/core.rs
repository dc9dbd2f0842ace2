//! The keys that Packer's core takes from each component before the component sees the rest.

use serde_json::{Value, json};

use super::component::word;
use super::weaken::{DURATION, NO_DURATION};
use crate::component::Kind;
use crate::registry::Entry;

/// The core's keys of a component.
pub(super) fn keys(entry: &Entry) -> Value {
    let kind = json!({ "const": entry.type_name, "description": format!("Which {} this is.", word(entry.kind)) });
    match entry.kind {
        Kind::Builder => json!({
            "type": kind,
            "name": {
                "if": { "type": ["number", "boolean", "null"] },
                "else": { "type": "string" },
                "defaultSnippets": [{ "label": "\"\"", "body": "^\"$1\"" }],
                "description": "The build's name in output and for -only and -except. Default: the type. May hold variables."
            }
        }),
        Kind::Provisioner => provisioner(&kind, entry.type_name),
        Kind::PostProcessor => json!({
            "type": kind,
            "name": { "type": ["string", "number", "null"], "description": "The name for -except. Default: the type. Since Packer 1.4.0." },
            "only": names("Runs for these builders only: names as written, before variables.", &["null"]),
            "except": names("Runs for all but these builders: names as written, before variables.", &["null"]),
            "keep_input_artifact": {
                "if": { "type": "null" },
                "else": { "type": "boolean" },
                "examples": [true, false],
                "description": "Whether what came in is kept beside what comes out. Default: the post-processor's own choice."
            }
        }),
    }
}

fn provisioner(kind: &Value, type_name: &str) -> Value {
    json!({
        "type": kind,
        "only": names("Runs for these builders only: names as written, before variables.", &["string", "null"]),
        "except": names("Runs for all but these builders: names as written, before variables.", &["string", "null"]),
        "override": {
            "type": ["object", "null"],
            "description": "Settings for single builders: a builder's name to an object of keys that replace those here.",
            "additionalProperties": {
                "if": { "type": "null" },
                "else": { "$ref": format!("#/definitions/provisioner.{type_name}") }
            }
        },
        "pause_before": duration("Wait before this provisioner. Default: 0s. No variables."),
        "timeout": duration("Longest time this provisioner may take. Default: no limit. No variables. Since Packer 1.4.0."),
        "max_retries": {
            "if": { "type": ["string", "boolean", "null"] },
            "else": { "type": "number" },
            "defaultSnippets": [{ "label": "3", "body": "^${1:3}" }],
            "description": "How often the provisioner is tried again after a failure. Default: 0. Since Packer 1.5.6."
        }
    })
}

/// `besides`: what else than a list may stand there.
fn names(what: &str, besides: &[&str]) -> Value {
    json!({
        "if": { "type": besides },
        "else": { "type": "array" },
        "items": { "type": "string" },
        "defaultSnippets": [{ "label": "[]", "body": "^[\"$1\"]" }],
        "description": what
    })
}

fn duration(what: &str) -> Value {
    json!({
        "if": { "type": ["number", "null"] },
        "else": { "type": "string" },
        "pattern": DURATION,
        "patternErrorMessage": NO_DURATION,
        "description": what,
        "examples": ["10s", "5m"],
    })
}
