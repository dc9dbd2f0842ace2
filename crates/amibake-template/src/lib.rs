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
//! Beside it: [`fix`], which brings templates of older Packers up to date, and [`migrate`], which writes them in their best form.
//!
//! `wording` holds what several of these say in the same words; [`fix`] brings templates of older Packers up to date; [`foreign`] knows
//! what Packer has and nobody has registered.
//!
//! Invariant: this crate reads no file, network, clock, environment or random source. What it needs of them comes in as
//! [`lang::Host`] and [`component::Files`].
//!
//! # Use
//!
//! A component type is a struct: its fields are the keys, their doc comments what editors and messages say of them.
//!
//! ```
//! use amibake_template::component::{Check, Component, FileKind, Files, GoDuration, Kind};
//! use amibake_template::finding::{render_human, report};
//! use amibake_template::json::{Dialect, parse};
//! use amibake_template::lang::Host;
//! use amibake_template::plan::{Selection, plan};
//! use amibake_template::registry::Registry;
//! use amibake_template::source::Sources;
//! use amibake_template::document;
//!
//! /// Boils water.
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Kettle {
//!     /// How much. Unit: litres.
//!     litres: u32,
//!     /// How long to boil. Default: until it whistles.
//!     boil: Option<GoDuration>,
//! }
//!
//! impl Component for Kettle {
//!     const KIND: Kind = Kind::Builder;
//!     const TYPE: &'static str = "kettle";
//!
//!     fn check(&self, check: &mut Check<'_>) {
//!         if self.litres > 2 {
//!             check.error("litres", "too-much", "a kettle holds 2 litres", None);
//!         }
//!     }
//! }
//!
//! /// A machine without files.
//! struct Nothing;
//!
//! impl Files for Nothing {
//!     fn kind_of(&self, _: &str) -> FileKind {
//!         FileKind::Missing
//!     }
//! }
//!
//! let mut registry = Registry::default();
//! registry.register::<Kettle>().register_outlines();
//! let (host, selection) = (Host::default(), Selection::default());
//!
//! // Old templates write numbers as text, and have them in variables.
//! let text = r#"{
//!   "variables": {"much": "1"},
//!   "builders": [{"type": "kettle", "litres": "{{user `much`}}", "boil": "90s"}]
//! }"#;
//! let mut sources = Sources::default();
//! let source = sources.add("tea.json", text);
//! let (root, findings) = parse(source, text, Dialect::default());
//! assert!(findings.is_empty());
//! let (document, findings) = document::read(root.expect("JSON"));
//! assert!(findings.is_empty());
//! let document = document.expect("a template");
//! let (plan, findings) = plan(&document, &registry, &[], &selection, &host, &Nothing);
//! assert!(findings.is_empty());
//! let plan = plan.expect("no errors, so there is one");
//! assert_eq!(plan.builds[0].name, "kettle");
//! assert_eq!(plan.builds[0].builder.config["litres"], 1);
//!
//! // Mistakes are findings, all at once, each with its place.
//! let text = r#"{"builders": [{"type": "kettle", "litre": 3, "boil": "90"}]}"#;
//! let source = sources.add("tea2.json", text);
//! let (root, _) = parse(source, text, Dialect::default());
//! let (document, _) = document::read(root.expect("JSON"));
//! let document = document.expect("a template");
//! let (plan, findings) = amibake_template::plan::plan(&document, &registry, &[], &selection, &host, &Nothing);
//! assert!(plan.is_none());
//! assert_eq!(
//!     render_human(&findings[..1], &sources, false),
//!     "error[unknown-key]: unknown key `litre` in the builder `kettle`
//!  --> tea2.json:1:34
//!   |
//! 1 | {\"builders\": [{\"type\": \"kettle\", \"litre\": 3, \"boil\": \"90\"}]}
//!   |                                  ^^^^^^^
//! help: did you mean `litres`?
//! "
//! );
//! let report = report(&findings, &sources, "1.0");
//! assert_eq!((report.valid, report.errors), (false, 2));
//! ```

pub mod component;
mod decode;
pub mod document;
pub mod finding;
pub mod fix;
pub mod foreign;
pub mod format;
pub mod json;
pub mod lang;
pub mod migrate;
pub mod plan;
pub mod registry;
pub mod schema;
pub mod source;
pub mod variables;
mod wording;
