//! One run of `validate` on texts: what the program does, without its files and flags.

use amibake_template::document;
use amibake_template::finding::{Finding, Severity, render_human};
use amibake_template::json::{Dialect, parse};
use amibake_template::lang::Host;
use amibake_template::plan::{Plan, Selection, plan};
use amibake_template::source::{Sources, Span};
use amibake_template::variables::{Given, read_var_file};

use crate::parts::{Exist, registry};

/// What goes into a run.
#[derive(Default)]
pub struct Run {
    pub template: String,
    /// Name and text, weakest first.
    pub var_files: Vec<(String, String)>,
    pub vars: Vec<(String, String)>,
    pub selection: Selection,
    pub syntax_only: bool,
    pub host: Host,
    pub files: &'static [&'static str],
}

/// What comes out of it.
pub struct Outcome {
    pub sources: Sources,
    pub findings: Vec<Finding>,
    pub plan: Option<Plan>,
}

impl Run {
    pub fn of(template: &str) -> Self {
        Self { template: template.to_owned(), ..Self::default() }
    }

    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn var_file(mut self, name: &str, text: &str) -> Self {
        self.var_files.push((name.to_owned(), text.to_owned()));
        self
    }

    pub fn go(self) -> Outcome {
        let mut sources = Sources::default();
        let mut findings = Vec::new();
        let id = sources.add("template.json", self.template.as_str());
        let (root, problems) = parse(id, &self.template, Dialect::default());
        findings.extend(problems);
        let mut given = Vec::new();
        for (name, text) in &self.var_files {
            let id = sources.add(name.as_str(), text.as_str());
            let (root, problems) = parse(id, text, Dialect::default());
            findings.extend(problems);
            if let Some(root) = root {
                let (more, problems) = read_var_file(&root);
                given.extend(more);
                findings.extend(problems);
            }
        }
        for (name, value) in &self.vars {
            let id = sources.add("-var", format!("{name}={value}"));
            let span = Span::new(id, name.len() + 1, name.len() + 1 + value.len());
            given.push(Given { name: name.clone(), value: value.clone(), span });
        }
        let Some(root) = root else { return Outcome { sources, findings, plan: None } };
        let (document, problems) = document::read(root);
        findings.extend(problems);
        let broken = findings.iter().any(|finding| finding.severity == Severity::Error);
        let Some(document) = document else { return Outcome { sources, findings, plan: None } };
        if self.syntax_only || broken {
            return Outcome { sources, findings, plan: None };
        }
        let (plan, problems) = plan(&document, &registry(), &given, &self.selection, &self.host, &Exist(self.files));
        findings.extend(problems);
        Outcome { sources, findings, plan }
    }
}

impl Outcome {
    pub fn ok(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity == Severity::Warning)
    }

    /// As a terminal shows it.
    pub fn shown(&self) -> String {
        render_human(&self.findings, &self.sources, false)
    }

    /// One line for each finding: place, code, message.
    pub fn listed(&self) -> String {
        let line = |finding: &Finding| {
            let place = finding.labels.first().map_or("-".to_owned(), |label| {
                let place = self.sources.place(label.span);
                format!("{}:{}:{}", self.sources.name(label.span.source), place.line, place.column)
            });
            let kind = if finding.severity == Severity::Error { "error" } else { "warning" };
            format!("  {place}: {kind}[{}]: {}\n", finding.code, finding.message)
        };
        self.findings.iter().map(line).collect()
    }

    pub fn plan(&self) -> &Plan {
        self.plan.as_ref().unwrap_or_else(|| panic!("no plan:\n{}", self.shown()))
    }
}
