//! Two plans are the same, or where they part.

use serde_json::Value as Json;

use super::native::respelled;
use crate::finding::Finding;
use crate::plan::{Build, Part, Plan, PostProcessorPart, ProvisionerPart};

/// The first difference of each component, at its place in the text that `after` was made from; none where both plans do the same.
///
/// Late texts are compared in the native spelling: which of the two is used makes no difference. Values are never shown.
pub fn differences(before: &Plan, after: &Plan) -> Vec<Finding> {
    let mut found = Differences { findings: Vec::new() };
    if before.builds.len() == after.builds.len() {
        before.builds.iter().zip(&after.builds).for_each(|(before, after)| found.build(before, after));
    } else if let Some(build) = after.builds.first().or(before.builds.first()) {
        found.push(&build.builder, "", "the number of builds");
    }
    found.findings
}

struct Differences {
    findings: Vec<Finding>,
}

impl Differences {
    fn build(&mut self, before: &Build, after: &Build) {
        if before.name != after.name {
            self.push(&after.builder, "/name", "the build's name");
        }
        self.part(&before.builder, &after.builder);
        self.all(&before.provisioners, &after.provisioners, &after.builder, "the provisioners", Self::provisioner);
        let cleanup = |build: &Build| build.error_cleanup_provisioner.clone().into_iter().collect::<Vec<_>>();
        self.all(&cleanup(before), &cleanup(after), &after.builder, "the error-cleanup-provisioner", Self::provisioner);
        self.all(&before.post_processors, &after.post_processors, &after.builder, "the post-processors", |found, before, after| {
            if let Some(first) = after.first().or(before.first()) {
                found.all(before, after, &first.part, "a chain of post-processors", Self::post_processor);
            }
        });
    }

    fn all<T>(&mut self, before: &[T], after: &[T], at: &Part, what: &str, each: impl Fn(&mut Self, &T, &T)) {
        if before.len() == after.len() {
            before.iter().zip(after).for_each(|(before, after)| each(self, before, after));
        } else {
            self.push(at, "", what);
        }
    }

    fn provisioner(&mut self, before: &ProvisionerPart, after: &ProvisionerPart) {
        self.part(&before.part, &after.part);
        let wrapped = |part: &ProvisionerPart| (part.pause_before, part.max_retries, part.timeout);
        if wrapped(before) != wrapped(after) {
            self.push(&after.part, "", "`pause_before`, `max_retries` or `timeout`");
        }
    }

    fn post_processor(&mut self, before: &PostProcessorPart, after: &PostProcessorPart) {
        self.part(&before.part, &after.part);
        if (&before.name, before.keep_input_artifact) != (&after.name, after.keep_input_artifact) {
            self.push(&after.part, "", "`name` or `keep_input_artifact`");
        }
    }

    fn part(&mut self, before: &Part, after: &Part) {
        if before.type_name != after.type_name {
            self.push(after, "/type", "`type`");
        } else if let Some(pointer) = first_difference(&before.config, &after.config, "") {
            let what = format!("`{}`", pointer.trim_start_matches('/').replace('/', "."));
            self.push(after, &pointer, &what);
        }
    }

    fn push(&mut self, part: &Part, pointer: &str, what: &str) {
        let mut pointer = pointer;
        let node = loop {
            match part.node.at(pointer) {
                Some(node) => break node,
                None => pointer = pointer.rsplit_once('/').map_or("", |(parent, _)| parent),
            }
        };
        let message = format!("{what} would not mean the same after the migration");
        self.findings.push(Finding::error("migrate", message, node.span).with_help("nothing was written; please report this template"));
    }
}

/// JSON pointer to the first value that differs.
fn first_difference(before: &Json, after: &Json, pointer: &str) -> Option<String> {
    match (before, after) {
        (Json::Object(old), Json::Object(new)) => {
            let keys = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
            keys.into_iter().find_map(|key| {
                let at = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                match (old.get(key), new.get(key)) {
                    (Some(old), Some(new)) => first_difference(old, new, &at),
                    _ => Some(at),
                }
            })
        }
        (Json::Array(old), Json::Array(new)) if old.len() == new.len() => {
            old.iter().zip(new).enumerate().find_map(|(index, (old, new))| first_difference(old, new, &format!("{pointer}/{index}")))
        }
        (Json::Number(old), Json::Number(new)) if old.as_f64() == new.as_f64() => None,
        (Json::String(old), Json::String(new)) if respelled(old) == respelled(new) => None,
        _ => (before != after).then(|| pointer.to_owned()),
    }
}
