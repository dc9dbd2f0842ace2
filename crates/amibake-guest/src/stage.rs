//! What the program does instead of its own work when it was started as part of a guest.

use std::ffi::OsString;

/// Runs a stage, where these are the words of one, and answers with the exit status; None: it is an ordinary start of the program.
///
/// Called first in `main`, before any thread exists: a stage may change namespaces.
pub fn run(words: &[OsString]) -> Option<u8> {
    crate::sandbox::stage(words)
}
