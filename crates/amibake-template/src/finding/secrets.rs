//! Texts that must not be shown, found all at once: a template can have thousands of sensitive variables and of findings.

use std::borrow::Cow;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

/// What stands in a secret's place, as in Packer.
pub(crate) const MASK: &str = "<sensitive>";

/// Texts to hide.
pub(crate) enum Secrets {
    None,
    Known(AhoCorasick),
    /// They are too large to be searched for: then nothing may be shown.
    Unsearchable,
}

impl Secrets {
    /// Empty ones are left out.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let secrets: Vec<&str> = secrets.into_iter().filter(|secret| !secret.is_empty()).collect();
        if secrets.is_empty() {
            return Self::None;
        }
        AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(secrets).map_or(Self::Unsearchable, Self::Known)
    }

    /// Where secrets stand in a text: from left to right, the longest of several that begin at one place.
    pub(crate) fn find(&self, text: &str) -> Vec<Range<usize>> {
        match self {
            Self::None => Vec::new(),
            Self::Known(matcher) => matcher.find_iter(text).map(|found| found.range()).collect(),
            Self::Unsearchable if text.is_empty() => Vec::new(),
            Self::Unsearchable => std::iter::once(0..text.len()).collect(),
        }
    }

    /// Takes them out of a text.
    pub(crate) fn mask(&self, text: &mut String) {
        if let Cow::Owned(masked) = masked(text, &self.find(text)) {
            *text = masked;
        }
    }
}

/// A text with these pieces masked.
pub(crate) fn masked<'t>(text: &'t str, hidden: &[Range<usize>]) -> Cow<'t, str> {
    if hidden.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for range in hidden {
        out.push_str(text.get(at..range.start).unwrap_or_default());
        out.push_str(MASK);
        at = range.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(out)
}
