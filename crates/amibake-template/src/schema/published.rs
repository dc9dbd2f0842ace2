//! The schemas in `schema/`: what editors read, written from the registered types.

use serde_json::{Map, Value, json};

use super::strict;
use super::weaken::{markdown, weaken};
use crate::component::Kind;
use crate::registry::{Entry, Registry};

/// A name, not an address: the schemas travel with the program and are fetched from nowhere.
const NAME: &str = "urn:amibake";

/// The published schema of a whole template, draft-07 (`schema/packer-template.schema.json`).
///
/// Components are told apart by `type` with `if`/`then`, never `oneOf`: only so can an editor say what is wrong with the one meant.
pub fn template_schema(registry: &Registry) -> Value {
    let mut definitions = Map::new();
    for kind in [Kind::Builder, Kind::Provisioner, Kind::PostProcessor] {
        let word = word(kind);
        definitions.insert(word.to_owned(), chooser(registry, kind));
        for entry in registry.entries.iter().filter(|entry| entry.kind == kind) {
            definitions.insert(format!("{word}.{}", entry.type_name), component(entry));
        }
    }
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": format!("{NAME}:packer-template.schema.json"),
        "title": "Packer template",
        "description": "A template in Packer's JSON format, as amibake reads it.",
        "type": "object",
        "required": ["builders"],
        "properties": root_properties(),
        "patternProperties": { "^_": { "type": "string", "description": "A comment." } },
        "additionalProperties": false,
        "definitions": definitions,
    });
    describe_all(&mut schema);
    schema
}

/// The published schema of a var file (`schema/packer-vars.schema.json`).
pub fn vars_schema() -> Value {
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": format!("{NAME}:packer-vars.schema.json"),
        "title": "Packer variables",
        "description": "Values of user variables: a file for -var-file.",
        "type": "object",
        "additionalProperties": {
            "type": ["string", "null"],
            "description": "The variable's value. Always a string: numbers, booleans and comma-separated lists are written in quotes."
        },
    });
    describe_all(&mut schema);
    schema
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Builder => "builder",
        Kind::Provisioner => "provisioner",
        Kind::PostProcessor => "post-processor",
    }
}

fn root_properties() -> Value {
    json!({
        "$schema": { "type": "string", "description": "The schema this file is checked against by editors." },
        "description": { "type": ["string", "null"], "description": "What the template makes, for people." },
        "min_packer_version": { "type": ["string", "null"], "description": "The oldest Packer the template works with, such as `1.6.0`." },
        "variables": {
            "type": ["object", "null"],
            "description": "User variables with their defaults. `null` has no default and must be given.",
            "additionalProperties": { "type": ["string", "null"] }
        },
        "sensitive-variables": {
            "type": ["array", "null"],
            "description": "Names of variables whose values are never shown.",
            "items": { "type": "string" }
        },
        "builders": {
            "type": "array",
            "description": "What is built: one image for each element, side by side.",
            "minItems": 1,
            "items": { "$ref": "#/definitions/builder" }
        },
        "provisioners": {
            "type": ["array", "null"],
            "description": "What changes the running guest, in this order.",
            "items": { "$ref": "#/definitions/provisioner" }
        },
        "error-cleanup-provisioner": { "$ref": "#/definitions/provisioner" },
        "post-processors": {
            "type": ["array", "null"],
            "description": "What happens with each builder's artifact; an inner list is a chain.",
            "items": {
                "if": { "type": "array" },
                "then": { "items": { "$ref": "#/definitions/post-processor" } },
                "else": { "$ref": "#/definitions/post-processor" }
            }
        },
        "push": { "type": ["object", "null"], "description": "Read by no current version.", "deprecationMessage": "`push` is ignored." }
    })
}

