//! From which address AWS sees this machine.

use std::net::IpAddr;
use std::time::Duration;

use amibake_ec2::{Ec2Error, ErrorKind, Result};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::timeout::TimeoutConfig;

use crate::error;

/// AWS's own service for this; it has answered with an address and a line's end since 2009.
const CHECKIP: &str = "https://checkip.amazonaws.com";
/// For errors.
const OPERATION: &str = "checkip";

/// Not an address.
#[derive(Debug)]
struct Strange(String);

impl std::fmt::Display for Strange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Strange {}

/// Asks once.
pub(crate) async fn ask(http: SharedHttpClient) -> Result<IpAddr> {
    let limits = TimeoutConfig::builder().connect_timeout(Duration::from_secs(5)).operation_timeout(Duration::from_secs(10)).build();
    let operation = Operation::builder()
        .service_name(OPERATION)
        .operation_name(OPERATION)
        .http_client(http)
        .endpoint_url(CHECKIP)
        .no_auth()
        .no_retry()
        .timeout_config(limits)
        .serializer(|(): ()| HttpRequest::get("/").map_err(Into::into))
        .deserializer(read)
        .build();
    operation.invoke(()).await.map_err(|error| {
        let message = error::innermost(&error);
        Ec2Error { operation: OPERATION, kind: ErrorKind::Unknown, code: None, message }
    })
}

fn read(response: &HttpResponse) -> std::result::Result<IpAddr, OrchestratorError<Strange>> {
    let text = response.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
    let address = text.trim().parse().ok().filter(|_| response.status().is_success());
    address.ok_or_else(|| {
        let start: String = text.trim().chars().take(60).collect();
        OrchestratorError::operation(Strange(format!("it answered HTTP {} with `{start}`", response.status())))
    })
}
