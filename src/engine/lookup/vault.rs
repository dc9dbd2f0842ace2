//! `vault PATH KEY`: a field of a secret, from the key-value store of version 1 or 2 (`secret/data/...`); and what the AWS secrets engine
//! gives.
//!
//! VAULT_ADDR, VAULT_TOKEN, VAULT_NAMESPACE, VAULT_CACERT as Vault's own client reads them.
//! Source: Packer 1.6.6; Vault's HTTP API, `GET /v1/PATH` with the header `X-Vault-Token`.

use serde_json::Value;

use super::http::{Get, get};
use super::{LookupError, Services};

pub(super) fn address<'a>(services: &'a Services<'_>) -> &'a str {
    services.var("VAULT_ADDR").unwrap_or("https://127.0.0.1:8200").trim_end_matches('/')
}

/// Asks Vault.
pub(super) async fn read(services: &Services<'_>, path: &str, key: &str) -> Result<String, LookupError> {
    let Some(token) = services.var("VAULT_TOKEN") else {
        return Err(LookupError::Setup("Must set VAULT_TOKEN env var in order to use vault template function".to_owned()));
    };
    let (status, body) = get(request(services, token, path)).await?;
    let reply: Value = serde_json::from_slice(&body).unwrap_or_default();
    match status.as_u16() {
        200..=299 => field(&reply, path, key).map_err(LookupError::Refused),
        404 => Err(LookupError::Refused(format!("Vault Secret does not exist at the given path: {path}"))),
        code => Err(LookupError::Refused(format!("Vault refused to read `{path}`: {}", complaint(&reply, code)))),
    }
}

/// A request for a path, with all that Vault wants to know.
pub(super) fn request<'a>(services: &Services<'a>, token: &'a str, path: &str) -> Get<'a> {
    let var = |name: &str| services.env.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let mut headers = vec![("X-Vault-Token", token), ("X-Vault-Request", "true")];
    headers.extend(var("VAULT_NAMESPACE").map(|namespace| ("X-Vault-Namespace", namespace)));
    let address = address(services);
    Get {
        place: format!("Vault at {address}"),
        url: format!("{address}/v1/{}", super::encoded(path.trim_matches('/'))),
        headers,
        ca_file: var("VAULT_CACERT"),
    }
}

/// Version 2 has the fields one level deeper than version 1.
fn field(reply: &Value, path: &str, key: &str) -> Result<String, String> {
    let fields = match (&reply["data"], &reply["data"]["data"]) {
        (Value::Object(fields), Value::Null) if !fields.contains_key("data") => fields,
        (Value::Object(_), Value::Object(fields)) => fields,
        (Value::Object(_), Value::Null) => return Err(format!("the current version of the secret at `{path}` is deleted")),
        _ => return Err(format!("Vault data was empty at the given path: {path}{}", warnings(reply))),
    };
    match fields.get(key) {
        Some(Value::String(text)) => Ok(text.clone()),
        // Packer ends with a crash here.
        Some(other) if other.is_number() || other.is_boolean() => Ok(other.to_string()),
        Some(_) => Err(format!("the field `{key}` at `{path}` is no text")),
        None => {
            let known = fields.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            Err(format!("Vault path does not contain the requested key: `{key}` is not at `{path}`, which has {known}"))
        }
    }
}

fn warnings(reply: &Value) -> String {
    let warnings: Vec<&str> = reply["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if warnings.is_empty() { String::new() } else { format!(". Warnings: {}", warnings.join("; ")) }
}

/// `{"errors": ["permission denied"]}`
pub(super) fn complaint(reply: &Value, code: u16) -> String {
    let errors: Vec<&str> = reply["errors"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::trim).collect();
    if errors.is_empty() { format!("HTTP status {code}") } else { errors.join("; ") }
}
