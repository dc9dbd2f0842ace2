//! Renders events for people and programs: the only code that writes to standard output.
//!
//! An event passes [`redact`], becomes the lines that Packer would say ([`story`]) and is printed by the [`screen`] in one of two
//! forms: text for people ([`paint`] adds colours) or the comma-separated lines of `-machine-readable` ([`machine`]).
//! [`relay`] feeds the screen from a thread of its own while builds run. [`log`] is `PACKER_LOG`.
//!
//! Invariant: a write that fails (a closed pipe) is ignored. Output must never stop a build on its way to its teardown.

pub mod screen;

pub mod story;

pub mod duration;
pub mod log;
pub mod machine;
pub mod paint;
pub mod redact;
pub mod relay;

#[cfg(test)]
mod tests;
