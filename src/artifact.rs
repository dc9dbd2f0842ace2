//! What a build leaves.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::event::ArtifactSummary;

/// What a builder or post-processor made.
#[derive(Clone)]
pub struct Artifact {
    /// Who made it: `mitchellh.amazonebs`.
    pub builder_id: &'static str,
    /// `us-east-1:ami-…,eu-west-1:ami-…`, sorted.
    pub id: String,
    /// For people; may have several lines.
    pub text: String,
    /// Files.
    pub files: Vec<String>,
    /// What `` {{build `NAME`}} `` gives to post-processors.
    pub build_data: BTreeMap<String, String>,
    /// Removes it, where a post-processor does not keep its input.
    pub destroy: Option<Arc<dyn Destroy>>,
}

/// Removes what an artifact names.
#[async_trait]
pub trait Destroy: Send + Sync {
    /// Removes it.
    ///
    /// # Errors
    /// What could not be removed, for people.
    async fn destroy(&self) -> Result<(), String>;
}

impl Artifact {
    /// What renderers show of it.
    pub fn summary(&self) -> ArtifactSummary {
        ArtifactSummary { builder_id: self.builder_id.to_owned(), id: self.id.clone(), text: self.text.clone(), files: self.files.clone() }
    }
}
