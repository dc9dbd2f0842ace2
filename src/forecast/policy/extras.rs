//! What a template needs beyond the calls of EC2: keys, roles, sessions, secrets.

use amibake_ec2::Region;
use amibake_template::lang::{LookupKind, Question};
use serde_json::Value;

use super::rules::{arn, partition};
use super::{Conditions, Grant};

/// What EC2 does with a key for the caller when it makes encrypted volumes, snapshots and copies (EC2 user guide, "Permissions to use
/// KMS keys").
const KEY_ACTIONS: [&str; 5] = ["Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"];

/// The use of a KMS key, by EC2 only. An alias of AWS's own key needs no permission.
pub(super) fn use_of_key(key: &str, region: &str, account: &str) -> Vec<Grant> {
    if key.is_empty() || key.ends_with("alias/aws/ebs") {
        return Vec::new();
    }
    let by_ec2 = ("StringEquals", "kms:ViaService".to_owned(), vec![format!("ec2.{region}.{}", suffix(region))]);
    let mut conditions: Conditions = [by_ec2].into();
    let resource = match key.split_once("alias/") {
        // Permissions are on keys, not on their aliases; this condition finds the key of an alias.
        Some((_, alias)) => {
            conditions.insert(("ForAnyValue:StringEquals", "kms:ResourceAliases".to_owned(), vec![format!("alias/{alias}")]));
            arn("kms", region, account, "key", "*")
        }
        None if key.starts_with("arn:") => key.to_owned(),
        None => arn("kms", region, account, "key", key.trim_start_matches("key/")),
    };
    let mut for_grants = conditions.clone();
    for_grants.insert(("Bool", "kms:GrantIsForAWSResource".to_owned(), vec!["true".to_owned()]));
    let used = KEY_ACTIONS.iter().map(|action| (*action, conditions.clone())).chain([("CreateGrant", for_grants)]);
    used.map(|(action, conditions)| Grant { action: format!("kms:{action}"), resource: resource.clone(), conditions }).collect()
}

fn suffix(region: &str) -> &'static str {
    if partition(region) == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" }
}

/// Handing a role to an instance.
pub(super) fn pass_role(partition: &str, account: &str, role: &str) -> Grant {
    let service = if partition == "aws-cn" { "ec2.amazonaws.com.cn" } else { "ec2.amazonaws.com" };
    Grant {
        action: "iam:PassRole".to_owned(),
        resource: format!("arn:{partition}:iam::{account}:role/{role}"),
        conditions: [("StringEquals", "iam:PassedToService".to_owned(), vec![service.to_owned()])].into(),
    }
}

/// What the configuration of an Amazon builder needs beyond the calls of EC2.
pub(super) fn grants(config: &Value, home: &Region, account: &str) -> Vec<Grant> {
    let mut grants = Vec::new();
    let plain = |action: &str, resource: String| Grant { action: action.to_owned(), resource, conditions: Conditions::new() };
    if let Some(role) = config["assume_role"]["role_arn"].as_str().filter(|role| !role.is_empty()) {
        grants.push(plain("sts:AssumeRole", role.to_owned()));
    }
    if config["decode_authorization_messages"] == true {
        grants.push(plain("sts:DecodeAuthorizationMessage", "*".to_owned()));
    }
    if config["ssh_interface"] == "session_manager" {
        let (region, tag) = (home.as_str(), format!("ssm:resourceTag/{}", crate::engine::teardown::RUN_TAG));
        let instance = Grant {
            action: "ssm:StartSession".to_owned(),
            resource: arn("ec2", region, account, "instance", "*"),
            conditions: [("Null", tag, vec!["false".to_owned()])].into(),
        };
        grants.push(instance);
        grants.push(plain("ssm:StartSession", arn("ssm", region, "", "document", "AWS-StartPortForwardingSession")));
        // A session's name begins with that of its user, or with that of the role's session ("Restrict access to sessions").
        for name in ["${aws:username}-*", "${aws:userid}-*"] {
            grants.push(plain("ssm:TerminateSession", arn("ssm", region, account, "session", name)));
        }
        grants.push(plain("ssm:DescribeSessions", "*".to_owned()));
    }
    grants
}

/// Secrets that variables ask for, in whatever region the environment says.
pub(super) fn of_lookups(lookups: &[&Question], account: &str) -> Vec<Grant> {
    let secrets = lookups.iter().filter(|lookup| matches!(lookup.kind, LookupKind::SecretsManager | LookupKind::SecretsManagerRaw));
    secrets
        .map(|lookup| {
            let name = lookup.arguments.first().map_or("*", String::as_str);
            // Secrets Manager ends its ARNs in six letters of its own.
            let own = || format!("arn:*:secretsmanager:*:{account}:secret:{name}-??????");
            let resource = if name.starts_with("arn:") { name.to_owned() } else { own() };
            Grant { action: "secretsmanager:GetSecretValue".to_owned(), resource, conditions: Conditions::new() }
        })
        .collect()
}

/// Owners of the source image as `ec2:Owner` has them; empty where the template does not limit them in a way that IAM knows.
pub(super) fn source_owners(config: &Value) -> Vec<String> {
    let owners = config["source_ami_filter"]["owners"].as_array();
    let mut owners: Vec<String> = owners.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    // `self` is the account that asks, whose id is not known here.
    if owners.iter().any(|owner| owner == "self") {
        return Vec::new();
    }
    // Accounts that have an alias (Amazon's own, Canonical's) are known to IAM by that.
    if owners.iter().any(|owner| owner.starts_with(|first: char| first.is_ascii_digit())) {
        owners.extend(["amazon", "aws-marketplace"].map(str::to_owned));
    }
    owners.sort();
    owners.dedup();
    owners
}
