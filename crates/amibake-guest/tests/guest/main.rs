//! Guests as their owners and their users see them.

mod sandbox_behaviour;
mod sandbox_layers;
mod sandbox_life;
mod sandbox_safety;
mod sandbox_support;
