//! Findings as SARIF 2.1.0, the form that code scanning services read.

use serde_json::{Value, json};

use super::model::{Finding, Severity};
use super::report::Place;
use crate::source::Sources;

/// The schema that the OASIS standard names.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Writes findings as one SARIF log with one run. `version` is the program's.
pub fn sarif(findings: &[Finding], sources: &Sources, version: &str) -> Value {
    let mut rules: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
    rules.sort_unstable();
    rules.dedup();
    let results: Vec<Value> = findings.iter().map(|finding| result(finding, sources, &rules)).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "amibake",
                    "version": version,
                    "rules": rules.iter().map(|code| json!({ "id": code })).collect::<Vec<_>>()
                }
            },
            "columnKind": "unicodeCodePoints",
            "results": results
        }]
    })
}

fn result(finding: &Finding, sources: &Sources, rules: &[&str]) -> Value {
    let places: Vec<Place> = finding.labels.iter().map(|label| Place::of(label, sources)).collect();
    // A value of the command line has no address; the next place then stands for the finding.
    let mut in_files = places.iter().filter(|place| place.is_in_a_file());
    let primary: Vec<Value> = in_files.next().map(location).into_iter().collect();
    let others: Vec<Value> = in_files.map(location).collect();
    let mut result = json!({
        "ruleId": finding.code,
        "ruleIndex": rules.binary_search(&finding.code).unwrap_or_default(),
        "level": match finding.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "message": { "text": text(finding) },
        "locations": primary
    });
    if !others.is_empty() {
        result["relatedLocations"] = Value::Array(others);
    }
    result
}

fn text(finding: &Finding) -> String {
    match &finding.help {
        Some(help) => format!("{}\n{help}", finding.message),
        None => finding.message.clone(),
    }
}

fn location(place: &Place) -> Value {
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&place.file) },
            "region": {
                "startLine": place.line,
                "startColumn": place.column,
                "endLine": place.end_line,
                "endColumn": place.end_column
            }
        }
    });
    if !place.text.is_empty() {
        location["message"] = json!({ "text": place.text });
    }
    location
}

/// A path as a reference by RFC 3986: relative ones stay so, and are read from the root of the repository.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.strip_prefix("./").unwrap_or(path).bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[track_caller]
    fn check(path: &str, expected: &str) {
        assert_eq!(uri(path), expected, "{path}");
    }

    #[test]
    fn paths_become_references() {
        check("packer-template.json", "packer-template.json");
        check("./a/b.json", "a/b.json");
        check("/srv/t.json", "file:///srv/t.json");
        check("mein täst#1.json", "mein%20t%C3%A4st%231.json");
        check("a:b.json", "a%3Ab.json");
    }
}
