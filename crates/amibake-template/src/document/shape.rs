//! What a value is, in words, and the findings about values of the wrong shape.

use crate::finding::Finding;
use crate::json::{Member, Node, Value};
use crate::wording::describe;

/// `what` is not what was expected.
pub(super) fn wrong_type(what: &str, expected: &str, node: &Node) -> Finding {
    Finding::error("wrong-type", format!("{what} must be {expected}, not {}", describe(&node.value)), node.span)
        .with_label(format!("expected {expected}"))
}

/// The elements of a list; null is an absent list.
pub(super) fn list<'n>(what: &str, expected: &str, node: &'n Node, findings: &mut Vec<Finding>) -> &'n [Node] {
    match &node.value {
        Value::Array(items) => items,
        Value::Null => &[],
        _ => {
            findings.push(wrong_type(what, expected, node));
            &[]
        }
    }
}

/// The members of an object; null is an absent object.
pub(super) fn members<'n>(what: &str, expected: &str, node: &'n Node, findings: &mut Vec<Finding>) -> &'n [Member] {
    match &node.value {
        Value::Object(members) => members,
        Value::Null => &[],
        _ => {
            findings.push(wrong_type(what, expected, node));
            &[]
        }
    }
}

/// A name as Packer decodes it weakly: `5` is `"5"`. None where it is absent; a finding where it is no scalar.
pub(super) fn weak_name(what: &str, node: Option<&Node>, findings: &mut Vec<Finding>) -> Option<String> {
    let node = node?;
    match &node.value {
        Value::Null => None,
        Value::String(text) => Some(text.value.clone()),
        Value::Number(number) => Some(number.clone()),
        Value::Bool(yes) => Some(if *yes { "1" } else { "0" }.to_owned()),
        Value::Array(_) | Value::Object(_) => {
            findings.push(wrong_type(what, "a string", node));
            None
        }
    }
}
