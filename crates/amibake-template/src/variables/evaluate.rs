//! Evaluation in passes, as Packer does it: variables may refer to each other in any order.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

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

/// How often a value is read after it was rendered: what it counts as work.
const KEPT: usize = 4;

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
    let host = &*host.limited(bytes(document, given));
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

/// Bytes of the template and of all values given: what the work of a plan is measured by.
pub(crate) fn bytes(document: &Document, given: &[Given]) -> usize {
    let span = document.root.span;
    (span.end - span.start) as usize + given.iter().map(|given| given.value.len()).sum::<usize>()
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
    let host = &*host.limited(bytes(document, given));
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

/// What came of rendering a variable.
enum Settled {
    /// It has another value than before.
    Changed,
    Same,
    /// It needs one that has no value yet.
    Waits(LangError),
    /// A finding says why.
    GivenUp,
}

/// Which variables use which.
struct Uses<'d> {
    /// Name to those that name it in their text.
    by_name: HashMap<&'d str, Vec<&'d str>>,
    /// Those that work out a name when they are rendered.
    hidden: Vec<&'d str>,
}

struct Work<'d> {
    host: &'d Host,
    /// Variables that have a finding and no value.
    given_up: BTreeSet<&'d str>,
    /// Questions without an answer.
    needed: Vec<Lookup>,
    raw: BTreeMap<&'d str, Raw<'d>>,
    user: BTreeMap<String, String>,
}

impl<'d> Work<'d> {
    fn new(host: &'d Host) -> Self {
        Self { host, given_up: BTreeSet::new(), needed: Vec::new(), raw: BTreeMap::new(), user: BTreeMap::new() }
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
    ///
    /// As if each pass rendered all that is not final, in the order of names. Only what can have changed is rendered: a chain of many
    /// variables against that order would otherwise render all of them a hundred times.
    fn passes(&mut self, findings: &mut Vec<Finding>) -> Vec<Postponed> {
        let uses = self.uses();
        let mut waiting: BTreeMap<&str, LangError> = BTreeMap::new();
        let mut turn: BTreeSet<&str> = self.raw.keys().copied().collect();
        for pass in 1..=PASSES {
            let mut next: BTreeSet<&str> = BTreeSet::new();
            let mut changed = false;
            while let Some(name) = turn.pop_first() {
                waiting.remove(name);
                match self.settle(name, pass, findings) {
                    Settled::Changed => {
                        changed = true;
                        let users = uses.by_name.get(name).into_iter().flatten().copied();
                        for user in users.filter(|user| waiting.contains_key(user) || self.is_listed(user)) {
                            // Its turn in this pass is still to come, or over.
                            if user > name {
                                turn.insert(user)
                            } else {
                                next.insert(user)
                            };
                        }
                    }
                    Settled::Waits(error) => drop(waiting.insert(name, error)),
                    Settled::Same | Settled::GivenUp => {}
                }
            }
            if changed {
                let hidden = uses.hidden.iter().copied();
                next.extend(hidden.filter(|user| waiting.contains_key(user) || self.is_listed(user)));
            }
            if next.is_empty() {
                break;
            }
            turn = next;
        }
        waiting.into_iter().map(|(name, error)| (name.to_owned(), error)).collect()
    }

    /// Whether a variable that has a value is rendered again.
    fn is_listed(&self, name: &str) -> bool {
        self.raw.get(name).is_some_and(|raw| raw.repeats) && !self.given_up.contains(name)
    }

    /// Which variables may change when another one does.
    fn uses(&self) -> Uses<'d> {
        let mut uses = Uses { by_name: HashMap::new(), hidden: Vec::new() };
        for (name, raw) in &self.raw {
            let references = raw.template.user_references();
            let mut seen = HashSet::new();
            for reference in references.iter().filter(|reference| seen.insert(reference.name.as_str())) {
                if let Some((used, _)) = self.raw.get_key_value(reference.name.as_str()) {
                    uses.by_name.entry(used).or_default().push(name);
                }
            }
            if raw.template.functions().iter().filter(|(function, _)| function == "user").count() > references.len() {
                uses.hidden.push(name);
            }
        }
        uses
    }

    /// Renders one variable.
    fn settle(&mut self, name: &'d str, pass: usize, findings: &mut Vec<Finding>) -> Settled {
        let raw = &self.raw[name];
        let finding = match self.render(raw) {
            Ok(value) if value.len() > LONGEST || (pass == PASSES && self.grows(name, &value)) => {
                let message = format!("the value of variable `{name}` grows without end");
                Finding::error("variable-cycle", message, raw.span).with_help("it takes part in its own value")
            }
            Ok(value) if self.user.get(name) == Some(&value) => return Settled::Same,
            Ok(value) => {
                self.host.work.spend(value.len().saturating_mul(KEPT));
                self.user.insert(name.to_owned(), value);
                return Settled::Changed;
            }
            Err(error) if error.unset_variable.is_some() => return Settled::Waits(error),
            Err(error) => {
                let place = raw.span_within(&error.range);
                if let Some(question) = &error.question {
                    self.needed.push(Lookup { question: (**question).clone(), variable: name.to_owned(), span: place });
                }
                template_problem(&format!("the value of variable `{name}`"), place, &error)
            }
        };
        findings.push(finding);
        self.user.remove(name);
        self.given_up.insert(name);
        Settled::GivenUp
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
