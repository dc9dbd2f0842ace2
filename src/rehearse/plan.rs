//! What of a plan must not happen in a rehearsal.
//!
//! A plan is data, so a rehearsal changes it instead of teaching every part what a rehearsal is: post-processors that run commands here
//! would hand on an image that does not exist, a manifest would name it, and scripts on this machine could reach AWS.

use std::path::Path;

use amibake_template::finding::{Finding, Label, Severity};
use amibake_template::plan::{Build, Plan, PostProcessorPart};
use serde_json::Value;

/// Whether post-processors run as they would in a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostProcessors {
    /// Manifests go to the output folder, commands are not run.
    Apart,
    /// As in a build (`-post-process`).
    AsInBuild,
}

/// Takes out of a plan what must not happen; answers with what was changed, for people.
///
/// # Errors
/// A build that would reach a machine which exists.
pub fn confine(plan: &mut Plan, output: &Path, post_processors: PostProcessors) -> Result<Vec<String>, Vec<Finding>> {
    let real: Vec<_> = plan.builds.iter().filter_map(real_host).collect();
    if !real.is_empty() {
        return Err(real);
    }
    without_aws(plan);
    let mut notes = Vec::new();
    if post_processors == PostProcessors::Apart {
        for build in &mut plan.builds {
            set_apart(build, output, &mut notes);
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

fn set_apart(build: &mut Build, output: &Path, notes: &mut Vec<String>) {
    for chain in &mut build.post_processors {
        if chain.iter().any(runs_commands) {
            notes.push(
                "post-processors `shell-local` are not run: the image that they would get does not exist (-post-process runs them)"
                    .to_owned(),
            );
        }
        chain.retain(|element| !runs_commands(element));
        for element in chain.iter_mut().filter(|element| element.part.type_name == "manifest") {
            if let Some(moved) = move_manifest(&mut element.part.config, output) {
                notes.push(moved);
            }
        }
    }
    build.post_processors.retain(|chain| !chain.is_empty());
}

fn runs_commands(element: &PostProcessorPart) -> bool {
    element.part.type_name == "shell-local"
}

/// A manifest that names images which do not exist must not stand where a deployment looks for it.
fn move_manifest(config: &mut Value, output: &Path) -> Option<String> {
    let config = config.as_object_mut()?;
    let given = config.get("output").and_then(Value::as_str).filter(|path| !path.is_empty()).unwrap_or("packer-manifest.json");
    let name = Path::new(given).file_name()?;
    let moved = output.join(name).to_string_lossy().into_owned();
    let note = format!("the manifest `{given}` is written to `{moved}` (-post-process writes it where the template says)");
    config.insert("output".to_owned(), Value::String(moved));
    Some(note)
}
