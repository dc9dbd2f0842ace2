//! Prints findings.

use amibake_template::finding::{Finding, Severity, render_github, render_human_each, render_human_hiding, report, sarif};
use amibake_template::source::Sources;

use super::args::Format;
use crate::ui::screen::Screen;

/// Prints findings; programs get one line for each.
pub fn print(findings: &[Finding], sources: &Sources, screen: &mut Screen) {
    let look = screen.look();
    if !look.machine_readable {
        if !findings.is_empty() {
            screen.say(render_human_hiding(findings, sources, look.color, &|text| screen.secrets_in(text)).trim_end());
        }
        return;
    }
    let texts = render_human_each(findings, sources, false, &|text| screen.secrets_in(text));
    for (finding, text) in findings.iter().zip(texts) {
        match finding.severity {
            Severity::Error => screen.error(text.trim_end()),
            Severity::Warning => screen.say(text.trim_end()),
        }
    }
}

/// Prints findings in a form that other programs read. True where that was all that is to be printed.
pub fn print_as(format: Format, findings: &[Finding], sources: &Sources, screen: &mut Screen) -> bool {
    let findings = cleaned(findings, screen);
    match format {
        Format::Human => print(&findings, sources, screen),
        Format::Json => screen.document(&pretty(&report(&findings, sources, env!("CARGO_PKG_VERSION")))),
        Format::Sarif => screen.document(&pretty(&sarif(&findings, sources, env!("CARGO_PKG_VERSION")))),
        Format::Github => {
            render_github(&findings, sources).lines().for_each(|line| screen.document(line));
        }
    }
    matches!(format, Format::Json | Format::Sarif)
}

/// Without the secrets that the screen knows: these forms do not pass its filter as a whole.
fn cleaned(findings: &[Finding], screen: &Screen) -> Vec<Finding> {
    let mut findings = findings.to_vec();
    for finding in &mut findings {
        finding.message = screen.cleaned(&finding.message);
        finding.help = finding.help.as_deref().map(|help| screen.cleaned(help));
        for label in &mut finding.labels {
            label.text = screen.cleaned(&label.text);
        }
    }
    findings
}

fn pretty(document: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default()
}

/// Whether one of them is an error.
pub fn any_error(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// `1 error`, `2 errors, 1 warning`.
pub fn count(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    let counted: Vec<_> = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect();
    counted.join(", ")
}
