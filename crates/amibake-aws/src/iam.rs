//! The [`Iam`] trait: eight calls of the query protocol on the SDK's runtime, with its HTTP client, signatures, retries and time limits.
//!
//! aws-sdk-iam would bring 170 calls more for these, and minutes to compile them. None of the eight answers anything that has to be read.

use amibake_ec2::iam::CreateRole;
use amibake_ec2::model::Tag;
use amibake_ec2::{Ec2Error, Iam, Result};
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_types::SigningName;
use aws_types::region::SigningRegion;

use crate::error;
use crate::retry::{self, OnlyThrottled};
use crate::wire::{Refused, element, percent_encoded, plain};

/// The version of IAM's API.
const VERSION: &str = "2010-05-08";

/// IAM of one account.
pub(crate) struct AwsIam {
    config: SdkConfig,
    endpoint: String,
    signing_region: &'static str,
}

impl AwsIam {
    /// IAM as seen from a region: each partition has one, in one place. `endpoint` takes the place of AWS's own.
    pub(crate) fn new(config: SdkConfig, endpoint: Option<&str>, region: &str) -> Self {
        let (home, signing_region) = match region {
            china if china.starts_with("cn-") => ("https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            government if government.starts_with("us-gov-") => ("https://iam.us-gov.amazonaws.com", "us-gov-west-1"),
            _ => ("https://iam.amazonaws.com", "us-east-1"),
        };
        let endpoint = endpoint.or(config.endpoint_url()).unwrap_or(home).to_owned();
        Self { config, endpoint, signing_region }
    }

    /// Makes a call that may be sent twice.
    async fn repeatable(&self, action: &'static str, parameters: &[(String, &str)]) -> Result<()> {
        self.call(action, parameters, true).await
    }

    async fn call(&self, action: &'static str, parameters: &[(String, &str)], may_repeat: bool) -> Result<()> {
        let setup = |what: &str| Ec2Error { operation: action, kind: amibake_ec2::ErrorKind::Setup, code: None, message: what.to_owned() };
        let http = self.config.http_client().ok_or_else(|| setup("no HTTP client"))?;
        let retries = self.config.retry_config().cloned().unwrap_or_else(|| retry::config(None));
        let mut operation = Operation::builder()
            .service_name("IAM")
            .operation_name(action)
            .http_client(http)
            .endpoint_url(&self.endpoint)
            .standard_retry(&retries)
            .timeout_config(retry::timeouts())
            .runtime_plugin(self.signature().ok_or_else(|| setup("no credentials"))?)
            .serializer(|body: String| request(body))
            .deserializer(answer)
            .retry_classifier(AwsErrorCodeClassifier::<Refused>::new());
        operation = if may_repeat {
            operation.retry_classifier(HttpStatusCodeClassifier::default()).retry_classifier(TransientErrorClassifier::<Refused>::new())
        } else {
            operation.retry_classifier(OnlyThrottled)
        };
        let sent = operation.build().invoke(form(action, parameters)).await;
        sent.map_err(|error| error::translate(action, &error))
    }

    /// Signs with the account's credentials, for IAM.
    fn signature(&self) -> Option<StaticRuntimePlugin> {
        let mut layer = Layer::new("IAM");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from_static(self.signing_region)),
            name: Some(SigningName::from_static("iam")),
            ..SigV4OperationSigningConfig::default()
        });
        let components = RuntimeComponentsBuilder::new("IAM")
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_identity_cache(Some(IdentityCache::no_cache()))
            .with_identity_resolver(SCHEME_ID, self.config.credentials_provider()?);
        Some(StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components))
    }
}

fn request(body: String) -> std::result::Result<HttpRequest, aws_smithy_runtime_api::box_error::BoxError> {
    let length = body.len().to_string();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().insert("content-type", "application/x-www-form-urlencoded");
    request.headers_mut().insert("content-length", length);
    Ok(request)
}

