//! `aws_polling` and its environment variables, as limits (reference: waiters and polling).

use std::collections::BTreeMap;
use std::time::Duration;

/// How long a build waits for EC2. Never how often it asks: amibake asks about once a second whatever stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Polling {
    /// `delay_seconds` or `AWS_POLL_DELAY_SECONDS`.
    pub delay: Option<Duration>,
    /// `max_attempts` or `AWS_MAX_ATTEMPTS`.
    pub attempts: Option<u32>,
    /// `AWS_TIMEOUT_SECONDS`; counts only without attempts.
    pub timeout: Option<Duration>,
}

/// Packer's delay where only attempts are given, in seconds.
const DEFAULT_DELAY: Duration = Duration::from_secs(2);
const INSTANCE_LIMIT: Duration = Duration::from_secs(10 * 60);
const IMPORT_LIMIT: Duration = Duration::from_secs(60 * 60);
const IMAGE_LIMIT: Duration = Duration::from_secs(30 * 60);
/// Longest wait for fast launch.
const FAST_LAUNCH_LIMIT: Duration = Duration::from_secs(125 * 60);

impl Polling {
    /// The template's two keys win over the environment, which wins over the defaults. Unreadable numbers and zero count as absent.
    pub fn new(delay_seconds: Option<u32>, max_attempts: Option<u32>, env: &BTreeMap<String, String>) -> Self {
        let number = |name| env.get(name).and_then(|text| text.trim().parse::<u32>().ok());
        let seconds = |n: u32| Duration::from_secs(u64::from(n));
        let positive = |n: &u32| *n > 0;
        Self {
            delay: delay_seconds.filter(positive).or_else(|| number("AWS_POLL_DELAY_SECONDS").filter(positive)).map(seconds),
            attempts: max_attempts.filter(positive).or_else(|| number("AWS_MAX_ATTEMPTS").filter(positive)),
            timeout: number("AWS_TIMEOUT_SECONDS").filter(positive).map(seconds),
        }
    }

    /// Longest wait for an instance: attempts times delay, else the timeout, else 10 minutes.
    pub fn instance_limit(&self) -> Duration {
        self.limit(INSTANCE_LIMIT)
    }

    /// Longest wait for an image or snapshot: attempts times delay, else the timeout, else 30 minutes.
    pub fn image_limit(&self) -> Duration {
        self.limit(IMAGE_LIMIT)
    }

    /// Longest wait for fast launch: attempts times delay, else the timeout, else 125 minutes, Packer's 500 looks.
    pub fn fast_launch_limit(&self) -> Duration {
        self.limit(FAST_LAUNCH_LIMIT)
    }

    /// Longest wait for an import of an image: attempts times delay, else the timeout, else an hour.
    pub fn import_limit(&self) -> Duration {
        self.limit(IMPORT_LIMIT)
    }

    fn limit(&self, default: Duration) -> Duration {
        match (self.attempts, self.timeout) {
            (Some(attempts), _) => self.delay.unwrap_or(DEFAULT_DELAY).saturating_mul(attempts),
            (None, Some(timeout)) => timeout,
            (None, None) => default,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: (Option<u32>, Option<u32>), env: &[(&str, &str)], instance_and_image_seconds: (u64, u64)) {
        let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let polling = Polling::new(template.0, template.1, &env);
        assert_eq!((polling.instance_limit().as_secs(), polling.image_limit().as_secs()), instance_and_image_seconds, "{polling:?}");
    }

    #[test]
    fn limits() {
        check((None, None), &[], (600, 1800));
        check((Some(10), None), &[], (600, 1800));
        check((Some(10), Some(50)), &[], (500, 500));
        check((None, Some(50)), &[], (100, 100));
        check((None, None), &[("AWS_POLL_DELAY_SECONDS", "30"), ("AWS_MAX_ATTEMPTS", "100")], (3000, 3000));
        check((Some(1), Some(7)), &[("AWS_POLL_DELAY_SECONDS", "30"), ("AWS_MAX_ATTEMPTS", "100")], (7, 7));
        check((None, None), &[("AWS_TIMEOUT_SECONDS", "45")], (45, 45));
        check((None, Some(3)), &[("AWS_TIMEOUT_SECONDS", "45")], (6, 6));
        check((None, None), &[("AWS_MAX_ATTEMPTS", "many"), ("AWS_TIMEOUT_SECONDS", "0")], (600, 1800));
    }
}
