//! Tags in both spellings, rendered when they are used.

use std::collections::BTreeMap;

use amibake_ec2::model::Tag;
use amibake_template::component::Late;
use schemars::JsonSchema;
use serde::Deserialize;

use super::info::BuildInfo;
use crate::builder::BuildError;
use crate::engine::late::LateContext;

/// One tag, as a block.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct KeyValue {
    /// The tag's key.
    #[serde(default)]
    pub key: Late,
    /// The tag's value.
    #[serde(default)]
    pub value: Late,
}

/// One tag of volumes or one filter, as a block.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct NameValue {
    /// The tag's key.
    #[serde(default)]
    pub name: Late,
    /// The tag's value.
    #[serde(default)]
    pub value: Late,
}

impl From<NameValue> for KeyValue {
    fn from(block: NameValue) -> Self {
        Self { key: block.name, value: block.value }
    }
}

/// Renders tags given as a map and as blocks (a block wins over the map), sorted by key. Keys are rendered as well as values.
///
/// # Errors
/// A tag that cannot be rendered: an unknown field, a syntax error.
pub fn render_tags(
    late: &LateContext,
    info: &BuildInfo,
    map: &BTreeMap<String, Late>,
    blocks: &[KeyValue],
) -> Result<Vec<Tag>, BuildError> {
    let data = info.data();
    let mut tags = BTreeMap::new();
    let from_map = map.iter().map(|(key, value)| (Late(key.clone()), value.clone()));
    for (key, value) in from_map.chain(blocks.iter().map(|block| (block.key.clone(), block.value.clone()))) {
        let render = |text: &Late| {
            late.render_strict(text, &data)
                .map_err(|error| BuildError::Failed(format!("Error processing tag: {}:{} - {error}", key.0, value.0)))
        };
        tags.insert(render(&key)?, render(&value)?);
    }
    Ok(tags.into_iter().map(|(key, value)| Tag { key, value }).collect())
}
