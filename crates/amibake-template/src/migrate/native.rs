//! Template functions in the native spelling: `<<user ...>>` for `{{user ...}}`.
//!
//! An action is changed only where it begins with a function and stands on one line; `{{if}}`, `{{.Field}}` and trim markers have no
//! native form.

use std::borrow::Cow;
use std::ops::Range;

use super::edit::Edits;
use super::parts::Part;
use crate::document::Document;
use crate::json::{Node, Value};
use crate::lang::{Template, function_names};

/// The edits for the defaults of user variables.
pub(super) fn variables(document: &Document, edits: &mut Edits) {
    document.variables.iter().filter_map(|variable| variable.default.as_ref()).for_each(|node| respell_all(node, edits));
}

/// The edits for one component. Its `name` stays: `only` and `override` refer to it as it is written.
pub(super) fn part(part: &Part<'_>, edits: &mut Edits) {
    part.own_members().for_each(|member| respell_all(&member.value, edits));
    part.overrides().for_each(|node| respell_all(node, edits));
}

fn respell_all(node: &Node, edits: &mut Edits) {
    match &node.value {
        Value::String(text) => {
            for action in actions(&text.value) {
                edits.replace(node.span_within(action.start, action.start + 2), "<<");
                edits.replace(node.span_within(action.end - 2, action.end), ">>");
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| respell_all(element, edits)),
        Value::Object(members) => members.iter().for_each(|member| respell_all(&member.value, edits)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text in the native spelling.
pub(super) fn respelled(text: &str) -> Cow<'_, str> {
    let found = actions(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for action in found {
        out.push_str(&text[at..action.start]);
        out.push_str("<<");
        out.push_str(&text[action.start + 2..action.end - 2]);
        out.push_str(">>");
        at = action.end;
    }
    out.push_str(&text[at..]);
    Cow::Owned(out)
}

/// The actions of a text that have a native form, delimiters included; none where the text as a whole would not read the same.
fn actions(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text.get(at..).and_then(|rest| rest.find("{{")).map(|offset| at + offset) {
        let Some(close) = end_of_action(text, open + 2) else { break };
        if is_native(text, open, close) {
            found.push(open..close);
        }
        at = close;
    }
    if found.is_empty() || reads_the_same(text, &found) { found } else { Vec::new() }
}

/// Behind the `}}` that closes the action whose content begins at `at`; quoted text does not close it.
fn end_of_action(text: &str, at: usize) -> Option<usize> {
    let (bytes, mut at) = (text.as_bytes(), at);
    loop {
        match bytes.get(at)? {
            b'}' if bytes.get(at + 1) == Some(&b'}') => return Some(at + 2),
            b'`' => at += 1 + bytes.get(at + 1..)?.iter().position(|byte| *byte == b'`')?,
            quote @ (b'"' | b'\'') => {
                at += 1;
                while bytes.get(at)? != quote {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
            }
            _ => {}
        }
        at += 1;
    }
}

fn is_native(text: &str, open: usize, close: usize) -> bool {
    let inside = &text[open + 2..close - 2];
    let word = inside.trim_start_matches([' ', '\t']);
    let word = &word[..word.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(word.len())];
    let plain = !inside.contains(['\n', '\r']) && !inside.contains("<<") && !inside.contains(">>") && !inside.ends_with('-');
    plain && function_names().any(|name| name == word) && !text[..open].ends_with('<') && !text[close..].starts_with('>')
}

/// Whether the respelled text calls the same functions and variables; both spellings are equally long, so that their places agree.
fn reads_the_same(text: &str, found: &[Range<usize>]) -> bool {
    let mut bytes = text.to_owned();
    for action in found {
        bytes.replace_range(action.start..action.start + 2, "<<");
        bytes.replace_range(action.end - 2..action.end, ">>");
    }
    match (Template::compile(text), Template::compile(&bytes)) {
        (Ok(old), Ok(new)) => old.functions() == new.functions() && old.user_references() == new.user_references(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::respelled;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(respelled(text), expected);
        assert_eq!(respelled(expected), expected, "twice");
    }

    #[test]
    fn functions_have_a_native_spelling() {
        check("{{timestamp}}", "<<timestamp>>");
        check("a {{ user `x` }} b {{isotime \"2006\"}}", "a << user `x` >> b <<isotime \"2006\">>");
        check("{{user `a}}`}}", "<<user `a}}`>>");
        check("{{isotime | clean_resource_name}}", "<<isotime | clean_resource_name>>");
    }

    #[test]
    fn everything_else_stays() {
        check("{{.SourceAMI}} {{if true}}{{timestamp}}{{end}}", "{{.SourceAMI}} {{if true}}<<timestamp>>{{end}}");
        check("cat <<EOF >> f", "cat <<EOF >> f");
        check("{{- timestamp}}", "{{- timestamp}}");
        check("{{timestamp -}} ", "{{timestamp -}} ");
        check("<{{timestamp}}>", "<{{timestamp}}>");
        check("{{user `>>`}}", "{{user `>>`}}");
        check("{{nothing}} {{", "{{nothing}} {{");
        check("{{user `a", "{{user `a");
    }
}
