//! IAM's evaluation of a policy, as far as `plan` uses its language: Allow statements, ARNs with wildcards, these conditions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What is asked of IAM: an action on a resource, with what is known about both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    pub action: String,
    pub resource: String,
    /// Condition keys. A key that is not there is absent, which is not the same as empty.
    pub context: BTreeMap<String, Vec<String>>,
}

/// A pair of action and resource of a policy.
pub type Pair = (String, String, String);

/// The pairs of a policy that allow a request.
pub fn allowing(policy: &Value, request: &Request) -> BTreeSet<Pair> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    statements
        .filter(|statement| holds(&statement["Condition"], &request.context))
        .flat_map(pairs_of)
        .filter(|(_, action, resource)| *action == request.action && like(resource, &request.resource))
        .collect()
}

/// All pairs of a policy.
pub fn pairs(policy: &Value) -> BTreeSet<Pair> {
    policy["Statement"].as_array().unwrap().iter().flat_map(pairs_of).collect()
}

fn pairs_of(statement: &Value) -> Vec<Pair> {
    assert_eq!(statement["Effect"], "Allow");
    let sid = statement["Sid"].as_str().unwrap();
    let texts = |value: &Value| -> Vec<String> { value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect() };
    let (actions, resources) = (texts(&statement["Action"]), texts(&statement["Resource"]));
    actions.iter().flat_map(|action| resources.iter().map(|resource| (sid.to_owned(), action.clone(), resource.clone()))).collect()
}

fn holds(conditions: &Value, context: &BTreeMap<String, Vec<String>>) -> bool {
    let Some(operators) = conditions.as_object() else { return true };
    operators.iter().all(|(operator, keys)| {
        keys.as_object().unwrap().iter().all(|(key, wanted)| {
            let wanted: Vec<&str> = match wanted {
                Value::Array(list) => list.iter().map(|text| text.as_str().unwrap()).collect(),
                one => vec![one.as_str().unwrap()],
            };
            one_holds(operator, &wanted, context.get(key))
        })
    })
}

fn one_holds(operator: &str, wanted: &[&str], found: Option<&Vec<String>>) -> bool {
    let equals = |found: &String| wanted.contains(&found.as_str());
    let alike = |found: &String| wanted.iter().any(|pattern| like(pattern, found));
    match (operator, found) {
        ("Null", found) => wanted == [if found.is_none() { "true" } else { "false" }],
        ("StringEquals" | "Bool", Some(found)) => found.len() == 1 && found.iter().all(equals),
        ("StringEquals" | "Bool", None) => false,
        ("ForAllValues:StringEquals", found) => found.is_none_or(|found| found.iter().all(equals)),
        ("ForAllValues:StringLike", found) => found.is_none_or(|found| found.iter().all(alike)),
        ("ForAnyValue:StringEquals", found) => found.is_some_and(|found| found.iter().any(equals)),
        (other, _) => panic!("the simulator does not know {other}"),
    }
}

/// `*` and `?`.
pub fn like(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern.len() == text.len() && begins(pattern, text) };
    if !begins(first, text) {
        return false;
    }
    let text = &text[first.len()..];
    // What follows the asterisk may begin anywhere.
    (0..=text.len()).any(|at| like(rest, &text[at..]))
}

fn begins(pattern: &str, text: &str) -> bool {
    pattern.len() <= text.len() && pattern.bytes().zip(text.bytes()).all(|(wanted, found)| wanted == b'?' || wanted == found)
}

#[test]
fn conditions_hold_as_in_iam() {
    let context = BTreeMap::from([("k".to_owned(), vec!["a".to_owned()])]);
    let check = |conditions: Value, expected: bool| assert_eq!(holds(&conditions, &context), expected, "{conditions}");
    check(Value::Null, true);
    check(serde_json::json!({"StringEquals": {"k": "a"}}), true);
    check(serde_json::json!({"StringEquals": {"k": ["b", "a"]}}), true);
    check(serde_json::json!({"StringEquals": {"k": "b"}}), false);
    check(serde_json::json!({"StringEquals": {"other": "a"}}), false);
    check(serde_json::json!({"Null": {"k": "false"}}), true);
    check(serde_json::json!({"Null": {"other": "false"}}), false);
    check(serde_json::json!({"ForAllValues:StringEquals": {"other": ["x"]}}), true);
    check(serde_json::json!({"ForAnyValue:StringEquals": {"other": ["x"]}}), false);
}

#[test]
fn wildcards_are_iams() {
    assert!(like("a:*:i/*", "a:b:i/c") && like("*", "") && like("s-??", "s-12") && like("a*c*", "abcd"));
    assert!(!like("a:*:i/*", "a:b:j/c") && !like("s-??", "s-123") && !like("a*c", "abcd"));
}
