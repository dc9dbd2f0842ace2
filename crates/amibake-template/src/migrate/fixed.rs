//! The result of `fix`, written into the text it was made from: what did not change keeps its place, order and spelling.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::edit::Edits;
use super::layout::{INLINE, Layout, quoted};
use crate::fix;
use crate::json::{Member, Node, Value};

/// The edits that make `node` say what `wanted` says.
pub(super) fn edits(layout: &Layout<'_>, node: &Node, wanted: &Json) -> Edits {
    let mut edits = Edits::default();
    change(layout, node, wanted, &mut edits);
    edits
}

fn change(layout: &Layout<'_>, node: &Node, wanted: &Json, edits: &mut Edits) {
    match (&node.value, wanted) {
        _ if fix::as_go_reads(node) == *wanted => {}
        (Value::Object(members), Json::Object(wanted)) => change_object(layout, node, members, wanted, edits),
        (Value::Array(elements), Json::Array(wanted)) if elements.len() == wanted.len() => {
            elements.iter().zip(wanted).for_each(|(element, wanted)| change(layout, element, wanted, edits));
        }
        // One thing that became a list of one keeps its text.
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_), Json::Array(wanted))
            if wanted.len() == 1 =>
        {
            edits.insert(node.span.start as usize, "[");
            change(layout, node, &wanted[0], edits);
            edits.insert(node.span.end as usize, "]");
        }
        _ => edits.replace(node.span, layout.write(wanted, INLINE)),
    }
}

fn change_object(layout: &Layout<'_>, node: &Node, members: &[Member], wanted: &Map<String, Json>, edits: &mut Edits) {
    let mut added: BTreeMap<&str, &Json> = wanted.iter().map(|(key, value)| (key.as_str(), value)).collect();
    members.iter().for_each(|member| {
        added.remove(member.key.as_str());
    });
    let mut gone = vec![false; members.len()];
    for (index, member) in members.iter().enumerate() {
        if let Some(value) = wanted.get(&member.key) {
            change(layout, &member.value, value, edits);
        } else if let Some(key) = successor(member, &added) {
            edits.replace(member.key_span, quoted(key));
            if let Some(value) = added.remove(key).filter(|value| **value != fix::as_go_reads(&member.value)) {
                edits.replace(member.value.span, layout.write(value, INLINE));
            }
        } else {
            gone[index] = true;
        }
    }
    let added: Vec<(String, &Json)> = added.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    if gone.iter().all(|gone| *gone) && !(members.is_empty() && added.is_empty()) {
        edits.replace(node.span, layout.write(&Json::Object(wanted.clone()), INLINE));
    } else {
        layout.change_members(members, &gone, &added, edits);
    }
}

/// The new key that took a member's place: one with the same value, or the one that a fixer puts in its stead.
fn successor<'a>(member: &Member, added: &BTreeMap<&'a str, &Json>) -> Option<&'a str> {
    let value = fix::as_go_reads(&member.value);
    let known = fix::successor(&member.key);
    let named = added.keys().find(|key| Some(**key) == known);
    named.or_else(|| added.iter().find(|(_, new)| ***new == value).map(|(key, _)| key)).copied()
}
