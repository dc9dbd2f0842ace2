//! Examples as an editor's snippets: texts become places to type over, one after the other.

use serde_json::{Value, json};

use super::component::about;
use crate::component::Kind;
use crate::registry::{Entry, Registry};

/// The examples of all components of a kind.
pub(super) fn components(registry: &Registry, kind: Kind) -> Vec<Value> {
    registry.entries.iter().filter(|entry| entry.kind == kind).filter_map(component).collect()
}

/// A component's example; None where it has none.
fn component(entry: &Entry) -> Option<Value> {
    let body = example(entry, &mut 0)?;
    Some(json!({ "label": entry.type_name, "description": about(entry), "body": body }))
}

/// A whole template of the first components that have examples.
pub(super) fn template(registry: &Registry) -> Value {
    let stops = &mut 0;
    let mut first = |kind: Kind| {
        let mut entries = registry.entries.iter().filter(|entry| entry.kind == kind && entry.runs);
        entries.find_map(|entry| example(entry, stops))
    };
    let builders: Vec<Value> = first(Kind::Builder).into_iter().collect();
    let provisioners: Vec<Value> = first(Kind::Provisioner).into_iter().collect();
    json!({
        "label": "template",
        "description": "A whole template: a builder and a provisioner.",
        "body": { "builders": builders, "provisioners": provisioners }
    })
}

fn example(entry: &Entry, stops: &mut usize) -> Option<Value> {
    let mut body: Value = serde_json::from_str(&(entry.example)()).ok()?;
    let members = body.as_object_mut().filter(|members| !members.is_empty())?;
    for (_, member) in members.iter_mut().filter(|(key, _)| *key != "type") {
        stop(member, stops);
    }
    Some(body)
}

/// Makes a place to type over of each text. A text that begins with `^` is VS Code's own notation, taken as it is.
fn stop(value: &mut Value, stops: &mut usize) {
    match value {
        Value::String(text) => {
            *stops += 1;
            let quoted = Value::String(text.clone()).to_string();
            let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
            let inner = inner.replace('\\', "\\\\").replace('$', "\\$").replace('}', "\\}");
            *text = format!("^\"${{{stops}:{inner}}}\"");
        }
        Value::Array(items) => items.iter_mut().for_each(|item| stop(item, stops)),
        Value::Object(members) => members.values_mut().for_each(|member| stop(member, stops)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
