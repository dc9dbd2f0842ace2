//! The same builders as recorded with Packer 1.6.6: what changes in EC2 must be the same.
//!
//! Known differences, left out of the comparison by [`same_everywhere`] and [`Effects::tag`]:
//! - what amibake sends as the amazon plugin does since later versions: key type, metadata options, `standard` CPU credits, tags carried
//!   along by copies; and no `Name=Packer Builder` on the source instance (plugin 1.0.9);
//! - client tokens; the old parameter lists beside LaunchPermission; the tags of amibake's own bookkeeping;
//! - when tags are set: with the creating call where EC2 takes them there, so only the tags that result are compared;
//! - the stopped instance is moved to the default group, so that the temporary one can go before the instance ends.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use amibake_ec2::ImageId;
use regex::Regex;
use serde_json::Value;

use super::ebs_lab::{Bench, lab, source_ami};

/// A call in comparable form.
type Parameters = BTreeMap<String, String>;

/// What a run changed.
#[derive(Debug, Default)]
struct Effects {
    calls: BTreeSet<String>,
    /// By kind of resource and key.
    tags: BTreeMap<(String, String), String>,
}

impl Effects {
    fn add(&mut self, region: &str, action: &str, parameters: &Parameters) {
        self.add_tags(action, parameters);
        if !matches!(action, "CreateTags" | "ModifyInstanceAttribute") {
            let shown: Vec<String> = parameters
                .iter()
                .filter(|(key, value)| !same_everywhere(key, value))
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            self.calls.insert(format!("{region} {action} {}", shown.join(" ")));
        }
    }

    fn add_tags(&mut self, action: &str, parameters: &Parameters) {
        let get = |key: String| parameters.get(&key).cloned();
        if action == "CreateTags" {
            for kind in parameters.iter().filter(|(key, _)| key.starts_with("ResourceId.")).map(|(_, value)| value.clone()) {
                for tag in 1.. {
                    let Some(key) = get(format!("Tag.{tag}.Key")) else { break };
                    self.tag(&kind, key, get(format!("Tag.{tag}.Value")));
                }
            }
        }
        for specification in 1.. {
            let prefix = format!("TagSpecification.{specification}");
            let Some(kind) = get(format!("{prefix}.ResourceType")) else { break };
            for tag in 1.. {
                let Some(key) = get(format!("{prefix}.Tag.{tag}.Key")) else { break };
                self.tag(&format!("<{kind}>").replace("<image>", "<ami>"), key, get(format!("{prefix}.Tag.{tag}.Value")));
            }
        }
    }

    fn tag(&mut self, kind: &str, key: String, value: Option<String>) {
        let value = value.unwrap_or_default();
        let later = matches!(kind, "<network-interface>" | "<key-pair>" | "<security-group>");
        if !later && !key.starts_with("amibake:") && value != "Packer Builder" {
            self.tags.insert((kind.to_owned(), key), value);
        }
    }

    fn show(&self) -> String {
        let tags = self.tags.iter().map(|((kind, key), value)| format!("tag {kind} {key}={value}"));
        self.calls.iter().cloned().chain(tags).collect::<Vec<_>>().join("\n")
    }
}

/// Parameters that say nothing about a difference.
fn same_everywhere(key: &str, value: &str) -> bool {
    let kinds = ["ClientToken", "MinCount", "MaxCount", "KeyType", "CopyImageTags"];
    let prefixes = ["MetadataOptions.", "TagSpecification.", "UserGroup.", "UserId."];
    value.is_empty()
        || kinds.contains(&key)
        || prefixes.iter().any(|prefix| key.starts_with(prefix))
        || matches!((key, value), ("EbsOptimized", "false") | ("CreditSpecification.CpuCredits", "standard"))
        || key.ends_with(".NoDevice")
}

/// Puts values of the lab in the place of a trace's placeholders.
struct Places {
    source: ImageId,
    source_name: String,
    snapshot: String,
}

impl Places {
    fn fill(&self, text: &str) -> String {
        text.replace("<source-ami>", self.source.as_str())
            .replace("<own-snapshot>", &self.snapshot)
            .replace("\"<ssh-port>\"", "22")
            .replace("<uuid>\"", "11111111-2222-3333-4444-555555555555\"")
    }

