//! The first pass: strings of a component rendered before they are converted (reference section 11).

use serde_json::Value as Json;

use super::decoder::{Decoder, path};
use crate::component::Origin;
use crate::finding::Finding;
use crate::json::{Member, Node};
use crate::lang::{Template, UserReference};
use crate::source::Span;
use crate::wording::{renders_empty, template_problem};

/// Variables of one value that a finding about it points at: the places of more than a few say nothing.
const MOST_ORIGINS: usize = 4;

impl Decoder<'_> {
    /// Renders a string. Late text is checked and comes back as it is. None where a finding says why.
    pub(super) fn render(&mut self, node: &Node, text: &str, late: bool, pointer: &str) -> Option<String> {
        let place = |start, end| node.span_within(start, end);
        self.render_at(text, late, pointer, &place)
    }

    /// The key of a map; late where its values are, because Packer renders both at once.
    pub(super) fn map_key(&mut self, member: &Member, values: &Json, pointer: &str) -> Option<String> {
        let late = is_late(values);
        // A key's escapes are not mapped back; the whole key is near enough.
        let place = |_, _| member.key_span;
        self.render_at(&member.key, late, &format!("{pointer}/{}", super::decoder::escape(&member.key)), &place)
    }

    fn render_at(&mut self, text: &str, late: bool, pointer: &str, place: &dyn Fn(usize, usize) -> Span) -> Option<String> {
        if !Template::has_actions(text) {
            return Some(text.to_owned());
        }
        let what = format!("`{}`", path(pointer));
        let template = match Template::compile(text) {
            Ok(template) => template,
            Err(error) => {
                self.findings.push(template_problem(&what, place(error.range.start, error.range.end), &error));
                return None;
            }
        };
        if !self.all_known(template.user_references(), place) {
            return None;
        }
        if late {
            return Some(text.to_owned());
        }
        self.remember(&template.user_variables(), pointer);
        match template.render(&self.setting.context) {
            Ok(rendered) => Some(rendered),
            Err(error) => {
                let finding = template_problem(&what, place(error.range.start, error.range.end), &error);
                let finding = self.explain_origins(finding, pointer);
                self.findings.push(finding);
                None
            }
        }
    }

    /// Whether the text can be rendered: not where a variable is declared and got no value, which has been reported.
    fn all_known(&mut self, references: &[UserReference], place: &dyn Fn(usize, usize) -> Span) -> bool {
        let mut known = true;
        for UserReference { name, range } in references {
            if self.setting.values.values.contains_key(name) {
                continue;
            }
            if self.setting.declared.contains(name.as_str()) {
                known = false;
                continue;
            }
            let names = self.setting.declared.iter().copied();
            let finding = renders_empty(name, place(range.start, range.end), names, self.findings.len());
            self.findings.push(finding);
        }
        known
    }

    fn remember(&mut self, names: &[String], pointer: &str) {
        for name in names.iter().take(MOST_ORIGINS) {
            let span = self.setting.values.spans.get(name).copied();
            // The line that holds a sensitive value is not one to print.
            let span = span.filter(|_| !self.setting.sensitive.contains(name.as_str()));
            self.origins.entry(pointer.to_owned()).or_default().push(Origin { variable: name.clone(), span });
        }
    }

    /// Points from a rendered value to the variables it came from.
    pub(crate) fn explain_origins(&self, finding: Finding, pointer: &str) -> Finding {
        self.origins.get(pointer).into_iter().flatten().fold(finding, |finding, origin| origin.explain(finding))
    }
}

/// Whether the first pass leaves a value alone.
pub(super) fn is_late(schema: &Json) -> bool {
    schema.get("x-amibake-late") == Some(&Json::Bool(true))
}
