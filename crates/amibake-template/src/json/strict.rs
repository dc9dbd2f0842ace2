//! What jsonc-parser lets through and JSON does not: raw control characters in strings, exotic white space between values.

use super::parse::Dialect;
use super::syntax;
use crate::finding::Finding;
use crate::source::{SourceId, Span};

/// The first offence, if any.
pub(crate) fn check(source: SourceId, text: &str, base: usize, dialect: Dialect) -> Option<Finding> {
    let mut state = State::Between;
    for (at, c) in text.char_indices() {
        let next = &text[at + c.len_utf8()..];
        state = match (state, c) {
            (State::Between, '"') => State::Text,
            (State::Between, '/') if dialect.jsonc && next.starts_with('/') => State::LineComment,
            (State::Between, '/') if dialect.jsonc && next.starts_with('*') => State::BlockComment,
            (State::Between, c) if is_exotic_space(c) => {
                return Some(syntax::exotic_space(c, Span::new(source, base + at, base + at + c.len_utf8())));
            }
            (State::Text, '\\') => State::Escape,
            (State::Text, '"') => State::Between,
            (State::Text, '\u{0}'..='\u{1f}') => return Some(syntax::control_in_string(c, Span::new(source, base + at, base + at + 1))),
            (State::Escape, _) => State::Text,
            (State::LineComment, '\n') => State::Between,
            (State::BlockComment, '*') if next.starts_with('/') => State::BlockEnd,
            (State::BlockEnd, _) => State::Between,
            (state, _) => state,
        };
    }
    None
}

#[derive(Clone, Copy)]
enum State {
    Between,
    Text,
    Escape,
    LineComment,
    BlockComment,
    BlockEnd,
}

fn is_exotic_space(c: char) -> bool {
    c == '\u{feff}' || (c.is_whitespace() && !matches!(c, ' ' | '\t' | '\n' | '\r'))
}
