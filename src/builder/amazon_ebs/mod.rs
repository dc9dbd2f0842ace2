pub mod config;
pub mod step;
