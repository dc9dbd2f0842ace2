//! One request over HTTP or HTTPS: all that Vault and Consul need.

use std::error::Error;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::http::request::Builder;
use hyper::{Request, StatusCode};
use hyper_rustls::{ConfigBuilderExt, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::LookupError;

/// Longest answer, in bytes: Vault and Consul keep values of up to 512 KiB.
const LONGEST: usize = 4 << 20;

/// What to get.
pub(super) struct Get<'a> {
    /// Who is asked, for messages.
    pub place: String,
    pub url: String,
    pub headers: Vec<(&'static str, &'a str)>,
    /// A file of certificates (PEM) to trust in the place of the machine's.
    pub ca_file: Option<&'a str>,
}

/// Sends it once: a lookup that fails may be repeated by whoever started the program.
pub(super) async fn get(get: Get<'_>) -> Result<(StatusCode, Bytes), LookupError> {
    let request = Request::get(&get.url);
    send(get, request, Bytes::new()).await
}

/// The same as a POST of a JSON document.
pub(super) async fn post(get: Get<'_>, document: &serde_json::Value) -> Result<(StatusCode, Bytes), LookupError> {
    let request = Request::post(&get.url).header("Content-Type", "application/json");
    send(get, request, document.to_string().into()).await
}

async fn send(get: Get<'_>, mut request: Builder, body: Bytes) -> Result<(StatusCode, Bytes), LookupError> {
    for (name, value) in &get.headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Full::new(body))
        .map_err(|error| LookupError::Setup(format!("`{}` and its headers make no request: {error}", get.url)))?;
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls(get.ca_file)?).https_or_http().enable_http1().build();
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let unreachable = |reason: String| LookupError::Unreachable { place: get.place.clone(), reason };
    let response = client.request(request).await.map_err(|error| unreachable(innermost(&error)))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LONGEST).collect().await.map_err(|error| unreachable(innermost(error.as_ref())))?;
    Ok((status, body.to_bytes()))
}

/// The provider is named: with two in a program rustls does not choose one.
fn tls(ca_file: Option<&str>) -> Result<ClientConfig, LookupError> {
    let setup = |reason: String| LookupError::Setup(reason);
    let builder = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| setup(error.to_string()))?;
    let Some(path) = ca_file else {
        let builder = builder.with_native_roots().map_err(|error| setup(format!("no certificate authorities on this machine: {error}")))?;
        return Ok(builder.with_no_client_auth());
    };
    let bad = |error: &dyn std::fmt::Display| setup(format!("the certificates of `{path}` cannot be used: {error}"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| bad(&error))? {
        roots.add(certificate.map_err(|error| bad(&error))?).map_err(|error| bad(&error))?;
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// "Connection refused", not "client error (Connect)".
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
