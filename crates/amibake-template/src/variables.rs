//! User variables: sources, precedence, evaluation in passes (reference section 8).

use std::collections::BTreeMap;

use crate::component::Secret;
use crate::document::Document;
use crate::finding::Finding;
use crate::lang::Host;
use crate::source::Span;

/// A value given from outside the template.
#[derive(Debug, Clone)]
pub struct Given {
    /// The variable.
    pub name: String,
    /// Its raw text.
    pub value: String,
    /// Where it stands.
    pub span: Span,
}

/// Values after evaluation, with the place that each came from.
#[derive(Debug, Clone, Default)]
pub struct Values {
    /// Name to final value.
    pub values: BTreeMap<String, String>,
    /// Name to the place of the raw text that won.
    pub spans: BTreeMap<String, Span>,
    /// Final values that must never be shown.
    pub sensitive: Vec<Secret>,
}

/// Reads a var file: one JSON object of strings.
pub fn read_var_file(_root: &crate::json::Node) -> (Vec<Given>, Vec<Finding>) {
    unimplemented!()
}

/// Evaluates all variables. `given` is in the order of strength, weakest first: var files, then `-var`.
pub fn evaluate(_document: &Document, _given: &[Given], _host: &Host) -> (Values, Vec<Finding>) {
    unimplemented!()
}
