//! `consul_key KEY`: a value of Consul's key-value store.
//!
//! CONSUL_HTTP_ADDR (host and port, or a URL), CONSUL_HTTP_TOKEN, CONSUL_HTTP_AUTH, CONSUL_HTTP_SSL, CONSUL_CACERT, CONSUL_NAMESPACE as
//! Consul's own client reads them. Source: Packer 1.6.6; Consul's HTTP API, `GET /v1/kv/KEY?raw`.

use base64::Engine;

use super::http::{Get, get};
use super::{LookupError, Services};

pub(super) fn address(services: &Services<'_>) -> String {
    let address = services.var("CONSUL_HTTP_ADDR").unwrap_or("127.0.0.1:8500").trim_end_matches('/');
    if address.contains("://") {
        return address.to_owned();
    }
    let tls = services.var("CONSUL_HTTP_SSL").is_some_and(|value| matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True"));
    format!("{}://{address}", if tls { "https" } else { "http" })
}

/// Asks Consul.
pub(super) async fn read(services: &Services<'_>, key: &str) -> Result<String, LookupError> {
    let address = address(services);
    if address.starts_with("unix:") {
        return Err(LookupError::Setup("CONSUL_HTTP_ADDR names a socket, which is not supported: give host and port".to_owned()));
    }
    let namespace = services.var("CONSUL_NAMESPACE").map(|name| format!("&ns={}", super::encoded(name))).unwrap_or_default();
    let login = services.var("CONSUL_HTTP_AUTH").map(|login| format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(login)));
    let token = services.var("CONSUL_HTTP_TOKEN");
    let (status, body) = get(Get {
        place: format!("Consul at {address}"),
        url: format!("{address}/v1/kv/{}?raw{namespace}", super::encoded(key.trim_start_matches('/'))),
        headers: token.map(|token| ("X-Consul-Token", token)).into_iter().chain(login.as_deref().map(|l| ("Authorization", l))).collect(),
        ca_file: services.var("CONSUL_CACERT"),
    })
    .await?;
    let text = String::from_utf8(body.to_vec()).map_err(|_| LookupError::Refused(format!("the value at path {key} is no text")))?;
    match status.as_u16() {
        200..=299 if text.is_empty() => Err(LookupError::Refused(format!("value is empty at path {key}"))),
        200..=299 => Ok(text),
        404 => Err(LookupError::Refused(format!("key does not exist at the given path: {key}"))),
        code => Err(LookupError::Refused(format!("Consul refused to read `{key}`: HTTP status {code} {}", text.trim()))),
    }
}
