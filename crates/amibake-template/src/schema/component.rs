//! One component's schema, and the choice between them.

use serde_json::{Value, json};

use super::weaken::weaken;
use super::{core, snippet, strict};
use crate::component::Kind;
use crate::foreign;
use crate::registry::{Entry, Registry};

pub(super) fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Builder => "builder",
        Kind::Provisioner => "provisioner",
        Kind::PostProcessor => "post-processor",
    }
}

/// Picks the schema of a component by its `type`.
pub(super) fn chooser(registry: &Registry, kind: Kind) -> Value {
    let entries: Vec<&Entry> = registry.entries.iter().filter(|entry| entry.kind == kind).collect();
    let mut branches: Vec<Value> = entries.iter().map(|entry| branch(entry)).collect();
    let types = types(&entries, kind);
    let object = json!({
        "title": word(kind),
        "required": ["type"],
        "properties": { "type": type_key(&types, kind) },
        "defaultSnippets": snippet::components(registry, kind),
    });
    let Value::Object(mut object) = object else { return object };
    if kind == Kind::PostProcessor {
        // A string stands for the type alone.
        object.insert("type".to_owned(), json!(["object", "string"]));
        branches.push(json!({ "if": { "type": "string" }, "then": types }));
    } else {
        object.insert("type".to_owned(), json!("object"));
    }
    object.insert("allOf".to_owned(), Value::Array(branches));
    Value::Object(object)
}

fn branch(entry: &Entry) -> Value {
    json!({
        "if": { "type": "object", "properties": { "type": { "const": entry.type_name } }, "required": ["type"] },
        "then": { "$ref": format!("#/definitions/{}.{}", word(entry.kind), entry.type_name) }
    })
}

/// The types that are offered, and those of other platforms, which are let through.
fn types(entries: &[&Entry], kind: Kind) -> Value {
    let offered: Vec<&str> = entries.iter().map(|entry| entry.type_name).collect();
    let told: Vec<String> = entries.iter().map(|entry| about(entry)).collect();
    let elsewhere = foreign::names(kind).collect::<Vec<_>>().join("|");
    json!({ "anyOf": [{ "enum": offered, "enumDescriptions": told }, { "type": "string", "pattern": format!("^({elsewhere})$") }] })
}

fn type_key(types: &Value, kind: Kind) -> Value {
    let mut key = types.clone();
    if let Value::Object(members) = &mut key {
        members.insert("description".to_owned(), format!("Which {} this is.", word(kind)).into());
    }
    key
}

/// What a component is, in a few words.
pub(super) fn about(entry: &Entry) -> String {
    let schema = (entry.schema)().to_value();
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let text = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    if entry.runs { text } else { format!("{text} Known, but not run by amibake yet.") }
}

/// One component with the keys that the core takes for itself.
pub(super) fn component(entry: &Entry) -> Value {
    let strict = strict((entry.schema)());
    let Value::Object(mut schema) = weaken(&strict) else { return Value::Bool(true) };
    let Value::Object(mut properties) = core::keys(entry) else { return Value::Bool(true) };
    if let Some(Value::Object(own)) = schema.remove("properties") {
        // A component's own key of the same name is one it reads itself.
        properties.extend(own);
    }
    schema.remove("examples");
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
