//! Keys that Packer knows and amibake does not act on yet: accepted while they ask for nothing, refused otherwise, so that no template
//! is built in another way than it says.

use std::collections::BTreeMap;

use amibake_template::component::{Check, Late};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The keys. A new one needs nothing but its line here.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
pub struct NotYet {
    /// Length of a spot block. Retired by AWS. Not supported.
    pub block_duration_minutes: Option<i64>,
    /// `open` or `none`. Since amazon plugin 1.1.6. Not supported yet.
    pub capacity_reservation_preference: Option<String>,
    /// Launch into this capacity reservation. Since amazon plugin 1.1.6. Not supported yet.
    pub capacity_reservation_id: Option<String>,
    /// Launch into a capacity reservation of this group. Since amazon plugin 1.1.6. Not supported yet.
    pub capacity_reservation_group_arn: Option<String>,
    /// Nitro Enclaves on the source instance. Since amazon plugin 1.1.4. Not supported yet.
    pub enable_nitro_enclave: Option<bool>,
    /// Tags of the spot fleet. Since amazon plugin 1.0.0. Not supported yet.
    pub fleet_tags: Option<BTreeMap<String, Late>>,
    /// The same as a list of blocks. Not supported yet. Since amazon plugin 1.0.0.
    pub fleet_tag: Option<Vec<TagBlock>>,
    /// Policy of a temporary instance profile. Not supported yet.
    pub temporary_iam_instance_profile_policy_document: Option<PolicyDocument>,
    /// How EC2 Fleet picks spot capacity. Since amazon plugin 1.3.8. Not supported yet.
    pub spot_allocation_strategy: Option<String>,
    /// Instance types that a spot build may use. Not supported yet.
    pub spot_instance_types: Option<Vec<String>>,
    /// Highest price of a spot instance, or `auto`. Not supported yet; empty and `0` mean on demand.
    pub spot_price: Option<String>,
    /// No longer used by Packer.
    pub spot_price_auto_product: Option<String>,
    /// Tags of the spot request. Not supported yet.
    pub spot_tags: Option<BTreeMap<String, Late>>,
    /// The same as a list of blocks. Not supported yet.
    pub spot_tag: Option<Vec<TagBlock>>,
    /// License Manager configurations. Since amazon plugin 1.0.7. Not supported yet.
    pub license_specifications: Option<Vec<LicenseSpecification>>,
    /// Let only this machine's public address reach the source instance. Since amazon plugin 1.1.4. Not supported yet.
    pub temporary_security_group_source_public_ip: Option<bool>,
    /// Pause before a Session Manager session is opened. Not supported yet. Default: 0s.
    pub pause_before_ssm: Option<String>,
    /// Local port of the Session Manager tunnel. Not supported yet. Default: any free one.
    pub session_manager_port: Option<i64>,
}

/// One tag, as a block.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
pub struct TagBlock {
    /// The tag's key.
    pub key: Option<Late>,
    /// The tag's value.
    pub value: Option<Late>,
}

/// An IAM policy.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDocument {
    /// Version of the policy language.
    pub version: Option<String>,
    /// What is allowed or denied.
    pub statement: Option<Value>,
}

/// One License Manager configuration.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
pub struct LicenseSpecification {
    /// The configuration.
    pub license_configuration_request: Option<LicenseConfiguration>,
}

/// A License Manager configuration.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
pub struct LicenseConfiguration {
    /// Its ARN.
    pub license_configuration_arn: Option<String>,
}

impl NotYet {
    /// Reports every key that asks for something.
    pub fn check(&self, check: &mut Check<'_>) {
        let Ok(Value::Object(keys)) = serde_json::to_value(self) else { return };
        for (key, _) in keys.iter().filter(|(key, value)| !asks_for_nothing(key, value)) {
            refuse(check, key);
        }
        if self.spot_price_auto_product.is_some() {
            let message = "`spot_price_auto_product` has no effect";
            check.warning("spot_price_auto_product", "no-effect", message, Some("remove it".to_owned()));
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
        ("spot_price", Value::String(text)) => matches!(text.as_str(), "" | "0"),
        ("capacity_reservation_preference", Value::String(text)) => matches!(text.as_str(), "" | "none"),
        ("pause_before_ssm", Value::String(text)) => matches!(text.as_str(), "" | "0" | "0s"),
        ("spot_price_auto_product", _) => true,
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
        check("spot_price", &json!("0"), true);
        check("spot_price", &json!("auto"), false);
        check("capacity_reservation_preference", &json!("none"), true);
        check("capacity_reservation_preference", &json!("open"), false);
        check("spot_instance_types", &json!([]), true);
    }
}
