//! Values that could not be read, so that what follows from that is no second finding.

use std::collections::HashSet;

use crate::finding::Finding;
use crate::source::Span;

/// The values of one component that failed, or were meant by a misspelt key.
#[derive(Default)]
pub(crate) struct Failed {
    pointers: HashSet<String>,
    places: HashSet<Span>,
    /// Their keys in backquotes, as findings name them.
    words: HashSet<String>,
}

impl Failed {
    /// A written value that was wrong.
    pub(crate) fn add(&mut self, pointer: &str, place: Span) {
        self.places.insert(place);
        self.add_absent(pointer.to_owned());
    }

    /// A value that stands under another key.
    pub(crate) fn add_absent(&mut self, pointer: String) {
        let key = pointer.split('/').rfind(|token| token.parse::<usize>().is_err()).unwrap_or_default();
        self.words.insert(format!("`{key}`"));
        self.pointers.insert(pointer);
    }

    /// Whether all could be read.
    pub(crate) fn is_empty(&self) -> bool {
        self.pointers.is_empty()
    }

    /// Whether this value failed, or one around it.
    pub(crate) fn holds(&self, pointer: &str) -> bool {
        let around = pointer.match_indices('/').map(|(at, _)| &pointer[..at]).filter(|around| !around.is_empty());
        around.chain([pointer]).any(|pointer| self.pointers.contains(pointer))
    }

    /// Whether a finding may be due to a value that could not be read: it stands there, or names its key.
    pub(crate) fn explain(&self, finding: &Finding) -> bool {
        let names_one = |text: &str| {
            let ticks: Vec<usize> = text.match_indices('`').map(|(at, _)| at).collect();
            ticks.windows(2).any(|pair| self.words.contains(&text[pair[0]..=pair[1]]))
        };
        finding.labels.first().is_some_and(|label| self.places.contains(&label.span))
            || names_one(&finding.message)
            || finding.help.as_deref().is_some_and(names_one)
    }
}
