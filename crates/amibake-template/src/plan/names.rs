//! Builder names and which builds a run makes.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value as Json;

use super::Selection;
use crate::document::{Builder, Document, name_span};
use crate::finding::{Finding, Severity, nearest};
use crate::json::Node;
use crate::lang::{Context, Host, Scope, Template, render_until_stable};
use crate::variables::Values;
use crate::wording::{name_list, renders_empty, template_problem};

/// A builder with its interpolated name.
pub(super) struct Named<'d> {
    pub(super) name: String,
    pub(super) builder: &'d Builder,
}

/// What the core itself renders with: builder names, `max_retries`.
#[derive(Clone, Copy)]
pub(super) struct Core<'d> {
    pub(super) document: &'d Document,
    pub(super) values: &'d Values,
    pub(super) host: &'d Host,
}

impl<'d> Core<'d> {
    /// Interpolates all names and picks the selected ones, sorted by name.
    pub(super) fn selected(self, selection: &Selection, findings: &mut Vec<Finding>) -> Vec<Named<'d>> {
        let mut named: BTreeMap<String, &Builder> = BTreeMap::new();
        for builder in &self.document.builders {
            let Some(name) = self.text(&builder.name, builder.node.get("name"), findings) else { continue };
            match named.get(&name) {
                Some(first) => findings.push(collision(&name, builder, first)),
                None => {
                    named.insert(name, builder);
                }
            }
        }
        let available: Vec<&str> = named.keys().map(String::as_str).collect();
        if let Some(only) = &selection.only
            && !self.document.builders.is_empty()
        {
            findings.extend(unknown_selection(only, &available));
        }
        let wanted = |name: &String| selection.only.as_ref().is_none_or(|only| only.contains(name)) && !selection.except.contains(name);
        named.into_iter().filter(|(name, _)| wanted(name)).map(|(name, builder)| Named { name, builder }).collect()
    }

    /// Renders a text of the core. None where a finding says why.
    pub(super) fn text(self, text: &str, node: Option<&Node>, findings: &mut Vec<Finding>) -> Option<String> {
        if !Template::has_actions(text) {
            return Some(text.to_owned());
        }
        let place = |range: &Range<usize>| node.map_or(self.document.root.span, |node| node.span_within(range.start, range.end));
        let rendered = Template::compile(text).and_then(|template| {
            for reference in template.user_references().iter().filter(|reference| !self.values.values.contains_key(&reference.name)) {
                // A declared variable without value has been reported already.
                if self.document.variables.iter().any(|variable| variable.name == reference.name) {
                    return Ok(None);
                }
                let names = self.values.values.keys().map(String::as_str);
                let finding = renders_empty(&reference.name, place(&reference.range), names, findings.len());
                findings.push(finding);
            }
            // The core renders until nothing changes; components do it once.
            render_until_stable(text, &self.context()).map(Some)
        });
        rendered.unwrap_or_else(|error| {
            findings.push(template_problem(&format!("`{text}`"), place(&error.range), &error));
            None
        })
    }

    fn context(self) -> Context<'d> {
        const NOTHING: &Json = &Json::Null;
        let user = &self.values.values;
        Context { host: self.host, scope: Scope::Core, user, build: None, data: NOTHING, strict_data: false, build_data: None }
    }
}

/// Packer lets one of them win without a word, which loses an image.
fn collision(name: &str, again: &Builder, first: &Builder) -> Finding {
    Finding::error("duplicate-name", format!("two builders are both named `{name}` once their names are rendered"), name_span(&again.node))
        .also(name_span(&first.node), "the first one")
        .with_help("give one of them another `name`")
}

/// Names in `-only` that no build has: an error where nothing is left to do, else a word of warning.
fn unknown_selection(only: &[String], available: &[&str]) -> Vec<Finding> {
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
