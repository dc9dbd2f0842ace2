//! A plan for people.

use std::collections::BTreeMap;

use amibake_template::plan::Build;

use super::Prepared;
use crate::forecast::ask::{Answers, Permission, Verdict};
use crate::forecast::{BuildForecast, PlannedCall};
use crate::ui::screen::Screen;

/// Prints the plan.
pub(super) fn print(prepared: &Prepared, screen: &mut Screen) {
    let asked = if prepared.answers.is_empty() { "AWS was not asked" } else { "Nothing was made" };
    screen.say(format!("{asked}. What only AWS or the time of the build decides stands in <angle brackets>."));
    for note in &prepared.notes {
        screen.say(format!("Note: {note}."));
    }
    for (nth, (forecast, build)) in prepared.builds.iter().zip(&prepared.plan.builds).enumerate() {
        screen.say("");
        print_build(forecast, build, screen);
        if let Some(answers) = prepared.answers.get(nth) {
            print_answers(answers, screen);
        }
    }
}

/// What EC2 said about the calls: what is missing, and what it does not tell.
fn print_answers(answers: &Answers, screen: &mut Screen) {
    screen.say("");
    if let Some((id, name)) = &answers.source_image {
        screen.say(format!("  EC2 has the source image: {id} ({name})"));
    }
    let of = |verdict| answers.permissions.iter().filter(move |permission| permission.verdict == verdict);
    let told = |permission: &Permission| {
        let message = permission.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
        format!("           {} in {}{message}", permission.action, permission.region)
    };
    screen.say(format!("  allowed  {} of {} calls", of(Verdict::Allowed).count(), answers.permissions.len()));
    if of(Verdict::Open).next().is_some() {
        screen.say("  open     EC2 tells it only when that exists which the call is about");
        of(Verdict::Open).for_each(|permission| screen.say(told(permission)));
    }
    if of(Verdict::Missing).next().is_some() {
        screen.error("  missing  (`amibake plan -format iam-policy` prints a policy that allows all of it)");
        of(Verdict::Missing).for_each(|permission| screen.error(told(permission)));
    }
}

fn print_build(forecast: &BuildForecast, build: &Build, screen: &mut Screen) {
    let Some(calls) = &forecast.calls else {
        screen.say(format!("==> {} ({}): not foretold; what it does outside AWS cannot be tried out.", forecast.name, forecast.type_name));
        return;
    };
    let home = calls.first().map_or("", |call| call.region.as_str());
    screen.say(format!("==> {} ({}, {home})", forecast.name, forecast.type_name));
    for call in calls {
        print_call(call, home, screen);
    }
    if let Some(error) = &forecast.error {
        screen.error(format!("\n  The build ends here: {error}"));
        return;
    }
    print_end(forecast, build, home, screen);
}

fn print_call(call: &PlannedCall, home: &str, screen: &mut Screen) {
    let verb = verb(call);
    let elsewhere = if call.region == home { String::new() } else { format!("  in {}", call.region) };
    let repeated = if call.repeated { "  until it is ready" } else { "" };
    screen.say(format!("  {verb:8} {}{elsewhere}{repeated}", call.action));
    let lines = lines(&call.parameters);
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, value) in lines {
        screen.say(format!("             {name:width$}  {value}"));
    }
}

fn verb(call: &PlannedCall) -> &'static str {
    let operation = call.action.split_once(':').map_or("", |(_, operation)| operation);
    let begins = |words: &[&str]| words.iter().any(|word| operation.starts_with(word));
    match operation {
        _ if !call.changes => "asks",
        "CreateTags" => "changes",
        _ if begins(&["Create", "Run", "Copy", "Register", "Request"]) => "makes",
        _ if begins(&["Delete", "Terminate", "Deregister", "Remove", "Cancel"]) => "removes",
        _ => "changes",
    }
}

/// One line for each parameter; tags, filters and lists in one line each.
fn lines(parameters: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut add = |name: String, value: String| match lines.iter_mut().find(|(other, _)| *other == name) {
        Some((_, list)) => *list = format!("{list}, {value}"),
        None => lines.push((name, value)),
    };
    for (name, value) in parameters {
        let of = |field: &str| name.strip_suffix(field);
        let get = |name: String| parameters.get(&name).map(String::as_str).unwrap_or_default();
        if let Some(pair) = of(".Key").filter(|pair| pair.contains("Tag.")) {
            add(tags_of(pair, parameters), format!("{value}={}", get(format!("{pair}.Value"))));
        } else if let Some(filter) = of(".Name").filter(|filter| filter.starts_with("Filter.")) {
            let values = parameters.iter().filter(|(name, _)| name.starts_with(&format!("{filter}.Value.")));
            let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
            add("filters".to_owned(), format!("{value}={}", values.join(" or ")));
        } else if !is_part_of_another(name) {
            add(without_numbers(name), value.clone());
        }
    }
    lines
}

/// `tags`, `tags of the volume`.
fn tags_of(pair: &str, parameters: &BTreeMap<String, String>) -> String {
    let kind = pair.split_once(".Tag.").and_then(|(specification, _)| parameters.get(&format!("{specification}.ResourceType")));
    kind.map_or_else(|| "tags".to_owned(), |kind| format!("tags of the {kind}"))
}

fn is_part_of_another(name: &str) -> bool {
    name.starts_with("Filter.")
        || name.contains("Tag.") && name.ends_with(".Value")
        || name.starts_with("TagSpecification.") && name.ends_with(".ResourceType")
        || matches!(name, "ClientToken" | "MinCount" | "MaxCount")
}

/// `ImageId.1` is one of a list; `BlockDeviceMapping.1.Ebs.VolumeSize` keeps its number, which tells devices apart.
fn without_numbers(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((list, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => list.to_owned(),
        _ => name.to_owned(),
    }
}

fn print_end(forecast: &BuildForecast, build: &Build, home: &str, screen: &mut Screen) {
    screen.say("");
    for (region, name) in &forecast.images {
        screen.say(format!("  leaves   image {name} in {region}, with its snapshots"));
    }
    if forecast.images.is_empty() {
        screen.say("  leaves   no image");
    }
    if !forecast.after_failure.is_empty() {
        let also: Vec<String> = forecast.after_failure.iter().map(|call| elsewhere(call, home)).collect();
        screen.say(format!(
            "  After a failure or an interrupt it removes what it made, which also takes\n           {}",
            also.join("\n           ")
        ));
    }
    let types = |types: Vec<&str>| if types.is_empty() { "none".to_owned() } else { types.join(", ") };
    let provisioners = types(build.provisioners.iter().map(|one| one.part.type_name.as_str()).collect());
    let post_processors = types(build.post_processors.iter().flatten().map(|one| one.part.type_name.as_str()).collect());
    screen.say(format!("  Provisioners, not part of this plan: {provisioners}. Post-processors: {post_processors}."));
    let minutes = forecast.took.as_secs().div_ceil(60);
    screen.say(format!("  AWS takes about {minutes} min for a small image, without provisioning."));
}

fn elsewhere(call: &PlannedCall, home: &str) -> String {
    if call.region == home { call.action.clone() } else { format!("{} in {}", call.action, call.region) }
}
