//! User variables: sources, precedence, evaluation in passes (reference section 8).

mod evaluate;
mod shield;
mod unresolved;
mod var_file;

use std::collections::BTreeMap;

use crate::component::Secret;
use crate::source::Span;

pub(crate) use self::evaluate::bytes;
pub use self::evaluate::{Lookup, evaluate, needed_lookups};
pub use self::var_file::{read_var_file, soften};

/// A value given from outside the template. Which of them are secrets only the template says, so that `Debug` shows none.
#[derive(Clone)]
pub struct Given {
    /// The variable.
    pub name: String,
    /// Its raw text.
    pub value: String,
    /// Where it stands.
    pub span: Span,
}

/// Values after evaluation, with the place that each came from. `Debug` shows names only.
#[derive(Clone, Default)]
pub struct Values {
    /// Name to final value.
    pub values: BTreeMap<String, String>,
    /// Name to the place of the raw text that won.
    pub spans: BTreeMap<String, Span>,
    /// Final values that must never be shown.
    pub sensitive: Vec<Secret>,
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Given").field("name", &self.name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}
