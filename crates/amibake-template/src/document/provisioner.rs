//! Provisioners and what the core wraps around them (reference section 6).

use std::collections::HashMap;

use super::Provisioner;
use super::read::type_of;
use super::shape::{list, members, weak_name, wrong_type};
use crate::component::GoDuration;
use crate::finding::Finding;
use crate::json::{Member, Node, Value};
use crate::wording::describe;

/// Keys the core takes from a provisioner before the component sees the rest.
pub(crate) const WRAPPER_KEYS: [&str; 7] = ["type", "only", "except", "override", "pause_before", "max_retries", "timeout"];

/// All of `provisioners`.
pub(super) fn all(node: &Node, findings: &mut Vec<Finding>) -> Vec<Provisioner> {
    let items = list("`provisioners`", "a list of objects", node, findings);
    items.iter().enumerate().filter_map(|(index, item)| one(&format!("provisioner {}", index + 1), item, findings)).collect()
}

/// One provisioner; None where there is nothing to go on with.
pub(super) fn one(what: &str, node: &Node, findings: &mut Vec<Finding>) -> Option<Provisioner> {
    if !matches!(node.value, Value::Object(_)) {
        findings.push(wrong_type(what, "an object", node));
        return None;
    }
    let node = with_override(node);
    if let Some(overrides) = node.get("override") {
        for entry in members("`override`", "an object of builder names", overrides, findings) {
            members(&format!("the override for `{}`", entry.key), "an object", &entry.value, findings);
        }
    }
    let provisioner = Provisioner {
        only: names("only", &node, findings),
        except: names("except", &node, findings),
        pause_before: duration("pause_before", &node, findings),
        timeout: duration("timeout", &node, findings),
        type_name: type_of(what, &node, findings)?,
        node,
    };
    Some(provisioner)
}

/// The provisioner with `override` as one object: Packer's weak decoding takes a list of objects for one too, of which the last with a
/// key wins.
fn with_override(node: &Node) -> Node {
    let mut node = node.clone();
    let Value::Object(keys) = &mut node.value else { return node };
    let Some(overrides) = keys.iter_mut().find(|member| member.key == "override") else { return node };
    if let Value::Array(elements) = &overrides.value.value
        && elements.iter().all(|element| matches!(element.value, Value::Object(_)))
    {
        let mut merged: Vec<Option<&Member>> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for element in elements {
            let Value::Object(entries) = &element.value else { continue };
            for entry in entries {
                if let Some(earlier) = places.insert(&entry.key, merged.len()) {
                    merged[earlier] = None;
                }
                merged.push(Some(entry));
            }
        }
        let merged = merged.into_iter().flatten().cloned().collect();
        overrides.value.value = Value::Object(merged);
    }
    node
}

/// Builder names; one string is one name and is not split at commas.
fn names(key: &str, node: &Node, findings: &mut Vec<Finding>) -> Vec<String> {
    let Some(node) = node.get(key) else { return Vec::new() };
    let what = format!("a name in `{key}`");
    match &node.value {
        // `null` in a list is the empty name, which no builder has; `{}` is an empty list.
        Value::Array(items) => items
            .iter()
            .filter_map(|item| match item.value {
                Value::Null => Some(String::new()),
                _ => weak_name(&what, Some(item), findings),
            })
            .collect(),
        Value::Object(entries) if entries.is_empty() => Vec::new(),
        Value::Object(_) => {
            findings.push(wrong_type(&format!("`{key}`"), "a list of builder names", node));
            Vec::new()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => weak_name(&what, Some(node), findings).into_iter().collect(),
    }
}

/// A duration; the core does not render it, so a template string is no duration.
fn duration(key: &str, node: &Node, findings: &mut Vec<Finding>) -> Option<GoDuration> {
    let node = node.get(key)?;
    let problem = match &node.value {
        Value::Null => return None,
        Value::String(text) => match GoDuration::parse(&text.value) {
            Ok(duration) => return Some(duration),
            Err(problem) => problem,
        },
        // A fraction of a nanosecond is cut off, and what does not fit is held at the end of the scale.
        #[expect(clippy::cast_possible_truncation, reason = "float to integer saturates, which is what is wanted")]
        Value::Number(number) => return number.parse::<f64>().ok().map(|nanos| GoDuration { nanos: nanos as i64 }),
        Value::Bool(yes) => return Some(GoDuration { nanos: i64::from(*yes) }),
        other @ (Value::Array(_) | Value::Object(_)) => format!("{} is no duration", describe(other)),
    };
    let finding = Finding::error("bad-duration", format!("`{key}` is no duration: {problem}"), node.span);
    let is_template = node.as_str().is_some_and(|text| text.contains("{{") || text.contains("<<"));
    findings.push(if is_template {
        finding.with_help(format!("`{key}` is read before variables are known; write the duration itself, such as \"30s\""))
    } else {
        finding.with_help("write a number with its unit, such as \"30s\", \"5m\" or \"1h30m\"")
    });
    None
}
