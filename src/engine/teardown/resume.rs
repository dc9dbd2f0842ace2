//! The stack of a run that is dead: what its journal or its tags say is still owned, to be unwound by somebody else.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::{Entry, Inner, Teardown};
use crate::engine::account::AwsRegion;
use crate::engine::journal::{Journal, OpenEntry};
use crate::event::Reporter;

/// A build of a dead run.
pub struct Past<'a> {
    /// UUID of the run.
    pub run_id: &'a str,
    /// The build.
    pub build: &'a str,
    /// When the run began, seconds since 1970. Where it is not known, no image is taken for the run's by its age.
    pub started_unix: Option<i64>,
    /// How long ago the run still did something: what EC2 does not know of a run that died a moment ago may exist all the same.
    pub age: Duration,
}

impl Teardown {
    /// The stack of a dead run's build, with its regions opened. Unwinding it is taken down in `journal`.
    pub fn resume(past: &Past<'_>, entries: Vec<(OpenEntry, Option<AwsRegion>)>, journal: Arc<Journal>, report: Reporter) -> Self {
        let now = Instant::now();
        let since = now.checked_sub(past.age).unwrap_or(now);
        let entry = |(open, region): (OpenEntry, Option<AwsRegion>)| Entry {
            id: open.entry,
            region,
            resource: open.resource,
            lifetime: open.lifetime,
            since,
        };
        let started_unix_nanos = past.started_unix.map_or(i128::MAX, |seconds| i128::from(seconds) * 1_000_000_000);
        let stack = entries.into_iter().map(entry).collect();
        let inner = Inner {
            run_id: past.run_id.to_owned(),
            build: past.build.to_owned(),
            started_unix_nanos,
            journal,
            report,
            stack: Mutex::new(stack),
        };
        Self { inner: Arc::new(inner) }
    }
}
