//! Which image to start from.

use amibake_template::component::{Check, Given};
use schemars::JsonSchema;
use serde::Deserialize;

use super::filter::AmiFilter;

/// The keys about the source image.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct SourceConfig {
    /// Id of the image to start from: `ami-...`. Either this or `source_ami_filter` must be given; with both, the image must match both.
    pub source_ami: Option<String>,
    /// Finds the image to start from by its properties, the newest Amazon Linux for example.
    pub source_ami_filter: Option<AmiFilter>,
}

impl SourceConfig {
    /// Checks that there is a source, and that a search names an owner.
    pub fn check(&self, check: &mut Check<'_>) {
        if self.source_ami.is_given() {
            return;
        }
        let Some(filter) = &self.source_ami_filter else {
            check.error("source_ami", "source-missing", "no source image: neither `source_ami` nor `source_ami_filter` is given", None);
            return;
        };
        let (filters, owners) = (filter.filters(), filter.owners());
        if filters.is_empty() && owners.is_empty() {
            check.error("source_ami_filter", "source-missing", "`source_ami_filter` has no filters, and there is no `source_ami`", None);
        }
        if owners.is_empty() {
            check.error(
                "source_ami_filter",
                "source-owner",
                "a search for the source image must name its owners",
                Some("anybody can publish an image of any name: add `\"owners\": [\"amazon\"]`, an account id, or `self`".to_owned()),
            );
        }
    }
}