/// Picks the schema of a component by its `type`.
fn chooser(registry: &Registry, kind: Kind) -> Value {
    let types: Vec<&str> = registry.types(kind).collect();
    let branches: Vec<Value> = types
        .iter()
        .map(|name| {
            json!({
                "if": { "type": "object", "properties": { "type": { "const": name } }, "required": ["type"] },
                "then": { "$ref": format!("#/definitions/{}.{name}", word(kind)) }
            })
        })
        .collect();
    let snippets: Vec<Value> = registry.entries.iter().filter(|entry| entry.kind == kind).filter_map(snippet).collect();
    let object = json!({
        "required": ["type"],
        "properties": { "type": { "enum": types, "description": format!("Which {} this is.", word(kind)) } },
        "defaultSnippets": snippets,
        "allOf": branches,
    });
    let Value::Object(mut object) = object else { return object };
    if kind == Kind::PostProcessor {
        // A string stands for the type alone.
        object.insert("type".to_owned(), json!(["object", "string"]));
        object.insert(
            "allOf".to_owned(),
            Value::Array([branches, vec![json!({ "if": { "type": "string" }, "then": { "enum": types } })]].concat()),
        );
    } else {
        object.insert("type".to_owned(), json!("object"));
    }
    Value::Object(object)
}

/// The component's example for the editor's completion.
fn snippet(entry: &Entry) -> Option<Value> {
    let body: Value = serde_json::from_str(&(entry.example)()).ok()?;
    let filled = body.as_object().is_some_and(|members| !members.is_empty());
    filled.then(|| json!({ "label": entry.type_name, "body": body }))
}

/// One component with the keys that the core takes for itself.
fn component(entry: &Entry) -> Value {
    let Value::Object(mut schema) = weaken(&strict((entry.schema)())) else { return Value::Bool(true) };
    let Value::Object(mut properties) = wrapper(entry) else { return Value::Bool(true) };
    if let Some(Value::Object(own)) = schema.remove("properties") {
        // A component's own key of the same name is one it reads itself.
        properties.extend(own);
    }
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("title".to_owned(), json!(entry.type_name));
    schema.insert("properties".to_owned(), Value::Object(properties));
    // Packer's core writes such keys itself; they pass everywhere.
    schema.insert("patternProperties".to_owned(), json!({ "^packer_": {} }));
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    if entry.kind == Kind::Provisioner {
        // What is required may come from an override.
        schema.remove("required");
    }
    Value::Object(schema)
}

fn wrapper(entry: &Entry) -> Value {
    let names = |what: &str, types: Value| json!({ "type": types, "items": { "type": "string" }, "description": what });
    let list_or_one = json!(["array", "string", "null"]);
    let kind = json!({ "const": entry.type_name, "description": format!("Which {} this is.", word(entry.kind)) });
    match entry.kind {
        Kind::Builder => json!({
            "type": kind,
            "name": {
                "type": ["string", "number", "null"],
                "description": "The build's name in output and for -only and -except. Default: the type. May hold variables."
            }
        }),
        Kind::Provisioner => json!({
            "type": kind,
            "only": names("Runs for these builders only: names as written, before variables.", list_or_one.clone()),
            "except": names("Runs for all but these builders: names as written, before variables.", list_or_one),
            "override": {
                "type": ["object", "null"],
                "description": "Settings for single builders: a builder's name to an object of keys that replace those here.",
                "additionalProperties": { "type": ["object", "null"] }
            },
            "pause_before": duration("Wait before this provisioner, such as `10s`. No variables."),
            "timeout": duration("Longest time this provisioner may take, such as `5m`. No variables."),
            "max_retries": {
                "type": ["number", "string", "boolean", "null"],
                "description": "How often the provisioner is tried again after a failure. Default: 0."
            }
        }),
        Kind::PostProcessor => json!({
            "type": kind,
            "name": { "type": ["string", "null"], "description": "The name for -except. Default: the type." },
            "only": names("Runs for these builders only: names as written, before variables.", json!(["array", "null"])),
            "except": names("Runs for all but these builders: names as written, before variables.", json!(["array", "null"])),
            "keep_input_artifact": {
                "type": ["boolean", "null"],
                "description": "Whether what came in is kept beside what comes out. Default: the post-processor's own choice."
            }
        }),
    }
}

fn duration(what: &str) -> Value {
    json!({
        "type": ["string", "number", "null"],
        "pattern": "^[+-]?([0-9]*\\.?[0-9]*(ns|us|\u{b5}s|\u{3bc}s|ms|s|m|h))+$|^[+-]?0$",
        "description": what,
    })
}

/// Copies each description for editors that show Markdown.
fn describe_all(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("description").is_some_and(Value::is_string) {
                markdown(object);
            }
            object.values_mut().for_each(describe_all);
        }
        Value::Array(items) => items.iter_mut().for_each(describe_all),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
