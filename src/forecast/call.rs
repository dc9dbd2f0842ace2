//! A call in words that hold for every run of the template.

use std::collections::BTreeMap;

use amibake_ec2::lab::{Call, Lab};
use amibake_ec2::{ImageId, Region};
use serde::Serialize;
use serde_json::Value;

use crate::engine::vary::Varying;

/// A call that a build will make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedCall {
    /// Where.
    pub region: String,
    /// The service and its name for it: `ec2:RunInstances`.
    pub action: String,
    /// Whether it changes something.
    pub changes: bool,
    /// By EC2's name: `ImageId`. What is not known beforehand stands in `<angle brackets>`.
    pub parameters: BTreeMap<String, String>,
    /// Whether it is asked again and again until what it is about is ready.
    pub repeated: bool,
}

/// What can be known beforehand about the values of calls.
pub struct Known {
    /// All that the template says.
    given: String,
    /// Ids that something is launched from.
    sources: Vec<String>,
    /// By value: what of it stays in another run.
    varying: BTreeMap<String, Varying>,
    /// What is known of the lab's source image, and will be another's.
    of_source: Vec<(String, &'static str)>,
}

/// Prefixes of ids, and what they stand for.
const IDS: [(&str, &str); 14] = [
    ("ami-", "<image>"),
    ("i-", "<instance>"),
    ("sg-", "<security group>"),
    ("snap-", "<snapshot>"),
    ("vol-", "<volume>"),
    ("vpc-", "<VPC>"),
    ("subnet-", "<subnet>"),
    ("eni-", "<network interface>"),
    ("key-", "<key pair>"),
    ("lt-", "<launch template>"),
    ("fleet-", "<fleet>"),
    ("sir-", "<spot request>"),
    ("cr-", "<capacity reservation>"),
    ("h-", "<host>"),
];

impl Known {
    /// From a builder's configuration, and its calls in two runs that differ in time and seed.
    pub fn new(config: &Value, calls: &[Call], again: &[Call]) -> Self {
        let mut varying = BTreeMap::new();
        for (call, other) in same_calls(calls, again) {
            for (name, value) in &call.parameters {
                if let Some(other) = other.parameters.get(name).filter(|other| *other != value) {
                    varying.insert(value.clone(), Varying::of(value, other));
                }
            }
        }
        let launches = calls.iter().filter(|call| matches!(call.operation, "RunInstances" | "CreateLaunchTemplate"));
        let sources = launches.flat_map(|call| &call.parameters).filter(|(name, _)| name.ends_with("ImageId"));
        Self { given: config.to_string(), sources: sources.map(|(_, id)| id.clone()).collect(), varying, of_source: Vec::new() }
    }

    /// Does not know what the lab says of its source image, unless the template says it too.
    #[must_use]
    pub fn without_source(mut self, lab: &Lab) -> Self {
        let images = self.sources.iter().filter_map(|id| lab.image(&ImageId::new(id.as_str()).ok()?));
        let facts = images.flat_map(|image| {
            [(image.name, "<source image's name>"), (image.creation_date, "<source image's date>"), (image.owner, "<source image's owner>")]
        });
        self.of_source = facts.filter(|(fact, _)| !fact.is_empty() && !self.given.contains(fact.as_str())).collect();
        self
    }

    /// Whether the template names this.
    pub fn is_given(&self, value: &str) -> bool {
        self.given.contains(value)
    }

    /// A value as far as it is known: `packer_<uuid>`.
    pub fn name_of(&self, name: &str, value: &str) -> String {
        match name {
            "ClientToken" => return "<token>".to_owned(),
            "UserData" => return format!("<{} bytes>", decoded_length(value)),
            _ => {}
        }
        if let Some(id) = id_in(value).filter(|id| !self.is_given(id)) {
            let label = IDS.iter().find(|(prefix, _)| id.starts_with(prefix)).map_or("<id>", |(_, label)| label);
            let label = if self.sources.iter().any(|source| source == id) { "<source image>" } else { label };
            return value.replace(id, label);
        }
        let shown = self.varying.get(value).map_or_else(|| value.to_owned(), Varying::shown);
        self.of_source.iter().fold(shown, |shown, (fact, label)| shown.replace(fact.as_str(), label))
    }

    /// A value as a pattern that holds for every run: `packer_*`.
    pub fn pattern_of(&self, value: &str) -> String {
        match id_in(value) {
            Some(_) if self.is_given(value) => value.to_owned(),
            Some(_) => "*".to_owned(),
            None => self.varying.get(value).map_or_else(|| value.to_owned(), Varying::glob),
        }
    }
}

/// Calls of two runs that are the same call: the nth of an operation in a region.
fn same_calls<'a>(calls: &'a [Call], again: &'a [Call]) -> impl Iterator<Item = (&'a Call, &'a Call)> {
    let mut others: BTreeMap<(&Region, &str), std::collections::VecDeque<&Call>> = BTreeMap::new();
    for call in again {
        others.entry((&call.region, call.operation)).or_default().push_back(call);
    }
    calls.iter().filter_map(move |call| Some((call, others.get_mut(&(&call.region, call.operation))?.pop_front()?)))
}

/// The first id of EC2's in a text: `ami-0123456789abcdef0`, the one of `*ami-0123456789abcdef0*`.
fn id_in(text: &str) -> Option<&str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.split(|c| !word(c)).find(|part| is_id(part))
}

fn is_id(text: &str) -> bool {
    let hex = |rest: &str| (8..=17).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    IDS.iter().any(|(prefix, _)| text.strip_prefix(prefix).is_some_and(hex))
}

/// Bytes that a Base64 text stands for.
fn decoded_length(text: &str) -> usize {
    let letters = text.bytes().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')).count();
    letters * 3 / 4
}

/// Calls in known words, in their order; what is asked repeatedly stands once, where it is asked first.
pub fn planned(calls: &[Call], known: &Known) -> Vec<PlannedCall> {
    let mut all: Vec<PlannedCall> = Vec::new();
    for call in calls {
        let parameters = call.parameters.iter().map(|(name, value)| (name.clone(), known.name_of(name, value))).collect();
        let call = PlannedCall {
            region: call.region.to_string(),
            action: super::policy::action(call.operation),
            changes: call.changes,
            parameters,
            repeated: false,
        };
        match all.iter_mut().find(|other| !call.changes && PlannedCall { repeated: false, ..(*other).clone() } == call) {
            Some(other) => other.repeated = true,
            None => all.push(call),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_texts() {
        assert_eq!(id_in("*ami-0123456789abcdef0*"), Some("ami-0123456789abcdef0"));
        assert_eq!(id_in("sg-0a1b2c3d"), Some("sg-0a1b2c3d"));
        assert_eq!(id_in("my-image-2026"), None);
        assert_eq!(id_in("i-love-it"), None);
    }
}
