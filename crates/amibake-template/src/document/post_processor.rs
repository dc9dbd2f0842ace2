//! Post-processor chains (reference section 7). Unlike builders and provisioners they are decoded strictly.

use super::PostProcessor;
use super::shape::{list, wrong_type};
use crate::component::object_span;
use crate::finding::Finding;
use crate::json::{Node, Value};

/// Keys the core takes from a post-processor before the component sees the rest.
pub(crate) const WRAPPER_KEYS: [&str; 5] = ["type", "name", "only", "except", "keep_input_artifact"];

/// The forms an element may have, for messages.
const FORMS: &str = "a type's name, an object, or a list of those";

/// All of `post-processors`: each element is a chain, often of one.
pub(super) fn chains(node: &Node, findings: &mut Vec<Finding>) -> Vec<Vec<PostProcessor>> {
    let mut chains = Vec::new();
    for (index, item) in list("`post-processors`", "a list", node, findings).iter().enumerate() {
        let chain = match &item.value {
            Value::Array(items) => chain(index + 1, items, findings),
            Value::String(_) | Value::Object(_) => {
                element(&format!("post-processor {}.1", index + 1), item, findings).into_iter().collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                findings.push(wrong_type(&format!("post-processor {}", index + 1), FORMS, item));
                continue;
            }
        };
        chains.push(chain);
    }
    chains
}

fn chain(number: usize, items: &[Node], findings: &mut Vec<Finding>) -> Vec<PostProcessor> {
    let mut elements = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let what = format!("post-processor {number}.{}", index + 1);
        match &item.value {
            Value::String(_) | Value::Object(_) => elements.extend(element(&what, item, findings)),
            Value::Array(_) => {
                let message = format!("{what}: a sequence cannot stand inside a sequence");
                let finding = Finding::error("nested-sequence", message, item.span);
                findings.push(finding.with_help("take the inner brackets away: the chain runs in the order written"));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                findings.push(wrong_type(&what, "a type's name or an object", item));
            }
        }
    }
    elements
}

/// One element of a chain: a string names the type alone.
fn element(what: &str, node: &Node, findings: &mut Vec<Finding>) -> Option<PostProcessor> {
    let type_name = match node.as_str() {
        Some(text) => text.to_owned(),
        None => text(what, "type", node, findings)?.unwrap_or_default(),
    };
    if type_name.is_empty() {
        let finding = Finding::error("missing-type", format!("{what} has no `type`"), object_span(node, false));
        findings.push(finding.with_help("add `\"type\": ...` to say which one it is"));
        return None;
    }
    let name = text(what, "name", node, findings).flatten().filter(|name| !name.is_empty());
    Some(PostProcessor {
        name: name.unwrap_or_else(|| type_name.clone()),
        type_name,
        node: node.clone(),
        only: names("only", node, findings),
        except: names("except", node, findings),
        keep_input_artifact: keep(node, findings),
    })
}

/// A string that no other scalar may stand for. The outer None is a finding.
fn text(what: &str, key: &str, node: &Node, findings: &mut Vec<Finding>) -> Option<Option<String>> {
    match node.get(key) {
        None => Some(None),
        Some(value) => match &value.value {
            Value::String(text) => Some(Some(text.value.clone())),
            Value::Null => Some(None),
            _ => {
                findings.push(wrong_type(&format!("`{key}` of {what}"), "a string", value));
                None
            }
        },
    }
}

fn names(key: &str, node: &Node, findings: &mut Vec<Finding>) -> Vec<String> {
    let Some(node) = node.get(key) else { return Vec::new() };
    let what = format!("`{key}` of a post-processor");
    let mut names = Vec::new();
    for item in list(&what, "a list of builder names", node, findings) {
        match item.as_str() {
            Some(name) => names.push(name.to_owned()),
            None => findings.push(wrong_type(&format!("a name in `{key}`"), "a string", item)),
        }
    }
    names
}

fn keep(node: &Node, findings: &mut Vec<Finding>) -> Option<bool> {
    let node = node.get("keep_input_artifact")?;
    match &node.value {
        Value::Bool(keep) => Some(*keep),
        Value::Null => None,
        _ => {
            let finding = wrong_type("`keep_input_artifact`", "true or false", node);
            findings.push(finding.with_help("write true or false without quotes; this key takes no variable"));
            None
        }
    }
}
