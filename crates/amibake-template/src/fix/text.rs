//! JSON as Go reads and writes it: numbers are 64-bit floats, keys are sorted, two blanks a level.

use serde_json::{Map, Value as Json};

use crate::json::{Node, Value};

/// A tree as Go decodes it: every number is a 64-bit float. What [`super::fix`] begins with, to compare its result with.
pub fn as_go_reads(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(text) => text.parse::<f64>().map_or(Json::Null, Json::from),
        Value::String(text) => Json::String(text.value.clone()),
        Value::Array(elements) => elements.iter().map(as_go_reads).collect(),
        Value::Object(members) => members.iter().map(|member| (member.key.clone(), as_go_reads(&member.value))).collect(),
    }
}

/// A template as Packer's `fix` prints it, with the line break at its end.
///
/// Keys are sorted by bytes at every level, each element stands on its own line, `[]` and `{}` on one; `&`, U+2028 and U+2029 are
/// escaped, `<` and `>` are not.
pub fn to_text(value: &Json) -> String {
    let mut out = String::new();
    write_value(value, 0, &mut out);
    out.push('\n');
    out
}

fn write_value(value: &Json, depth: usize, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Number(number) => out.push_str(&number.as_f64().map_or_else(|| number.to_string(), go_number)),
        Json::String(text) => write_string(text, out),
        Json::Array(elements) if elements.is_empty() => out.push_str("[]"),
        Json::Array(elements) => {
            write_block(['[', ']'], elements.iter(), depth, out, |element, out| write_value(element, depth + 1, out));
        }
        Json::Object(members) if members.is_empty() => out.push_str("{}"),
        Json::Object(members) => write_block(['{', '}'], sorted(members).into_iter(), depth, out, |(key, value), out| {
            write_string(key, out);
            out.push_str(": ");
            write_value(value, depth + 1, out);
        }),
    }
}

fn sorted(members: &Map<String, Json>) -> Vec<(&String, &Json)> {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by_key(|(key, _)| *key);
    members
}

fn write_block<T>(
    brackets: [char; 2],
    items: impl Iterator<Item = T>,
    depth: usize,
    out: &mut String,
    mut write: impl FnMut(T, &mut String),
) {
    out.push(brackets[0]);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        new_line(depth + 1, out);
        write(item, out);
    }
    new_line(depth, out);
    out.push(brackets[1]);
}

fn new_line(depth: usize, out: &mut String) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("  ");
    }
}

/// A number as Go's encoder writes it: the shortest digits that read back the same, with an exponent where it is very large or small.
pub(crate) fn go_number(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        // Rust writes `1e21` where Go writes `1e+21`.
        let text = format!("{number:e}");
        return if text.contains("e-") { text } else { text.replace('e', "e+") };
    }
    format!("{number}")
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{0}'..='\u{1f}' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn number(text: &str, expected: &str) {
        assert_eq!(go_number(text.parse().unwrap_or(f64::NAN)), expected, "{text}");
    }

    /// Recorded from Packer 1.6.6.
    #[test]
    fn writes_numbers_as_go_does() {
        number("1.0", "1");
        number("-0", "-0");
        number("0.000001", "0.000001");
        number("0.0000001", "1e-7");
        number("12345678901234567890", "12345678901234567000");
        number("1e20", "100000000000000000000");
        number("1e21", "1e+21");
        number("-1.5e300", "-1.5e+300");
    }
}
