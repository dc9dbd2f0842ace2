//! How often and how long to wait for EC2.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::engine::watcher::Polling;

/// Limits of every wait for a resource's state.
///
/// amibake asks EC2 about once a second for all builds together; these keys keep their meaning as the limit of a wait:
/// attempts times delay.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct AwsPolling {
    /// How many checks, `delay_seconds` apart, a wait may take. 0: `AWS_MAX_ATTEMPTS`, else as long as the wait takes by default (10
    /// minutes; 30 for images and snapshots).
    #[serde(default)]
    pub max_attempts: u32,
    /// Pause between two checks as the limit counts it. Unit: seconds. 0: `AWS_POLL_DELAY_SECONDS`, else 15.
    #[serde(default)]
    pub delay_seconds: u32,
}

/// The limits that hold for a build: the template's, else the environment's, else the usual ones.
pub fn polling(given: Option<&AwsPolling>, env: &BTreeMap<String, String>) -> Polling {
    let number = |value: u32| Some(value).filter(|value| *value > 0);
    Polling::new(given.and_then(|p| number(p.delay_seconds)), given.and_then(|p| number(p.max_attempts)), env)
}
