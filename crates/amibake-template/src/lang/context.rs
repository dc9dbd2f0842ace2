//! What a rendering sees of the world.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde_json::Value;

use super::lookups::Answers;
use super::work::Work;

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
    /// How many `uuid` were made from the seed, shared by all copies of this host: no two calls of a run give the same.
    pub uuids: Arc<AtomicU64>,
    /// What services answered that the `variables` section asks ([`crate::variables::needed_lookups`]).
    pub answers: Answers,
    /// What `packer_version` answers.
    pub packer_version: String,
    /// What is left for rendering; a plan limits it for itself.
    pub work: Work,
}

impl Host {
    /// The same world with a limit of work for a template of this many bytes; the limit that there is already stays.
    pub(crate) fn limited(&self, bytes: usize) -> Cow<'_, Self> {
        if self.work.is_limited() { Cow::Borrowed(self) } else { Cow::Owned(Self { work: Work::for_bytes(bytes), ..self.clone() }) }
    }
}

/// Where in a template a string stands: decides which functions it may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The `variables` section, var files and `-var`: `env` is allowed, `build_name` is not.
    Variables,
    /// Builder names and `max_retries`.
    Core,
    /// Inside a component.
    Component {
        /// Whether `clean_resource_name` exists: in the amazon builders and amazon-import, nowhere else.
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
    /// What `build NAME` gives: name to value. In the first pass the names map to their placeholders ([`super::placeholders`]).
    pub build_data: Option<&'a BTreeMap<String, String>>,
}
