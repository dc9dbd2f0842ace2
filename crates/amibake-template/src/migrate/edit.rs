//! Changes of a text that leave everything else byte for byte.

use std::ops::Range;

use crate::source::Span;

/// Replacements in one text.
#[derive(Debug, Default)]
pub(super) struct Edits {
    edits: Vec<(Range<usize>, String)>,
}

impl Edits {
    /// Replaces a span.
    pub(super) fn replace(&mut self, span: Span, by: impl Into<String>) {
        self.replace_range(span.start as usize..span.end as usize, by);
    }

    /// Replaces bytes.
    pub(super) fn replace_range(&mut self, range: Range<usize>, by: impl Into<String>) {
        self.edits.push((range, by.into()));
    }

    /// Puts something in; what is put in at the same place later stands behind it.
    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace_range(at..at, text);
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// The changed text. Deletions may overlap; any other edit that overlaps an earlier one is left out, and the result is then not
    /// what was wanted, which every stage of a migration checks.
    pub(super) fn apply(mut self, text: &str) -> String {
        self.edits.sort_by_key(|(range, _)| (range.start, range.end));
        let (mut out, mut at) = (String::with_capacity(text.len() + 64), 0);
        for (range, by) in self.edits {
            let start = if by.is_empty() { range.start.max(at) } else { range.start };
            if start < at || range.end < start || text.get(start..range.end).is_none() {
                continue;
            }
            out.push_str(&text[at..start]);
            out.push_str(&by);
            at = range.end;
        }
        out.push_str(&text[at..]);
        out
    }
}
