//! The schemas in `schema/`: what editors read, written from the registered types.

use serde_json::{Map, Value, json};

use super::component::{chooser, component, word};
use super::snippet;
use super::weaken::{markdown, unwrap_lines};
use crate::component::Kind;
use crate::registry::Registry;

/// A name, not an address: the schemas travel with the program and are fetched from nowhere.
const NAME: &str = "urn:amibake";

/// The `$id` of a template's schema, and what a template's `$schema` names.
const TEMPLATE_ID: &str = "urn:amibake:packer-template.schema.json";

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
        "$id": TEMPLATE_ID,
        "title": "Packer template",
        "description": "A template in Packer's JSON format, as amibake reads it.",
        "type": "object",
        "required": ["builders"],
        "defaultSnippets": [snippet::template(registry)],
        "properties": root_properties(&snippet::components(registry, Kind::PostProcessor)),
        "patternProperties": { "^_": { "type": "string", "description": "A comment." } },
        "additionalProperties": false,
        "definitions": definitions,
    });
    finish(&mut schema);
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
        "examples": [{ "region": "us-east-2", "instance_type": "t3.micro" }],
        "properties": {
            "$schema": { "type": "string", "description": "The schema this file is checked against by editors." }
        },
        "additionalProperties": {
            "type": ["string", "null"],
            "description": "The variable's value. Always a string: numbers, booleans and comma-separated lists are written in quotes."
        },
    });
    finish(&mut schema);
    schema
}

fn root_properties(post_processors: &[Value]) -> Value {
    json!({
        "$schema": { "type": "string", "description": "The schema this file is checked against by editors." },
        "description": { "type": ["string", "null"], "description": "What the template makes, for people. Shown by `inspect`." },
        "min_packer_version": {
            "type": ["string", "null"],
            "description": "The oldest Packer the template works with.",
            "examples": ["1.6.0"]
        },
        "variables": {
            "type": ["object", "null"],
            "description": "User variables with their defaults, used as {{user `NAME`}}. `null` has no default and must be given.",
            "additionalProperties": {
                "type": ["string", "null"],
                "defaultSnippets": [
                    { "label": "\"\"", "body": "^\"$1\"" },
                    { "label": "from the environment", "body": "^\"{{env `${1:NAME}`}}\"" }
                ],
                "description": "The variable's default: a string, or null where it must be given with -var or -var-file. \
                                May read the environment: {{env `NAME`}}."
            }
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
        "error-cleanup-provisioner": {
            "description": "Runs on the guest where a provisioner has failed, before everything is torn down. Since Packer 1.3.4.",
            "type": ["object", "null"],
            "if": { "type": "null" },
            "else": { "$ref": "#/definitions/provisioner" }
        },
        "post-processors": {
            "type": ["array", "null"],
            "description": "What happens with each builder's artifact; an inner list is a chain, whose elements work on each other's results.",
            "items": {
                "defaultSnippets": post_processors,
                "if": { "type": "array" },
                "then": { "items": { "$ref": "#/definitions/post-processor" } },
                "else": { "$ref": "#/definitions/post-processor" }
            }
        },
        "push": { "type": ["object", "null"], "description": "Read by no current version.", "doNotSuggest": true }
    })
}

/// How the descriptions of keys begin that editors shall not offer.
const NOT_FOR_NEW_TEMPLATES: [&str; 4] = ["Accepted for old templates", "Old name of", "No longer used", "Length of a spot block. Retired"];

/// Copies descriptions for editors that show Markdown, and drops what is for this program only.
fn finish(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.retain(|key, _| !key.starts_with("x-amibake-"));
            object.values_mut().for_each(finish);
            unwrap_lines(object);
            markdown(object);
            let description = object.get("description").and_then(Value::as_str);
            if description.is_some_and(|text| NOT_FOR_NEW_TEMPLATES.iter().any(|words| text.starts_with(words))) {
                object.insert("doNotSuggest".to_owned(), Value::Bool(true));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(finish),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
