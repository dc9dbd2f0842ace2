//! Values that variables fetch from a service: `vault`, `consul_key`, `aws_secretsmanager`, `aws_secretsmanager_raw`.
//!
//! The template crate says what is asked ([`amibake_template::variables::needed_lookups`]); here it is fetched, before anything is
//! planned. `vault` and `consul` speak HTTP (`http`); AWS Secrets Manager is a trait, as the SDK is not to be seen here.
//! `secret` takes a secret of AWS apart; `aws_engine` is no variable's: AWS credentials that Vault makes for a build.

mod aws_engine;
mod consul;
mod http;
mod secret;
mod vault;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use amibake_template::lang::{LookupKind, Question};
pub use aws_engine::AwsEngine;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// How long one answer may take. A service that is there answers within a second; one that is not must not hold up `validate`.
pub const LIMIT: Duration = Duration::from_secs(10);

/// AWS Secrets Manager.
#[async_trait::async_trait]
pub trait SecretStore: Send + Sync {
    /// The text of a secret's current version. Region and credentials come from the environment and the AWS profile, as no builder
    /// has been read yet.
    ///
    /// # Errors
    /// What AWS said, or what is missing.
    async fn secret(&self, name: &str) -> Result<String, LookupError>;
}

/// Why a value could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The environment lacks something, or it is wrong.
    #[error("{0}")]
    Setup(String),
    /// No answer in time.
    #[error("no answer from {place} within {} s", limit.as_secs())]
    Deadline {
        /// Who was asked.
        place: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The service cannot be reached.
    #[error("{place} cannot be reached: {reason}")]
    Unreachable {
        /// Who was asked.
        place: String,
        /// Why.
        reason: String,
    },
    /// The service answered, but not with a value.
    #[error("{0}")]
    Refused(String),
}

/// What is needed to ask.
#[derive(Clone)]
pub struct Services<'a> {
    /// The environment: addresses and tokens.
    pub env: &'a BTreeMap<String, String>,
    /// AWS Secrets Manager.
    pub secrets: Arc<dyn SecretStore>,
    /// How long one answer may take; [`LIMIT`], but in tests.
    pub limit: Duration,
}

impl Services<'_> {
    /// Asks one question.
    ///
    /// # Errors
    /// What went wrong, without any secret in it.
    pub async fn ask(&self, question: &Question) -> Result<String, LookupError> {
        let place = self.place(question.kind);
        match tokio::time::timeout(self.limit, self.fetch(question)).await {
            Ok(answer) => answer,
            Err(_) => Err(LookupError::Deadline { place, limit: self.limit }),
        }
    }

    async fn fetch(&self, question: &Question) -> Result<String, LookupError> {
        let argument = |index: usize| question.arguments.get(index).map_or("", String::as_str);
        match question.kind {
            LookupKind::Vault => vault::read(self, argument(0), argument(1)).await,
            LookupKind::ConsulKey => consul::read(self, argument(0)).await,
            LookupKind::SecretsManager => {
                let key = question.arguments.get(1).map(String::as_str).filter(|key| !key.is_empty());
                secret::pick(&self.secrets.secret(argument(0)).await?, key).map_err(LookupError::Refused)
            }
            LookupKind::SecretsManagerRaw => self.secrets.secret(argument(0)).await,
        }
    }

    fn place(&self, kind: LookupKind) -> String {
        match kind {
            LookupKind::Vault => format!("Vault at {}", vault::address(self)),
            LookupKind::ConsulKey => format!("Consul at {}", consul::address(self)),
            LookupKind::SecretsManager | LookupKind::SecretsManagerRaw => "AWS Secrets Manager".to_owned(),
        }
    }

    /// A variable of the environment that is set and not empty.
    fn var(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// A path for a URL; the slashes stay.
fn encoded(path: &str) -> String {
    const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(path, PATH).to_string()
}
