//! The data.

use crate::source::Span;

/// How bad it is. Warnings never fail a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The run goes on.
    Warning,
    /// The run stops before anything is touched.
    Error,
}

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// Stable code, kebab-case: `unknown-key`.
    pub code: &'static str,
    /// What is wrong; lower case, no full stop.
    pub message: String,
    /// Where; the first label is the primary one.
    pub labels: Vec<Label>,
    /// What to do.
    pub help: Option<String>,
}

/// Codes of findings that say nothing against a template, but that amibake cannot run it.
const STOP_A_RUN: [&str; 2] = [NOT_SUPPORTED_YET, FOREIGN_TYPE];
/// The code of what Packer knows and amibake does not do yet.
pub(crate) const NOT_SUPPORTED_YET: &str = "not-supported-yet";
/// The code of a component for another platform.
pub(crate) const FOREIGN_TYPE: &str = "foreign-type";

/// A place and what is to be said about it (may be empty).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What about it.
    pub text: String,
}

impl Finding {
    /// An error at a place.
    pub fn error(code: &'static str, message: impl Into<String>, span: Span) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), labels: vec![Label { span, text: String::new() }], help: None }
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, message: impl Into<String>, span: Span) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message, span) }
    }

    /// Says more about the primary place.
    #[must_use]
    pub fn with_label(mut self, text: impl Into<String>) -> Self {
        if let Some(first) = self.labels.first_mut() {
            first.text = text.into();
        }
        self
    }

    /// Points at one more place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether it stands against running the template, be it right or wrong. `validate` shows it as a warning.
    pub fn stops_a_run(&self) -> bool {
        self.severity == Severity::Error || STOP_A_RUN.contains(&self.code)
    }
}

/// Makes errors of all findings that stand against running the template: for whoever is about to run it.
pub fn refuse_to_run(findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|finding| finding.stops_a_run()) {
        finding.severity = Severity::Error;
    }
}
