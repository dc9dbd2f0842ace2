//! Findings for programs: one JSON document, versioned, described by `schema/findings.schema.json`.

use schemars::JsonSchema;
use serde::Serialize;

use super::model::{Finding, Label, Severity};
use crate::source::{Sources, Span};

/// Raised where a reader of the version before would go wrong; new members alone do not count.
pub const REPORT_VERSION: u32 = 1;

/// What `amibake validate -format json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "amibake findings")]
pub struct Report {
    /// Version of this form: 1. Raised where a reader of the version before would go wrong; new members alone do not count.
    pub version: u32,
    /// The program that wrote it.
    pub tool: Tool,
    /// Whether the template can be built: no finding is an error.
    pub valid: bool,
    /// How many findings are errors.
    pub errors: usize,
    /// How many findings are warnings.
    pub warnings: usize,
    /// What was found, sorted by place.
    pub findings: Vec<Entry>,
}

/// The program that wrote a report.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tool {
    /// Always `amibake`.
    pub name: &'static str,
    /// Its version.
    pub version: String,
}

/// One thing found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Entry {
    /// How bad it is; warnings do not fail.
    pub severity: Level,
    /// Which mistake it is: a stable word such as `unknown-key`.
    pub code: &'static str,
    /// What is wrong. The words may change from version to version.
    pub message: String,
    /// What to do about it; null where there is nothing to say.
    pub help: Option<String>,
    /// Where it is; the first place is the one at fault, others have to do with it. Empty where no text is at fault.
    pub places: Vec<Place>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The template cannot be built.
    Error,
    /// It can be built all the same.
    Warning,
}

/// A place in a text.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Place {
    /// The file as it was named on the command line; `<stdin>` or `-var` for texts that are no file.
    pub file: String,
    /// Line where it begins, from 1.
    pub line: u32,
    /// Column where it begins, in characters, from 1.
    pub column: u32,
    /// Line where it ends.
    pub end_line: u32,
    /// Column behind its last character.
    pub end_column: u32,
    /// What is to be said about this place; may be empty.
    pub text: String,
}

/// Writes findings as a report. `version` is the program's.
pub fn report(findings: &[Finding], sources: &Sources, version: &str) -> Report {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    Report {
        version: REPORT_VERSION,
        tool: Tool { name: "amibake", version: version.to_owned() },
        valid: errors == 0,
        errors,
        warnings: findings.len() - errors,
        findings: findings.iter().map(|finding| entry(finding, sources)).collect(),
    }
}

/// The schema of a report (`schema/findings.schema.json`).
pub fn findings_schema() -> serde_json::Value {
    let generator = schemars::generate::SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<Report>().to_value();
    if let serde_json::Value::Object(members) = &mut schema {
        members.insert("$id".to_owned(), "urn:amibake:findings.schema.json".into());
    }
    schema
}

fn entry(finding: &Finding, sources: &Sources) -> Entry {
    Entry {
        severity: match finding.severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
        },
        code: finding.code,
        message: finding.message.clone(),
        help: finding.help.clone(),
        places: finding.labels.iter().map(|label| Place::of(label, sources)).collect(),
    }
}

impl Place {
    pub(super) fn of(label: &Label, sources: &Sources) -> Self {
        let Span { source, end, .. } = label.span;
        let (begin, end) = (sources.place(label.span), sources.place(Span { source, start: end, end }));
        Self {
            file: sources.name(source).to_owned(),
            line: begin.line,
            column: begin.column,
            end_line: end.line,
            end_column: end.column,
            text: label.text.clone(),
        }
    }

    /// Whether it stands in a file that others can open.
    pub(super) fn is_in_a_file(&self) -> bool {
        !matches!(self.file.as_str(), "" | "<stdin>" | "-var")
    }
}
