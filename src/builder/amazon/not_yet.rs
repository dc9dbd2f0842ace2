//! Keys that Packer knows and amibake does not act on yet: accepted while they ask for nothing, refused otherwise, so that no template
//! is built in another way than it says.

use amibake_template::component::Check;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The keys. A new one needs nothing but its line here.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
pub struct NotYet {
    /// Pause before a Session Manager session is opened. Not supported yet. Default: 0s.
    pub pause_before_ssm: Option<String>,
    /// Local port of the Session Manager tunnel. Not supported yet. Default: any free one.
    pub session_manager_port: Option<i64>,
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
        ("pause_before_ssm", Value::String(text)) => matches!(text.as_str(), "" | "0" | "0s"),
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
        check("pause_before_ssm", &json!("0s"), true);
        check("pause_before_ssm", &json!("5s"), false);
        check("session_manager_port", &json!(0), true);
        check("session_manager_port", &Value::Null, true);
        check("session_manager_port", &json!(8022), false);
    }
}
