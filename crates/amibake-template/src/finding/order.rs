//! Findings in the order of a reader's eye.

use super::Finding;
use crate::source::{SourceId, Span};

/// Sorts by place and drops what several builds found alike.
pub fn tidy(findings: &mut Vec<Finding>) {
    let place = |finding: &Finding| finding.labels.first().map(|label| key(label.span));
    findings.sort_by_key(place);
    let mut kept: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings.drain(..) {
        // Equal findings have equal places, so they are among the last ones kept.
        let seen = kept.iter().rev().take_while(|other| place(other) == place(&finding)).any(|other| *other == finding);
        if !seen {
            kept.push(finding);
        }
    }
    *findings = kept;
}

fn key(span: Span) -> (SourceId, u32, u32) {
    (span.source, span.start, span.end)
}
