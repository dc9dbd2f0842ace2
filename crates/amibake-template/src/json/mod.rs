//! JSON text to a tree in which every key and value knows its place.
//!
//! `parse` is jsonc-parser with every leniency off, and what it still lets through refused here (`strict`); `syntax` puts
//! its errors into words. The tree ([`Node`]) keeps numbers as written and the way from a decoded string back to its text.

mod node;
mod parse;
mod strict;
mod syntax;

pub use node::{Member, Node, Text, Value};
pub use parse::{Dialect, MAX_BYTES, parse};
