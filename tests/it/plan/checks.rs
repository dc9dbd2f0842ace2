//! What EC2 asks IAM about a call. Made of the table of AWS's reference and of the recorded call alone; it shares nothing with what
//! writes the policy.

use std::collections::BTreeMap;

use amibake_ec2::lab::{Call, Lab};
use amibake_ec2::{ImageId, InstanceId, SecurityGroupId, VolumeId};

use super::simulator::Request;

/// Actions and their resource types.
const ACTIONS: &str = include_str!("actions.txt");
/// The account in which it happens.
const ACCOUNT: &str = "123456789012";
/// Kinds of resources by the prefix of their ids.
const PREFIXES: [(&str, &str); 11] = [
    ("capacity-reservation", "cr-"),
    ("fleet", "fleet-"),
    ("image", "ami-"),
    ("instance", "i-"),
    ("launch-template", "lt-"),
    ("security-group", "sg-"),
    ("snapshot", "snap-"),
    ("spot-instances-request", "sir-"),
    ("subnet", "subnet-"),
    ("volume", "vol-"),
    ("vpc", "vpc-"),
];

/// What is known about existing things: the lab, as it is after the build.
pub struct Things<'a> {
    pub lab: &'a Lab,
    pub calls: &'a [Call],
}

/// What IAM is asked about a call.
pub fn requests(call: &Call, things: &Things<'_>) -> Vec<Request> {
    let mut requests = match call.operation {
        "CreateTags" => of_create_tags(call),
        operation => match ACTIONS.lines().find_map(|line| line.strip_prefix(operation)?.strip_prefix(' ')) {
            Some(kinds) => kinds.split_whitespace().flat_map(|kind| of_kind(call, kind, things)).collect(),
            None => vec![request(call, "*".to_owned(), BTreeMap::new())],
        },
    };
    requests.extend(tags_at_creation(call));
    requests.extend(call.parameters.iter().filter(|(name, _)| name.ends_with("KmsKeyId")).flat_map(|(_, key)| of_key(call, key)));
    if call.parameters.keys().any(|name| name.starts_with("IamInstanceProfile.")) {
        let context = BTreeMap::from([("iam:PassedToService".to_owned(), vec!["ec2.amazonaws.com".to_owned()])]);
        requests.push(Request { action: "iam:PassRole".to_owned(), resource: format!("arn:aws:iam::{ACCOUNT}:role/some"), context });
    }
    requests
}

fn request(call: &Call, resource: String, mut context: BTreeMap<String, Vec<String>>) -> Request {
    context.insert("aws:RequestedRegion".to_owned(), vec![call.region.to_string()]);
    Request { action: format!("ec2:{}", call.operation), resource, context }
}

fn of_kind(call: &Call, kind: &str, things: &Things<'_>) -> Vec<Request> {
    let (kind, always) = (kind.trim_end_matches('*'), kind.ends_with('*'));
    let mut ids = named(call, kind);
    if ids.is_empty() && always {
        // What the call makes, or EC2 chooses.
        ids.push("new".to_owned());
    }
    let mut requests: Vec<Request> = ids.iter().map(|id| request(call, arn(call, kind, id), context(call, kind, id, things))).collect();
    if let (Some(source), "image" | "snapshot") = (call.parameters.get("SourceRegion"), kind) {
        // Checked where the source is and where the copy comes into being.
        requests.push(request(call, format!("arn:aws:ec2:{source}::{kind}/of-the-source"), context(call, kind, "new", things)));
        requests.push(request(call, arn(call, kind, "new"), context(call, kind, "new", things)));
    }
    requests
}

fn named(call: &Call, kind: &str) -> Vec<String> {
    if kind == "key-pair" {
        return call.parameters.get("KeyName").cloned().into_iter().collect();
    }
    let Some((_, prefix)) = PREFIXES.iter().find(|(of, _)| *of == kind) else { return Vec::new() };
    let mentions = |name: &str, value: &str| value.starts_with(prefix) && !name.contains("Tag.") && !name.starts_with("Description");
    call.parameters.iter().filter(|(name, value)| mentions(name, value)).map(|(_, id)| id.clone()).collect()
}

fn context(call: &Call, kind: &str, id: &str, things: &Things<'_>) -> BTreeMap<String, Vec<String>> {
    let mut context = BTreeMap::new();
    for (key, value) in tags_given(call, kind) {
        context.insert(format!("aws:RequestTag/{key}"), vec![value]);
    }
    for (key, value) in tags_of(id, things) {
        context.insert(format!("aws:ResourceTag/{key}"), vec![value]);
    }
    if let Some(image) = ImageId::new(id).ok().and_then(|id| things.lab.image(&id)) {
        context.insert("ec2:Owner".to_owned(), vec![image.owner_alias.unwrap_or(image.owner)]);
    }
    context
}

