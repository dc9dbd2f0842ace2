//! Which AWS account, which region, and how to log in.

use std::collections::BTreeMap;

use amibake_ec2::model::{Access, AssumeRole, Keys, tags_of};
use amibake_template::component::{Check, Given, Secret};
use schemars::JsonSchema;
use serde::Deserialize;

use super::given::given_list;
use super::vault::VaultEngine;
use crate::engine::lookup::AwsEngine;

/// The keys about reaching AWS.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct AccessConfig {
    /// Access key id of the account that builds; goes together with `secret_key`. Better left to the environment
    /// (`AWS_ACCESS_KEY_ID`) or a `profile`. Default: as the AWS SDK finds credentials.
    pub access_key: Option<String>,
    /// Secret access key that goes with `access_key`.
    pub secret_key: Option<Secret>,
    /// Session token of temporary credentials, together with `access_key` and `secret_key`.
    pub token: Option<Secret>,
    /// Region in which the image is built, such as `us-east-2`. Default: `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's, or that of
    /// the instance amibake runs on.
    #[schemars(extend("examples" = ["us-east-1", "us-east-2", "us-west-2", "eu-central-1", "eu-west-1"]))]
    pub region: Option<String>,
    /// Profile of the shared configuration and credentials files. Default: `AWS_PROFILE`, else `default`.
    pub profile: Option<String>,
    /// Path of the shared credentials file. Default: `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`.
    pub shared_credentials_file: Option<String>,
    /// Credentials from the AWS secrets engine of the Vault server that `VAULT_ADDR` and `VAULT_TOKEN` name; not together with
    /// `access_key`. They are fetched when the build begins.
    pub vault_aws_engine: Option<VaultEngine>,
    /// One-time code for the second factor that a role of the `profile` demands (`mfa_serial`). It is good for one login, whose
    /// credentials last an hour unless the profile's `duration_seconds` says otherwise.
    pub mfa_code: Option<Secret>,
    /// Where EC2 refuses for a missing permission, have its encoded message decoded by `sts:DecodeAuthorizationMessage`, and show that.
    /// Default: false.
    #[serde(default)]
    pub decode_authorization_messages: bool,
    /// A role to assume with the credentials found, before anything else is done.
    pub assume_role: Option<AssumeRoleConfig>,
    /// Another address for the EC2 API, such as `http://localhost:5000`; used for every region.
    pub custom_endpoint_ec2: Option<String>,
    /// How often one API call is repeated after it was throttled or got no answer. 0 is the default. Default: 10.
    #[serde(default)]
    pub max_retries: u32,
    /// Accept any TLS certificate from the EC2 API. Default: false.
    #[serde(default)]
    pub insecure_skip_tls_verify: bool,
    /// Do not ask the instance metadata service for credentials. Default: false.
    #[serde(default)]
    pub skip_metadata_api_check: bool,
    /// Accepted for old templates; amibake makes no separate check of the credentials. Default: false.
    #[serde(default)]
    pub skip_credential_validation: bool,
}

/// A role to assume before the first call.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct AssumeRoleConfig {
    /// ARN of the role; empty means no role.
    pub role_arn: Option<String>,
    /// Length of the role's session. Unit: seconds. Default: 900.
    #[serde(default)]
    pub duration_seconds: u32,
    /// External id that the role asks for.
    pub external_id: Option<String>,
    /// Policy document (JSON) that narrows the session further.
    pub policy: Option<String>,
    /// ARNs of managed policies that narrow the session further.
    #[serde(default)]
    pub policy_arns: Vec<String>,
    /// Name of the session, as CloudTrail shows it.
    pub session_name: Option<String>,
    /// Tags of the session: policies can ask for them.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Keys of `tags` that go on to roles assumed from this session.
    #[serde(default)]
    pub transitive_tag_keys: Vec<String>,
}

impl AccessConfig {
    /// What the EC2 layer needs to know.
    pub fn access(&self) -> Access {
        Access {
            region: self.region.given().map(str::to_owned),
            keys: self.keys(),
            profile: self.profile.given().map(str::to_owned),
            shared_credentials_file: self.shared_credentials_file.given().map(str::to_owned),
            endpoint: self.custom_endpoint_ec2.given().map(str::to_owned),
            max_retries: Some(self.max_retries).filter(|tries| *tries > 0),
            insecure_skip_tls_verify: self.insecure_skip_tls_verify,
            skip_metadata: self.skip_metadata_api_check,
            assume_role: self.assume_role.as_ref().and_then(AssumeRoleConfig::role),
            mfa_code: secret(self.mfa_code.as_ref()).map(Into::into),
            decode_authorization: self.decode_authorization_messages,
        }
    }

    /// The Vault that gives the credentials, where one does.
    pub fn vault(&self) -> Option<AwsEngine> {
        self.vault_aws_engine.as_ref().filter(|engine| engine.is_given()).map(VaultEngine::engine)
    }

    fn keys(&self) -> Option<Keys> {
        let access_key = self.access_key.given()?.to_owned();
        let secret_key = secret(self.secret_key.as_ref())?;
        Some(Keys { access_key, secret_key: secret_key.into(), token: secret(self.token.as_ref()).map(Into::into) })
    }

    /// Checks the keys that go together.
    pub fn check(&self, check: &mut Check<'_>) {
        if let Some(engine) = self.vault_aws_engine.as_ref().filter(|engine| engine.is_given()) {
            engine.check(check, self.access_key.is_given() || secret(self.secret_key.as_ref()).is_some());
        }
        if let Some(role) = &self.assume_role {
            role.check(check);
        }
        let (access, secret) = (self.access_key.is_given(), secret(self.secret_key.as_ref()).is_some());
        if access != secret {
            let (there, missing) = if access { ("access_key", "secret_key") } else { ("secret_key", "access_key") };
            check.error(
                there,
                "keys-together",
                format!("`{there}` is set without `{missing}`"),
                Some("set both, or neither and let the environment or a profile give the credentials".to_owned()),
            );
        }
    }
}

impl AssumeRoleConfig {
    fn role(&self) -> Option<AssumeRole> {
        Some(AssumeRole {
            role_arn: self.role_arn.given()?.to_owned(),
            duration_seconds: Some(self.duration_seconds).filter(|seconds| *seconds > 0),
            external_id: self.external_id.given().map(str::to_owned),
            session_name: self.session_name.given().map(str::to_owned),
            policy: self.policy.given().map(str::to_owned),
            policy_arns: given_list(&self.policy_arns),
            tags: tags_of(&self.tags),
            transitive_tag_keys: given_list(&self.transitive_tag_keys),
        })
    }

    /// STS refuses a key that goes on but is no tag.
    fn check(&self, check: &mut Check<'_>) {
        for (index, key) in self.transitive_tag_keys.iter().enumerate().filter(|(_, key)| !key.trim().is_empty()) {
            if !self.tags.keys().any(|tag| tag.eq_ignore_ascii_case(key.trim())) {
                let at = format!("assume_role/transitive_tag_keys/{index}");
                check.error(&at, "transitive-tag", format!("`{key}` is none of the session's `tags`"), None);
            }
        }
    }
}

/// A secret's text, where there is any.
fn secret(secret: Option<&Secret>) -> Option<String> {
    secret.map(Secret::expose).filter(|text| !text.is_empty()).map(str::to_owned)
}
