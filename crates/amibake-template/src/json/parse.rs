//! From text to tree.

use std::collections::HashMap;

use jsonc_parser::ast::{self, ObjectPropName};
use jsonc_parser::common::Ranged;
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::node::{Member, Node, Text, Value, span};
use super::{strict, syntax};
use crate::finding::Finding;
use crate::source::{SourceId, Span};

const BOM: &str = "\u{feff}";

/// Longest text, in bytes. The largest templates known have some hundred KiB; the tree of a text takes fifteen times its length.
pub const MAX_BYTES: usize = 32 << 20;

/// What a file may hold beyond JSON.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dialect {
    /// Comments and trailing commas (`.jsonc`).
    pub jsonc: bool,
}

/// Parses a text; a tree is returned wherever there is one, also beside findings.
///
/// Findings, all of them errors for a template: `json-syntax`, `too-long` (longer than [`MAX_BYTES`]), `duplicate-key` (at any depth; the last one is kept),
/// `trailing-text` (something after the value), `number-range`. Where Packer is milder (var files: duplicate keys, trailing
/// text) the caller drops or weakens the finding and uses the tree.
pub fn parse(source: SourceId, text: &str, dialect: Dialect) -> (Option<Node>, Vec<Finding>) {
    if text.len() > MAX_BYTES {
        return (None, vec![syntax::too_long(text.len(), MAX_BYTES, Span::new(source, 0, 0))]);
    }
    let mut findings = Vec::new();
    let base = if text.starts_with(BOM) { BOM.len() } else { 0 };
    if base > 0 {
        findings.push(syntax::bom(Span::new(source, 0, base)));
    }
    let body = &text[base..];
    findings.extend(strict::check(source, body, base, dialect));
    let mut reader = Reader { source, text: body, base, findings };
    let tree = reader.read(dialect);
    reader.findings.sort_by_key(|finding| finding.labels.first().map_or(0, |label| label.span.start));
    (tree, reader.findings)
}

struct Reader<'a> {
    source: SourceId,
    text: &'a str,
    base: usize,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn read(&mut self, dialect: Dialect) -> Option<Node> {
        match ast_of(self.text, dialect) {
            Ok(Some(tree)) => Some(self.node(&tree)),
            Ok(None) => {
                self.findings.push(syntax::empty(Span::new(self.source, 0, 0)));
                None
            }
            Err(error) if matches!(error.kind(), ParseErrorKind::MultipleRootJsonValues) => self.read_first_value(&error, dialect),
            Err(error) => {
                // What `strict` found earlier in the text is the cause; the parser only stumbled over its consequence.
                let at = self.base + error.range().start;
                if !self.findings.iter().any(|f| f.code == "json-syntax" && f.labels.iter().any(|l| l.span.start as usize <= at && at > 0))
                {
                    self.findings.push(syntax::finding(self.source, self.text, self.base, &error));
                }
                None
            }
        }
    }

    /// Text follows the value: the value is read all the same.
    fn read_first_value(&mut self, error: &ParseError, dialect: Dialect) -> Option<Node> {
        let start = error.range().start;
        self.findings.push(syntax::trailing(Span::new(self.source, self.base + start, self.base + self.text.trim_end().len())));
        let tree = ast_of(self.text.get(..start)?, dialect).ok().flatten()?;
        Some(self.node(&tree))
    }

    fn node(&mut self, tree: &ast::Value<'_>) -> Node {
        let value = match tree {
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::BooleanLit(literal) => Value::Bool(literal.value),
            ast::Value::NumberLit(literal) => {
                let whole = span(self.source, literal.range, self.base);
                if literal.value.parse::<f64>().is_ok_and(f64::is_infinite) {
                    self.findings.push(syntax::number_range(literal.value, whole));
                }
                Value::Number(literal.value.to_owned())
            }
            ast::Value::StringLit(literal) => {
                let (start, end) = (literal.range.start + 1, literal.range.end.saturating_sub(1));
                let raw = self.text.get(start..end).unwrap_or_default();
                Value::String(Text::new(literal.value.to_string(), raw, self.base + start))
            }
            ast::Value::Array(array) => Value::Array(array.elements.iter().map(|element| self.node(element)).collect()),
            ast::Value::Object(object) => Value::Object(self.members(object)),
        };
        Node { span: span(self.source, tree.range(), self.base), value }
    }

    fn members(&mut self, object: &ast::Object<'_>) -> Vec<Member> {
        let mut members: Vec<Option<Member>> = Vec::with_capacity(object.properties.len());
        let mut places: HashMap<&str, usize> = HashMap::with_capacity(object.properties.len());
        for property in &object.properties {
            let key_span = span(self.source, property.name.range(), self.base);
            let key: &str = match &property.name {
                ObjectPropName::String(literal) => &literal.value,
                ObjectPropName::Word(literal) => literal.value,
            };
            let value = self.node(&property.value);
            let earlier = places.insert(key, members.len()).and_then(|place| members.get_mut(place)?.take());
            if let Some(earlier) = earlier {
                self.findings.push(syntax::duplicate(key, key_span, earlier.key_span));
            }
            members.push(Some(Member { key: key.to_owned(), key_span, value }));
        }
        members.into_iter().flatten().collect()
    }
}

fn ast_of(text: &str, dialect: Dialect) -> Result<Option<ast::Value<'_>>, ParseError> {
    let options = ParseOptions {
        allow_comments: dialect.jsonc,
        allow_trailing_commas: dialect.jsonc,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    parse_to_ast(text, &CollectOptions::default(), &options).map(|result| result.value)
}
