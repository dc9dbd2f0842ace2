//! JSON Schemas derived from the configuration types: the form people write, and the strict one checked after rendering.
//!
//! [`template_schema`] is what editors read. Its parts: `published` the whole, `component` one builder, provisioner or post-processor,
//! `core` the keys that Packer's core takes from each of them, `snippet` examples to fill in; `weaken` widens each type to what a
//! person may write.

mod component;
mod core;
mod published;
mod snippet;
mod strict;
mod weaken;

pub use self::published::{template_schema, vars_schema};
pub(crate) use self::strict::strict;
