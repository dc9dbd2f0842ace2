//! Findings in the order of a reader's eye.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{FOREIGN_TYPE, Finding, NOT_SUPPORTED_YET};
use crate::source::{SourceId, Span};

/// Sorts by place and drops what several builds found alike.
pub fn tidy(findings: &mut Vec<Finding>) {
    let place = |finding: &Finding| finding.labels.first().map(|label| key(label.span));
    findings.sort_by_key(place);
    let mut seen = HashSet::with_capacity(findings.len());
    let first: Vec<bool> = findings.iter().map(|finding| seen.insert(finding)).collect();
    let mut first = first.into_iter();
    findings.retain(|_| first.next().unwrap_or(true));
}

/// Of what cannot be run the first place is enough: a template with twenty PowerShell scripts has one thing to be told about them.
pub(crate) fn gather(findings: &mut Vec<Finding>) {
    let mut counts: BTreeMap<(&'static str, String), usize> = BTreeMap::new();
    let alike = |finding: &Finding| (finding.code, finding.message.clone());
    let gathered = |finding: &Finding| [NOT_SUPPORTED_YET, FOREIGN_TYPE].contains(&finding.code);
    for finding in findings.iter().filter(|finding| gathered(finding)) {
        *counts.entry(alike(finding)).or_default() += 1;
    }
    let mut seen = BTreeSet::new();
    findings.retain_mut(|finding| {
        if !gathered(finding) {
            return true;
        }
        let count = counts.get(&alike(finding)).copied().unwrap_or_default();
        if let Some(label) = finding.labels.first_mut().filter(|_| count > 1) {
            label.text = format!("the first of {count}");
        }
        seen.insert(alike(finding))
    });
}

fn key(span: Span) -> (SourceId, u32, u32) {
    (span.source, span.start, span.end)
}
