//! `decode_authorization_messages`: where EC2 refuses for a missing permission, the encoded part of its message is decoded by STS before
//! the SDK reads the answer. So every call has it, and none is made twice: the refusal stays a refusal.

use std::fmt;

use amibake_ec2::Ec2Error;
use amibake_ec2::features::{encoded_authorization, with_decoded};
use aws_sdk_sts::Client;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use crate::wire::element;

/// The code of such refusals.
const CODE: &str = "UnauthorizedOperation";

/// An HTTP client for EC2 that has its refusals decoded by `sts`.
pub(crate) fn client(inner: SharedHttpClient, sts: Client) -> SharedHttpClient {
    SharedHttpClient::new(Decoding { inner, sts })
}

struct Decoding {
    inner: SharedHttpClient,
    sts: Client,
}

impl fmt::Debug for Decoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoding").finish_non_exhaustive()
    }
}

impl HttpClient for Decoding {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector { inner: self.inner.http_connector(settings, components), sts: self.sts.clone() })
    }
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    sts: Client,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (reply, sts) = (self.inner.call(request), self.sts.clone());
        HttpConnectorFuture::new(async move {
            let response = reply.await?;
            if response.status().as_u16() == 403 { decoded(response, &sts).await } else { Ok(response) }
        })
    }
}

async fn decoded(mut response: HttpResponse, sts: &Client) -> Result<HttpResponse, ConnectorError> {
    let body = std::mem::replace(response.body_mut(), SdkBody::empty());
    let bytes = ByteStream::new(body).collect().await.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => decoded_text(text, sts).await,
        Err(_) => None,
    };
    *response.body_mut() = text.map_or_else(|| SdkBody::from(bytes), SdkBody::from);
    response.headers_mut().remove("content-length");
    Ok(response)
}

/// The answer with its message decoded; None where there is nothing to decode, or STS refuses: then the encoded one is shown.
async fn decoded_text(text: &str, sts: &Client) -> Option<String> {
    let message = element(text, "Message").filter(|_| element(text, "Code") == Some(CODE))?;
    let error = Ec2Error::refused("", CODE, message);
    let encoded = encoded_authorization(&error)?.to_owned();
    let reply = sts.decode_authorization_message().encoded_message(encoded).send().await.ok()?;
    let decoded = escaped(reply.decoded_message()?);
    Some(text.replacen(message, &with_decoded(error.clone(), &decoded).message, 1))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
