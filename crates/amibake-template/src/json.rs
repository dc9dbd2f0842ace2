//! JSON text to a tree in which every key and value knows its place.

use crate::finding::Finding;
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

/// What a file may hold beyond JSON.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dialect {
    /// Comments and trailing commas (`.jsonc`).
    pub jsonc: bool,
}

/// Parses a text; a tree is returned wherever there is one, also beside findings (duplicate keys).
pub fn parse(_source: SourceId, _text: &str, _dialect: Dialect) -> (Option<Node>, Vec<Finding>) {
    unimplemented!()
}

impl Node {
    /// The member of an object by exact key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Object(members) => members.iter().find(|m| m.key == key).map(|m| &m.value),
            _ => None,
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(&text.value),
            _ => None,
        }
    }

    /// The tree without its places. Numbers become 64-bit floats where they do not fit an integer, as in Packer.
    pub fn to_json(&self) -> serde_json::Value {
        unimplemented!()
    }

    /// The span of a byte range inside a decoded string (an action in a template string, say).
    pub fn span_within(&self, _start: usize, _end: usize) -> Span {
        unimplemented!()
    }

    /// Follows a JSON pointer (`/builders/0/tags`); None where it leads nowhere.
    pub fn at(&self, _pointer: &str) -> Option<&Node> {
        unimplemented!()
    }
}
