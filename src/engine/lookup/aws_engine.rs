//! AWS credentials from Vault's AWS secrets engine.
//!
//! Source: Packer 1.6.6 and the amazon plugin 1.8; Vault's HTTP API, `GET /v1/MOUNT/creds/ROLE` and `POST /v1/MOUNT/sts/ROLE`.

use std::collections::BTreeMap;

use amibake_ec2::model::Keys;
use async_trait::async_trait;
use serde_json::{Map, Value};

use super::http::{get, post};
use super::{LIMIT, LookupError, SecretStore, Services, vault};

/// Which credentials to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsEngine {
    /// Where the engine is mounted.
    pub mount: String,
    /// Its role.
    pub role: String,
    /// An AWS role to assume by way of it.
    pub role_arn: Option<String>,
    /// How long that role's credentials live.
    pub ttl: Option<String>,
}

impl AwsEngine {
    /// Fetches new credentials from the Vault that the environment names (VAULT_ADDR, VAULT_TOKEN, VAULT_NAMESPACE, VAULT_CACERT). Once:
    /// a second request would make a second user.
    ///
    /// # Errors
    /// No token, no answer within [`LIMIT`], what Vault said; never the credentials.
    pub async fn credentials(&self, env: &BTreeMap<String, String>) -> Result<Keys, LookupError> {
        let services = Services { env, secrets: std::sync::Arc::new(NoStore), limit: LIMIT };
        let place = format!("Vault at {}", vault::address(&services));
        match tokio::time::timeout(LIMIT, self.fetch(&services)).await {
            Ok(answer) => answer,
            Err(_) => Err(LookupError::Deadline { place, limit: LIMIT }),
        }
    }

    async fn fetch(&self, services: &Services<'_>) -> Result<Keys, LookupError> {
        let Some(token) = services.var("VAULT_TOKEN") else {
            return Err(LookupError::Setup("Error getting Vault client: VAULT_TOKEN is not set".to_owned()));
        };
        let path = self.path();
        let request = vault::request(services, token, &path);
        let (status, body) = match &self.role_arn {
            Some(role_arn) => {
                let role_arn = Some(("role_arn", role_arn));
                let fields = role_arn.into_iter().chain(self.ttl.as_ref().map(|ttl| ("ttl", ttl)));
                let document: Map<String, Value> = fields.map(|(key, value)| (key.to_owned(), value.clone().into())).collect();
                post(request, &document.into()).await?
            }
            None => get(request).await?,
        };
        let reply: Value = serde_json::from_slice(&body).unwrap_or_default();
        match status.as_u16() {
            200..=299 => keys(&reply["data"]).ok_or_else(|| refused(format!("Vault gave no AWS credentials at {path}"))),
            404 => Err(refused(format!("Vault Secret does not exist at the given path. ({path})"))),
            code => Err(refused(format!("Error reading vault secret: {path}: {}", vault::complaint(&reply, code)))),
        }
    }

    fn path(&self) -> String {
        let kind = if self.role_arn.is_some() { "sts" } else { "creds" };
        format!("{}/{kind}/{}", self.mount.trim_matches('/'), self.role)
    }
}

fn refused(text: String) -> LookupError {
    LookupError::Refused(text)
}

fn keys(data: &Value) -> Option<Keys> {
    let text = |name: &str| data[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Some(Keys { access_key: text("access_key")?, secret_key: text("secret_key")?.into(), token: text("security_token").map(Into::into) })
}

/// Vault's engine asks no other store.
struct NoStore;

#[async_trait]
impl SecretStore for NoStore {
    async fn secret(&self, _: &str) -> Result<String, LookupError> {
        Err(LookupError::Setup("there is no other store".to_owned()))
    }
}
