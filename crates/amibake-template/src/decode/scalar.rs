//! Single values: strings, numbers and booleans in each other's clothes.

use serde_json::{Value as Json, json};

use super::decoder::{Decoder, Outcome, collect, path};
use super::render::is_late;
use super::shape::{Scalar, Shape};
use crate::component::{GoDuration, Secret};
use crate::finding::Finding;
use crate::json::{Node, Text, Value};

/// A written single value, rendered.
enum Written {
    Text(String),
    Number(String),
    Bool(bool),
}

impl Decoder<'_> {
    /// A single value by its kind.
    pub(super) fn scalar(&mut self, node: &Node, kind: Scalar, schema: &Json, pointer: &str) -> Outcome {
        let written = match &node.value {
            Value::String(text) => match self.render(node, &text.value, is_late(schema), pointer) {
                Some(text) => Written::Text(text),
                None => return Outcome::Failed,
            },
            Value::Number(number) => Written::Number(number.clone()),
            Value::Bool(value) => Written::Bool(*value),
            Value::Null => return Outcome::Unset,
            Value::Array(_) | Value::Object(_) => return self.wrong_type(node, expected(kind), pointer),
        };
        self.convert(node, written, kind, schema, pointer)
    }

    /// One string for a list: split at commas, nothing trimmed; the empty string is the empty list.
    pub(super) fn comma_list(&mut self, node: &Node, text: &Text, items: &Json, pointer: &str) -> Outcome {
        let Some(text) = self.render(node, &text.value, is_late(items), pointer) else { return Outcome::Failed };
        let Shape::Scalar(kind) = Shape::of(items) else { return self.wrong_type(node, "a list", pointer) };
        if text.is_empty() {
            return Outcome::Value(Json::Array(Vec::new()));
        }
        let origins = self.origins.get(pointer).cloned();
        let mut elements = Vec::new();
        for (index, part) in text.split(',').enumerate() {
            let at = format!("{pointer}/{index}");
            if let Some(origins) = &origins {
                self.origins.insert(at.clone(), origins.clone());
            }
            elements.push(self.convert(node, Written::Text(part.to_owned()), kind, items, &at));
        }
        collect(elements)
    }

    fn convert(&mut self, node: &Node, written: Written, kind: Scalar, schema: &Json, pointer: &str) -> Outcome {
        let converted = match kind {
            Scalar::String => Ok(json!(to_string(&written))),
            Scalar::Duration => to_duration(&written),
            Scalar::Integer => to_integer(&written).and_then(|value| fits(value, schema)),
            Scalar::Number => to_number(&written),
            Scalar::Boolean => to_boolean(&written).map(Json::Bool),
            Scalar::Trilean => to_trilean(&written),
        };
        let secret = schema.get("x-amibake-secret").is_some();
        match converted {
            Ok(value) => {
                if let (true, Some(text)) = (secret, value.as_str().filter(|text| !text.is_empty())) {
                    self.secrets.push(Secret::new(text));
                }
                Outcome::Value(value)
            }
            Err(reason) => {
                let shown = self.shown(&to_string(&written), secret, pointer);
                let message = match reason {
                    Some(reason) if shown != HIDDEN => format!("`{}` must be {}: {reason}", path(pointer), expected(kind)),
                    _ => format!("`{}` must be {}, not {shown}", path(pointer), expected(kind)),
                };
                let finding = Finding::error("wrong-type", message, node.span).with_label(format!("expected {}", expected(kind)));
                let finding = match kind {
                    Scalar::Boolean | Scalar::Trilean => finding.with_help("write true or false"),
                    Scalar::Duration => finding.with_help("write a number with its unit, such as \"30s\", \"5m\" or \"1h30m\""),
                    Scalar::String | Scalar::Integer | Scalar::Number => finding,
                };
                let finding = self.explain_origins(finding, pointer);
                self.findings.push(finding);
                Outcome::Failed
            }
        }
    }

    /// A value for a message, unless it is nobody's business.
    pub(crate) fn shown(&self, text: &str, secret: bool, pointer: &str) -> String {
        let from_sensitive =
            self.origins.get(pointer).into_iter().flatten().any(|origin| self.setting.sensitive.contains(origin.variable.as_str()));
        if secret || from_sensitive { HIDDEN.to_owned() } else { format!("{text:?}") }
    }
}

/// What stands for a value that must not be shown.
const HIDDEN: &str = "<sensitive>";

fn expected(kind: Scalar) -> &'static str {
    match kind {
        Scalar::String => "a string",
        Scalar::Duration => "a duration",
        Scalar::Integer => "an integer",
        Scalar::Number => "a number",
        Scalar::Boolean | Scalar::Trilean => "true or false",
    }
}

/// Numbers in the shortest decimal form without exponent, `-0` with its sign; booleans as 1 and 0.
fn to_string(written: &Written) -> String {
    match written {
        Written::Text(text) => text.clone(),
        Written::Number(number) => number.parse::<f64>().map_or_else(|_| number.clone(), |value| value.to_string()),
        Written::Bool(value) => if *value { "1" } else { "0" }.to_owned(),
    }
}

