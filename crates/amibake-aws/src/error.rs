//! The SDK's errors in amibake's words.

use std::error::Error;

use amibake_ec2::{Ec2Error, ErrorKind};
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::error::ErrorMetadata;

/// Codes that mean "slower"; the call had no effect.
pub(crate) fn is_throttle(code: &str) -> bool {
    matches!(
        code,
        "RequestLimitExceeded"
            | "SlowDown"
            | "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "EC2ThrottledException"
    )
}

/// Codes that come as server errors and are refusals all the same.
pub(crate) fn is_capacity(code: &str) -> bool {
    code.starts_with("Insufficient")
}

/// What a failed call means.
pub(crate) fn translate<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Ec2Error
where
    E: Error + ProvideErrorMetadata + 'static,
{
    match error {
        SdkError::ServiceError(context) => {
            let (code, message) = (context.err().code(), context.err().message());
            service_error(operation, code, message, context.raw().status().as_u16())
        }
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(error) => connector_error(operation, error),
            None => Ec2Error::unknown(operation, "the request could not be sent"),
        },
        SdkError::TimeoutError(_) => Ec2Error::unknown(operation, "no answer from EC2 in time"),
        SdkError::ResponseError(context) => {
            let status = context.raw().status().as_u16();
            Ec2Error::unknown(operation, format!("the answer (HTTP {status}) is not one of EC2's: {}", innermost(error)))
        }
        other => Ec2Error { operation, kind: ErrorKind::Setup, code: None, message: innermost(other) },
    }
}

fn service_error(operation: &'static str, code: Option<&str>, message: Option<&str>, status: u16) -> Ec2Error {
    let kind = match code {
        Some(code) if is_throttle(code) => ErrorKind::Throttled,
        Some(code) if is_capacity(code) => ErrorKind::Refused,
        _ if status >= 500 => ErrorKind::Unknown,
        _ => ErrorKind::Refused,
    };
    let message = match (code, message) {
        (_, Some(message)) => message.to_owned(),
        (Some(_), None) => String::new(),
        (None, None) => format!("the endpoint answered HTTP {status} without saying why"),
    };
    Ec2Error { operation, kind, code: code.map(str::to_owned), message }
}

fn connector_error(operation: &'static str, error: &ConnectorError) -> Ec2Error {
    let why = innermost(error);
    if is_credentials_error(error) {
        return Ec2Error { operation, kind: ErrorKind::Setup, code: None, message: format!("no usable AWS credentials: {why}") };
    }
    if error.is_timeout() {
        return Ec2Error::unknown(operation, format!("EC2 could not be reached in time: {why}"));
    }
    Ec2Error::unknown(operation, format!("EC2 could not be reached: {why}"))
}

fn is_credentials_error(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|error| error.is::<aws_credential_types::provider::error::CredentialsError>())
}

/// The last cause: what stood in the way, without the layers that only say that something did.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    let service = chain(error).find_map(|error| error.downcast_ref::<ErrorMetadata>());
    if let Some(service) = service {
        return match (service.code(), service.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(text), None) | (None, Some(text)) => text.to_owned(),
            (None, None) => "the service gave no reason".to_owned(),
        };
    }
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| Error::source(error))
}