/// Tags that the call puts on what it makes of a kind.
fn tags_given(call: &Call, kind: &str) -> Vec<(String, String)> {
    let specification = call.parameters.iter().find(|(name, value)| name.ends_with(".ResourceType") && *value == kind);
    let Some(prefix) = specification.and_then(|(name, _)| name.strip_suffix("ResourceType")) else { return Vec::new() };
    pairs(call, prefix)
}

fn pairs(call: &Call, prefix: &str) -> Vec<(String, String)> {
    let keys = call.parameters.iter().filter(|(name, _)| name.starts_with(&format!("{prefix}Tag.")) && name.ends_with(".Key"));
    keys.map(|(name, key)| (key.clone(), call.parameters[&name.replace(".Key", ".Value")].clone())).collect()
}

/// Tags of what exists. What the lab does not know any more was the build's own, and has the tags that it was made with.
fn tags_of(id: &str, things: &Things<'_>) -> Vec<(String, String)> {
    let plain = |tags: Vec<amibake_ec2::model::Tag>| tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    let given = |operation: &str, kind: &str| {
        let made = things.calls.iter().find(|call| call.operation == operation);
        made.map(|call| tags_given(call, kind)).unwrap_or_default()
    };
    if let Ok(id) = InstanceId::new(id) {
        return things.lab.instance(&id).map_or_else(|| given("RunInstances", "instance"), |instance| plain(instance.tags));
    }
    if let Ok(id) = VolumeId::new(id) {
        return things.lab.volume(&id).map_or_else(|| given("RunInstances", "volume"), |volume| plain(volume.tags));
    }
    let Ok(id) = SecurityGroupId::new(id) else { return Vec::new() };
    things.lab.group(&id).map_or_else(|| given("CreateSecurityGroup", "security-group"), |group| plain(group.tags))
}

fn arn(call: &Call, kind: &str, id: &str) -> String {
    let account = if matches!(kind, "image" | "snapshot") { "" } else { ACCOUNT };
    format!("arn:aws:ec2:{}:{account}:{kind}/{id}", call.region)
}

fn tags_at_creation(call: &Call) -> Vec<Request> {
    let specifications =
        call.parameters.iter().filter(|(name, _)| name.starts_with("TagSpecification.") && name.ends_with(".ResourceType"));
    let mut kinds: Vec<String> = specifications.map(|(_, kind)| kind.clone()).collect();
    if call.parameters.contains_key("CopyImageTags") {
        kinds.extend(["image".to_owned(), "snapshot".to_owned()]);
    }
    let tagging = |kind: String| {
        let keys = tags_given(call, &kind).into_iter().map(|(key, _)| key).collect();
        let context = BTreeMap::from([("ec2:CreateAction".to_owned(), vec![call.operation.to_owned()]), ("aws:TagKeys".to_owned(), keys)]);
        let name = named(call, &kind).into_iter().find(|_| kind == "key-pair").unwrap_or_else(|| "new".to_owned());
        Request { action: "ec2:CreateTags".to_owned(), resource: arn(call, &kind, &name), context }
    };
    kinds.into_iter().map(tagging).collect()
}

fn of_create_tags(call: &Call) -> Vec<Request> {
    let keys: Vec<String> = pairs(call, "").into_iter().map(|(key, _)| key).collect();
    let ids = call.parameters.iter().filter(|(name, _)| name.starts_with("ResourceId."));
    ids.map(|(_, id)| {
        let (kind, _) = PREFIXES.iter().find(|(_, prefix)| id.starts_with(prefix)).unwrap();
        request(call, arn(call, kind, id), BTreeMap::from([("aws:TagKeys".to_owned(), keys.clone())]))
    })
    .collect()
}

fn of_key(call: &Call, key: &str) -> Vec<Request> {
    let mut context = BTreeMap::from([("kms:ViaService".to_owned(), vec![format!("ec2.{}.amazonaws.com", call.region)])]);
    let resource = match key.split_once("alias/") {
        Some((_, alias)) => {
            context.insert("kms:ResourceAliases".to_owned(), vec![format!("alias/{alias}"), "alias/another".to_owned()]);
            format!("arn:aws:kms:{}:{ACCOUNT}:key/of-the-alias", call.region)
        }
        None if key.starts_with("arn:") => key.to_owned(),
        None => format!("arn:aws:kms:{}:{ACCOUNT}:key/{key}", call.region),
    };
    let used = ["Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo", "CreateGrant"];
    used.map(|action| {
        let mut context = context.clone();
        if action == "CreateGrant" {
            context.insert("kms:GrantIsForAWSResource".to_owned(), vec!["true".to_owned()]);
        }
        Request { action: format!("kms:{action}"), resource: resource.clone(), context }
    })
    .into()
}
