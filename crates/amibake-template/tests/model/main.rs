//! Templates in, findings and plans out: document, variables, decoding and plan together, with small components of our own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

mod findings;
mod golden;
mod large;
mod parts;
mod plans;
mod run;
mod schemas;
