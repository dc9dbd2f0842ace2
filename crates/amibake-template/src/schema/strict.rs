//! The strict form: what a component's struct deserialises from, as one tree that is easy to walk.
//!
//! schemars describes Rust types exactly: `Option` adds null, documented enum variants become `oneOf`. Both would make error messages
//! vague ("not valid under any of the given schemas"), so they are written out as what they mean: an absent key, a list of values.

use serde_json::{Map, Value, json};

/// Normalises a component's schema: no null, no unions, objects closed.
pub(crate) fn strict(schema: schemars::Schema) -> Value {
    let mut value = schema.to_value();
    normalise(&mut value);
    value
}

fn normalise(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    drop_null(object);
    merge_single(object, "anyOf");
    merge_single(object, "allOf");
    join_constants(object);
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = object.get_mut(key) {
            normalise(inner);
        }
    }
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        properties.values_mut().for_each(normalise);
    }
    if object.get("type") == Some(&json!("object")) && !object.contains_key("additionalProperties") {
        object.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}

/// An `Option` may be null in Rust; in a template null is an absent key, which the decoder has seen to.
fn drop_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(Value::Array(branches)) = object.get_mut(key) {
            branches.retain(|branch| branch.get("type") != Some(&json!("null")) && branch.get("const") != Some(&Value::Null));
        }
    }
    if object.get("default") == Some(&Value::Null) {
        object.remove("default");
    }
}

/// A union of one is that one; what stands beside it (a description) is nearer to the reader and wins.
fn merge_single(object: &mut Map<String, Value>, key: &str) {
    let single = matches!(object.get(key), Some(Value::Array(branches)) if branches.len() == 1);
    if !single {
        return;
    }
    let Some(Value::Array(mut branches)) = object.remove(key) else { return };
    let Some(mut branch) = branches.pop() else { return };
    normalise(&mut branch);
    if let Value::Object(inner) = branch {
        for (key, value) in inner {
            object.entry(key).or_insert(value);
        }
    }
}

/// Documented enum variants: `oneOf` constants become one `enum`, their descriptions `enumDescriptions` (as editors know it).
fn join_constants(object: &mut Map<String, Value>) {
    merge_single(object, "oneOf");
    let Some(Value::Array(branches)) = object.get("oneOf") else { return };
    let mut values = Vec::new();
    let mut descriptions = Vec::new();
    for branch in branches {
        let constants = match (branch.get("const"), branch.get("enum")) {
            (Some(constant), _) => vec![constant.clone()],
            (None, Some(Value::Array(constants))) => constants.clone(),
            _ => return,
        };
        let description = branch.get("description").and_then(Value::as_str).unwrap_or_default();
        descriptions.extend(constants.iter().map(|_| json!(description)));
        values.extend(constants);
    }
    object.remove("oneOf");
    object.entry("type").or_insert(json!("string"));
    object.insert("enum".to_owned(), Value::Array(values));
    object.insert("enumDescriptions".to_owned(), Value::Array(descriptions));
}
