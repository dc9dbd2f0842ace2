//! The keys that Packer's core takes from each component before the component sees the rest.

use serde_json::{Value, json};

use super::component::{about, word};
use crate::component::Kind;
use crate::registry::Entry;

/// The core's keys of a component.
pub(super) fn keys(entry: &Entry) -> Value {
    let kind = json!({ "const": entry.type_name, "description": format!("Which {} this is. {}", word(entry.kind), about(entry)) });
    match entry.kind {
        Kind::Builder => json!({
            "type": kind,
            "name": {
                "type": ["string", "number", "null"],
                "description": "The build's name in output and for -only and -except. Default: the type. May hold variables."
            }
        }),
        Kind::Provisioner => provisioner(&kind, entry.type_name),
        Kind::PostProcessor => json!({
            "type": kind,
            "name": { "type": ["string", "null"], "description": "The name for -except. Default: the type. Since Packer 1.4.0." },
            "only": names("Runs for these builders only: names as written, before variables.", &json!(["array", "null"])),
            "except": names("Runs for all but these builders: names as written, before variables.", &json!(["array", "null"])),
            "keep_input_artifact": {
                "type": ["boolean", "null"],
                "description": "Whether what came in is kept beside what comes out. Default: the post-processor's own choice."
            }
        }),
    }
}

fn provisioner(kind: &Value, type_name: &str) -> Value {
    let list_or_one = json!(["array", "string", "null"]);
    json!({
        "type": kind,
        "only": names("Runs for these builders only: names as written, before variables.", &list_or_one),
        "except": names("Runs for all but these builders: names as written, before variables.", &list_or_one),
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
            "type": ["number", "string", "boolean", "null"],
            "description": "How often the provisioner is tried again after a failure. Default: 0. Since Packer 1.5.6."
        }
    })
}

fn names(what: &str, types: &Value) -> Value {
    json!({ "type": types, "items": { "type": "string" }, "description": what })
}

fn duration(what: &str) -> Value {
    json!({
        "type": ["string", "number", "null"],
        "pattern": "^[+-]?([0-9]*\\.?[0-9]*(ns|us|\u{b5}s|\u{3bc}s|ms|s|m|h))+$|^[+-]?0$",
        "description": what,
        "examples": ["10s", "5m"],
    })
}
