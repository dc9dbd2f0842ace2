//! Var files: one JSON object of strings, whatever the file is called.

use super::Given;
use crate::finding::{Finding, Severity};
use crate::json::{Node, Value};
use crate::wording::describe;

/// Reads a var file: one JSON object of strings. `null` counts as the empty string, and as an empty file, as in Packer.
pub fn read_var_file(root: &Node) -> (Vec<Given>, Vec<Finding>) {
    let mut given = Vec::new();
    let mut findings = Vec::new();
    if matches!(root.value, Value::Null) {
        return (given, findings);
    }
    let Value::Object(members) = &root.value else {
        let message = format!("a var file must be an object of strings, not {}", describe(&root.value));
        return (given, vec![Finding::error("wrong-type", message, root.span)]);
    };
    for member in members {
        let value = match &member.value.value {
            Value::String(text) => text.value.clone(),
            Value::Null => String::new(),
            other => {
                findings.push(no_string(&member.key, &member.value, other));
                continue;
            }
        };
        given.push(Given { name: member.key.clone(), value, span: member.value.span });
    }
    (given, findings)
}

/// Packer is milder with var files than with templates: of a key that stands twice the last value wins, and what follows the object
/// is not read. Both are worth a word, but old files have to go on working.
pub fn soften(findings: Vec<Finding>) -> impl Iterator<Item = Finding> {
    findings.into_iter().map(|finding| match finding.code {
        "duplicate-key" | "trailing-text" => Finding { severity: Severity::Warning, ..finding },
        _ => finding,
    })
}

fn no_string(name: &str, node: &Node, value: &Value) -> Finding {
    let message = format!("the value of variable `{name}` must be a string, not {}", describe(value));
    let finding = Finding::error("wrong-type", message, node.span).with_label("expected a string");
    match value {
        Value::Number(text) => finding.with_help(format!("write it in quotes: \"{text}\"")),
        Value::Bool(yes) => finding.with_help(format!("write it in quotes: \"{yes}\"")),
        _ => finding.with_help("a list is written as one string with commas, and split where it is used"),
    }
}
