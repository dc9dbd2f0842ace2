//! Calls in a form in which a recording and a run on the lab compare: one line a call, one line a tag that results.
//!
//! What the plugin sends since 1.6.6, and amibake with it, says nothing about a difference and is left out here (docs/compatibility.md,
//! "What AWS sees"): key type, metadata options, `standard` CPU credits, tags carried along by copies, no default tag
//! `Name=Packer Builder`, no use of capacity reservations, what has EC2's default and is sent by 1.6.6; the parameter lists that EC2 keeps for clients older than `LaunchPermission.Add`; the tags of amibake's own
//! bookkeeping; whether a tag is set by the call that creates a thing or by CreateTags afterwards; and the move of the stopped instance
//! to the default group. Which port of this machine a session has is chance. Of client tokens it is compared whether one is used again.

use std::collections::{BTreeMap, BTreeSet};

/// Parameters of a call, in EC2's names.
pub type Parameters = BTreeMap<String, String>;

/// A call to compare.
pub struct Seen<'a> {
    pub region: &'a str,
    pub action: &'a str,
    pub parameters: &'a Parameters,
    /// EC2's code where it was refused.
    pub error: Option<&'a str>,
}

/// What calls changed.
#[derive(Debug, Default)]
pub struct Effects {
    calls: Vec<String>,
    tokens: BTreeSet<String>,
    /// By region, resource and key; what is set last holds.
    tags: BTreeMap<(String, String, String), String>,
}

impl Effects {
    /// Adds a call.
    pub fn add(&mut self, call: &Seen<'_>) {
        if call.error.is_none() {
            self.add_tags(call);
        }
        let told_by_effect = call.action == "CreateTags" && call.error.is_none();
        let let_go = call.action == "ModifyInstanceAttribute" && call.parameters.contains_key("GroupId.1");
        if told_by_effect || let_go {
            return;
        }
        let shown = call.parameters.iter().filter(|(key, value)| !same_everywhere(key, value));
        let mut line = format!("{} {}", call.region, call.action);
        for (key, value) in shown {
            line.push_str(&format!(" {key}={value}"));
        }
        if call.parameters.get("ClientToken").is_some_and(|token| !self.tokens.insert(token.clone())) {
            line.push_str(" (same token)");
        }
        if let Some(error) = call.error {
            line.push_str(&format!(" -> {error}"));
        }
        self.calls.push(line);
    }

    /// All of it, a line each.
    pub fn lines(self) -> Vec<String> {
        let tags = self.tags.into_iter().map(|((region, resource, key), value)| format!("{region} tag {resource} {key}={value}"));
        self.calls.into_iter().chain(tags).collect()
    }

    fn add_tags(&mut self, call: &Seen<'_>) {
        if call.parameters.contains_key("CopyImageTags") {
            let from = call.parameters.get("SourceRegion").cloned().unwrap_or_default();
            let image = self.tags.range((from.clone(), "<ami>".to_owned(), String::new())..);
            let image = image.take_while(|((region, resource, _), _)| *region == from && resource == "<ami>");
            let copied = image.map(|((_, resource, key), value)| ((call.region.to_owned(), resource.clone(), key.clone()), value.clone()));
            self.tags.extend(copied.collect::<Vec<_>>());
        }
        if call.action == "CreateTags" {
            for (_, resource) in call.parameters.iter().filter(|(key, _)| key.starts_with("ResourceId.")) {
                self.tags_at(call, resource, "");
            }
        }
        for data in ["", TEMPLATE] {
            self.add_specified(call, data);
        }
    }

    fn add_specified(&mut self, call: &Seen<'_>, data: &str) {
        for specification in 1.. {
            let prefix = format!("{data}TagSpecification.{specification}");
            let Some(kind) = call.parameters.get(&format!("{prefix}.ResourceType")) else { break };
            let resource = if kind == "image" { "<ami>".to_owned() } else { format!("<{kind}>") };
            self.tags_at(call, &resource, &format!("{prefix}."));
        }
    }

    fn tags_at(&mut self, call: &Seen<'_>, resource: &str, prefix: &str) {
        for nth in 1.. {
            let Some(key) = call.parameters.get(&format!("{prefix}Tag.{nth}.Key")) else { break };
            let value = call.parameters.get(&format!("{prefix}Tag.{nth}.Value")).map_or("", String::as_str);
            let only_plugins = matches!(resource, "<network-interface>" | "<key-pair>" | "<security-group>");
            if !only_plugins && !key.starts_with("amibake:") && value != "Packer Builder" {
                self.tags.insert((call.region.to_owned(), resource.to_owned(), key.clone()), value.to_owned());
            }
        }
    }
}

/// Before what a launch template says about its launches.
const TEMPLATE: &str = "LaunchTemplateData.";
/// Whether a launch may use reserved capacity.
const RESERVATIONS: &str = "CapacityReservationSpecification.CapacityReservationPreference";

/// Parameters that say nothing about a difference.
fn same_everywhere(key: &str, value: &str) -> bool {
    // How S3 encrypts an object stands in a header, which was not recorded.
    let kinds = ["Parameters.localPortNumber.1", "ClientToken", "MinCount", "MaxCount", "KeyType", "CopyImageTags", "ServerSideEncryption"];
    let prefixes = ["MetadataOptions.", "TagSpecification.", "UserGroup.", "UserId.", "Tags.member."];
    let key = key.strip_prefix(TEMPLATE).unwrap_or(key);
    kinds.contains(&key)
        || prefixes.iter().any(|prefix| key.starts_with(prefix))
        || matches!((key, value), ("EbsOptimized" | "DisableApiTermination" | "ReplaceUnhealthyInstances", "false"))
        || matches!((key, value), ("CreditSpecification.CpuCredits", "standard") | (RESERVATIONS, "none"))
        || (value.is_empty() && !key.ends_with(".NoDevice"))
}
