//! The HTTP client: one for all regions, its TLS half made on the first `https` request.
//!
//! Reading the machine's root certificates costs milliseconds and megabytes, which a build against a local endpoint
//! never needs.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::insecure::Insecure;

/// Chooses by the scheme of each request.
#[derive(Clone)]
struct Transport {
    shared: Arc<Shared>,
}

struct Shared {
    plain: SharedHttpClient,
    tls: OnceLock<SharedHttpClient>,
    /// PEM certificates to trust besides the machine's own.
    extra_roots: Option<Vec<u8>>,
}

/// The client; `insecure` in the place of its TLS half where given.
pub(crate) fn client(extra_roots: Option<Vec<u8>>, insecure: Option<Insecure>) -> SharedHttpClient {
    let tls = insecure.map(SharedHttpClient::new);
    let plain = Builder::new().build_with_connector_fn(|settings, components| connector(settings, components).build_http());
    SharedHttpClient::new(Transport {
        shared: Arc::new(Shared { plain, tls: tls.map_or_else(OnceLock::new, OnceLock::from), extra_roots }),
    })
}

/// Whether these are certificates that TLS can trust. The HTTP client takes them unseen and panics later.
pub(crate) fn check_roots(pem: &[u8]) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() { Err("it holds no PEM certificate".to_owned()) } else { Ok(()) }
}

fn connector(settings: Option<&HttpConnectorSettings>, components: Option<&RuntimeComponents>) -> aws_smithy_http_client::ConnectorBuilder {
    let mut builder = Connector::builder().proxy_config(ProxyConfig::from_env());
    builder.set_connector_settings(settings.cloned());
    builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
    builder
}

impl Shared {
    fn tls(&self) -> &SharedHttpClient {
        self.tls.get_or_init(|| {
            let context = context(self.extra_roots.as_deref());
            Builder::new().build_with_connector_fn(move |settings, components| {
                connector(settings, components).tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(context.clone()).build()
            })
        })
    }
}

/// Connections for requests that are not made by an SDK client. They have no timeouts of their own.
pub(crate) struct Own {
    extra_roots: Option<Vec<u8>>,
    plain: OnceLock<SharedHttpConnector>,
    tls: OnceLock<SharedHttpConnector>,
}

impl Own {
    /// Trusts these certificates (PEM) besides the machine's own; with `insecure` whatever it is shown.
    pub(crate) fn new(extra_roots: Option<Vec<u8>>, insecure: Option<Insecure>) -> Self {
        let tls = insecure.map(SharedHttpConnector::new).map_or_else(OnceLock::new, OnceLock::from);
        Self { extra_roots, plain: OnceLock::new(), tls }
    }

    /// What sends a request to this address.
    pub(crate) fn to(&self, url: &str) -> &SharedHttpConnector {
        if !url.starts_with("https:") {
            return self.plain.get_or_init(|| SharedHttpConnector::new(connector(None, None).build_http()));
        }
        self.tls.get_or_init(|| {
            let builder = connector(None, None).tls_provider(Provider::Rustls(CryptoMode::Ring));
            SharedHttpConnector::new(builder.tls_context(context(self.extra_roots.as_deref())).build())
        })
    }
}

fn context(extra_roots: Option<&[u8]>) -> TlsContext {
    let mut roots = TrustStore::default();
    if let Some(pem) = extra_roots {
        roots = roots.with_pem_certificate(pem);
    }
    // Building a context only stores what it is given.
    TlsContext::builder().with_trust_store(roots).build().unwrap_or_default()
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

impl HttpClient for Transport {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Route { shared: Arc::clone(&self.shared), settings: settings.clone(), components: components.clone() })
    }
}

/// The client with the settings of one request. The connections behind it are kept by settings, not by this.
struct Route {
    shared: Arc<Shared>,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").finish_non_exhaustive()
    }
}

impl HttpConnector for Route {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = if request.uri().starts_with("https:") { self.shared.tls() } else { &self.shared.plain };
        client.http_connector(&self.settings, &self.components).call(request)
    }
}
