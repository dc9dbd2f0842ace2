//! The template language: Go's text/template as Packer uses it, `{{ ... }}`, and the native spelling `<<function ...>>`.
//!
//! [`Template::compile`] parses with spans and lowers to a handlebars template; [`Template::render`] runs it. Strings without
//! an opening delimiter are never compiled. Source: reference/template-language.md, sections 9 to 11 (Packer 1.6.6).

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

/// What of the outside world the language can see; read once by the program and passed in.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// Current directory (`pwd`).
    pub cwd: String,
    /// Absolute directory of the template (`template_dir`).
    pub template_dir: String,
    /// Start of the run, one for all of it: nanoseconds since 1970-01-01T00:00:00Z (`timestamp`, `isotime`, `strftime`).
    pub started_unix_nanos: i128,
    /// Seed of `uuid`; one per run.
    pub seed: u64,
    /// What `packer_version` answers.
    pub packer_version: String,
}

/// Where in a template a string stands: decides which functions it may call (reference section 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The `variables` section, var files and `-var`: `env` is allowed, `build_name` is not.
    Variables,
    /// Builder names and `max_retries`.
    Core,
    /// Inside a component.
    Component {
        /// `clean_resource_name` exists (amazon builders; offered everywhere for Packer's other clouds too).
        amazon: bool,
    },
}

/// All a rendering sees.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// The outside world.
    pub host: &'a Host,
    /// Which functions are allowed.
    pub scope: Scope,
    /// Values of `user`.
    pub user: &'a BTreeMap<String, String>,
    /// `build_name`, `build_type` inside a component.
    pub build: Option<(&'a str, &'a str)>,
    /// `.`: an object of late data (`{"SourceAMI": ...}`), or null.
    pub data: &'a Value,
    /// Whether a missing field of `data` is an error (Packer's structures) or `<no value>` (its maps).
    pub strict_data: bool,
    /// What `build NAME` gives: name to value. In the first pass the names map to their placeholders.
    pub build_data: Option<&'a BTreeMap<String, String>>,
}

/// A compiled template string.
#[derive(Debug, Clone)]
pub struct Template {
    text: String,
}

/// What is wrong with a template string, and which bytes of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct LangError {
    /// Go's reason in Packer's words: `function "f" not defined`.
    pub reason: String,
    /// Bytes of the string.
    pub range: Range<usize>,
    /// What to do, where known (nearest function name, quoting).
    pub help: Option<String>,
    /// The reason is `user` naming a variable that is not set: that name.
    pub unset_variable: Option<String>,
}

impl Template {
    /// Whether the text has anything to render.
    pub fn has_actions(_text: &str) -> bool {
        unimplemented!()
    }

    /// Compiles a string.
    ///
    /// # Errors
    /// A syntax error, an unknown function, or a construct that cannot be carried over, with its place.
    pub fn compile(text: &str) -> Result<Self, LangError> {
        Ok(Self { text: text.to_owned() })
    }

    /// Renders once.
    ///
    /// # Errors
    /// A function that fails or is not allowed here, wrong arguments, a missing field under `strict_data`.
    pub fn render(&self, _cx: &Context<'_>) -> Result<String, LangError> {
        let _ = &self.text;
        unimplemented!()
    }

    /// Names of the user variables that the text refers to, for pointing at where a value came from.
    pub fn user_variables(&self) -> Vec<String> {
        unimplemented!()
    }
}

/// Renders again and again until the text no longer changes (run-time fields, reference section 11); at most 100 times.
///
/// # Errors
/// As [`Template::render`].
pub fn render_until_stable(_text: &str, _cx: &Context<'_>) -> Result<String, LangError> {
    unimplemented!()
}