/// A converted value, or why it is none; the reason is left out where "not VALUE" says it all.
type Converted<T> = Result<T, Option<String>>;

fn to_duration(written: &Written) -> Converted<Json> {
    let nanos = match written {
        Written::Text(text) => return GoDuration::parse(text).map(|_| json!(text)).map_err(Some),
        Written::Number(_) | Written::Bool(_) => to_integer(written)?,
    };
    Ok(json!(GoDuration { nanos }.to_string()))
}

fn to_integer(written: &Written) -> Converted<i64> {
    match written {
        Written::Text(text) if text.is_empty() => Ok(0),
        Written::Text(text) => go_integer(text).ok_or(None),
        // A fraction is cut off, as Go's conversion does; what does not fit is held at the end of the scale.
        #[expect(clippy::cast_possible_truncation, reason = "float to integer saturates, which is what is wanted")]
        Written::Number(number) => number.parse::<i64>().or_else(|_| number.parse::<f64>().map(|value| value as i64)).map_err(|_| None),
        Written::Bool(value) => Ok(i64::from(*value)),
    }
}

fn to_number(written: &Written) -> Converted<Json> {
    match written {
        Written::Text(text) if text.is_empty() => Ok(json!(0)),
        Written::Text(text) | Written::Number(text) => {
            text.parse::<f64>().ok().filter(|value| value.is_finite()).map(|value| json!(value)).ok_or(None)
        }
        Written::Bool(value) => Ok(json!(i64::from(*value))),
    }
}

fn to_boolean(written: &Written) -> Converted<bool> {
    match written {
        Written::Text(text) => match text.as_str() {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
            "" | "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
            _ => Err(None),
        },
        Written::Number(number) => Ok(number.parse::<f64>().is_ok_and(|value| value != 0.0)),
        Written::Bool(value) => Ok(*value),
    }
}

/// The empty string is unset; a number is the raw code of the state: 1 true, 2 false.
fn to_trilean(written: &Written) -> Converted<Json> {
    match written {
        Written::Text(text) if text.is_empty() => Ok(Json::Null),
        Written::Number(_) => match to_integer(written)? {
            0 => Ok(Json::Null),
            1 => Ok(json!(true)),
            2 => Ok(json!(false)),
            _ => Err(None),
        },
        Written::Text(_) | Written::Bool(_) => to_boolean(written).map(Json::Bool),
    }
}

/// Go's integer literals: `22`, `-5`, `0x16`, `010` (octal), `0b1`, `1_000`.
fn go_integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    // An underscore stands between digits, or between a base's prefix and a digit.
    let after_prefix = if radix == 10 { body } else { body.strip_prefix('_').unwrap_or(body) };
    let well_spaced = !after_prefix.starts_with('_') && !after_prefix.ends_with('_') && !after_prefix.contains("__");
    let plain = after_prefix.replace('_', "");
    if !well_spaced || !plain.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    i64::from_str_radix(&format!("{sign}{plain}"), radix).ok()
}

/// Whether the field's Rust type has room; schemars gives limits only for the small types.
fn fits(value: i64, schema: &Json) -> Converted<Json> {
    let format = schema.get("format").and_then(Json::as_str).unwrap_or_default();
    let (least, most) = match format {
        "int8" => (i64::from(i8::MIN), i64::from(i8::MAX)),
        "int16" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        "int32" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        "uint8" => (0, i64::from(u8::MAX)),
        "uint16" => (0, i64::from(u16::MAX)),
        "uint32" => (0, i64::from(u32::MAX)),
        "uint64" | "uint" => (0, i64::MAX),
        _ => (i64::MIN, i64::MAX),
    };
    // Where the schema has a limit of its own, that one makes the better message.
    let limited = value < least && schema.get("minimum").is_some();
    if limited || (least..=most).contains(&value) { Ok(json!(value)) } else { Err(Some(format!("{value} is not from {least} to {most}"))) }
}

#[cfg(test)]
mod tests {
    use super::{Written, go_integer, to_string};

    #[track_caller]
    fn check(text: &str, expected: Option<i64>) {
        assert_eq!(go_integer(text), expected, "integer {text:?}");
    }

    #[test]
    fn integers_are_go_s() {
        check("22", Some(22));
        check("-5", Some(-5));
        check("+5", Some(5));
        check("0x16", Some(22));
        check("010", Some(8));
        check("0o10", Some(8));
        check("0b101", Some(5));
        check("1_000", Some(1000));
        check("0x_1f", Some(31));
        check("0", Some(0));
        for refused in ["abc", " 22", "22.5", "1__0", "_1", "1_", "08", "0x", "--5", "-+5", "", "99999999999999999999"] {
            check(refused, None);
        }
    }

    #[test]
    fn numbers_become_plain_decimals() {
        let cases =
            [("1.50", "1.5"), ("1e21", "1000000000000000000000"), ("1e-7", "0.0000001"), ("22", "22"), ("-0.0", "-0"), ("-0", "-0")];
        for (number, expected) in cases {
            assert_eq!(to_string(&Written::Number(number.to_owned())), expected, "number {number}");
        }
    }
}
