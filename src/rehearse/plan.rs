//! What of a plan must not happen in a rehearsal.
//!
//! A plan is data, so a rehearsal changes it beforehand and no part behaves otherwise while it runs: post-processors say what is to become
//! of them, and scripts on this machine find no way to AWS.

use std::path::Path;

use amibake_template::finding::{Finding, Label, Severity};
use amibake_template::plan::{Build, Plan};
use serde_json::Value;

use crate::parts::Parts;
use crate::post_processor::Rehearsed;

/// Whether post-processors run as they would in a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostProcessors {
    /// As each says ([`Rehearsed`]): manifests go to the output folder, commands are not run.
    Apart,
    /// As in a build (`-post-process`).
    AsInBuild,
}

/// Takes out of a plan what must not happen; answers with what was changed, for people.
///
/// # Errors
/// A build that would reach a machine which exists.
pub fn confine(plan: &mut Plan, parts: &Parts, output: &Path, post_processors: PostProcessors) -> Result<Vec<String>, Vec<Finding>> {
    let real: Vec<_> = plan.builds.iter().filter_map(real_host).collect();
    if !real.is_empty() {
        return Err(real);
    }
    without_aws(plan);
    let mut notes = Vec::new();
    if post_processors == PostProcessors::Apart {
        for build in &mut plan.builds {
            set_apart(build, parts, output, &mut notes);
        }
    }
    notes.sort();
    notes.dedup();
    Ok(notes)
}

/// A `null` builder works on a host that exists already.
fn real_host(build: &Build) -> Option<Finding> {
    if build.builder.type_name == "amazon-chroot" {
        return Some(own_machine(build));
    }
    let communicator = build.builder.config.get("communicator").and_then(Value::as_str);
    if build.builder.type_name != "null" || communicator == Some("none") {
        return None;
    }
    let name = &build.name;
    Some(Finding {
        severity: Severity::Error,
        code: "real-host",
        message: format!("`{name}` cannot be rehearsed: its host exists, and the provisioners would change it"),
        labels: vec![Label { span: build.builder.node.span, text: "a `null` builder works on a machine of yours".to_owned() }],
        help: Some(format!("leave it out: -except {name}")),
    })
}

/// `amazon-chroot` works on the machine that it runs on: there is no instance that a guest could stand in for.
fn own_machine(build: &Build) -> Finding {
    let name = &build.name;
    Finding {
        severity: Severity::Error,
        code: "real-host",
        message: format!("`{name}` cannot be rehearsed: `amazon-chroot` attaches, mounts and changes devices of the machine it runs on"),
        labels: vec![Label { span: build.builder.node.span, text: "works on this machine".to_owned() }],
        help: Some(format!(
            "leave it out: -except {name}; its provisioners can be rehearsed with the builder `amazon-ebs` and the same source image"
        )),
    }
}

/// Scripts on this machine see no credentials, and can tell that this is a rehearsal.
fn without_aws(plan: &mut Plan) {
    let env = &mut plan.host.env;
    env.retain(|name, _| !crate::engine::context::AWS_ACCESS.contains(&name.as_str()));
    let set = [
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AMIBAKE_REHEARSAL", "1"),
    ];
    env.extend(set.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

/// Each post-processor says what becomes of it. One that cannot be made is left alone: the run ends over it, and says why.
fn set_apart(build: &mut Build, parts: &Parts, output: &Path, notes: &mut Vec<String>) {
    for chain in &mut build.post_processors {
        chain.retain_mut(|element| {
            let Some(Ok(post_processor)) = parts.make_post_processor(&element.part) else { return true };
            match post_processor.rehearsed(output) {
                Rehearsed::Runs => true,
                Rehearsed::Skipped { note } => {
                    notes.push(note);
                    false
                }
                Rehearsed::Elsewhere { key, value, note } => {
                    notes.push(note);
                    if let Some(config) = element.part.config.as_object_mut() {
                        config.insert(key.to_owned(), Value::String(value));
                    }
                    true
                }
            }
        });
    }
    build.post_processors.retain(|chain| !chain.is_empty());
}
