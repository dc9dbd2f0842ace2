//! Signed requests to services and calls for which the program has no typed client: a typed one of Auto Scaling and of Systems Manager
//! would cost more to compile than all else that is done here, and a trial run of any EC2 call wants its parameters as they are.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use amibake_ec2::{Ec2Error, ErrorKind};
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;

use crate::transport::Own;
use crate::wire::{element, percent_encoded, plain};

/// How long one request may take.
const LIMIT: Duration = Duration::from_secs(30);
/// Tries of a request that was throttled or got no answer; all of these are without effect, or repeat what they did.
const TRIES: u32 = 4;

/// A service in a region.
#[derive(Clone)]
pub(crate) struct Signed {
    config: SdkConfig,
    /// The service's name in signatures and host names: `ec2`, `autoscaling`, `ssm`.
    service: &'static str,
    region: String,
    endpoint: String,
    http: Arc<Own>,
}

/// An answer of a service.
pub(crate) struct Answer {
    status: u16,
    pub(crate) body: String,
}

impl std::fmt::Debug for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signed").field("service", &self.service).field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl Signed {
    /// `endpoint` serves all services where there is one.
    pub(crate) fn new(config: &SdkConfig, service: &'static str, region: &str, endpoint: Option<&str>, http: Arc<Own>) -> Self {
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let endpoint = endpoint.map_or_else(|| format!("https://{service}.{region}.{suffix}"), |url| url.trim_end_matches('/').to_owned());
        Self { config: config.clone(), service, region: region.to_owned(), endpoint, http }
    }

    /// A call of a service with a query API: form in, XML out.
    ///
    /// # Errors
    /// The service's code and message.
    pub(crate) async fn query(&self, operation: &'static str, version: &str, fields: &[(String, String)]) -> Result<String, Ec2Error> {
        let own = [("Action".to_owned(), operation.to_owned()), ("Version".to_owned(), version.to_owned())];
        let pairs: Vec<String> =
            own.iter().chain(fields).map(|(name, value)| format!("{}={}", percent_encoded(name, ""), percent_encoded(value, ""))).collect();
        let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned())];
        let answer = self.send(operation, &headers, &pairs.join("&")).await?;
        if answer.status < 300 {
            return Ok(answer.body);
        }
        Err(refusal(operation, answer.status, element(&answer.body, "Code"), element(&answer.body, "Message")))
    }

    /// A call of a service with a JSON API (1.1).
    ///
    /// # Errors
    /// The service's code and message.
    pub(crate) async fn json(&self, operation: &'static str, target: &str, body: &str) -> Result<String, Ec2Error> {
        Self::json_answer(operation, self.send(operation, &json_headers(operation, target), body).await?)
    }

    /// As [`Signed::json`], for what must not be sent twice.
    ///
    /// # Errors
    /// The service's code and message.
    pub(crate) async fn json_once(&self, operation: &'static str, target: &str, body: &str) -> Result<String, Ec2Error> {
        Self::json_answer(operation, self.once(operation, &json_headers(operation, target), body).await?)
    }

    fn json_answer(operation: &'static str, answer: Answer) -> Result<String, Ec2Error> {
        if answer.status < 300 {
            return Ok(answer.body);
        }
        let code = string_of(&answer.body, "__type").map(|code| code.rsplit('#').next().unwrap_or_default().to_owned());
        let message = string_of(&answer.body, "message").or_else(|| string_of(&answer.body, "Message"));
        Err(refusal(operation, answer.status, code.as_deref(), message.as_deref()))
    }

    async fn send(&self, operation: &'static str, headers: &[(&'static str, String)], body: &str) -> Result<Answer, Ec2Error> {
        let mut pause = Duration::from_millis(500);
        for _ in 1..TRIES {
            match self.once(operation, headers, body).await {
                Ok(answer) if answer.status < 500 && !answer.is_throttled() => return Ok(answer),
                Err(error) if error.kind == ErrorKind::Setup => return Err(error),
                Ok(_) | Err(_) => tokio::time::sleep(pause).await,
            }
            pause *= 2;
        }
        self.once(operation, headers, body).await
    }

    async fn once(&self, operation: &'static str, headers: &[(&'static str, String)], body: &str) -> Result<Answer, Ec2Error> {
        let setup = |message: String| Ec2Error { operation, kind: ErrorKind::Setup, code: None, message };
        let request = self.signed(headers, body).await.map_err(&setup)?;
        let sent = self.http.to(&self.endpoint).call(request);
        let lost = |why: String| Ec2Error::unknown(operation, why);
        let reply = tokio::time::timeout(LIMIT, sent).await.map_err(|_| lost("no answer in time".to_owned()))?;
        let reply = reply.map_err(|error| lost(crate::error::innermost(&error)))?;
        let status = reply.status().as_u16();
        let bytes = aws_smithy_types::byte_stream::ByteStream::new(reply.into_body()).collect().await;
        let bytes = bytes.map_err(|error| lost(error.to_string()))?.into_bytes();
        Ok(Answer { status, body: String::from_utf8_lossy(&bytes).into_owned() })
    }

    async fn signed(&self, headers: &[(&'static str, String)], body: &str) -> Result<HttpRequest, String> {
        let provider = self.config.credentials_provider().ok_or("there are no credentials")?;
        let identity = provider.provide_credentials().await.map_err(|error| crate::error::innermost(&error))?.into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?;
        let url = format!("{}/", self.endpoint);
        let shown = headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable =
            SignableRequest::new("POST", &url, shown, SignableBody::Bytes(body.as_bytes())).map_err(|error| error.to_string())?;
        let (instructions, _) = sign(signable, &params.into()).map_err(|error| error.to_string())?.into_parts();
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST").map_err(|error| error.to_string())?;
        request.set_uri(url).map_err(|error| error.to_string())?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.clone());
        }
        request.headers_mut().insert("content-length", body.len().to_string());
        for (name, value) in instructions.headers() {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        Ok(request)
    }
}

impl Answer {
    fn is_throttled(&self) -> bool {
        self.status >= 400 && ["Throttling", "RequestLimitExceeded", "TooManyRequests"].iter().any(|code| self.body.contains(code))
    }
}

fn json_headers(operation: &str, target: &str) -> [(&'static str, String); 2] {
    [("content-type", "application/x-amz-json-1.1".to_owned()), ("x-amz-target", format!("{target}.{operation}"))]
}

fn refusal(operation: &'static str, status: u16, code: Option<&str>, message: Option<&str>) -> Ec2Error {
    let kind = match code {
        Some(code) if crate::error::is_throttle(code) => ErrorKind::Throttled,
        _ if status >= 500 => ErrorKind::Unknown,
        _ => ErrorKind::Refused,
    };
    let message = message.map_or_else(|| format!("HTTP {status}"), plain);
    Ec2Error { operation, kind, code: code.map(str::to_owned), message }
}

/// A string of a JSON error document, which is flat.
fn string_of(json: &str, key: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    value.get(key)?.as_str().map(str::to_owned)
}
