//! Packer's `fix`, byte for byte.
//!
//! - `recorded`: what Packer 1.6.6 printed for every fixer, every type of value, every failure.
//! - `differential`: generated templates, to the Packer of this machine and to us.
//! - `corpus`: real templates with what Packer made of them, from the folder that `AMIBAKE_CORPUS` names.
//! - `properties`: what holds for any text.
//! - `generate`: templates full of what fixers look for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a failing test may panic")]

mod corpus;
mod differential;
mod generate;
mod properties;
mod recorded;

use amibake_template::finding::{Finding, render_human};
use amibake_template::fix;
use amibake_template::json::Dialect;
use amibake_template::source::Sources;

/// The fixed text, or the findings as people see them.
fn fixed(text: &str) -> Result<String, String> {
    let mut sources = Sources::default();
    let source = sources.add("t.json", text);
    let result = fix::read(source, text, Dialect::default()).and_then(|root| fix::fix(&root));
    result.map(|template| fix::to_text(&template)).map_err(|findings: Vec<Finding>| {
        assert!(!findings.is_empty(), "refused without a word: {text:?}");
        render_human(&findings, &sources, false)
    })
}

#[expect(clippy::disallowed_methods, reason = "the word to a test on how to run")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
