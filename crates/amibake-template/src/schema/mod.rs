//! JSON Schemas derived from the configuration types: the form people write, and the strict one checked after rendering.

mod published;
mod strict;
mod weaken;

pub(crate) use self::published::TEMPLATE_ID;
pub use self::published::{template_schema, vars_schema};
pub(crate) use self::strict::strict;
