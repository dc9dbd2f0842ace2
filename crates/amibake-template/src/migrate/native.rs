//! Template functions in the native spelling: `<<user ...>>` for `{{user ...}}`.
//!
//! An action is changed only where it is a call that has a native form: `{{if}}`, `{{.Field}}` and trim markers have none.

use std::borrow::Cow;
use std::ops::Range;

use super::edit::Edits;
use super::parts::Part;
use crate::document::Document;
use crate::json::{Node, Value};
use crate::lang::{Template, can_stand};

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
                let (open, close) = delimiters(&text.value, &action);
                edits.replace(node.span_within(open.start, open.end), "<<");
                edits.replace(node.span_within(close.start, close.end), ">>");
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
    if found.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(with_native(text, &found)) }
}

fn with_native(text: &str, found: &[Range<usize>]) -> String {
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for action in found {
        let (open, close) = delimiters(text, action);
        out.push_str(&text[at..open.start]);
        out.push_str("<<");
        out.push_str(&text[open.end..close.start]);
        out.push_str(">>");
        at = close.end;
    }
    out + &text[at..]
}

/// The actions of a text that have a native form, delimiters included; none where the text as a whole would not read the same.
fn actions(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text.get(at..).and_then(|rest| rest.find("{{")).map(|offset| at + offset) {
        let Some(close) = end_of_action(text, open + 2) else { break };
        if is_native(text, &(open..close)) {
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

/// Where the two braces and the blanks beside them stand.
fn delimiters(text: &str, action: &Range<usize>) -> (Range<usize>, Range<usize>) {
    let inside = &text[action.start + 2..action.end - 2];
    let begin = action.end - 2 - inside.trim_start_matches([' ', '\t']).len();
    let end = action.start + 2 + inside.trim_end_matches([' ', '\t']).len();
    (action.start..begin.min(end), end..action.end)
}

fn is_native(text: &str, action: &Range<usize>) -> bool {
    let (open, close) = delimiters(text, action);
    can_stand(&text[open.end..close.start]) && !text[..action.start].ends_with('<') && !text[action.end..].starts_with('>')
}

/// Whether the respelled text calls the same functions with the same variables.
fn reads_the_same(text: &str, found: &[Range<usize>]) -> bool {
    let functions = |template: &Template| template.functions().iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let variables = |template: &Template| template.user_references().iter().map(|user| user.name.clone()).collect::<Vec<_>>();
    match (Template::compile(text), Template::compile(&with_native(text, found))) {
        (Ok(old), Ok(new)) => functions(&old) == functions(&new) && variables(&old) == variables(&new),
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
        check("a {{ user `x` }} b {{isotime \"2006\"}}", "a <<user `x`>> b <<isotime \"2006\">>");
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
        check("{{user `>>`}}", "<<user `>>`>>");
        check("{{upper .Path}} {{print}} {{len 2}}", "{{upper .Path}} {{print}} {{len 2}}");
        check("cat {{pwd}}f\npwd\n", "cat {{pwd}}f\npwd\n");
        check("{{nothing}} {{", "{{nothing}} {{");
        check("{{user `a", "{{user `a");
    }
}
