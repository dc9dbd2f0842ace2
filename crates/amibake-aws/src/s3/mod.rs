//! The [`S3`] trait: eight calls on the SDK's runtime, with its HTTP client, signatures, retries and time limits.
//!
//! aws-sdk-s3 would bring a hundred calls more, checksums and a second HTTP stack for these. [`place`]: where a bucket is reached;
//! [`wire`]: requests and answers.

mod place;
mod wire;

use amibake_ec2::s3::{ListedUpload, NewObject, ObjectName, S3, StoredObject, Upload};
use amibake_ec2::{Ec2Error, ErrorKind, Result};
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::config_bag::Layer;
use aws_types::SigningName;
use aws_types::region::{Region, SigningRegion};
use bytes::Bytes;

use crate::retry::{self, OnlyThrottled};
use crate::wire::Refused;
use crate::{access, error};
use place::Place;
use wire::{Answer, Message};

/// S3 of one account, as seen from one region.
pub(crate) struct AwsS3 {
    config: SdkConfig,
    /// In the place of AWS's own.
    endpoint: Option<String>,
    region: String,
}

impl AwsS3 {
    /// S3 of a region; `endpoint` takes the place of AWS's own.
    pub(crate) fn new(config: SdkConfig, endpoint: Option<&str>, region: &str) -> Self {
        let endpoint = endpoint.map(str::to_owned).or_else(|| place::configured(&config));
        Self { config, endpoint, region: region.to_owned() }
    }

    /// Makes a call that may be sent twice.
    async fn repeatable(&self, operation: &'static str, message: Message) -> Result<Answer> {
        self.call(operation, message, true).await
    }

    async fn call(&self, operation: &'static str, message: Message, may_repeat: bool) -> Result<Answer> {
        let http = self.config.http_client().ok_or_else(|| access::setup("no HTTP client"))?;
        let retries = self.config.retry_config().cloned().unwrap_or_else(|| retry::config(None));
        let place = Place::of(&message.name.bucket, self.endpoint.as_deref(), &self.region);
        let path = place.path(&message.name.key);
        let mut call = Operation::builder()
            .service_name("S3")
            .operation_name(operation)
            .http_client(http)
            .endpoint_url(&place.endpoint)
            .standard_retry(&retries)
            .timeout_config(retry::transfer_timeouts())
            .runtime_plugin(self.signature().ok_or_else(|| access::setup("no credentials"))?)
            .serializer(move |message: Message| message.request(&path))
            .deserializer(wire::answer)
            .retry_classifier(AwsErrorCodeClassifier::<Refused>::new());
        call = if may_repeat {
            call.retry_classifier(HttpStatusCodeClassifier::default()).retry_classifier(TransientErrorClassifier::<Refused>::new())
        } else {
            call.retry_classifier(OnlyThrottled)
        };
        call.build().invoke(message).await.map_err(|failure| {
            let error = error::translate(operation, &failure);
            // S3 may say so after it has begun to answer with success.
            if error.is("InternalError") { Ec2Error { kind: ErrorKind::Unknown, ..error } } else { error }
        })
    }

    /// Signs with the account's credentials, as S3 wants it: the path as it is sent, and the content.
    fn signature(&self) -> Option<StaticRuntimePlugin> {
        let mut layer = Layer::new("S3");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        let mut signing_options = SigningOptions::default();
        signing_options.double_uri_encode = false;
        signing_options.normalize_uri_path = false;
        signing_options.content_sha256_header = true;
        layer.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(Region::new(self.region.clone()))),
            name: Some(SigningName::from_static("s3")),
            signing_options,
            ..SigV4OperationSigningConfig::default()
        });
        let components = RuntimeComponentsBuilder::new("S3")
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_identity_cache(Some(IdentityCache::no_cache()))
            .with_identity_resolver(SCHEME_ID, self.config.credentials_provider()?);
        Some(StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components))
    }
}

#[async_trait]
impl S3 for AwsS3 {
    async fn put_object(&self, object: &NewObject, body: Bytes) -> Result<StoredObject> {
        let message = Message::new("PUT", &object.name).object(object).body(body);
        self.repeatable("PutObject", message).await.map(Answer::stored)
    }

    async fn create_upload(&self, object: &NewObject) -> Result<String> {
        const OPERATION: &str = "CreateMultipartUpload";
        let message = Message::new("POST", &object.name).query("uploads", "").object(object);
        // Each one that arrives begins another upload.
        let answer = self.call(OPERATION, message, false).await?;
        answer.element("UploadId").ok_or_else(|| Ec2Error::unknown(OPERATION, "the answer names no upload"))
    }

    async fn upload_part(&self, upload: &Upload, number: u32, body: Bytes) -> Result<String> {
        const OPERATION: &str = "UploadPart";
        let message = Message::new("PUT", &upload.name).query("partNumber", &number.to_string()).query("uploadId", &upload.id).body(body);
        let answer = self.repeatable(OPERATION, message).await?;
        answer.etag.ok_or_else(|| Ec2Error::unknown(OPERATION, "the answer does not name the part"))
    }

    async fn complete_upload(&self, upload: &Upload, parts: &[String]) -> Result<StoredObject> {
        let message = Message::new("POST", &upload.name).query("uploadId", &upload.id).body(wire::parts(parts));
        // Whoever asks again after a success is told that there is no such upload: the caller looks at the object instead.
        self.call("CompleteMultipartUpload", message, false).await.map(Answer::stored)
    }

    async fn abort_upload(&self, upload: &Upload) -> Result<()> {
        let message = Message::new("DELETE", &upload.name).query("uploadId", &upload.id);
        self.repeatable("AbortMultipartUpload", message).await.map(drop)
    }

    async fn list_uploads(&self, name: &ObjectName) -> Result<Vec<ListedUpload>> {
        let bucket = ObjectName { key: String::new(), ..name.clone() };
        // One page: a thousand uploads of objects whose names begin with this one.
        let message = Message::new("GET", &bucket).query("prefix", &name.key).query("uploads", "");
        self.repeatable("ListMultipartUploads", message).await.map(|answer| answer.uploads(&name.key))
    }

    async fn head_object(&self, name: &ObjectName) -> Result<StoredObject> {
        self.repeatable("HeadObject", Message::new("HEAD", name)).await.map(Answer::stored)
    }

    async fn delete_object(&self, name: &ObjectName, version: Option<&str>) -> Result<()> {
        let message = Message::new("DELETE", name);
        let message = version.into_iter().fold(message, |message, version| message.query("versionId", version));
        self.repeatable("DeleteObject", message).await.map(drop)
    }
}
