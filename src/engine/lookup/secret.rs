//! A secret of AWS Secrets Manager: a plain text, or an object with one value to be picked.

use serde_json::Value;

/// The secret itself where it is no object; else the value under `key`, or its only one.
pub(super) fn pick(secret: &str, key: Option<&str>) -> Result<String, String> {
    let Ok(Value::Object(values)) = serde_json::from_str::<Value>(secret) else { return Ok(secret.to_owned()) };
    let value = match key {
        Some(key) => values.get(key).ok_or_else(|| format!("No secret found for key {key:?}"))?,
        None if values.len() > 1 => return Err("Secret has multiple values and no key was set".to_owned()),
        None => values.values().next().ok_or_else(|| "the secret is an empty object".to_owned())?,
    };
    match value {
        Value::String(text) => Ok(text.clone()),
        // Packer knows numbers as floats only, and prints them without fraction.
        Value::Number(number) => Ok(number.as_f64().map_or_else(|| number.to_string(), |float| format!("{float:.0}"))),
        _ => Err("the value is neither text nor number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::pick;

    #[track_caller]
    fn check(secret: &str, key: Option<&str>, expected: Result<&str, &str>) {
        assert_eq!(pick(secret, key).as_deref().map_err(String::as_str), expected, "{secret} {key:?}");
    }

    #[test]
    fn values_are_picked_as_by_packer() {
        check("plain", None, Ok("plain"));
        check("plain", Some("k"), Ok("plain"));
        check(r#"["a"]"#, None, Ok(r#"["a"]"#));
        check(r#"{"k": "v"}"#, None, Ok("v"));
        check(r#"{"k": "v", "n": 5.0}"#, Some("n"), Ok("5"));
        check(r#"{"k": "v", "n": 5}"#, None, Err("Secret has multiple values and no key was set"));
        check(r#"{"k": "v"}"#, Some("x"), Err("No secret found for key \"x\""));
        check(r#"{"k": true}"#, None, Err("the value is neither text nor number"));
    }
}
