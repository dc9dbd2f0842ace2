//! Reading a template's structure.

use std::collections::HashMap;

use super::root::Root;
use super::shape::{list, members as object, weak_name, wrong_type};
use super::{Builder, Document, Variable, post_processor, provisioner};
use crate::component::object_span;
use crate::finding::{Finding, tidy};
use crate::json::{Member, Node, Value};
use crate::source::Span;

/// Keys the core takes from a builder before the component sees the rest.
pub(crate) const BUILDER_KEYS: [&str; 2] = ["type", "name"];

/// Reads a template's structure; all problems at once.
///
/// This is all that `validate -syntax-only` looks at; what depends on several sections is left to [`super::cross_check`]. There is a
/// document wherever the root is an object, also beside errors, so that the caller can go on and report what else is wrong.
pub fn read(root: Node) -> (Option<Document>, Vec<Finding>) {
    let mut findings = Vec::new();
    let sections = match &root.value {
        Value::Object(members) => sections(root.span, members, &mut findings),
        // Packer reads `null` as an empty template.
        Value::Null => sections(root.span, &[], &mut findings),
        _ => {
            findings.push(wrong_type("a template", "an object", &root));
            return (None, findings);
        }
    };
    tidy(&mut findings);
    (Some(Document { root, ..sections }), findings)
}

/// Everything but the root itself, which is still borrowed here: its place is kept by an empty node.
fn sections(span: Span, members: &[Member], findings: &mut Vec<Finding>) -> Document {
    let top = Root::new(members, findings);
    let mut document = Document { root: Node { span, value: Value::Null }, ..Document::empty() };
    if let Some(node) = top.get("variables") {
        document.variables = variables(node, findings);
    }
    if let Some(node) = top.get("sensitive-variables") {
        document.sensitive = sensitive(node, findings);
    }
    if let Some(node) = top.get("builders") {
        document.builders = builders(node, findings);
    }
    if let Some(node) = top.get("post-processors") {
        document.post_processors = post_processor::chains(node, findings);
    }
    if let Some(node) = top.get("provisioners") {
        document.provisioners = provisioner::all(node, findings);
    }
    if let Some(node) = top.get("error-cleanup-provisioner").filter(|node| !matches!(node.value, Value::Null)) {
        document.error_cleanup_provisioner = provisioner::one("the error-cleanup-provisioner", node, findings);
    }
    document.description = text("`description`", top.get("description"), findings).map(|(text, _)| text);
    document.min_packer_version = text("`min_packer_version`", top.get("min_packer_version"), findings);
    if let Some(node) = top.get("push") {
        object("`push`", "an object", node, findings);
    }
    document
}

fn text(what: &str, node: Option<&Node>, findings: &mut Vec<Finding>) -> Option<(String, Span)> {
    let node = node?;
    match &node.value {
        Value::String(text) => Some((text.value.clone(), node.span)),
        Value::Null => None,
        _ => {
            findings.push(wrong_type(what, "a string", node));
            None
        }
    }
}

fn variables(node: &Node, findings: &mut Vec<Finding>) -> Vec<Variable> {
    let mut variables = Vec::new();
    for member in object("`variables`", "an object", node, findings) {
        let default = match &member.value.value {
            Value::String(_) => Some(member.value.clone()),
            Value::Null => None,
            other => {
                let finding = wrong_type(&format!("the default of variable `{}`", member.key), "a string", &member.value);
                findings.push(match other {
                    Value::Number(text) => finding.with_help(format!("write it in quotes: \"{text}\"")),
                    Value::Bool(yes) => finding.with_help(format!("write it in quotes: \"{yes}\"")),
                    _ => finding.with_help("a list is written as one string with commas, and split where it is used"),
                });
                // Declared all the same, with the text that was meant: uses of it are no second mistake.
                let text = match other {
                    Value::Number(text) => text.clone(),
                    Value::Bool(yes) => yes.to_string(),
                    Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => String::new(),
                };
                Some(Node::from_json(&serde_json::Value::String(text), member.value.span))
            }
        };
        variables.push(Variable { name: member.key.clone(), span: member.key_span, default });
    }
    variables
}

fn sensitive(node: &Node, findings: &mut Vec<Finding>) -> Vec<String> {
    let mut names = Vec::new();
    for item in list("`sensitive-variables`", "a list of strings", node, findings) {
        match &item.value {
            Value::String(name) => names.push(name.value.clone()),
            Value::Null => {}
            _ => findings.push(wrong_type("a name in `sensitive-variables`", "a string", item)),
        }
    }
    names
}

fn builders(node: &Node, findings: &mut Vec<Finding>) -> Vec<Builder> {
    let mut builders: Vec<Builder> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (index, item) in list("`builders`", "a list of objects", node, findings).iter().enumerate() {
        let what = format!("builder {}", index + 1);
        if !matches!(item.value, Value::Object(_)) {
            findings.push(wrong_type(&what, "an object", item));
            continue;
        }
        let Some(type_name) = type_of(&what, item, findings) else { continue };
        let name = weak_name(&format!("`name` of {what}"), item.get("name"), findings).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| type_name.clone());
        if let Some(first) = places.get(&name) {
            findings.push(same_name(&name, item, &builders[*first].node));
            continue;
        }
        places.insert(name.clone(), builders.len());
        builders.push(Builder { name, type_name, node: item.clone() });
    }
    builders
}

/// `type`, or a finding that it is missing.
pub(super) fn type_of(what: &str, node: &Node, findings: &mut Vec<Finding>) -> Option<String> {
    let before = findings.len();
    let type_name = weak_name(&format!("`type` of {what}"), node.get("type"), findings).filter(|name| !name.is_empty());
    if type_name.is_none() && findings.len() == before {
        let finding = Finding::error("missing-type", format!("{what} has no `type`"), object_span(node, false));
        findings.push(finding.with_help("add `\"type\": ...` to say which one it is"));
    }
    type_name
}

/// Where a builder's name stands: `name`, else `type`.
pub(crate) fn name_span(node: &Node) -> Span {
    node.get("name").or_else(|| node.get("type")).map_or(node.span, |named| named.span)
}

fn same_name(name: &str, again: &Node, first: &Node) -> Finding {
    Finding::error("duplicate-name", format!("a builder with the name `{name}` already exists"), name_span(again))
        .also(name_span(first), "the first one")
        .with_help("give one of them a `name` of its own")
}