fn answer(response: &HttpResponse) -> std::result::Result<(), OrchestratorError<Refused>> {
    if response.status().is_success() {
        return Ok(());
    }
    let text = response.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
    let metadata = ErrorMetadata::builder();
    let metadata = element(&text, "Code").iter().fold(metadata, |metadata, code| metadata.code(*code));
    let metadata = element(&text, "Message").iter().fold(metadata, |metadata, message| metadata.message(plain(message)));
    Err(OrchestratorError::operation(Refused(metadata.build())))
}

/// `Action=…&Version=…&…` in the form of a posted form.
fn form(action: &str, parameters: &[(String, &str)]) -> String {
    let mut form = format!("Action={action}&Version={VERSION}");
    for (name, value) in parameters {
        form.push('&');
        form.push_str(&percent_encoded(name, ""));
        form.push('=');
        form.push_str(&percent_encoded(value, ""));
    }
    form
}

fn named<'a>(pairs: &[(&str, &'a str)]) -> Vec<(String, &'a str)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

fn tagged<'a>(mut parameters: Vec<(String, &'a str)>, tags: &'a [Tag]) -> Vec<(String, &'a str)> {
    for (index, tag) in tags.iter().enumerate() {
        let prefix = format!("Tags.member.{}", index + 1);
        parameters.push((format!("{prefix}.Key"), &tag.key));
        parameters.push((format!("{prefix}.Value"), &tag.value));
    }
    parameters
}

#[async_trait]
impl Iam for AwsIam {
    async fn create_instance_profile(&self, name: &str, tags: &[Tag]) -> Result<()> {
        self.call("CreateInstanceProfile", &tagged(named(&[("InstanceProfileName", name)]), tags), false).await
    }

    async fn create_role(&self, request: CreateRole) -> Result<()> {
        let parameters =
            named(&[("RoleName", &request.name), ("Description", &request.description), ("AssumeRolePolicyDocument", &request.trust)]);
        self.call("CreateRole", &tagged(parameters, &request.tags), false).await
    }

    async fn put_role_policy(&self, role: &str, policy: &str, document: &str) -> Result<()> {
        self.repeatable("PutRolePolicy", &named(&[("RoleName", role), ("PolicyName", policy), ("PolicyDocument", document)])).await
    }

    async fn add_role_to_instance_profile(&self, profile: &str, role: &str) -> Result<()> {
        self.repeatable("AddRoleToInstanceProfile", &named(&[("InstanceProfileName", profile), ("RoleName", role)])).await
    }

    async fn remove_role_from_instance_profile(&self, profile: &str, role: &str) -> Result<()> {
        self.repeatable("RemoveRoleFromInstanceProfile", &named(&[("InstanceProfileName", profile), ("RoleName", role)])).await
    }

    async fn delete_role_policy(&self, role: &str, policy: &str) -> Result<()> {
        self.repeatable("DeleteRolePolicy", &named(&[("RoleName", role), ("PolicyName", policy)])).await
    }

    async fn delete_role(&self, role: &str) -> Result<()> {
        self.repeatable("DeleteRole", &named(&[("RoleName", role)])).await
    }

    async fn delete_instance_profile(&self, profile: &str) -> Result<()> {
        self.repeatable("DeleteInstanceProfile", &named(&[("InstanceProfileName", profile)])).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_holds_any_text() {
        let form = form("PutRolePolicy", &named(&[("PolicyDocument", "{\"a\": \"b+c&d=é\"}")]));
        assert_eq!(form, "Action=PutRolePolicy&Version=2010-05-08&PolicyDocument=%7B%22a%22%3A%20%22b%2Bc%26d%3D%C3%A9%22%7D");
    }

    #[test]
    fn a_refusal_is_read() {
        let text =
            "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>The role &quot;r&quot; &amp;c.</Message></Error></ErrorResponse>";
        assert_eq!(element(text, "Code"), Some("NoSuchEntity"));
        assert_eq!(element(text, "Message").map(plain).as_deref(), Some("The role \"r\" &c."));
    }
}
