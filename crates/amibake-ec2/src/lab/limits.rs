//! EC2's request token buckets, by kind of call (EC2 API reference, "Request throttling"). One set a region.

use tokio::time::Instant;

/// The buckets of one region.
#[derive(Debug)]
pub(super) struct Buckets {
    describe: Bucket,
    mutate: Bucket,
    run: Bucket,
    tags: Bucket,
}

#[derive(Debug)]
struct Bucket {
    size: f64,
    /// Tokens a second.
    refill: f64,
    tokens: f64,
    at: Instant,
}

impl Buckets {
    /// Full buckets.
    pub(super) fn full(now: Instant) -> Self {
        let bucket = |size, refill| Bucket { size, refill, tokens: size, at: now };
        Self { describe: bucket(100.0, 20.0), mutate: bucket(50.0, 5.0), run: bucket(5.0, 2.0), tags: bucket(100.0, 10.0) }
    }

    /// Takes a token for a call; false where there is none.
    pub(super) fn take(&mut self, operation: &str, now: Instant) -> bool {
        if super::objects::is_s3(operation) {
            return true;
        }
        let bucket = match operation {
            "RunInstances" => &mut self.run,
            "CreateTags" => &mut self.tags,
            other if other.starts_with("Describe") || other.starts_with("Get") => &mut self.describe,
            _ => &mut self.mutate,
        };
        bucket.take(now)
    }
}

impl Bucket {
    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.refill).min(self.size);
        self.at = now;
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}
