//! How steps talk to EC2: what is given up on cancellation, what is repeated, and what a failure says.

use std::future::Future;
use std::time::Duration;

use amibake_ec2::{Ec2Error, ErrorKind, Region};

use crate::builder::BuildError;
use crate::engine::context::BuildContext;

/// How often a call is made whose replies are lost.
const TRIES_WITHOUT_REPLY: u32 = 3;
/// Pause before a call is repeated whose reply was lost.
const PAUSE_WITHOUT_REPLY: Duration = Duration::from_secs(1);
/// First pause of a retry; it doubles up to [`LONGEST_PAUSE`], as in Packer.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause of a retry.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often Packer tries what it retries.
pub const TRIES: u32 = 11;

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The build is to stop.
    #[error("cancelled")]
    Cancelled,
    /// EC2's answer, or the lack of one.
    #[error(transparent)]
    Ec2(Ec2Error),
}

impl CallError {
    /// Ends the build: tells what was tried, where, and EC2's code and message.
    pub fn fail(self, cx: &BuildContext, what: &str, region: &Region) -> BuildError {
        match self {
            Self::Cancelled => BuildError::Cancelled,
            Self::Ec2(error) => failed_call(cx, what, region, &error),
        }
    }
}

/// Ends the build with this text, which is told as an error line too.
pub fn fail(cx: &BuildContext, text: impl Into<String>) -> BuildError {
    let text = text.into();
    cx.report.error(text.clone());
    BuildError::Failed(text)
}

/// Ends the build because of a call: what was tried, where, EC2's code and message.
pub fn failed_call(cx: &BuildContext, what: &str, region: &Region, error: &Ec2Error) -> BuildError {
    let advice = error.advice().map(|advice| format!("; {advice}")).unwrap_or_default();
    fail(cx, format!("{what} in {region}: {error}{advice}"))
}

/// Makes a call that may be made twice (a question, a change that sets a state): repeated where its reply is lost, given up when the
/// build is cancelled.
///
/// # Errors
/// Cancellation, or EC2's last answer.
pub async fn ask<T, F>(cx: &BuildContext, call: impl Fn() -> F + Send + Sync) -> Result<T, CallError>
where
    F: Future<Output = amibake_ec2::Result<T>> + Send,
{
    tokio::select! {
        biased;
        () = cx.cancel.cancelled() => Err(CallError::Cancelled),
        answer = repeat_without_reply(call) => answer.map_err(CallError::Ec2),
    }
}

/// Makes a call that may be made twice, again where its reply is lost. Not given up on cancellation: for use inside creating calls.
///
/// # Errors
/// EC2's last answer.
pub async fn repeat_without_reply<T, F>(call: impl Fn() -> F + Send + Sync) -> amibake_ec2::Result<T>
where
    F: Future<Output = amibake_ec2::Result<T>> + Send,
{
    let mut tries = 1;
    loop {
        match call().await {
            Err(error) if error.kind == ErrorKind::Unknown && tries < TRIES_WITHOUT_REPLY => {
                tries += 1;
                tokio::time::sleep(PAUSE_WITHOUT_REPLY).await;
            }
            answer => return answer,
        }
    }
}

/// [`repeat_without_reply`] for calls that create something by a client token: whatever EC2 says after a lost reply, the first request
/// may have had its effect, and the caller must not take a refusal for "nothing exists".
///
/// # Errors
/// EC2's last answer; of kind `Unknown` once a reply was lost.
pub async fn create_by_token<T, F>(call: impl Fn() -> F + Send + Sync) -> amibake_ec2::Result<T>
where
    F: Future<Output = amibake_ec2::Result<T>> + Send,
{
    match call().await {
        Err(error) if error.kind == ErrorKind::Unknown => {
            tokio::time::sleep(PAUSE_WITHOUT_REPLY).await;
            repeat_without_reply(call).await.map_err(may_exist)
        }
        answer => answer,
    }
}

/// An error after a lost reply: what was to be created may exist, whatever EC2 says now.
pub fn may_exist(error: Ec2Error) -> Ec2Error {
    Ec2Error { kind: ErrorKind::Unknown, ..error }
}

/// [`ask_times`], as often as Packer tries.
///
/// # Errors
/// Cancellation, or EC2's last answer.
pub async fn ask_until<T, F>(
    cx: &BuildContext,
    passing: impl Fn(&Ec2Error) -> bool + Send + Sync,
    call: impl Fn() -> F + Send + Sync,
) -> Result<T, CallError>
where
    F: Future<Output = amibake_ec2::Result<T>> + Send,
{
    ask_times(cx, TRIES, passing, call).await
}

/// [`ask`], repeated while EC2's answer is one that time may change.
///
/// # Errors
/// Cancellation, or EC2's last answer.
pub async fn ask_times<T, F>(
    cx: &BuildContext,
    tries: u32,
    passing: impl Fn(&Ec2Error) -> bool + Send + Sync,
    call: impl Fn() -> F + Send + Sync,
) -> Result<T, CallError>
where
    F: Future<Output = amibake_ec2::Result<T>> + Send,
{
    let mut pauses = Pauses::usual(tries);
    loop {
        match ask(cx, &call).await {
            Err(CallError::Ec2(error)) if passing(&error) => match pauses.next() {
                Some(pause) => sleep(cx, pause).await?,
                None => return Err(CallError::Ec2(error)),
            },
            answer => return answer,
        }
    }
}

/// Waits, unless the build is cancelled.
///
/// # Errors
/// [`CallError::Cancelled`].
pub async fn sleep(cx: &BuildContext, time: Duration) -> Result<(), CallError> {
    tokio::select! {
        biased;
        () = cx.cancel.cancelled() => Err(CallError::Cancelled),
        () = tokio::time::sleep(time) => Ok(()),
    }
}

/// Ends a build that has been cancelled, before it begins something new.
///
/// # Errors
/// [`BuildError::Cancelled`].
pub fn go_on(cx: &BuildContext) -> Result<(), BuildError> {
    if cx.cancel.is_cancelled() { Err(BuildError::Cancelled) } else { Ok(()) }
}

/// Pauses between tries: doubling, up to a longest one.
#[derive(Debug)]
pub struct Pauses {
    next: Duration,
    longest: Duration,
    left: u32,
}

impl Pauses {
    /// Pauses between so many tries.
    pub fn new(first: Duration, longest: Duration, tries: u32) -> Self {
        Self { next: first, longest, left: tries.saturating_sub(1) }
    }

    /// Packer's usual ones between so many tries.
    pub fn usual(tries: u32) -> Self {
        Self::new(FIRST_PAUSE, LONGEST_PAUSE, tries)
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end() {
        let seconds: Vec<u64> = Pauses::new(Duration::from_secs(10), Duration::from_secs(60), 6).map(|pause| pause.as_secs()).collect();
        assert_eq!(seconds, [10, 20, 40, 60, 60]);
    }
}
