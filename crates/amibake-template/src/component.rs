//! What a builder, provisioner or post-processor declares: its configuration as a Rust struct, and the checks no schema expresses.
//!
//! The struct is the only list of keys. Its doc comments become the schema's descriptions, its types the conversion of old
//! weakly typed values, its field types [`Late`] and [`Secret`] say what is rendered only during the build and what is never shown.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

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

impl Check<'_> {
    /// Reports an error at a key (`ssh_timeout`, `launch_block_device_mappings/0/volume_type`); at the component where the key is absent.
    pub fn error(&mut self, _pointer: &str, _code: &'static str, _message: impl Into<String>, _help: Option<String>) {
        unimplemented!()
    }

    /// The same as a warning.
    pub fn warning(&mut self, _pointer: &str, _code: &'static str, _message: impl Into<String>, _help: Option<String>) {
        unimplemented!()
    }
}

/// A string that is rendered only while the build runs (`{{ .SourceAMI }}`, `` {{build `ID`}} ``); until then its template text.
///
/// In the schema it carries `"x-amibake-late": true`, which makes the first pass leave it alone (syntax is checked all the same).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Late(pub String);

/// A secret: no Display, no Debug. `"x-amibake-secret": true` in the schema.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(secrecy::SecretString);

impl Secret {
    /// The secret, for the one place that sends it.
    pub fn expose(&self) -> &str {
        secrecy::ExposeSecret::expose_secret(&self.0)
    }

    /// Takes a secret over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(secrecy::SecretString::from(text.into()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<sensitive>")
    }
}

/// A duration in Go's notation: `1h30m`, `90s`, `1.5h`, `250ms`.
///
/// In the schema a string with format `go-duration`; numbers are nanoseconds, as in Packer. Negative durations are kept as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GoDuration {
    /// Signed nanoseconds.
    pub nanos: i64,
}

impl GoDuration {
    /// Parses Go's notation.
    ///
    /// # Errors
    /// Go's words: `time: missing unit in duration "10"`.
    pub fn parse(_text: &str) -> Result<Self, String> {
        unimplemented!()
    }

    /// As a positive span of time; negative ones are None.
    pub fn positive(self) -> Option<Duration> {
        u64::try_from(self.nanos).ok().map(Duration::from_nanos)
    }
}

impl std::fmt::Display for GoDuration {
    /// Go's form: `1m30s`, `200ms`.
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        unimplemented!()
    }
}
