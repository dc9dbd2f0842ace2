//! Evaluation in passes, as Packer does it: variables may refer to each other in any order.

use std::collections::{BTreeMap, BTreeSet};

use super::shield::{repeats, shield, unshield};
use super::unresolved::{self, Postponed};
use super::{Given, Values};
use crate::component::Secret;
use crate::document::Document;
use crate::finding::Finding;
use crate::json::Node;
use crate::lang::{Context, Host, LangError, LookupKind, Question, Scope, Template};
use crate::source::Span;
use crate::wording::template_problem;

/// Packer's limit. A chain longer than that does not exist; a text that changes in every pass (`uuid`) ends here.
const PASSES: usize = 100;

/// Bytes; a given value that names itself twice doubles in every pass, which would not end well.
const LONGEST: usize = 1 << 20;

/// A variable's strongest raw text.
pub(super) struct Raw<'d> {
    pub(super) text: &'d str,
    pub(super) span: Span,
    node: Option<&'d Node>,
    template: Template,
    repeats: bool,
}

impl Raw<'_> {
    /// The place where the text names another variable.
    pub(super) fn span_of_user(&self, name: &str) -> Span {
        let reference = self.template.user_references().iter().find(|reference| reference.name == name);
        reference.map_or(self.span, |reference| self.span_within(&reference.range))
    }

    /// The place of some bytes of the text.
    pub(super) fn span_within(&self, range: &std::ops::Range<usize>) -> Span {
        if let Some(node) = self.node {
            return node.span_within(range.start, range.end);
        }
        let written = (self.span.end - self.span.start) as usize;
        let offset = match written.checked_sub(self.text.len()) {
            Some(0) => 0,
            // Two more are the quotes of a string in a var file; anything else has escapes, and the whole must do.
            Some(2) => 1,
            _ => return self.span,
        };
        let start = self.span.start as usize + offset;
        Span::new(self.span.source, start + range.start, start + range.end)
    }
}

/// Evaluates all variables. `given` is in the order of strength, weakest first: var files, then `-var`.
///
/// A declared variable without an entry in [`Values::values`] is one that a finding has been made about.
pub fn evaluate(document: &Document, given: &[Given], host: &Host) -> (Values, Vec<Finding>) {
    let mut findings = required(document, given);
    let mut values = Values::default();
    let mut work = Work::new(host);
    work.list(document, given, &mut values.spans, &mut findings);
    let postponed = work.passes(&mut findings);
    findings.extend(unresolved::explain(&postponed, &work.raw, document, given));
    if findings.is_empty() {
        findings.extend(unresolved::too_deep(&postponed, &work.raw, PASSES));
    }
    let unresolved: BTreeSet<&str> = postponed.iter().map(|(name, _)| name.as_str()).collect();
    values.values = work.user.iter().filter(|(name, _)| !unresolved.contains(name.as_str())).map(|(n, v)| (n.clone(), v.clone())).collect();
    // What came from a keeper of secrets is one, and so is what a variable makes of it.
    let made_of_secrets = work.raw.iter().filter(|(_, raw)| asks(raw).any(LookupKind::is_secret)).map(|(name, _)| *name);
    let sensitive = document.sensitive.iter().map(String::as_str).chain(made_of_secrets);
    let hidden: Vec<&str> =
        sensitive.filter_map(|name| values.values.get(name)).map(String::as_str).chain(host.answers.secrets()).collect();
    values.sensitive = hidden.into_iter().filter(|value| !value.is_empty()).map(Secret::new).collect();
    (values, findings)
}

/// Variables without default that nobody gave.
fn required(document: &Document, given: &[Given]) -> Vec<Finding> {
    let given: BTreeSet<&str> = given.iter().map(|given| given.name.as_str()).collect();
    let missing = document.variables.iter().filter(|variable| variable.default.is_none() && !given.contains(variable.name.as_str()));
    missing
        .map(|variable| {
            let message = format!("the variable `{}` has no default and was not given a value", variable.name);
            let help = format!("give it one: -var '{}=...', or in a file with -var-file", variable.name);
            Finding::error("required-variable", message, variable.span).with_help(help)
        })
        .collect()
}

/// A value that has to be fetched before the variables can be evaluated.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// What to ask.
    pub question: Question,
    /// The variable whose text asks.
    pub variable: String,
    /// The call.
    pub span: Span,
}

