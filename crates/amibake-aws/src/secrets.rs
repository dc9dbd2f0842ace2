//! AWS Secrets Manager, for the template functions of that name.

use std::path::PathBuf;

use amibake_ec2::model::Access;
use amibake_ec2::{Ec2Error, ErrorKind};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};

use crate::cloud::AwsClouds;
use crate::{access, error, transport};

/// For errors; the words of the AWS API.
const OPERATION: &str = "GetSecretValue";

/// Tries beyond the first: somebody waits, and the program's deadline is short.
const RETRIES: u32 = 2;

/// Reads secrets with the region and the credentials of the environment and the AWS profile.
#[derive(Debug, Clone, Default)]
pub struct AwsSecrets {
    clouds: AwsClouds,
}

impl AwsSecrets {
    /// Certificates of `ca_bundle` (PEM; AWS_CA_BUNDLE) are trusted besides those of the machine.
    pub fn new(ca_bundle: Option<PathBuf>) -> Self {
        Self { clouds: AwsClouds::new(ca_bundle) }
    }

    /// The text of the current version of a secret, by its name or ARN.
    ///
    /// # Errors
    /// No region, no credentials, what AWS answered, or a secret of bytes.
    pub async fn secret(&self, name: &str) -> Result<String, Ec2Error> {
        let access = Access { max_retries: Some(RETRIES), ..Access::default() };
        let account = access::resolve(&access, transport::client(self.clouds.extra_roots()?, None)).await?;
        let reply = Client::new(&account.config).get_secret_value().secret_id(name).version_stage("AWSCURRENT").send().await;
        let secret = reply.map_err(|error| refusal(&error))?;
        secret.secret_string.ok_or_else(|| refused(format!("the secret `{name}` holds bytes, not text")))
    }
}

fn refusal<E>(error: &SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>) -> Ec2Error
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    match error {
        SdkError::ServiceError(_) => error::translate(OPERATION, error),
        other => refused(error::innermost(other)),
    }
}

fn refused(message: String) -> Ec2Error {
    Ec2Error { operation: OPERATION, kind: ErrorKind::Refused, code: None, message }
}
