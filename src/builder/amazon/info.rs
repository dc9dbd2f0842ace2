//! What late strings of an Amazon builder see: the source image and the build region.

use std::collections::BTreeMap;

use amibake_ec2::model::Image;
use serde_json::{Value, json};

/// The source image and the build region, as `{{ .SourceAMI }}` and `` {{build `SourceAMI`}} `` show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildInfo {
    /// `BuildRegion`; the build region's name, for copies in other regions too.
    pub region: String,
    /// The source image; None where a build starts from nothing, all about it is empty then.
    pub source: Option<Image>,
}

impl BuildInfo {
    /// The names that `` {{build `NAME`}} `` knows beyond the common ones.
    pub const NAMES: &'static [&'static str] =
        &["SourceAMI", "SourceAMIName", "SourceAMICreationDate", "SourceAMIOwner", "SourceAMIOwnerName", "BuildRegion"];

    /// `.` of tags and descriptions.
    pub fn data(&self) -> Value {
        let tags: BTreeMap<&str, &str> =
            self.source.iter().flat_map(|source| &source.tags).map(|tag| (tag.key.as_str(), tag.value.as_str())).collect();
        let mut data = json!(self.build_data());
        if let Value::Object(fields) = &mut data {
            fields.insert("SourceAMITags".to_owned(), json!(tags));
        }
        data
    }

    /// What provisioners and post-processors get. The source image's tags are not among it, as in Packer.
    pub fn build_data(&self) -> BTreeMap<String, String> {
        let of_source = |value: fn(&Image) -> String| self.source.as_ref().map(value).unwrap_or_default();
        let values = [
            of_source(|source| source.id.to_string()),
            of_source(|source| source.name.clone()),
            of_source(|source| source.creation_date.clone()),
            of_source(|source| source.owner_id.clone()),
            of_source(|source| source.owner_alias.clone().unwrap_or_default()),
            self.region.clone(),
        ];
        Self::NAMES.iter().map(|name| (*name).to_owned()).zip(values).collect()
    }
}
