//! Guests as their owners and their users see them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod sandbox_behaviour;
mod sandbox_layers;
mod sandbox_life;
mod sandbox_safety;
mod sandbox_support;
