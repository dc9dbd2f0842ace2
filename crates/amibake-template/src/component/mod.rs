//! What a builder, provisioner or post-processor declares: its configuration as a Rust struct, and the checks no schema expresses.
//!
//! The struct is the only list of keys. Its doc comments become the schema's descriptions, its types the conversion of old
//! weakly typed values, its field types [`Late`] and [`Secret`] say what is rendered only during the build and what is never shown.

mod check;
mod duration;
mod given;
mod late;
mod secret;
mod trilean;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub(crate) use self::check::{locate, object_span};
pub use self::duration::GoDuration;
pub use self::given::Given;
pub use self::late::Late;
pub use self::secret::Secret;
pub use self::trilean::Trilean;
use crate::finding::Finding;
use crate::json::Node;
use crate::source::Span;

/// Packer's kinds of part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Makes images.
    Builder,
    /// Changes a running guest.
    Provisioner,
    /// Works on what a builder made.
    PostProcessor,
}

/// The configuration of one type of builder, provisioner or post-processor.
///
/// The struct's fields are the keys; their types decide how written values convert:
///
/// | field | takes |
/// | --- | --- |
/// | `String`, integers, `bool` | any scalar that converts; `Option` where the key may be absent or null |
/// | an enum of unit variants | one of its names; the empty string is "not given" |
/// | [`Trilean`] | true, false, or the empty string for unset |
/// | [`GoDuration`] | `1h30m`, or a number of nanoseconds |
/// | `Vec` of scalars | a list, one scalar, or a string split at commas |
/// | `Vec` of structs | a list, or one object |
/// | `BTreeMap` | an object, or a list of objects, which are merged |
/// | a struct | an object with these keys and no others |
/// | [`Late`], [`Secret`] | a string that is rendered during the build; one that is never shown |
///
/// `#[schemars(range(..), length(..), regex(..))]` constrain what a value may be; clashes between keys belong in [`Component::check`].
/// Groups of keys are structs under `#[serde(flatten)]`. Source of the conversions: Packer 1.6.6 (mapstructure's weak decoding).
pub trait Component: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// Builder, provisioner or post-processor.
    const KIND: Kind;
    /// As in the template's `type`.
    const TYPE: &'static str;
    /// For builders: the names that `` {{build `NAME`}} `` knows beyond the common ones.
    const BUILD_DATA: &'static [&'static str] = &[];
    /// Whether a snippet or example exists for editors: a minimal JSON object of this type.
    const EXAMPLE: &'static str = "{}";

    /// Checks what the schema cannot say, reporting every clash.
    fn check(&self, _check: &mut Check<'_>) {}
}

/// What the checks may ask about the machine; the program answers from its file system, tests from a list.
pub trait Files {
    /// What stands at a path (relative to the current directory).
    fn kind_of(&self, path: &str) -> FileKind;
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Nothing, or not reachable.
    Missing,
    /// A readable file.
    File,
    /// A directory.
    Directory,
}

/// One component under check: where its keys stand, and where findings go.
pub struct Check<'a> {
    /// The component as written.
    pub node: &'a Node,
    /// The machine's files.
    pub files: &'a dyn Files,
    /// `-force` was given.
    pub force: bool,
    /// For provisioners and post-processors: what a builder's name and type are.
    pub build: Option<(&'a str, &'a str)>,
    /// Where rendered values came from: JSON pointer inside the component to the variable's value and its place.
    pub origins: &'a BTreeMap<String, Vec<Origin>>,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// A user variable that took part in a rendered value.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The variable.
    pub variable: String,
    /// Where its value stands (var file, default), unless it came from the command line's text.
    pub span: Option<Span>,
}
