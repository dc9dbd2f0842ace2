//! The smallest IAM policy that allows a template's calls: those of a smooth build, and those of cleaning up after a failed one.
//!
//! `rules`: which actions on which resources a call needs; `extras`: what a template needs beyond calls of EC2. Here they become a
//! document: what holds under the same conditions for the same resources is one statement.

mod extras;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use amibake_ec2::Region;
use amibake_template::lang::Question as Lookup;
use serde_json::{Map, Value, json};

use super::call::Known;
use super::run::BuildForecast;

pub use rules::action;

/// An action on a resource, under conditions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Grant {
    /// `ec2:RunInstances`
    action: String,
    /// ARN, `*` in it for what is not known.
    resource: String,
    /// Operator, key, values; all must hold.
    conditions: Conditions,
}

/// Operator, key, values.
type Conditions = BTreeSet<(&'static str, String, Vec<String>)>;

/// What a grant is made for.
struct Ground<'a> {
    known: &'a Known,
    /// The account's id, or `*`.
    account: &'a str,
    /// Whether the security group of the build is a temporary one, with our tag.
    makes_group: bool,
    /// Owners that the source image may have, for `ec2:Owner`; empty: any.
    source_owners: Vec<String>,
}

/// The policy for these builds. `account` is `*` where it is not known; `lookups` are what variables ask of services.
pub fn policy(builds: &[(&BuildForecast, &Value)], account: &str, lookups: &[&Lookup]) -> Value {
    let mut grants = BTreeSet::new();
    for (build, config) in builds {
        let ground = Ground {
            known: &build.known,
            account,
            makes_group: build.seen.iter().any(|call| call.operation == "CreateSecurityGroup"),
            source_owners: extras::source_owners(config),
        };
        for call in &build.seen {
            grants.extend(rules::grants(call, &ground));
        }
        let home = build.seen.first().map_or_else(|| Region::new("*"), |call| call.region.clone());
        grants.extend(extras::grants(config, &home, account));
    }
    grants.extend(extras::of_lookups(lookups, account));
    document(grants)
}

/// Statements: what has the same conditions and the same resources stands together.
fn document(grants: BTreeSet<Grant>) -> Value {
    let mut resources: BTreeMap<(Conditions, String), BTreeSet<String>> = BTreeMap::new();
    for grant in grants {
        resources.entry((grant.conditions, grant.action)).or_default().insert(grant.resource);
    }
    let mut statements: BTreeMap<(Conditions, BTreeSet<String>), BTreeSet<String>> = BTreeMap::new();
    for ((conditions, action), resources) in resources {
        statements.entry((conditions, resources)).or_default().insert(action);
    }
    let mut names = BTreeMap::new();
    let written: Vec<Value> =
        statements.iter().map(|((conditions, resources), actions)| statement(conditions, resources, actions, &mut names)).collect();
    json!({ "Version": "2012-10-17", "Statement": written })
}

fn statement(
    conditions: &Conditions,
    resources: &BTreeSet<String>,
    actions: &BTreeSet<String>,
    names: &mut BTreeMap<&'static str, u32>,
) -> Value {
    let name = name(conditions, actions);
    let count = names.entry(name).or_default();
    *count += 1;
    let sid = if *count == 1 { name.to_owned() } else { format!("{name}{count}") };
    let mut written = json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources });
    if let Some(object) = written.as_object_mut().filter(|_| !conditions.is_empty()) {
        object.insert("Condition".to_owned(), condition(conditions));
    }
    written
}

fn condition(conditions: &Conditions) -> Value {
    let mut operators = Map::new();
    for (operator, key, values) in conditions {
        let keys = operators.entry(*operator).or_insert_with(|| json!({}));
        let value = match values.as_slice() {
            [one] => json!(one),
            several => json!(several),
        };
        if let Some(keys) = keys.as_object_mut() {
            keys.insert(key.clone(), value);
        }
    }
    Value::Object(operators)
}

/// What a statement is for.
fn name(conditions: &Conditions, actions: &BTreeSet<String>) -> &'static str {
    let on = |part: &str| conditions.iter().any(|(_, key, _)| key.starts_with(part));
    let first = actions.first().map_or("", String::as_str);
    match first.split_once(':') {
        _ if on("ec2:CreateAction") => "TagWhatIsMade",
        Some(("kms", _)) => "Encrypt",
        Some(("iam", "PassRole")) => "PassRole",
        Some(("iam", _)) => "TemporaryProfile",
        Some(("ssm", _)) => "SessionManager",
        Some(("sts", _)) => "Role",
        Some(("secretsmanager", _)) => "ReadSecrets",
        _ if on("aws:RequestTag") => "MakeTagged",
        _ if on("aws:ResourceTag") => "OnlyWhatIsTagged",
        Some((_, action)) if rules::looks_up(action) => "LookUp",
        _ => "Use",
    }
}