/// What the variables want from services and `host.answers` does not have: fetch it, put it there and ask again, since an answer can
/// lead to further questions. Empty where all is known.
pub fn needed_lookups(document: &Document, given: &[Given], host: &Host) -> Vec<Lookup> {
    let mut work = Work::new(host);
    work.list(document, given, &mut BTreeMap::new(), &mut Vec::new());
    if work.raw.values().any(|raw| asks(raw).next().is_some()) {
        work.passes(&mut Vec::new());
    }
    work.needed
}

/// The functions in a text that ask a service.
fn asks<'r>(raw: &'r Raw<'_>) -> impl Iterator<Item = LookupKind> + 'r {
    const KINDS: [LookupKind; 4] = [LookupKind::Vault, LookupKind::ConsulKey, LookupKind::SecretsManager, LookupKind::SecretsManagerRaw];
    raw.template.functions().iter().filter_map(|(name, _)| KINDS.into_iter().find(|kind| kind.function() == name))
}

struct Work<'d> {
    host: &'d Host,
    /// Questions without an answer.
    needed: Vec<Lookup>,
    raw: BTreeMap<&'d str, Raw<'d>>,
    user: BTreeMap<String, String>,
}

impl<'d> Work<'d> {
    fn new(host: &'d Host) -> Self {
        Self { host, needed: Vec::new(), raw: BTreeMap::new(), user: BTreeMap::new() }
    }

    /// Finds each variable's strongest text; texts that are no templates are reported and left out.
    fn list(&mut self, document: &'d Document, given: &'d [Given], spans: &mut BTreeMap<String, Span>, findings: &mut Vec<Finding>) {
        let mut strongest: BTreeMap<&str, (&str, Span, Option<&Node>)> = BTreeMap::new();
        for variable in &document.variables {
            if let Some(node) = &variable.default {
                strongest.insert(&variable.name, (node.as_str().unwrap_or_default(), node.span, Some(node)));
            }
        }
        for one in given {
            strongest.insert(&one.name, (&one.value, one.span, None));
            // Given values can be read before they are evaluated themselves, as in Packer.
            self.user.insert(one.name.clone(), one.value.clone());
        }
        for (name, (text, span, node)) in strongest {
            spans.insert(name.to_owned(), span);
            match Template::compile(&shield(text)) {
                Ok(template) => {
                    self.raw.insert(name, Raw { text, span, node, template, repeats: repeats(text) });
                }
                Err(error) => {
                    self.user.remove(name);
                    let place = node.map_or(span, |node| node.span_within(error.range.start, error.range.end));
                    findings.push(template_problem(&format!("the value of variable `{name}`"), place, &error));
                }
            }
        }
    }

    /// Renders until nothing changes; what is left refers to variables that never got a value.
    fn passes(&mut self, findings: &mut Vec<Finding>) -> Vec<Postponed> {
        let mut listed: Vec<&str> = self.raw.keys().copied().collect();
        let mut postponed = Vec::new();
        for pass in 1..=PASSES {
            let mut changed = false;
            postponed.clear();
            listed.retain(|name| {
                let raw = &self.raw[name];
                match self.render(raw) {
                    Ok(value) if value.len() > LONGEST || (pass == PASSES && self.grows(name, &value)) => {
                        let message = format!("the value of variable `{name}` grows without end");
                        findings.push(Finding::error("variable-cycle", message, raw.span).with_help("it takes part in its own value"));
                        self.user.remove(*name);
                        false
                    }
                    Ok(value) => {
                        changed |= self.user.get(*name) != Some(&value);
                        self.user.insert((*name).to_owned(), value);
                        raw.repeats
                    }
                    Err(error) if error.unset_variable.is_some() => {
                        postponed.push(((*name).to_owned(), error));
                        true
                    }
                    Err(error) => {
                        if let Some(question) = &error.question {
                            let (variable, span) = ((*name).to_owned(), raw.span_within(&error.range));
                            self.needed.push(Lookup { question: (**question).clone(), variable, span });
                        }
                        findings.push(template_problem(&format!("the value of variable `{name}`"), raw.span_within(&error.range), &error));
                        self.user.remove(*name);
                        false
                    }
                }
            });
            if !changed {
                break;
            }
        }
        postponed
    }

    /// Whether a value is longer than it was after the pass before.
    fn grows(&self, name: &str, value: &str) -> bool {
        self.user.get(name).is_some_and(|before| before.len() < value.len())
    }

    fn render(&self, raw: &Raw<'_>) -> Result<String, LangError> {
        let data = serde_json::Value::Null;
        let context = Context {
            host: self.host,
            scope: Scope::Variables,
            user: &self.user,
            build: None,
            data: &data,
            strict_data: false,
            build_data: None,
        };
        raw.template.render(&context).map(|text| unshield(&text))
    }
}
