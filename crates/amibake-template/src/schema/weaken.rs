//! From the strict form to what a person may write: every scalar may be a template string or come in another scalar's clothes.
//!
//! No `oneOf`, so that an editor's messages stay exact. A key's usual type is named last, by `if`/`else`: only what may be written besides
//! stands in a list of types, which editors would offer (`true` and `null` for a subnet's id). What they shall offer instead stands in
//! `examples` and in VS Code's `defaultSnippets`; `patternErrorMessage` is VS Code's too.

use serde_json::{Map, Value, json};

/// What makes a string a template string, for patterns.
const TEMPLATE: &str = "\\{\\{|<<";

/// Values that a component's own checks allow, and say more about than a schema could: offered by editors, not checked here.
const CHOICES: &str = "x-amibake-choices";

/// Keywords of the strict form that the weak one has in another form.
const CHANGED: [&str; 10] =
    ["type", "format", "pattern", "minLength", "maxLength", "enum", "enumDescriptions", "properties", "items", "default"];

/// Widens a strict schema. Values offered (`enum`), defaults and descriptions stay.
pub(super) fn weaken(schema: &Value) -> Value {
    let Value::Object(strict) = schema else { return schema.clone() };
    let mut out: Map<String, Value> =
        strict.iter().filter(|(key, _)| !CHANGED.contains(&key.as_str())).map(|(key, value)| (key.clone(), value.clone())).collect();
    // Rust's empty values are no defaults that a reader should know of.
    if let Some(default) = strict.get("default").filter(|default| default.is_boolean()) {
        out.insert("default".to_owned(), default.clone());
    }
    let enumerated = strict.get("enum").or_else(|| strict.get(CHOICES)).is_some();
    match strict.get("type").and_then(Value::as_str) {
        Some("string") if enumerated => choices(strict, &mut out),
        Some("string") => text(strict, &mut out),
        Some("integer") => {
            number(&mut out, "^[+-]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]*|[1-9][0-9_]*)$|^$", "This must be a whole number.");
        }
        Some("number") => number(&mut out, "^[+-]?[0-9.]+([eE][+-]?[0-9]+)?$|^$", "This must be a number."),
        Some("boolean") => boolean(strict, &mut out),
        Some("array") => list(strict, &mut out),
        Some("object") => object(strict, &mut out),
        _ => return schema.clone(),
    }
    Value::Object(out)
}

/// Doc comments are broken into lines where the source is; only empty lines mean something.
pub(super) fn unwrap_lines(schema: &mut Map<String, Value>) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        let paragraphs: Vec<String> = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
        *text = paragraphs.join("\n\n");
    }
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
        let fence = match (before.ends_with('`'), call.contains('`')) {
            (true, _) => "",
            (false, true) => "``",
            (false, false) => "`",
        };
        out.push_str(&format!("{fence}{{{{{call}}}}}{fence}"));
        rest = after;
    }
    out + rest
}

/// What a duration looks like. The two letters after `us` are the micro sign and the Greek mu.
pub(super) const DURATION: &str = "^[+-]?([0-9]*\\.?[0-9]*(ns|us|\u{b5}s|\u{3bc}s|ms|s|m|h))+$|^[+-]?0$";
/// What VS Code says where it does not.
pub(super) const NO_DURATION: &str = "A duration is a number with its unit, such as \"30s\", \"5m\" or \"1h30m\".";

/// The types that may stand for the usual one.
pub(super) fn usually(out: &mut Map<String, Value>, usual: &str, besides: &[&str]) {
    out.insert("if".to_owned(), json!({ "type": besides }));
    out.insert("else".to_owned(), json!({ "type": usual }));
}

/// What VS Code writes where nothing better is known; `body` in its notation, with the cursor at `$1`.
pub(super) fn fill(out: &mut Map<String, Value>, label: &str, body: &str) {
    if !out.contains_key("examples") {
        out.insert("defaultSnippets".to_owned(), json!([{ "label": label, "body": format!("^{body}") }]));
    }
}

