//! Guests as their owners and their users see them, with the system's own programs as clients.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::disallowed_methods, reason = "tests")]

mod container;
mod sandbox_behaviour;
mod sandbox_files;
mod sandbox_layers;
mod sandbox_life;
mod sandbox_safety;
mod sandbox_support;
mod server;
