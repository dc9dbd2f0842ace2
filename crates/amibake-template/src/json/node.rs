//! The tree, and how to walk it.

use crate::source::{SourceId, Span};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// The whole value in the text, quotes and braces included.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// A JSON value. Objects keep their order and their duplicates out: the last one wins, the parser reports the others.
#[derive(Debug, Clone)]
pub enum Value {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number as it is written.
    Number(String),
    /// A string.
    String(Text),
    /// A list.
    Array(Vec<Node>),
    /// An object.
    Object(Vec<Member>),
}

/// A string, decoded, with the way back to its place in the text.
#[derive(Debug, Clone)]
pub struct Text {
    /// The decoded string.
    pub value: String,
    /// Where decoded and written form drift apart: (byte offset in `value`, byte offset in the source) after each escape.
    pub(crate) escapes: Vec<(u32, u32)>,
    /// Source offset of the first byte after the opening quote.
    pub(crate) start: u32,
}

/// One member of an object.
#[derive(Debug, Clone)]
pub struct Member {
    /// The key.
    pub key: String,
    /// Where the key stands, quotes included.
    pub key_span: Span,
    /// Its value.
    pub value: Node,
}

impl Text {
    /// Notes the escapes of `raw`, the text between the quotes; `value` is `raw` decoded.
    pub(crate) fn new(value: String, raw: &str, start: usize) -> Self {
        let cut = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        let (bytes, mut escapes, mut at, mut decoded) = (raw.as_bytes(), Vec::new(), 0, 0);
        while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|b| *b == b'\\')) {
            decoded += found;
            at += found;
            let (written, stands_for) = escape_lengths(&bytes[at..]);
            at += written;
            decoded += stands_for;
            escapes.push((cut(decoded), cut(start + at)));
        }
        Self { value, escapes, start: cut(start) }
    }

    /// Where a byte of the decoded string stands in the source.
    fn source_offset(&self, offset: usize) -> usize {
        let offset = offset.min(self.value.len());
        let passed = self.escapes.partition_point(|(decoded, _)| *decoded as usize <= offset);
        match passed.checked_sub(1).and_then(|last| self.escapes.get(last)) {
            Some((decoded, source)) => *source as usize + (offset - *decoded as usize),
            None => self.start as usize + offset,
        }
    }
}

/// Bytes that an escape takes in the text, and in the decoded string.
fn escape_lengths(escape: &[u8]) -> (usize, usize) {
    if escape.get(1) != Some(&b'u') {
        return (2, 1);
    }
    let unit = |digits: Option<&[u8]>| {
        let digits = digits.and_then(|d| std::str::from_utf8(d).ok());
        digits.and_then(|d| u32::from_str_radix(d, 16).ok()).unwrap_or(0)
    };
    match unit(escape.get(2..6)) {
        // A surrogate pair: two escapes for one character of four bytes.
        0xD800..=0xDBFF => (12, 4),
        first => (6, char::from_u32(first).map_or(3, char::len_utf8)),
    }
}

impl Node {
    /// The member of an object by exact key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Object(members) => members.iter().find(|m| m.key == key).map(|m| &m.value),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(&text.value),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// The tree without its places. Numbers become 64-bit floats where they do not fit an integer, as in Packer.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(text) => number(text),
            Value::String(text) => Json::String(text.value.clone()),
            Value::Array(elements) => elements.iter().map(Node::to_json).collect(),
            Value::Object(members) => members.iter().map(|m| (m.key.clone(), m.value.to_json())).collect(),
        }
    }

    /// The span of a byte range inside a decoded string (an action in a template string, say); of the whole value elsewhere.
    pub fn span_within(&self, start: usize, end: usize) -> Span {
        match &self.value {
            Value::String(text) => Span::new(self.span.source, text.source_offset(start), text.source_offset(end)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => self.span,
        }
    }

    /// Follows a JSON pointer (`/builders/0/tags`, the first `/` may be missing); None where it leads nowhere.
    pub fn at(&self, pointer: &str) -> Option<&Node> {
        let pointer = pointer.strip_prefix('/').unwrap_or(pointer);
        if pointer.is_empty() {
            return Some(self);
        }
        pointer.split('/').try_fold(self, |node, step| match &node.value {
            Value::Array(elements) => elements.get(step.parse::<usize>().ok()?),
            Value::Object(_) if step.contains('~') => node.get(&step.replace("~1", "/").replace("~0", "~")),
            Value::Object(_) => node.get(step),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        })
    }

    /// A tree without a text, for values that come from elsewhere: every place in it is `span`.
    pub fn from_json(value: &serde_json::Value, span: Span) -> Self {
        use serde_json::Value as Json;
        let value = match value {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => Value::Number(number.to_string()),
            Json::String(text) => Value::String(Text { value: text.clone(), escapes: Vec::new(), start: span.start }),
            Json::Array(elements) => Value::Array(elements.iter().map(|e| Self::from_json(e, span)).collect()),
            Json::Object(members) => Value::Object(
                members.iter().map(|(key, v)| Member { key: key.clone(), key_span: span, value: Self::from_json(v, span) }).collect(),
            ),
        };
        Self { span, value }
    }
}

fn number(text: &str) -> serde_json::Value {
    if let Ok(integer) = text.parse::<i64>() {
        return integer.into();
    }
    text.parse::<u64>().map(Into::into).or_else(|_| text.parse::<f64>().map(Into::into)).unwrap_or(serde_json::Value::Null)
}

/// A span in a source, for the parser.
pub(crate) fn span(source: SourceId, range: jsonc_parser::common::Range, base: usize) -> Span {
    Span::new(source, base + range.start, base + range.end)
}
