//! What may be sent twice. What gets no answer is sent again here, by the SDK's standard mode with these vetoes. What EC2 asks to slow
//! down is not: that is the business of whoever keeps the request budgets of all builds (amibake's engine), which knows when there will
//! be room again. Two layers that both repeat would multiply each other.

use std::time::Duration;

use aws_sdk_ec2::config::retry::{ClassifyRetry, RetryAction, RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_ec2::config::timeout::TimeoutConfig;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;

use crate::error;
use crate::wire::element;

/// Packer's `max_retries` where the template has none.
const DEFAULT_RETRIES: u32 = 10;

/// `max_retries` tries beyond the first, with jittered delays that double from one second to twenty.
pub(crate) fn config(max_retries: Option<u32>) -> RetryConfig {
    // Zero reads as "not set", as Packer has it.
    let retries = max_retries.filter(|retries| *retries > 0).unwrap_or(DEFAULT_RETRIES);
    RetryConfig::standard().with_max_attempts(retries.saturating_add(1)).with_max_backoff(Duration::from_secs(20))
}

/// No quota over all calls together. The SDK's own (500 tokens, 5 for a retry) would end the retries of fifty builds after
/// one bad minute of EC2; `max_retries` limits each call, the engine's request budget limits their number.
pub(crate) fn partition() -> RetryPartition {
    RetryPartition::custom("amibake").token_bucket(TokenBucket::unlimited()).build()
}

/// How long a call may take. EC2 answers in well under a second, RunInstances and CopyImage within some.
pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(30))
        .operation_attempt_timeout(Duration::from_secs(40))
        .operation_timeout(Duration::from_secs(300))
        .build()
}

/// The same for calls that carry megabytes: the connection may be slow.
pub(crate) fn transfer_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(600))
        .operation_attempt_timeout(Duration::from_secs(600))
        .operation_timeout(Duration::from_secs(3600))
        .build()
}

/// For all calls: EC2 says with a server error that it has no room for an instance, or that we ask too much. Those are answers, and
/// the next second brings the same.
#[derive(Debug)]
pub(crate) struct AnswersAreFinal;

impl ClassifyRetry for AnswersAreFinal {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        forbid_if(error_code(context).is_some_and(|code| error::is_capacity(code) || error::is_throttle(code)))
    }

    fn name(&self) -> &'static str {
        "answers are final"
    }
}

/// For creates without a client token: they may have had their effect and are not sent again, the caller looks instead.
#[derive(Debug)]
pub(crate) struct Once;

impl ClassifyRetry for Once {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        forbid_if(context.is_failed())
    }

    fn name(&self) -> &'static str {
        "once"
    }
}

/// For creates of a service whose calls have no budget in the engine (IAM, S3): what it asks to slow down has had no effect, anything else may
/// have had it.
#[derive(Debug)]
pub(crate) struct OnlyThrottled;

impl ClassifyRetry for OnlyThrottled {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        forbid_if(context.is_failed() && !error_code(context).is_some_and(error::is_throttle))
    }

    fn name(&self) -> &'static str {
        "only throttled"
    }
}

fn forbid_if(forbid: bool) -> RetryAction {
    if forbid { RetryAction::RetryForbidden } else { RetryAction::NoActionIndicated }
}

/// The code in EC2's error document. The typed error is not at hand here: its type differs by call.
fn error_code(context: &InterceptorContext) -> Option<&str> {
    let response = context.response()?;
    if response.status().is_success() {
        return None;
    }
    let body = std::str::from_utf8(response.body().bytes()?).ok()?;
    element(body, "Code")
}
