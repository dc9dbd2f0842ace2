//! Where a component's own checks put their findings.

use super::Check;
use crate::finding::{Finding, NOT_SUPPORTED_YET};
use crate::json::{Node, Value};
use crate::source::Span;

impl Check<'_> {
    /// Reports an error at a key (`ssh_timeout`, `launch_block_device_mappings/0/volume_type`); at the component where the key is absent.
    pub fn error(&mut self, pointer: &str, code: &'static str, message: impl Into<String>, help: Option<String>) {
        let finding = Finding::error(code, message, self.span(pointer));
        self.push(pointer, finding, help);
    }

    /// The same as a warning.
    pub fn warning(&mut self, pointer: &str, code: &'static str, message: impl Into<String>, help: Option<String>) {
        let finding = Finding::warning(code, message, self.span(pointer));
        self.push(pointer, finding, help);
    }

    /// Reports what Packer knows and amibake does not do yet: `validate` warns of it, `build` refuses it before anything starts.
    /// `what` follows "amibake does not support".
    pub fn not_supported_yet(&mut self, pointer: &str, what: &str, help: &str) {
        self.warning(pointer, NOT_SUPPORTED_YET, format!("amibake does not support {what} yet"), Some(help.to_owned()));
    }

    /// The place of a key's value, or of the nearest thing around it that was written.
    fn span(&self, pointer: &str) -> Span {
        let node = locate(self.node, pointer);
        match &node.value {
            Value::Object(_) => object_span(node, std::ptr::eq(node, self.node)),
            _ => node.span,
        }
    }

    fn push(&mut self, pointer: &str, finding: Finding, help: Option<String>) {
        let pointer = format!("/{}", pointer.trim_start_matches('/'));
        let mut finding = match help {
            Some(help) => finding.with_help(help),
            None => finding,
        };
        for origin in self.origins.get(&pointer).into_iter().flatten() {
            finding = origin.explain(finding);
        }
        self.findings.push(finding);
    }
}

impl super::Origin {
    /// Says in a finding that this variable took part in the value.
    pub(crate) fn explain(&self, finding: Finding) -> Finding {
        match self.span {
            Some(span) => finding.also(span, format!("`{}` gets its value here", self.variable)),
            None if finding.help.is_none() => finding.with_help(format!("the value comes from the variable `{}`", self.variable)),
            None => finding,
        }
    }
}

/// A place for what concerns an object as a whole: a component's `type`, else the opening brace. All of its lines show nothing.
pub(crate) fn object_span(node: &Node, is_component: bool) -> Span {
    match node.get("type") {
        Some(named) if is_component => named.span,
        _ if node.as_str().is_some() => node.span,
        _ => Span { end: node.span.start.saturating_add(1).min(node.span.end), ..node.span },
    }
}

/// Follows a pointer into a node as far as it was written, by the rules of weak typing: keys match without regard to case,
/// one object stands for a list of one, a list of objects for a map.
pub(crate) fn locate<'n>(node: &'n Node, pointer: &str) -> &'n Node {
    let mut at = node;
    for token in pointer.split('/').filter(|token| !token.is_empty()) {
        match child(at, &token.replace("~1", "/").replace("~0", "~")) {
            Some(next) => at = next,
            // A list position in something that is no list: the thing itself is the one element.
            None if token.parse::<usize>().is_ok() => {}
            None => break,
        }
    }
    at
}

fn child<'n>(node: &'n Node, token: &str) -> Option<&'n Node> {
    match &node.value {
        Value::Object(members) => members
            .iter()
            .find(|member| member.key == token)
            .or_else(|| members.iter().find(|member| member.key.eq_ignore_ascii_case(token)))
            .map(|member| &member.value),
        Value::Array(items) => match token.parse::<usize>() {
            Ok(index) => items.get(index),
            Err(_) => items.iter().rev().find_map(|item| child(item, token)),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
