//! A plan for programs.

use serde::Serialize;
use serde_json::Value;

use super::Prepared;
use crate::forecast::PlannedCall;
use crate::forecast::ask::Answers;
use crate::ui::screen::Screen;

/// Version of the document.
const VERSION: u32 = 1;

/// What `plan -format json` prints.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    builds: Vec<BuildDocument<'a>>,
    notes: &'a [String],
}

/// A build.
#[derive(Serialize)]
struct BuildDocument<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    type_name: &'a str,
    /// None: the calls of this builder cannot be foretold.
    calls: Option<&'a [PlannedCall]>,
    /// Calls that only a failed or interrupted build makes.
    after_failure: &'a [PlannedCall],
    /// Images that stay.
    images: Vec<ImageDocument<'a>>,
    /// Types, in their order.
    provisioners: Vec<&'a str>,
    post_processors: Vec<&'a str>,
    /// Seconds that AWS takes, without provisioning.
    seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    /// What AWS said, with `-online`.
    #[serde(skip_serializing_if = "Option::is_none")]
    answers: Option<&'a Answers>,
}

#[derive(Serialize)]
struct ImageDocument<'a> {
    region: &'a str,
    name: &'a str,
}

/// Prints the plan.
pub(super) fn print(prepared: &Prepared, screen: &mut Screen) {
    let document = Document {
        version: VERSION,
        builds: (0..prepared.builds.len()).filter_map(|nth| of_build(prepared, nth)).collect(),
        notes: &prepared.notes,
    };
    let value = serde_json::to_value(document).unwrap_or_default();
    write(value, screen);
}

/// Prints the policy.
pub(super) fn print_policy(prepared: &Prepared, screen: &mut Screen) {
    write(prepared.policy.clone(), screen);
}

fn of_build(prepared: &Prepared, nth: usize) -> Option<BuildDocument<'_>> {
    let (forecast, build) = (prepared.builds.get(nth)?, prepared.plan.builds.get(nth)?);
    Some(BuildDocument {
        name: &forecast.name,
        type_name: &forecast.type_name,
        calls: forecast.calls.as_deref(),
        after_failure: &forecast.after_failure,
        images: forecast.images.iter().map(|(region, name)| ImageDocument { region: region.as_str(), name }).collect(),
        provisioners: build.provisioners.iter().map(|provisioner| provisioner.part.type_name.as_str()).collect(),
        post_processors: build.post_processors.iter().flatten().map(|element| element.part.type_name.as_str()).collect(),
        seconds: forecast.took.as_secs(),
        error: forecast.error.as_deref(),
        answers: prepared.answers.get(nth),
    })
}

fn write(mut value: Value, screen: &mut Screen) {
    clean(&mut value, screen);
    let text = serde_json::to_string_pretty(&value).unwrap_or_default();
    screen.document(&text);
}

/// Takes secrets out of each text.
fn clean(value: &mut Value, screen: &Screen) {
    match value {
        Value::String(text) => *text = screen.cleaned(text),
        Value::Array(items) => items.iter_mut().for_each(|item| clean(item, screen)),
        Value::Object(entries) => entries.values_mut().for_each(|entry| clean(entry, screen)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
