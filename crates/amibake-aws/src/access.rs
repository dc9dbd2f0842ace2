//! Region and credentials, in the order of the SDK, with what the template says before it.

use std::time::Duration;

use amibake_ec2::model::{Access, Keys};
use amibake_ec2::{Ec2Error, ErrorKind};
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::app_name::AppName;
use aws_types::region::Region;
use secrecy::ExposeSecret;

use crate::owner::owner;
use crate::role::Role;
use crate::{error, retry};

/// How long credentials may take to appear: enough for a container's endpoint or a single sign-on helper.
const CREDENTIALS_LIMIT: Duration = Duration::from_secs(60);

/// What the SDK needs for each client, with credentials that were there at least once.
pub(crate) struct Account {
    pub(crate) config: SdkConfig,
    /// Tells accounts apart; see [`crate::owner`].
    pub(crate) owner: String,
}

/// Resolves region and credentials.
///
/// # Errors
/// No region, no credentials, a role that cannot be assumed: what is wrong and what to do.
pub(crate) async fn resolve(access: &Access, http: SharedHttpClient) -> Result<Account, Ec2Error> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http.clone())
        .retry_config(retry::config(access.max_retries))
        .timeout_config(retry::timeouts())
        .profile_files(files(access));
    if let Ok(name) = AppName::new("amibake") {
        loader = loader.app_name(name);
    }
    if let Some(profile) = profile(access) {
        loader = loader.profile_name(profile);
    }
    let region = region(access).await;
    let provider = ProviderConfig::without_region().with_http_client(http).with_region(region.clone());
    if let Some(region) = region {
        loader = loader.region(region);
    }
    if let Some(credentials) = credentials(access, &provider) {
        loader = loader.credentials_provider(credentials);
    }
    // Without a region the loader asks the instance metadata service for one, after environment and profile.
    let mut config = loader.load().await;
    if config.region().is_none() {
        return Err(setup("no AWS region: set `region` in the template, AWS_REGION in the environment, or a region in the AWS profile"));
    }
    let mut credentials = config.credentials_provider();
    if let Some(role) = profile_role(access, &config, &provider).await {
        let role = SharedCredentialsProvider::new(role);
        config = config.into_builder().credentials_provider(role.clone()).build();
        credentials = Some(role);
    }
    if let Some(role) = access.assume_role.as_ref().filter(|role| !role.role_arn.is_empty()) {
        credentials = Some(SharedCredentialsProvider::new(Role::of_template(role, &config)));
    }
    let Some(provider) = credentials else { return Err(setup(NO_CREDENTIALS)) };
    let first = first_credentials(&provider, access).await?;
    let owner = owner(&first);
    let provider = SharedCredentialsProvider::new(Resolved { first: std::sync::Mutex::new(Some(first)), provider });
    config = config.into_builder().credentials_provider(provider).build();
    Ok(Account { config, owner })
}

/// The profile's role with its second factor. Keys in the template go before any profile, those in the environment before one that only the
/// environment names.
async fn profile_role(access: &Access, config: &SdkConfig, provider: &ProviderConfig) -> Option<Role> {
    if access.keys.is_some() || access.mfa_code.is_none() {
        return None;
    }
    let by_environment = EnvironmentVariableCredentialsProvider::new();
    if profile(access).is_none() && by_environment.provide_credentials().await.is_ok() {
        return None;
    }
    Role::of_profile(access, files(access), config, provider).await
}

fn profile(access: &Access) -> Option<&str> {
    access.profile.as_deref().filter(|profile| !profile.is_empty())
}

/// The shared files: the usual ones, with `shared_credentials_file` in the place of the usual credentials file.
fn files(access: &Access) -> EnvConfigFiles {
    match access.shared_credentials_file.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => {
            EnvConfigFiles::builder().with_file(EnvConfigFileKind::Credentials, expand_home(path)).include_default_config_file(true).build()
        }
        None => EnvConfigFiles::default(),
    }
}

/// `~/` as the home directory. Templates write it; the SDK opens paths as they are.
fn expand_home(path: &str) -> std::path::PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => path.into(),
    }
}

