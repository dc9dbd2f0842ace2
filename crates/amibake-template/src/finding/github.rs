//! Findings as workflow commands of GitHub Actions, which become annotations at the lines of a pull request.

use std::fmt::Write as _;

use super::model::{Finding, Severity};
use super::report::Place;
use crate::source::Sources;

/// One line for each finding: `::error file=t.json,line=3,col=5,endColumn=12,title=unknown-key::...`.
pub fn render_github(findings: &[Finding], sources: &Sources) -> String {
    findings.iter().map(|finding| command(finding, sources)).collect()
}

fn command(finding: &Finding, sources: &Sources) -> String {
    let mut places: Vec<Place> = finding.labels.iter().map(|label| Place::of(label, sources)).collect();
    let mut properties = Vec::new();
    if let Some(at) = places.iter().position(Place::is_in_a_file) {
        let place = places.remove(at);
        properties.push(("file", place.file));
        properties.push(("line", place.line.to_string()));
        properties.push(("col", place.column.to_string()));
        // The service marks columns only where both stand in one line.
        properties.push(("endLine", place.end_line.to_string()));
        if place.end_line == place.line {
            properties.push(("endColumn", place.end_column.to_string()));
        }
    }
    properties.push(("title", finding.code.to_owned()));
    let word = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let properties: Vec<String> = properties.iter().map(|(name, value)| format!("{name}={}", escape_property(value))).collect();
    format!("::{word} {}::{}\n", properties.join(","), escape(&text(finding, &places)))
}

fn text(finding: &Finding, others: &[Place]) -> String {
    let mut text = finding.message.clone();
    for place in others {
        let _ = write!(text, "\n{}:{}:{}: {}", place.file, place.line, place.column, place.text);
    }
    if let Some(help) = &finding.help {
        let _ = write!(text, "\nhelp: {help}");
    }
    text
}

/// A command is one line, in which `%` introduces an escape.
fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// In properties also what separates them.
fn escape_property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    #[test]
    fn nothing_breaks_out_of_its_line_or_property() {
        let mut sources = Sources::default();
        let id = sources.add("a,b:c%.json", "{\n  \"x\": 1\n}");
        let finding = Finding::error("unknown-key", "50% of\r\n::error::it", Span::new(id, 4, 7)).with_help("no");
        let expected =
            "::error file=a%2Cb%3Ac%25.json,line=2,col=3,endLine=2,endColumn=6,title=unknown-key::50%25 of%0D%0A::error::it%0Ahelp: no\n";
        assert_eq!(render_github(&[finding], &sources), expected);
    }

    #[test]
    fn what_stands_in_no_file_has_no_place() {
        let finding =
            Finding { labels: Vec::new(), ..Finding::warning("no-builds", "none", Span::new(Sources::default().add("", ""), 0, 0)) };
        assert_eq!(render_github(&[finding], &Sources::default()), "::warning title=no-builds::none\n");
    }
}
