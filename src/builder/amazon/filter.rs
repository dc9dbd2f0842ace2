//! Describe filters in both spellings.

use std::collections::BTreeMap;

use amibake_ec2::model::Filter;
use schemars::JsonSchema;
use serde::Deserialize;

use super::given::given_list;

/// One filter, as a block.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct FilterBlock {
    /// The filter's name, as EC2 knows it: `tag:Class`, `isDefault`.
    #[serde(default)]
    pub name: String,
    /// The value looked for; `*` and `?` stand for any text and any character.
    #[serde(default)]
    pub value: String,
}

/// Finds VPCs or security groups by their properties.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct ResourceFilter {
    /// Filters by name, as EC2 knows them (`tag:Class`, `isDefault`). All of them must match; a comma separates values of which any will do.
    #[serde(default)]
    pub filters: BTreeMap<String, String>,
    /// The same as a list of blocks with `name` and `value`.
    #[serde(default)]
    pub filter: Vec<FilterBlock>,
}

/// Finds the subnet by its properties.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct SubnetFilter {
    /// Filters by name, as EC2 knows them (`tag:Class`). All of them must match; a comma separates values of which any will do.
    #[serde(default)]
    pub filters: BTreeMap<String, String>,
    /// The same as a list of blocks with `name` and `value`.
    #[serde(default)]
    pub filter: Vec<FilterBlock>,
    /// Of several matches, take the one with most free addresses; wins over `random`. Default: false.
    #[serde(default)]
    pub most_free: bool,
    /// Of several matches, take any. Default: false.
    #[serde(default)]
    pub random: bool,
}

/// Finds the source image by its properties.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct AmiFilter {
    /// Filters by name, as EC2 knows them (`name`, `root-device-type`, `virtualization-type`). All of them must match; a comma separates
    /// values of which any will do.
    #[serde(default)]
    pub filters: BTreeMap<String, String>,
    /// The same as a list of blocks with `name` and `value`.
    #[serde(default)]
    pub filter: Vec<FilterBlock>,
    /// Who owns the image: account ids, `self`, `amazon`, `aws-marketplace`. Needed unless `source_ami` is set, because anybody can
    /// publish an image of any name.
    #[serde(default)]
    pub owners: Vec<String>,
    /// Of several matches, take the newest. Default: false, which makes several matches an error.
    #[serde(default)]
    pub most_recent: bool,
    /// Consider deprecated images too. Default: false. Since amazon plugin 1.2.8.
    #[serde(default)]
    pub include_deprecated: bool,
}

/// Both spellings as one list sorted by name; a block wins over the map.
pub fn filters(map: &BTreeMap<String, String>, blocks: &[FilterBlock]) -> Vec<Filter> {
    let mut all = map.clone();
    all.extend(blocks.iter().map(|block| (block.name.clone(), block.value.clone())));
    all.retain(|name, _| !name.is_empty());
    all.into_iter().map(|(name, value)| Filter { name, values: split_values(&value) }).collect()
}

/// Values separated by commas, with quotes around those that hold one (amazon plugin since 1.0.7).
fn split_values(text: &str) -> Vec<String> {
    let mut values = Vec::new();
    let (mut value, mut quoted) = (String::new(), false);
    for character in text.chars() {
        match character {
            '"' if quoted || value.trim().is_empty() => quoted = !quoted,
            ',' if !quoted => values.push(std::mem::take(&mut value)),
            other => value.push(other),
        }
    }
    values.push(value);
    values.iter().map(|value| value.trim_start().to_owned()).collect()
}

/// How messages show filters.
pub fn show(filters: &[Filter]) -> String {
    let shown: Vec<String> = filters.iter().map(|filter| format!("{}={}", filter.name, filter.values.join(","))).collect();
    shown.join(" ")
}

impl ResourceFilter {
    /// As EC2 takes them.
    pub fn filters(&self) -> Vec<Filter> {
        filters(&self.filters, &self.filter)
    }
}

impl SubnetFilter {
    /// As EC2 takes them.
    pub fn filters(&self) -> Vec<Filter> {
        filters(&self.filters, &self.filter)
    }
}

impl AmiFilter {
    /// As EC2 takes them.
    pub fn filters(&self) -> Vec<Filter> {
        filters(&self.filters, &self.filter)
    }

    /// The owners that are given.
    pub fn owners(&self) -> Vec<String> {
        given_list(&self.owners)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(split_values(text), expected, "{text}");
    }

    #[test]
    fn values_are_split_at_commas() {
        check("al2023-ami-2023*x86_64", &["al2023-ami-2023*x86_64"]);
        check("x86_64, arm64", &["x86_64", "arm64"]);
        check("\"a,b\",c", &["a,b", "c"]);
        check("", &[""]);
        check("say \"hi\"", &["say \"hi\""]);
    }

    #[test]
    fn a_block_wins_over_the_map() {
        let map = BTreeMap::from([("name".to_owned(), "old".to_owned()), ("state".to_owned(), "available".to_owned())]);
        let blocks = [FilterBlock { name: "name".to_owned(), value: "new".to_owned() }];
        assert_eq!(show(&filters(&map, &blocks)), "name=new state=available");
    }
}