/// Template, AWS_REGION, AWS_DEFAULT_REGION, profile. None leaves it to the SDK, which also asks the instance metadata
/// service, unless `skip_metadata_api_check` forbids that.
async fn region(access: &Access) -> Option<Region> {
    if let Some(region) = access.region.as_deref().filter(|region| !region.is_empty()) {
        return Some(Region::new(region.to_owned()));
    }
    let mut from_profile = ProfileFileRegionProvider::builder().profile_files(files(access));
    if let Some(profile) = profile(access) {
        from_profile = from_profile.profile_name(profile);
    }
    let chain = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new()).or_else(from_profile.build());
    chain.region().await.filter(|region| !region.as_ref().is_empty())
}

/// The provider that the template asks for; None is the SDK's own order.
fn credentials(access: &Access, config: &ProviderConfig) -> Option<SharedCredentialsProvider> {
    if let Some(keys) = &access.keys {
        let token = keys.token.as_ref().map(|token| token.expose_secret().to_owned()).filter(|token| !token.is_empty());
        let secret = keys.secret_key.expose_secret();
        return Some(SharedCredentialsProvider::new(Credentials::new(&keys.access_key, secret, token, None, "template")));
    }
    let from_profile = ProfileFileCredentialsProvider::builder().configure(config).profile_files(files(access));
    // A profile named in the template goes before keys in the environment (plugin 1.8; 1.6.6 had it the other way round).
    if let Some(profile) = profile(access) {
        return Some(SharedCredentialsProvider::new(from_profile.profile_name(profile).build()));
    }
    access.skip_metadata.then(|| {
        let chain = CredentialsProviderChain::first_try("environment", EnvironmentVariableCredentialsProvider::new())
            .or_else("profile", from_profile.build())
            .or_else("web identity", WebIdentityTokenCredentialsProvider::builder().configure(config).build())
            .or_else("container", EcsCredentialsProvider::builder().configure(config).build());
        SharedCredentialsProvider::new(chain)
    })
}

const NO_CREDENTIALS: &str = "no AWS credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a `profile` in the template \
                              (or AWS_PROFILE), give `access_key` and `secret_key`, or run where an instance or container role is attached";

async fn first_credentials(provider: &SharedCredentialsProvider, access: &Access) -> Result<Credentials, Ec2Error> {
    let Ok(reply) = tokio::time::timeout(CREDENTIALS_LIMIT, provider.provide_credentials()).await else {
        return Err(setup(&format!("AWS credentials did not arrive within {} s", CREDENTIALS_LIMIT.as_secs())));
    };
    reply.map_err(|error| match (&error, profile(access), &access.assume_role) {
        (CredentialsError::ProviderError(_), _, Some(role)) => {
            setup(&format!("the role {} cannot be assumed: {}", role.role_arn, error::innermost(&error)))
        }
        (_, Some(profile), _) => setup(&format!("the AWS profile `{profile}` gives no credentials: {}", error::innermost(&error))),
        (CredentialsError::CredentialsNotLoaded(_), None, _) => setup(NO_CREDENTIALS),
        (_, None, _) => setup(&format!("AWS credentials could not be loaded: {}", error::innermost(&error))),
    })
}

/// The credentials as they are now.
///
/// # Errors
/// They do not come, or not in time.
pub(crate) async fn keys(config: &SdkConfig) -> Result<Keys, Ec2Error> {
    let Some(provider) = config.credentials_provider() else { return Err(setup(NO_CREDENTIALS)) };
    let found = first_credentials(&provider, &Access::default()).await?;
    Ok(Keys {
        access_key: found.access_key_id().to_owned(),
        secret_key: found.secret_access_key().to_owned().into(),
        token: found.session_token().map(|token| token.to_owned().into()),
    })
}

/// The credentials found while opening are used for the first call; later ones come from where they came from. So a
/// credential process or a role is asked once, not twice.
#[derive(Debug)]
struct Resolved {
    first: std::sync::Mutex<Option<Credentials>>,
    provider: SharedCredentialsProvider,
}

impl ProvideCredentials for Resolved {
    fn provide_credentials<'a>(&'a self) -> aws_credential_types::provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let first = self.first.lock().map(|mut first| first.take()).unwrap_or_default();
        match first {
            Some(credentials) => aws_credential_types::provider::future::ProvideCredentials::ready(Ok(credentials)),
            None => self.provider.provide_credentials(),
        }
    }
}

pub(crate) fn setup(message: &str) -> Ec2Error {
    Ec2Error { operation: "AWS access", kind: ErrorKind::Setup, code: None, message: message.to_owned() }
}
