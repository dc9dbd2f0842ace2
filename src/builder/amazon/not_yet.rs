//! Keys that Packer knows and amibake does not act on yet: accepted while they ask for nothing, refused otherwise, so that no template
//! is built in another way than it says.

use amibake_template::component::Check;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The keys. A new one needs nothing but its line here.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
pub struct NotYet {}

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
    fn what_asks_for_nothing() {}
}
