//! What works on what a builder made.

pub mod amazon_import;
pub mod manifest;
pub mod shell_local;

use std::path::Path;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::artifact::Artifact;
use crate::engine::context::BuildContext;
use crate::engine::late::LateContext;
use crate::event::Reporter;

/// A post-processor, configured.
#[async_trait]
pub trait PostProcessor: Send + Sync {
    /// Works on an artifact.
    ///
    /// # Errors
    /// What went wrong, for people.
    async fn process(&self, cx: &PostProcessContext<'_>, input: Artifact) -> Result<Processed, String>;

    /// What becomes of it in a rehearsal, whose files go to the folder `output`. There is no default: whoever writes a post-processor has
    /// to know what it does with an image that does not exist.
    fn rehearsed(&self, output: &Path) -> Rehearsed;
}

/// What becomes of a post-processor in a rehearsal. `-post-process` runs each as in a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rehearsed {
    /// It runs: it reaches AWS only by way of the build, or changes nothing at all.
    Runs,
    /// It is left out.
    Skipped {
        /// Why, for people.
        note: String,
    },
    /// It runs with another value of one key.
    Elsewhere {
        /// The key.
        key: &'static str,
        /// Its value in the rehearsal.
        value: String,
        /// What differs, for people.
        note: String,
    },
}

/// What a post-processor works with.
pub struct PostProcessContext<'a> {
    /// Its voice: `BUILD (TYPE)`.
    pub report: &'a Reporter,
    /// Renders run-time fields with the artifact's build data.
    pub late: &'a LateContext,
    /// UUID of the run (`packer_run_uuid`).
    pub run_uuid: &'a str,
    /// `-force`.
    pub force: bool,
    /// The time, in seconds since 1970.
    pub now_unix: i64,
    /// What it needs to make something: accounts, and a stack of its own, which is unwound when it has ended.
    pub build: &'a BuildContext,
    /// Cancelled when the build is to stop.
    pub cancel: &'a CancellationToken,
}

/// What a post-processor answers.
pub struct Processed {
    /// What it made, or passed on; None ends its chain.
    pub artifact: Option<Artifact>,
    /// Whether it wants its input kept.
    pub keep_input: bool,
    /// Whether it insists on that.
    pub insists: bool,
}
