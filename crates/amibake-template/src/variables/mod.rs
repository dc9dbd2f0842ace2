//! User variables: sources, precedence, evaluation in passes (reference section 8).

mod evaluate;
mod shield;
mod unresolved;
mod var_file;

use std::collections::BTreeMap;

use crate::component::Secret;
use crate::source::Span;

pub use self::evaluate::evaluate;
pub use self::var_file::read_var_file;

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
