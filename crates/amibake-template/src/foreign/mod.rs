//! What Packer has and amibake cannot run, so that a template that has some of it still validates, inspects and fixes:
//!
//! - `outline`: Packer's own components for Amazon, known by their keys (`keys/*.json`), to be built later;
//! - `elsewhere`: the names of components for other platforms, of Packer 1.6.6 and of the plugins up to 2024; any keys.
//!
//! `validate` warns of both, `build` refuses to run them.

mod elsewhere;
mod outline;

pub use self::elsewhere::{names, platform};
pub(crate) use self::outline::{Outline, outlines};
