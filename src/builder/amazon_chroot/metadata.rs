//! The instance metadata service: which instance is this? Version 2, and version 1 where there is no other.

use std::collections::BTreeMap;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;

/// The instance that a program runs on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Its id.
    pub instance_id: String,
    /// Its region.
    pub region: String,
}

/// Where the service is on every instance.
const ENDPOINT: &str = "http://169.254.169.254";
/// The same by IPv6.
const ENDPOINT_IPV6: &str = "http://[fd00:ec2::254]";
/// How long one answer may take: the service is as near as can be, but a hop limit swallows answers to containers.
const ANSWER: Duration = Duration::from_secs(2);
/// How long all of it may take.
const ALL: Duration = Duration::from_secs(10);
/// How often the document is asked for.
const TRIES: u32 = 3;
/// Longest answer, in bytes.
const LONGEST: usize = 64 * 1024;

/// Asks for the identity document.
///
/// # Errors
/// Why there is none.
pub async fn identity(env: &BTreeMap<String, String>) -> Result<Identity, String> {
    let on = |name: &str| env.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if on("AWS_EC2_METADATA_DISABLED") {
        return Err("AWS_EC2_METADATA_DISABLED is true".to_owned());
    }
    let service = Service { endpoint: endpoint(env), client: Client::builder(TokioExecutor::new()).build_http() };
    let document = tokio::time::timeout(ALL, service.document(!on("AWS_EC2_METADATA_V1_DISABLED"))).await;
    let document = document.map_err(|_| format!("{} gave no document within {} seconds", service.endpoint, ALL.as_secs()))??;
    serde_json::from_slice(&document).map_err(|error| format!("the identity document of {} is not one: {error}", service.endpoint))
}

fn endpoint(env: &BTreeMap<String, String>) -> String {
    let given = |name: &str| env.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let usual = match given("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE") {
        Some(mode) if mode.eq_ignore_ascii_case("ipv6") => ENDPOINT_IPV6,
        _ => ENDPOINT,
    };
    given("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or(usual).trim_end_matches('/').to_owned()
}

struct Service {
    endpoint: String,
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Service {
    async fn document(&self, version_1: bool) -> Result<Bytes, String> {
        let token = match self.token().await {
            Err(why) if !version_1 => return Err(why),
            // The service is of an older kind, or does not let a token out to here.
            token => token.ok(),
        };
        let mut last = String::new();
        for _ in 0..TRIES {
            let headers: Vec<_> = token.iter().map(|token| ("X-aws-ec2-metadata-token", token.as_str())).collect();
            match self.ask(Method::GET, "/latest/dynamic/instance-identity/document", &headers).await {
                Ok((StatusCode::OK, document)) => return Ok(document),
                Ok((status, _)) => last = format!("{} answers {status} when it is asked for the identity document", self.endpoint),
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    async fn token(&self) -> Result<String, String> {
        match self.ask(Method::PUT, "/latest/api/token", &[("X-aws-ec2-metadata-token-ttl-seconds", "300")]).await? {
            (StatusCode::OK, token) => Ok(String::from_utf8_lossy(&token).trim().to_owned()),
            (status, _) => Err(format!("{} answers {status} when it is asked for a token", self.endpoint)),
        }
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Result<(StatusCode, Bytes), String> {
        let endpoint = &self.endpoint;
        let mut request = Request::builder().method(method).uri(format!("{endpoint}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Empty::new()).map_err(|error| format!("`{endpoint}` makes no request: {error}"))?;
        let answer = async {
            let response = self.client.request(request).await.map_err(|error| format!("{endpoint} does not answer: {error}"))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), LONGEST).collect().await;
            body.map(|body| (status, body.to_bytes())).map_err(|error| format!("{endpoint} does not answer: {error}"))
        };
        let late = |_| format!("{endpoint} does not answer within {} seconds", ANSWER.as_secs());
        tokio::time::timeout(ANSWER, answer).await.map_err(late)?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const DOCUMENT: &str = r#"{"instanceId": "i-1", "region": "us-east-2", "architecture": "x86_64"}"#;

    /// A service that answers each request by its first line; what it was asked.
    async fn serve(
        answer: fn(&str) -> (u16, &'static str),
    ) -> (BTreeMap<String, String>, Arc<Mutex<Vec<String>>>, impl Future<Output = ()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap());
        let env = BTreeMap::from([("AWS_EC2_METADATA_SERVICE_ENDPOINT".to_owned(), endpoint)]);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&asked);
        let serving = async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = vec![0; 4096];
                let length = stream.read(&mut bytes).await.unwrap();
                let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
                let (status, body) = answer(text.lines().next().unwrap_or_default());
                notes.lock().unwrap().push(text);
                let reply = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        };
        (env, asked, serving)
    }

    async fn ask(answer: fn(&str) -> (u16, &'static str), more: &[(&str, &str)]) -> (Result<Identity, String>, Vec<String>) {
        let (mut env, asked, serving) = serve(answer).await;
        env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let identity = tokio::select! {
            identity = identity(&env) => identity,
            () = serving => unreachable!(),
        };
        let asked = asked.lock().unwrap().clone();
        (identity, asked)
    }

    #[tokio::test]
    async fn a_token_is_fetched_and_shown() {
        let (found, asked) = ask(|line| if line.starts_with("PUT") { (200, "t0ken") } else { (200, DOCUMENT) }, &[]).await;
        assert_eq!(found, Ok(Identity { instance_id: "i-1".to_owned(), region: "us-east-2".to_owned() }));
        assert!(
            asked[0].starts_with("PUT /latest/api/token ") && asked[0].contains("x-aws-ec2-metadata-token-ttl-seconds: 300"),
            "{asked:?}"
        );
        assert!(
            asked[1].starts_with("GET /latest/dynamic/instance-identity/document ") && asked[1].contains("x-aws-ec2-metadata-token: t0ken")
        );
    }

    #[tokio::test]
    async fn without_tokens_it_is_asked_as_of_old_unless_that_is_forbidden() {
        let old: fn(&str) -> (u16, &'static str) = |line| if line.starts_with("PUT") { (405, "") } else { (200, DOCUMENT) };
        let (found, asked) = ask(old, &[]).await;
        assert!(found.is_ok() && !asked[1].contains("metadata-token"), "{asked:?}");
        let (found, _) = ask(old, &[("AWS_EC2_METADATA_V1_DISABLED", "true")]).await;
        assert!(found.unwrap_err().ends_with("answers 405 Method Not Allowed when it is asked for a token"));
    }

    #[tokio::test]
    async fn why_there_is_no_document_is_told() {
        let (found, asked) = ask(|_| (500, ""), &[]).await;
        assert!(found.unwrap_err().ends_with("answers 500 Internal Server Error when it is asked for the identity document"));
        assert_eq!(asked.len(), 4, "one token, three documents");
        let (found, _) = ask(|_| (200, "<html>"), &[]).await;
        assert!(found.unwrap_err().contains("is not one: "));
        let off = BTreeMap::from([("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned())]);
        assert_eq!(identity(&off).await.unwrap_err(), "AWS_EC2_METADATA_DISABLED is true");
        let mode = BTreeMap::from([("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE".to_owned(), "IPv6".to_owned())]);
        assert_eq!((endpoint(&mode), endpoint(&BTreeMap::new())), (ENDPOINT_IPV6.to_owned(), ENDPOINT.to_owned()));
    }
}
