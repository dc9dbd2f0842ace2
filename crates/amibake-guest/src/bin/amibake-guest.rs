//! A guest by hand, for this crate's tests: `amibake-guest serve` boots one and serves SSH until its standard input ends.

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    ExitCode::from(amibake_guest::stage::run(&words).unwrap_or(2))
}
