//! Keys that Packer knows and amibake does not act on yet: accepted while they ask for nothing, refused otherwise, so that no template
//! is built in another way than it says.

use amibake_template::component::{Check, Trilean};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The keys. A new one needs nothing but its line here.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
pub struct NotYet {
    /// Credentials from the AWS secrets engine of a Vault server. Not supported yet.
    pub vault_aws_engine: Option<VaultEngine>,
    /// One-time code for a role that demands a second factor. Not supported yet.
    pub mfa_code: Option<String>,
    /// Decode EC2's encoded authorisation failures by `sts:DecodeAuthorizationMessage`. Not supported yet.
    pub decode_authorization_messages: Option<bool>,
    /// Switch enhanced networking (ENA) on or off. Not supported yet.
    #[serde(default)]
    pub ena_support: Trilean,
    /// Switch enhanced networking (SR-IOV) on. Not supported yet.
    pub sriov_support: Option<bool>,
    /// Time from which the image counts as deprecated, RFC 3339. Since amazon plugin 1.0.1. Not supported yet.
    pub deprecate_at: Option<String>,
    /// Protect the image against deregistration. Since amazon plugin 1.3.4. Not supported yet.
    pub deregistration_protection: Option<DeregistrationProtection>,
    /// EC2 Fast Launch of Windows images. Since amazon plugin 1.2.2. Not supported yet.
    pub fast_launch: Option<FastLaunch>,
}

/// AWS secrets engine of a Vault server.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
pub struct VaultEngine {
    /// Vault's role.
    pub name: Option<String>,
    /// AWS role to assume by way of Vault.
    pub role_arn: Option<String>,
    /// How long the credentials live.
    pub ttl: Option<String>,
    /// Where the engine is mounted. Default: aws.
    pub engine_name: Option<String>,
}

/// Protection against deregistration.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
pub struct DeregistrationProtection {
    /// Switch it on.
    pub enabled: Option<bool>,
    /// Keep it for 24 hours after it is switched off.
    pub with_cooldown: Option<bool>,
}

/// EC2 Fast Launch.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
pub struct FastLaunch {
    /// Switch it on.
    pub enable_fast_launch: Option<bool>,
    /// Launch template of the build region, by id.
    pub template_id: Option<String>,
    /// Launch template of the build region, by name.
    pub template_name: Option<String>,
    /// Version of the launch template; 0 is the newest.
    pub template_version: Option<i64>,
    /// Launch templates of other regions. Since amazon plugin 1.3.0.
    pub region_launch_templates: Option<Vec<RegionLaunchTemplate>>,
    /// How many instances are prepared side by side, at least 6.
    pub max_parallel_launches: Option<i64>,
    /// How many prepared snapshots are kept.
    pub target_resource_count: Option<i64>,
}

/// A launch template of one region.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
pub struct RegionLaunchTemplate {
    /// Switch it on.
    #[serde(default)]
    pub enable_fast_launch: Trilean,
    /// The region.
    pub region: Option<String>,
    /// Launch template by id.
    pub template_id: Option<String>,
    /// Launch template by name.
    pub template_name: Option<String>,
    /// Version of the launch template; 0 is the newest.
    pub template_version: Option<i64>,
}

impl NotYet {
    /// Reports every key that asks for something.
    pub fn check(&self, check: &mut Check<'_>) {
        let Ok(Value::Object(keys)) = serde_json::to_value(self) else { return };
        for (key, _) in keys.iter().filter(|(key, value)| !asks_for_nothing(key, value)) {
            refuse(check, key);
        }
    }
}

/// Reports one key.
pub fn refuse(check: &mut Check<'_>, pointer: &str) {
    let key = pointer.rsplit('/').next().unwrap_or(pointer);
    check.not_supported_yet(pointer, &format!("`{key}`"), "remove the key, or build this template with Packer");
}

/// Whether a value is what Packer assumes without the key.
fn asks_for_nothing(key: &str, value: &Value) -> bool {
    match (key, value) {
        // Unset leaves ENA as it is; false would switch it off.
        ("ena_support", Value::Bool(_)) => false,
        _ => is_blank(value),
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(on) => !on,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.iter().all(is_blank),
        Value::Object(fields) => fields.values().all(is_blank),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(key: &str, value: &Value, nothing: bool) {
        assert_eq!(asks_for_nothing(key, value), nothing, "{key}: {value}");
    }

    #[test]
    fn what_asks_for_nothing() {
        check("fast_launch", &json!({"enable_fast_launch": false, "template_id": ""}), true);
        check("fast_launch", &json!({"enable_fast_launch": true}), false);
        check("mfa_code", &json!(""), true);
        check("ena_support", &Value::Null, true);
        check("ena_support", &json!(true), false);
        check("ena_support", &json!(false), false);
        check("sriov_support", &json!(false), true);
    }
}
