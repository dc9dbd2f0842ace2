//! The sftp server of guests, alone: for this crate's tests, whose guests are no sandboxes.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(amibake_guest::server::sftp::serve_stdio())
}
