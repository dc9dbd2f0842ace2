//! Packer's JSON templates: text in, findings and a build plan out.
//!
//! The way through the crate, in the order a newcomer should read it:
//!
//! 1. [`source`]: texts and spans; [`json`]: text to a tree in which every key and value knows its place.
//! 2. [`finding`]: what is wrong, where, and what to do; plain data, rendered in one place.
//! 3. [`lang`]: the template language (Go's text/template as Packer uses it), lowered to handlebars.
//! 4. [`component`]: what a builder, provisioner or post-processor declares about its configuration; [`registry`] lists
//!    them; [`schema`] derives JSON Schemas from them; `decode` converts what old templates wrote weakly typed.
//! 5. [`document`]: the template's structure; [`variables`]: user variables and their values.
//! 6. [`plan`]: all of it together: which builds, with which configuration.
//!
//! Beside it: [`fix`], which brings templates of older Packers up to date.
//!
//! `wording` holds what several of these say in the same words.
//!
//! Invariant: this crate reads no file, network, clock, environment or random source. What it needs of them comes in as
//! [`lang::Host`] and [`component::Files`].

pub mod component;
mod decode;
pub mod document;
pub mod finding;
pub mod fix;
pub mod foreign;
pub mod json;
pub mod lang;
pub mod plan;
pub mod registry;
pub mod schema;
pub mod source;
pub mod variables;
mod wording;
