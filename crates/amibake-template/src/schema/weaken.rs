//! From the strict form to what a person may write: every scalar may be a template string or come in another scalar's clothes.
//!
//! Keywords constrain only the types they are about (`pattern` strings, `properties` objects), so the forms stand side by side in
//! one schema without `oneOf`, and an editor's messages stay exact.

use serde_json::{Map, Value, json};

/// What makes a string a template string, for patterns.
const TEMPLATE: &str = "\\{\\{|<<";

/// Values that a component's own checks allow, and say more about than a schema could: offered by editors, not checked here.
const CHOICES: &str = "x-amibake-choices";

/// Widens a strict schema. Values offered (`enum`), defaults and descriptions stay.
pub(super) fn weaken(schema: &Value) -> Value {
    let Value::Object(strict) = schema else { return schema.clone() };
    let mut out = Map::new();
    for (key, value) in strict {
        if !["type", "format", "pattern", "minLength", "maxLength", "enum", "enumDescriptions", "properties", "items"]
            .contains(&key.as_str())
        {
            out.insert(key.clone(), value.clone());
        }
    }
    let enumerated = strict.get("enum").or_else(|| strict.get(CHOICES)).is_some();
    match strict.get("type").and_then(Value::as_str) {
        Some("string") if enumerated => choices(strict, &mut out),
        Some("string") => text(strict, &mut out),
        Some("integer") => scalar(&mut out, "^[+-]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]*|[1-9][0-9_]*)$|^$"),
        Some("number") => scalar(&mut out, "^[+-]?[0-9.]+([eE][+-]?[0-9]+)?$|^$"),
        Some("boolean") => scalar(&mut out, "^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)?$"),
        Some("array") => list(strict, &mut out),
        Some("object") => object(strict, &mut out),
        _ => return schema.clone(),
    }
    Value::Object(out)
}

/// Editors show Markdown only where it is called so; without backquotes there is nothing to show.
pub(super) fn markdown(schema: &mut Map<String, Value>) {
    let Some(description) = schema.get("description").and_then(Value::as_str) else { return };
    if description.contains('`') {
        let text = in_code(description);
        schema.insert("markdownDescription".to_owned(), text.into());
    }
}

/// Template calls hold backquotes of their own: their braces become part of the code.
fn in_code(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some((before, call)) = rest.split_once("{{") {
        let Some((call, after)) = call.split_once("}}") else { break };
        out.push_str(before);
        let quoted = before.ends_with('`');
        let fence = if quoted {
            ""
        } else if call.contains('`') {
            "``"
        } else {
            "`"
        };
        out.push_str(&format!("{fence}{{{{{call}}}}}{fence}"));
        rest = after;
    }
    out + rest
}

fn scalar(out: &mut Map<String, Value>, strings: &str) {
    out.insert("type".to_owned(), json!(["number", "string", "boolean", "null"]));
    out.insert("pattern".to_owned(), json!(format!("{strings}|{TEMPLATE}")));
}

fn text(strict: &Map<String, Value>, out: &mut Map<String, Value>) {
    out.insert("type".to_owned(), json!(["string", "number", "boolean", "null"]));
    let go_duration = strict.get("format") == Some(&json!("go-duration"));
    let pattern = match strict.get("pattern").and_then(Value::as_str) {
        _ if go_duration => Some("^[+-]?([0-9]*\\.?[0-9]*(ns|us|\u{b5}s|\u{3bc}s|ms|s|m|h))+$|^[+-]?0$".to_owned()),
        // An empty string is "not given".
        Some(pattern) => Some(format!("(?:{pattern})|^$")),
        None => None,
    };
    if let Some(pattern) = pattern {
        out.insert("pattern".to_owned(), json!(format!("{pattern}|{TEMPLATE}")));
    }
}

fn choices(strict: &Map<String, Value>, out: &mut Map<String, Value>) {
    let mut offered = Map::new();
    for (key, name) in [("enum", "enum"), (CHOICES, "enum"), ("enumDescriptions", "enumDescriptions")] {
        if let Some(value) = strict.get(key) {
            offered.insert(name.to_owned(), value.clone());
        }
    }
    let template = json!({ "type": ["string", "null"], "pattern": format!("^$|{TEMPLATE}") });
    out.insert("anyOf".to_owned(), json!([offered, template]));
}

fn list(strict: &Map<String, Value>, out: &mut Map<String, Value>) {
    let items = weaken(strict.get("items").unwrap_or(&Value::Bool(true)));
    let of_objects = items.get("properties").is_some();
    if of_objects {
        // One object stands for a list of one.
        out.insert("type".to_owned(), json!(["array", "object", "null"]));
        for key in ["properties", "required", "additionalProperties"] {
            if let Some(value) = items.get(key) {
                out.insert(key.to_owned(), value.clone());
            }
        }
    } else {
        out.insert("type".to_owned(), json!(["array", "string", "number", "boolean", "object", "null"]));
    }
    out.insert("items".to_owned(), items);
}

fn object(strict: &Map<String, Value>, out: &mut Map<String, Value>) {
    match strict.get("properties").and_then(Value::as_object) {
        Some(properties) => {
            out.insert("type".to_owned(), json!(["object", "null"]));
            let weak: Map<String, Value> = properties.iter().map(|(key, value)| (key.clone(), weaken(value))).collect();
            out.insert("properties".to_owned(), Value::Object(weak));
        }
        None if strict.get("additionalProperties") == Some(&Value::Bool(false)) => {
            out.insert("type".to_owned(), json!(["object", "null"]));
        }
        None => {
            // A list of objects is merged into one.
            out.insert("type".to_owned(), json!(["object", "array", "null"]));
            out.insert("additionalProperties".to_owned(), weaken(strict.get("additionalProperties").unwrap_or(&Value::Bool(true))));
            out.insert("items".to_owned(), json!({ "type": "object" }));
        }
    }
}
