//! How a text is laid out: where commas, comments and line ends are, and what a new member has to look like beside the others.

use serde_json::Value as Json;

use super::edit::Edits;
use crate::json::{Member, Node};
use crate::source::Span;

/// What stands before a member that shares its line with others.
pub(super) const INLINE: &str = " ";

/// A text with its habits.
pub(super) struct Layout<'t> {
    pub(super) text: &'t str,
    line_end: &'static str,
    indent: String,
}

impl<'t> Layout<'t> {
    pub(super) fn of(text: &'t str, root: &Node) -> Self {
        let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let mut layout = Self { text, line_end, indent: "  ".to_owned() };
        // The first member's indentation is one level.
        if let crate::json::Value::Object(members) = &root.value
            && let Some(first) = members.first()
            && let Some(indent) = layout.indent_of(first.key_span).filter(|indent| !indent.is_empty())
        {
            layout.indent = indent.to_owned();
        }
        layout
    }

    /// The white space before something that is the first on its line; None where it is not.
    pub(super) fn indent_of(&self, span: Span) -> Option<&'t str> {
        let before = self.text.get(..span.start as usize)?;
        let other = before.trim_end_matches([' ', '\t']);
        (other.is_empty() || other.ends_with('\n')).then(|| &before[other.len()..])
    }

    /// What separates a member from the one before: a new line with its indentation, or a blank.
    pub(super) fn separator(&self, neighbour: &Member) -> String {
        self.indent_of(neighbour.key_span).map_or_else(|| INLINE.to_owned(), |indent| format!("{}{indent}", self.line_end))
    }

    /// Byte of the comma that follows a value, before any bracket.
    fn comma_after(&self, at: usize) -> Option<usize> {
        let at = self.skip(at);
        (self.text.as_bytes().get(at) == Some(&b',')).then_some(at)
    }

    /// Passes white space and comments.
    fn skip(&self, mut at: usize) -> usize {
        while let Some(rest) = self.text.get(at..) {
            let blank = rest.len() - rest.trim_start().len();
            let comment = comment_length(&rest[blank..]);
            if blank + comment == 0 {
                break;
            }
            at += blank + comment;
        }
        at
    }

    /// Where a line ends that holds, from here on, only white space and comments; `at` itself where more follows.
    fn end_of_trivia(&self, at: usize) -> usize {
        let mut end = at;
        loop {
            let rest = &self.text[end..];
            end += rest.len() - rest.trim_start_matches([' ', '\t']).len();
            let rest = &self.text[end..];
            if rest.is_empty() || rest.starts_with(['\n', '\r']) {
                return end - self.text[at..end].len() + self.text[at..end].trim_end().len();
            }
            match comment_length(rest) {
                0 => return at,
                length => end += length,
            }
        }
    }

    /// Takes members out of an object and puts others in behind the last one. At least one member must stay.
    pub(super) fn change_members(&self, members: &[Member], gone: &[bool], added: &[(String, &Json)], edits: &mut Edits) {
        let Some(last) = members.iter().zip(gone).rposition(|(_, gone)| !gone) else { return };
        for (member, _) in members.iter().zip(gone).filter(|(_, gone)| **gone) {
            self.remove(member, edits);
        }
        let end = members[last].value.span.end as usize;
        let comma = self.comma_after(end);
        let trailing = members.last().and_then(|member| self.comma_after(member.value.span.end as usize)).is_some();
        match comma {
            // The comma would now stand before the bracket.
            Some(at) if added.is_empty() && !trailing && gone[last + 1..].contains(&true) => edits.replace_range(at..at + 1, ""),
            None if !added.is_empty() => edits.insert(end, ","),
            Some(_) | None => {}
        }
        let separator = self.separator(&members[last]);
        let at = comma.map_or(end, |at| at + 1);
        // On a line of its own it stands behind the comment that belongs to the last member.
        let at = if separator == INLINE { at } else { self.end_of_trivia(at) };
        for (index, (key, value)) in added.iter().enumerate() {
            let comma = if index + 1 < added.len() || trailing { "," } else { "" };
            edits.insert(at, format!("{separator}{}: {}{comma}", quoted(key), self.write(value, &separator)));
        }
    }

    /// A member with its comma, and its line where nothing else stands on it.
    fn remove(&self, member: &Member, edits: &mut Edits) {
        let (start, end) = (member.key_span.start as usize, member.value.span.end as usize);
        let comma = self.comma_after(end);
        let joined = comma.filter(|at| self.text[end..*at].trim().is_empty());
        let mut range = start..joined.map_or(end, |at| at + 1);
        if let Some(at) = comma.filter(|_| joined.is_none()) {
            edits.replace_range(at..at + 1, "");
        }
        let rest = &self.text[range.end..];
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
        match self.indent_of(member.key_span) {
            Some(indent) if rest[blank..].starts_with('\n') => range = start - indent.len()..range.end + blank + 1,
            _ if joined.is_some() => range.end += blank,
            _ => range.start = self.text[..start].trim_end_matches([' ', '\t']).len(),
        }
        edits.replace_range(range, "");
    }

    /// A value as it stands behind a separator.
    pub(super) fn write(&self, value: &Json, separator: &str) -> String {
        match value {
            Json::Object(members) if !members.is_empty() => {
                let inner = self.deeper(separator);
                let written: Vec<_> =
                    members.iter().map(|(key, value)| format!("{}: {}", quoted(key), self.write(value, &inner))).collect();
                if separator == INLINE {
                    format!("{{{}}}", written.join(", "))
                } else {
                    format!("{{{inner}{}{separator}}}", written.join(&format!(",{inner}")))
                }
            }
            Json::Array(elements) => {
                let written: Vec<_> = elements.iter().map(|element| self.write(element, separator)).collect();
                format!("[{}]", written.join(", "))
            }
            Json::Number(number) => number.as_f64().map_or_else(|| number.to_string(), crate::fix::go_number),
            Json::String(text) => quoted(text),
            Json::Null | Json::Bool(_) | Json::Object(_) => value.to_string(),
        }
    }

    fn deeper(&self, separator: &str) -> String {
        if separator == INLINE { separator.to_owned() } else { format!("{separator}{}", self.indent) }
    }
}

/// Bytes of the comment that a text begins with. Only parsed text is read, so that a slash outside strings begins one.
fn comment_length(text: &str) -> usize {
    if text.starts_with("//") {
        text.find('\n').unwrap_or(text.len())
    } else {
        text.strip_prefix("/*").map_or(0, |inside| inside.find("*/").map_or(text.len(), |at| at + 4))
    }
}

/// A JSON string; nothing is escaped that need not be.
pub(super) fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}
