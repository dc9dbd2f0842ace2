//! Prints findings.

use amibake_template::finding::{Finding, Severity, render_human};
use amibake_template::source::Sources;

use crate::ui::screen::Screen;

/// Prints findings; programs get one line for each.
pub fn print(findings: &[Finding], sources: &Sources, screen: &mut Screen) {
    let look = screen.look();
    if !look.machine_readable {
        if !findings.is_empty() {
            screen.say(render_human(findings, sources, look.color).trim_end());
        }
        return;
    }
    for finding in findings {
        let text = render_human(std::slice::from_ref(finding), sources, false);
        match finding.severity {
            Severity::Error => screen.error(text.trim_end()),
            Severity::Warning => screen.say(text.trim_end()),
        }
    }
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