    /// A recorded value as the lab's run would show it.
    fn recorded(&self, value: &str) -> String {
        let numbered = Regex::new("<([a-z-]+)-[0-9]+>").unwrap();
        let value = numbered.replace_all(value, "<$1>").into_owned();
        match value.as_str() {
            "<own-snapshot>" => "<snapshot>".to_owned(),
            "<ssh-port>" => "22".to_owned(),
            // The recording's source image has this tag, the lab's has none.
            "base" => "<no value>".to_owned(),
            _ => value.replace("amzn-ami-hvm-2017.09.1.20171103-x86_64-gp2", &self.source_name),
        }
    }

    /// A value of the lab's run as the recording would show it.
    fn ours(&self, key: &str, value: &str) -> String {
        let value = value.replace(self.source.as_str(), "<source-ami>");
        let uuid = Regex::new("[0-9a-f]{8}-[0-9a-f-]{27}").unwrap();
        let value = uuid.replace_all(&value, "<uuid>").into_owned();
        for (prefix, kind) in [("ami-", "<ami>"), ("i-0", "<instance>"), ("sg-", "<security-group>"), ("snap-", "<snapshot>")] {
            if value.starts_with(prefix) {
                return kind.to_owned();
            }
        }
        if key == "Name" && value.len() == 7 { "<random7>".to_owned() } else { value }
    }
}

/// Builds what a trace builds, and compares what changes.
#[track_caller]
fn compare(name: &str) -> impl Future<Output = ()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/traces").join(format!("{name}.json"));
    let trace: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let name = name.to_owned();
    async move {
        let bench = Bench::new(lab());
        let source = source_ami(&bench.lab).await;
        let image = bench.lab.image(&source).unwrap();
        let snapshot = image.snapshots().next().unwrap().to_string();
        let places = Places { source, source_name: image.name.clone(), snapshot };
        let mut builder: Value = serde_json::from_str(&places.fill(&trace["builder"].to_string())).unwrap();
        builder["skip_ami_run_tags"] = Value::Bool(true);
        let outcome = bench.bake(builder).await;
        outcome.artifact();

        let (mut theirs, mut ours) = (Effects::default(), Effects::default());
        for call in trace["changes"].as_array().unwrap() {
            let parameters: BTreeMap<String, String> = serde_json::from_value(call["params"].clone()).unwrap();
            let parameters = parameters.into_iter().map(|(key, value)| (key, places.recorded(&value))).collect();
            theirs.add(call["region"].as_str().unwrap(), call["action"].as_str().unwrap(), &parameters);
        }
        for call in outcome.calls.iter().filter(|call| call.changes) {
            let parameters = call.parameters.iter().map(|(key, value)| (key.clone(), places.ours(key, value))).collect();
            ours.add(call.region.as_str(), call.operation, &parameters);
        }
        same(&name, &theirs.show(), &ours.show());
    }
}

fn same(name: &str, theirs: &str, ours: &str) {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (theirs, ours) = (lines(theirs), lines(ours));
    let missing: Vec<_> = theirs.difference(&ours).collect();
    let extra: Vec<_> = ours.difference(&theirs).collect();
    assert!(missing.is_empty() && extra.is_empty(), "{name}\nonly Packer: {missing:#?}\nonly amibake: {extra:#?}");
}

macro_rules! traces {
    ($($name:ident = $file:literal;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            compare($file).await;
        }
    )*};
}

traces! {
    simple = "simple-source-ami";
    tags = "tags";
    snapshot_tags = "snapshot-tags-only";
    run_tags = "run-tags-no-name";
    sharing = "sharing";
    sharing_in_regions = "sharing-regions";
    regions = "ami-regions";
    regions_with_keys = "ami-regions-kms";
    encrypted = "encrypt-boot";
    encrypted_with_a_key = "encrypt-boot-kms";
    explicitly_unencrypted_copies = "encrypt-boot-false-regions";
    only_the_copies = "skip-save-build-region";
    block_devices = "block-devices";
    no_ephemeral = "no-ephemeral";
    run_options = "run-options";
    user_data = "user-data-base64";
    user_data_that_happens_to_be_base64 = "user-data-accidental-base64";
    address_ranges = "temporary-sg-cidrs";
    a_named_key_pair = "temporary-key-pair-name";
}
