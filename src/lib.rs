//! The program: everything between a checked plan and an image.
//!
//! ```text
//! cli -> settings, rehearse, forecast, shelf, scheduler -> builder, post_processor -> provisioner -> communicator -> engine
//! engine -> amibake-ec2, amibake-template, event        ui -> event, and nothing that runs imports ui
//! ```
//!
//! A module imports only what stands below it; `tests/it/layers.rs` reads the `use` lines.

pub mod artifact;
pub mod builder;
pub mod cli;
pub mod communicator;
pub mod engine;
pub mod event;
pub mod exit;
pub mod forecast;
pub mod parts;
pub mod post_processor;
pub mod provisioner;
pub mod rehearse;
pub mod scheduler;
pub mod settings;
pub mod shelf;
pub mod ui;
