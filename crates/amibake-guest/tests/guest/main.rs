//! Guests and the SSH server in front of them, with the system's own programs as clients.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::disallowed_methods, reason = "tests")]

mod container;
mod server;
