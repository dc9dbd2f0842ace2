//! Values in the type that their field has: 22 for "22", true for "true", a list for a text with commas.
//!
//! Only what is certain without rendering is changed: a text with template actions stays, like one that a person has to look at
//! (`"08"`, `"yes"`, the empty text that means "not given").

use serde_json::Value as Json;

use super::edit::Edits;
use super::layout::quoted;
use super::parts::Part;
use crate::component::GoDuration;
use crate::json::{Node, Value};
use crate::lang::Template;

/// The edits for one component.
pub(super) fn edits(part: &Part<'_>, edits: &mut Edits) {
    for member in part.own_members() {
        if let Some(schema) = property(&part.schema, &member.key) {
            retype(&member.value, schema, edits);
        }
    }
    for over in part.overrides() {
        retype(over, &part.schema, edits);
    }
    if let Some(retries) = part.max_retries() {
        retype(retries, &serde_json::json!({"type": "integer"}), edits);
    }
}

/// The property a key means: the exact spelling first, then any case, as the decoder reads it.
fn property<'s>(schema: &'s Json, key: &str) -> Option<&'s Json> {
    let properties = schema.get("properties")?.as_object()?;
    properties.get(key).or_else(|| properties.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, schema)| schema))
}

fn retype(node: &Node, schema: &Json, edits: &mut Edits) {
    match schema.get("type").and_then(Json::as_str) {
        Some("array") => list(node, schema.get("items").unwrap_or(&Json::Null), edits),
        Some("object") => members(node, schema, edits),
        Some(_) => {
            if let Some(literal) = scalar(&node.value, schema) {
                edits.replace(node.span, literal);
            }
        }
        None => {}
    }
}

fn members(node: &Node, schema: &Json, edits: &mut Edits) {
    let Value::Object(members) = &node.value else { return };
    let values = schema.get("additionalProperties").filter(|values| values.is_object());
    for member in members {
        if let Some(schema) = values.or_else(|| property(schema, &member.key)) {
            retype(&member.value, schema, edits);
        }
    }
}

fn list(node: &Node, items: &Json, edits: &mut Edits) {
    let of_scalars = !matches!(items.get("type").and_then(Json::as_str), Some("array" | "object") | None);
    match &node.value {
        Value::Array(elements) => elements.iter().for_each(|element| retype(element, items, edits)),
        Value::Object(members) if members.is_empty() => edits.replace(node.span, "[]"),
        Value::Object(_) | Value::Number(_) | Value::Bool(_) if of_scalars != matches!(node.value, Value::Object(_)) => {
            edits.insert(node.span.start as usize, "[");
            retype(node, items, edits);
            edits.insert(node.span.end as usize, "]");
        }
        Value::String(text) if of_scalars && !text.value.is_empty() && !Template::has_actions(&text.value) => {
            let element = |part: &str| from_text(part, items).unwrap_or_else(|| quoted(part));
            edits.replace(node.span, format!("[{}]", text.value.split(',').map(element).collect::<Vec<_>>().join(", ")));
        }
        Value::String(_) | Value::Object(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

/// The literal of a single value in its field's type; None where it stays as it is.
fn scalar(value: &Value, schema: &Json) -> Option<String> {
    let wanted = schema.get("type").and_then(Json::as_str)?;
    let duration = schema.get("format").and_then(Json::as_str) == Some("go-duration");
    match value {
        Value::String(text) if !Template::has_actions(&text.value) => from_text(&text.value, schema),
        Value::Number(number) if wanted == "boolean" && schema.get("x-amibake-trilean").is_none() => match number.as_str() {
            "0" => Some("false".to_owned()),
            "1" => Some("true".to_owned()),
            _ => None,
        },
        Value::Number(number) if duration => Some(quoted(&GoDuration { nanos: whole(number)? }.to_string())),
        Value::Number(number) if wanted == "string" => whole(number).map(|number| quoted(&number.to_string())),
        Value::Bool(yes) if wanted == "integer" => Some(u8::from(*yes).to_string()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn from_text(text: &str, schema: &Json) -> Option<String> {
    match schema.get("type").and_then(Json::as_str)? {
        "integer" => whole(text).map(|number| number.to_string()),
        "number" => serde_json::from_str::<f64>(text).ok().map(|_| text.to_owned()),
        "boolean" => match text {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Some("true".to_owned()),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Some("false".to_owned()),
            _ => None,
        },
        _ => None,
    }
}

/// A whole number in the one spelling that is not in doubt: `010` is eight to Go and ten to people.
fn whole(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().filter(|number| number.to_string() == text)
}
