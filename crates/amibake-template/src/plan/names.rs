//! Builder names and which builds a run makes.

use std::collections::BTreeMap;

use super::Selection;
use crate::document::{Builder, Document, name_span};
use crate::finding::{Finding, Severity, nearest};
use crate::json::Node;
use crate::lang::{Context, Host, Scope, Template};
use crate::variables::Values;
use crate::wording::template_problem;
use crate::wording::{name_list, undeclared};

/// A builder with its interpolated name.
pub(super) struct Named<'d> {
    pub(super) name: String,
    pub(super) builder: &'d Builder,
}

/// Interpolates all names and picks the selected ones, sorted by name.
pub(super) fn selected<'d>(
    document: &'d Document,
    values: &Values,
    host: &Host,
    selection: &Selection,
    findings: &mut Vec<Finding>,
) -> Vec<Named<'d>> {
    let mut named: BTreeMap<String, &Builder> = BTreeMap::new();
    for builder in &document.builders {
        let Some(name) = core_text(&builder.name, builder.node.get("name"), values, host, document, findings) else { continue };
        match named.get(&name) {
            Some(first) => findings.push(collision(&name, builder, first)),
            None => {
                named.insert(name, builder);
            }
        }
    }
    let available: Vec<&str> = named.keys().map(String::as_str).collect();
    if let Some(only) = &selection.only {
        findings.extend(unknown_selection(only, &available, !document.builders.is_empty()));
    }
    let wanted = |name: &String| selection.only.as_ref().is_none_or(|only| only.contains(name)) && !selection.except.contains(name);
    named.into_iter().filter(|(name, _)| wanted(name)).map(|(name, builder)| Named { name, builder }).collect()
}

/// Renders a text of the core: a builder's name, `max_retries`. None where a finding says why.
pub(super) fn core_text(
    text: &str,
    node: Option<&Node>,
    values: &Values,
    host: &Host,
    document: &Document,
    findings: &mut Vec<Finding>,
) -> Option<String> {
    if !Template::has_actions(text) {
        return Some(text.to_owned());
    }
    let place = |range: std::ops::Range<usize>| match node {
        Some(node) => node.span_within(range.start, range.end),
        None => document.root.span,
    };
    let template = match Template::compile(text) {
        Ok(template) => template,
        Err(error) => {
            findings.push(template_problem(&format!("`{text}`"), place(error.range.clone()), &error));
            return None;
        }
    };
    for reference in template.user_references() {
        if values.values.contains_key(&reference.name) {
            continue;
        }
        // A declared variable without value has been reported already.
        if !document.variables.iter().any(|variable| variable.name == reference.name) {
            findings.push(undeclared(&reference.name, place(reference.range.clone()), values.values.keys().map(String::as_str)));
        }
        return None;
    }
    let data = serde_json::Value::Null;
    let context =
        Context { host, scope: Scope::Core, user: &values.values, build: None, data: &data, strict_data: false, build_data: None };
    match template.render(&context) {
        Ok(rendered) => Some(rendered),
        Err(error) => {
            findings.push(template_problem(&format!("`{text}`"), place(error.range.clone()), &error));
            None
        }
    }
}

/// Packer lets one of them win without a word, which loses an image.
fn collision(name: &str, again: &Builder, first: &Builder) -> Finding {
    Finding::error("duplicate-name", format!("two builders are both named `{name}` once their names are rendered"), name_span(&again.node))
        .also(name_span(&first.node), "the first one")
        .with_help("give one of them another `name`")
}

/// Names in `-only` that no build has: an error where nothing is left to do, else a word of warning.
fn unknown_selection(only: &[String], available: &[&str], any: bool) -> Vec<Finding> {
    if !any {
        return Vec::new();
    }
    let unknown: Vec<&str> = only.iter().map(String::as_str).filter(|name| !available.contains(name)).collect();
    if unknown.len() == only.len() {
        let message = format!("no builds to run: -only matches none of {}", name_list(available));
        return vec![unplaced(Severity::Error, "no-builds", message, unknown.first().and_then(|name| hint(name, available)))];
    }
    unknown
        .into_iter()
        .map(|name| {
            let message = format!("-only names a build that does not exist: `{name}`");
            unplaced(Severity::Warning, "unknown-builder-name", message, hint(name, available))
        })
        .collect()
}

fn hint(name: &str, available: &[&str]) -> Option<String> {
    nearest(name, available.iter().copied()).map(|near| format!("did you mean `{near}`?"))
}

/// A finding about the command line, which has no place in a text.
fn unplaced(severity: Severity, code: &'static str, message: String, help: Option<String>) -> Finding {
    Finding { severity, code, message, labels: Vec::new(), help }
}