fn number(out: &mut Map<String, Value>, strings: &str, otherwise: &str) {
    usually(out, "number", &["string", "boolean", "null"]);
    out.insert("pattern".to_owned(), json!(format!("{strings}|{TEMPLATE}")));
    out.insert("patternErrorMessage".to_owned(), json!(otherwise));
    fill(out, "0", "${1:0}");
}

fn boolean(strict: &Map<String, Value>, out: &mut Map<String, Value>) {
    usually(out, "boolean", &["string", "number", "null"]);
    out.insert("pattern".to_owned(), json!(format!("^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)?$|{TEMPLATE}")));
    out.insert("patternErrorMessage".to_owned(), json!("This must be true or false."));
    out.insert("examples".to_owned(), json!([true, false]));
    // A switch that says nothing else is off; one of three states is none of them.
    if let Some(Value::String(text)) = out.get_mut("description").filter(|_| !strict.contains_key("x-amibake-trilean"))
        && !text.contains("Default")
    {
        text.push_str(" Default: false.");
    }
}

fn text(strict: &Map<String, Value>, out: &mut Map<String, Value>) {
    usually(out, "string", &["number", "boolean", "null"]);
    let go_duration = strict.get("format") == Some(&json!("go-duration"));
    if go_duration {
        out.insert("pattern".to_owned(), json!(format!("{DURATION}|{TEMPLATE}")));
        out.insert("patternErrorMessage".to_owned(), json!(NO_DURATION));
    } else if let Some(pattern) = strict.get("pattern").and_then(Value::as_str) {
        // An empty string is "not given".
        out.insert("pattern".to_owned(), json!(format!("(?:{pattern})|^$|{TEMPLATE}")));
    }
    fill(out, "\"\"", "\"$1\"");
}

fn choices(strict: &Map<String, Value>, out: &mut Map<String, Value>) {
    let mut offered = Map::new();
    for (key, name) in [("enum", "enum"), (CHOICES, "enum"), ("enumDescriptions", "enumDescriptions")] {
        if let Some(value) = strict.get(key) {
            offered.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(values) = offered.get("enum") {
        out.insert("examples".to_owned(), values.clone());
    }
    let mut template = Map::new();
    usually(&mut template, "string", &["null"]);
    template.insert("pattern".to_owned(), json!(format!("^$|{TEMPLATE}")));
    out.insert("anyOf".to_owned(), json!([offered, template]));
}

fn list(strict: &Map<String, Value>, out: &mut Map<String, Value>) {
    let items = weaken(strict.get("items").unwrap_or(&Value::Bool(true)));
    let of_objects = items.get("properties").is_some();
    if of_objects {
        // One object stands for a list of one.
        usually(out, "array", &["object", "null"]);
        for key in ["properties", "required", "additionalProperties"] {
            if let Some(value) = items.get(key) {
                out.insert(key.to_owned(), value.clone());
            }
        }
    } else {
        usually(out, "array", &["string", "number", "boolean", "object", "null"]);
    }
    out.insert("items".to_owned(), items);
    fill(out, "[]", "[$1]");
}

fn object(strict: &Map<String, Value>, out: &mut Map<String, Value>) {
    match strict.get("properties").and_then(Value::as_object) {
        Some(properties) => {
            usually(out, "object", &["null"]);
            let weak: Map<String, Value> = properties.iter().map(|(key, value)| (key.clone(), weaken(value))).collect();
            out.insert("properties".to_owned(), Value::Object(weak));
        }
        None if strict.get("additionalProperties") == Some(&Value::Bool(false)) => {
            usually(out, "object", &["null"]);
        }
        None => {
            // A list of objects is merged into one.
            usually(out, "object", &["array", "null"]);
            out.insert("additionalProperties".to_owned(), weaken(strict.get("additionalProperties").unwrap_or(&Value::Bool(true))));
            out.insert("items".to_owned(), json!({ "type": "object" }));
        }
    }
    fill(out, "{}", "{$1}");
}
