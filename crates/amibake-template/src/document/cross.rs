//! What depends on several sections of a template at once: builder names in `only`, `except` and `override`.
//!
//! Inside a template builders are called by their raw names, before interpolation.

use std::collections::HashSet;

use super::{Document, version};
use crate::finding::{Finding, nearest_after};
use crate::json::{Node, Value};
use crate::source::Span;
use crate::wording::name_list;

/// Checks a document's sections against each other. `validate -syntax-only` leaves this out, as Packer does.
pub fn cross_check(document: &Document) -> Vec<Finding> {
    let mut findings = Vec::new();
    if document.builders.is_empty() {
        findings.extend(no_builders(document));
    }
    let names = Names::of(document);
    for provisioner in &document.provisioners {
        selection(&provisioner.node, &provisioner.only, &provisioner.except, &names, &mut findings);
        if let Some(Node { value: Value::Object(overrides), .. }) = provisioner.node.get("override") {
            for entry in overrides.iter().filter(|entry| !names.known.contains(entry.key.as_str())) {
                let finding = names.unknown("override", &entry.key, entry.key_span, findings.len());
                findings.push(finding);
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

fn selection(node: &Node, only: &[String], except: &[String], names: &Names<'_>, findings: &mut Vec<Finding>) {
    if !only.is_empty() && !except.is_empty() {
        let place = |key| node.get(key).map_or(node.span, |value| value.span);
        let finding = Finding::error("only-and-except", "only one of `only` and `except` may be given", place("except"));
        findings.push(finding.also(place("only"), "`only` stands here"));
        return;
    }
    for (key, wanted) in [("only", only), ("except", except)] {
        for (index, name) in wanted.iter().enumerate().filter(|(_, name)| !names.known.contains(name.as_str())) {
            let span = node.get(key).map_or(node.span, |value| item_span(value, index));
            let finding = names.unknown(key, name, span, findings.len());
            findings.push(finding);
        }
    }
}

fn item_span(value: &Node, index: usize) -> Span {
    match &value.value {
        Value::Array(items) => items.get(index).unwrap_or(value).span,
        _ => value.span,
    }
}

/// The builders by name.
struct Names<'d> {
    /// In the file's order.
    listed: Vec<&'d str>,
    known: HashSet<&'d str>,
}

impl<'d> Names<'d> {
    fn of(document: &'d Document) -> Self {
        let listed: Vec<&str> = document.builders.iter().map(|builder| builder.name.as_str()).collect();
        Self { known: listed.iter().copied().collect(), listed }
    }

    /// `found` is how many findings there are already.
    fn unknown(&self, key: &str, name: &str, span: Span, found: usize) -> Finding {
        let help = match nearest_after(found, name, self.listed.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.listed.is_empty() => "the template has no builder".to_owned(),
            None => format!("the builders are named {}", name_list(&self.listed)),
        };
        Finding::error("unknown-builder-name", format!("`{key}` names a builder that does not exist: `{name}`"), span).with_help(help)
    }
}
