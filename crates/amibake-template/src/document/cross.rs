//! What depends on several sections of a template at once: builder names in `only`, `except` and `override`.
//!
//! Inside a template builders are called by their raw names, before interpolation.

use super::{Document, version};
use crate::finding::{Finding, nearest};
use crate::json::{Node, Value};
use crate::source::Span;
use crate::wording::name_list;

/// Checks a document's sections against each other. `validate -syntax-only` leaves this out, as Packer does.
pub fn cross_check(document: &Document) -> Vec<Finding> {
    let mut findings = Vec::new();
    if document.builders.is_empty() {
        findings.extend(no_builders(document));
    }
    let names: Vec<&str> = document.builders.iter().map(|builder| builder.name.as_str()).collect();
    for provisioner in &document.provisioners {
        selection(&provisioner.node, &provisioner.only, &provisioner.except, &names, &mut findings);
        if let Some(Node { value: Value::Object(overrides), .. }) = provisioner.node.get("override") {
            for entry in overrides.iter().filter(|entry| !names.contains(&entry.key.as_str())) {
                findings.push(unknown_builder("override", &entry.key, entry.key_span, &names));
            }
        }
    }
    for post_processor in document.post_processors.iter().flatten() {
        selection(&post_processor.node, &post_processor.only, &post_processor.except, &names, &mut findings);
    }
    if let Some((wish, span)) = &document.min_packer_version {
        findings.extend(version::check(wish, *span));
    }
    findings
}

/// An empty list is a mistake of its own; builders that could not be read have been reported one by one.
fn no_builders(document: &Document) -> Option<Finding> {
    let top = document.root.span;
    let span = match builders_section(&document.root) {
        None => Span { end: top.start.saturating_add(1).min(top.end), ..top },
        Some(section) => match &section.value {
            Value::Null => section.span,
            Value::Array(items) if items.is_empty() => section.span,
            Value::Array(_) | Value::Object(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        },
    };
    let finding = Finding::error("no-builders", "at least one builder must be defined", span);
    Some(finding.with_help("add `\"builders\": [{\"type\": \"amazon-ebs\", ...}]`"))
}

fn builders_section(root: &Node) -> Option<&Node> {
    let Value::Object(members) = &root.value else { return None };
    members.iter().find(|member| member.key.eq_ignore_ascii_case("builders")).map(|member| &member.value)
}

fn selection(node: &Node, only: &[String], except: &[String], names: &[&str], findings: &mut Vec<Finding>) {
    if !only.is_empty() && !except.is_empty() {
        let place = |key| node.get(key).map_or(node.span, |value| value.span);
        let finding = Finding::error("only-and-except", "only one of `only` and `except` may be given", place("except"));
        findings.push(finding.also(place("only"), "`only` stands here"));
        return;
    }
    for (key, wanted) in [("only", only), ("except", except)] {
        for (index, name) in wanted.iter().enumerate().filter(|(_, name)| !names.contains(&name.as_str())) {
            let span = node.get(key).map_or(node.span, |value| item_span(value, index));
            findings.push(unknown_builder(key, name, span, names));
        }
    }
}

fn item_span(value: &Node, index: usize) -> Span {
    match &value.value {
        Value::Array(items) => items.get(index).unwrap_or(value).span,
        _ => value.span,
    }
}

fn unknown_builder(key: &str, name: &str, span: Span, names: &[&str]) -> Finding {
    let help = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "the template has no builder".to_owned(),
        None => format!("the builders are named {}", name_list(names)),
    };
    Finding::error("unknown-builder-name", format!("`{key}` names a builder that does not exist: `{name}`"), span).with_help(help)
}
