//! Roles that are assumed: the template's, and the profile's where it asks for a second factor.
//!
//! The SDK has a provider for roles, but it knows neither tags of a session nor second factors.

use std::time::{Duration, SystemTime};

use amibake_ec2::model::{Access, AssumeRole};
use aws_config::SdkConfig;
use aws_config::profile::{Profile, ProfileFileCredentialsProvider};
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_sdk_sts::Client;
use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;
use aws_sdk_sts::types::{PolicyDescriptorType, Tag};
use aws_types::os_shim_internal::{Env, Fs};
use secrecy::{ExposeSecret, SecretString};

/// Length of a session where the template says nothing, as in Packer.
const DEFAULT_SECONDS: u32 = 900;

/// A role, assumed when credentials are asked for.
#[derive(Debug)]
pub(crate) struct Role {
    request: AssumeRoleFluentBuilder,
    /// A second factor's code, which is good for one request.
    code: Option<Code>,
}

/// A one-time code and the device that it is of.
#[derive(Debug)]
struct Code {
    serial: String,
    code: SecretString,
    used: std::sync::atomic::AtomicBool,
}

impl Role {
    /// The template's role, assumed with the credentials of `config`.
    pub(crate) fn of_template(role: &AssumeRole, config: &SdkConfig) -> Self {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let policies = role.policy_arns.iter().map(|arn| PolicyDescriptorType::builder().arn(arn).build());
        // A key is all that STS demands of a tag, and it is there.
        let tags = role.tags.iter().filter_map(|tag| Tag::builder().key(&tag.key).value(&tag.value).build().ok());
        let request = Client::new(config)
            .assume_role()
            .role_arn(&role.role_arn)
            .role_session_name(given(&role.session_name).unwrap_or_else(session_name))
            .duration_seconds(seconds(role.duration_seconds.filter(|seconds| *seconds > 0).unwrap_or(DEFAULT_SECONDS)))
            .set_external_id(given(&role.external_id))
            .set_policy(given(&role.policy))
            .set_policy_arns(some(policies.collect()))
            .set_tags(some(tags.collect()))
            .set_transitive_tag_keys(some(role.transitive_tag_keys.clone()));
        Self { request, code: None }
    }

    /// The role of the access's profile, where that asks for a second factor and the template answers with a code. `config` is for the
    /// calls, without credentials; `provider` for those of the source profile.
    pub(crate) async fn of_profile(access: &Access, files: EnvConfigFiles, config: &SdkConfig, provider: &ProviderConfig) -> Option<Self> {
        let code = access.mfa_code.clone()?;
        let named = access.profile.clone().filter(|profile| !profile.is_empty());
        let profiles = aws_config::profile::load(&Fs::real(), &Env::real(), &files, named.map(Into::into)).await.ok()?;
        let profile = profiles.get_profile(profiles.selected_profile())?;
        let (role, serial) = (text(profile, "role_arn")?, text(profile, "mfa_serial")?);
        let source = text(profile, "source_profile")?;
        let source = ProfileFileCredentialsProvider::builder().configure(provider).profile_files(files).profile_name(source).build();
        let config = config.clone().into_builder().credentials_provider(SharedCredentialsProvider::new(source)).build();
        let request = Client::new(&config)
            .assume_role()
            .role_arn(role)
            .role_session_name(text(profile, "role_session_name").unwrap_or_else(session_name))
            .set_external_id(text(profile, "external_id"))
            .set_duration_seconds(text(profile, "duration_seconds").and_then(|seconds| seconds.parse().ok()));
        Some(Self { request, code: Some(Code { serial, code, used: false.into() }) })
    }

    async fn assume(&self) -> Result<Credentials, CredentialsError> {
        let mut request = self.request.clone();
        if let Some(code) = &self.code {
            if code.used.swap(true, std::sync::atomic::Ordering::Relaxed) {
                return Err(CredentialsError::provider_error(
                    "the credentials of the role have run out, and the one-time code of `mfa_code` is used up; \
                     `duration_seconds` in the profile lets them live longer",
                ));
            }
            request = request.serial_number(&code.serial).token_code(code.code.expose_secret());
        }
        let reply = request.send().await.map_err(CredentialsError::provider_error)?;
        let Some(given) = reply.credentials else {
            return Err(CredentialsError::provider_error("the answer of AssumeRole holds no credentials"));
        };
        let until = SystemTime::try_from(given.expiration).ok();
        Ok(Credentials::new(given.access_key_id, given.secret_access_key, Some(given.session_token), until, "AssumeRole"))
    }
}

impl ProvideCredentials for Role {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assume())
    }
}

fn text(profile: &Profile, key: &str) -> Option<String> {
    profile.get(key).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

fn seconds(seconds: u32) -> i32 {
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

/// Packer's: the time, which is another one for each build.
fn session_name() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    since.as_nanos().to_string()
}
