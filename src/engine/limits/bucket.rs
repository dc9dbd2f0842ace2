//! A token bucket that serves the urgent first.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Calls that leave evenly do not arrive so: a little of EC2's bucket stays unused for those that bunch up on their way.
const OF_CAPACITY: f64 = 0.96;
const OF_RATE: f64 = 0.995;
/// What adding fractions of tokens may lose.
const ROUNDING: f64 = 1e-6;

/// Whether somebody waits for what a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// A build cannot go on before.
    Now,
    /// It gives something back: any time before the end of the build will do.
    Later,
}

/// A bucket of tokens, one a call, that fills at a steady rate. Tokens go to the urgent first, then in the order of asking.
pub struct TokenBucket {
    capacity: f64,
    per_second: f64,
    state: Mutex<State>,
    /// A token was taken, or somebody stopped waiting for one.
    changed: Notify,
}

struct State {
    tokens: f64,
    at: Instant,
    waiting: BTreeSet<Place>,
    last: u64,
}

type Place = (Urgency, u64);

enum Turn {
    Taken,
    At(Instant),
    NotYet,
}

impl TokenBucket {
    /// A full bucket of EC2's published size: `capacity` tokens, `per_second` new ones each second.
    pub fn new(capacity: u32, per_second: u32) -> Self {
        let capacity = (f64::from(capacity) * OF_CAPACITY).max(1.0);
        let state = State { tokens: capacity, at: Instant::now(), waiting: BTreeSet::new(), last: 0 };
        Self { capacity, per_second: f64::from(per_second) * OF_RATE, state: Mutex::new(state), changed: Notify::new() }
    }

    /// Takes a token, waiting for it.
    pub async fn acquire(&self, urgency: Urgency) {
        let waiting = Waiting { bucket: self, place: self.enter(urgency) };
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Whatever changes between the look and the wait must end the wait.
            changed.as_mut().enable();
            match self.turn(waiting.place) {
                Turn::Taken => return,
                Turn::NotYet => changed.await,
                Turn::At(instant) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(instant) => {}
                        () = changed => {}
                    }
                }
            }
        }
    }

    fn enter(&self, urgency: Urgency) -> Place {
        let mut state = self.lock();
        state.last += 1;
        let place = (urgency, state.last);
        state.waiting.insert(place);
        place
    }

    fn turn(&self, place: Place) -> Turn {
        let mut state = self.lock();
        let now = Instant::now();
        let filled = state.tokens + now.duration_since(state.at).as_secs_f64() * self.per_second;
        (state.tokens, state.at) = (filled.min(self.capacity), now);
        if state.waiting.first() != Some(&place) {
            return Turn::NotYet;
        }
        let missing = 1.0 - state.tokens;
        if missing > ROUNDING {
            return Turn::At(now + Duration::from_secs_f64(missing / self.per_second));
        }
        state.tokens -= 1.0;
        Turn::Taken
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue; given up by dropping.
struct Waiting<'a> {
    bucket: &'a TokenBucket,
    place: Place,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.bucket.lock().waiting.remove(&self.place);
        self.bucket.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    /// When each caller gets its token, in tenths of a second.
    async fn times(bucket: &TokenBucket, callers: impl IntoIterator<Item = Urgency>) -> Vec<u128> {
        let start = Instant::now();
        let asked = callers.into_iter().map(|urgency| async move {
            bucket.acquire(urgency).await;
            start.elapsed().as_millis() / 100
        });
        join_all(asked).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
        let times = times(&TokenBucket::new(5, 2), [Urgency::Now; 9]).await;
        assert_eq!(times, [0, 0, 0, 0, 1, 6, 11, 16, 21]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_only_given_back_lets_others_pass() {
        let times = times(&TokenBucket::new(1, 2), [Urgency::Later, Urgency::Later, Urgency::Now, Urgency::Now]).await;
        assert_eq!(times, [0, 15, 5, 10], "the first was alone; the second lets both others pass");
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_stops_waiting_takes_no_token() {
        let bucket = TokenBucket::new(2, 1);
        bucket.acquire(Urgency::Now).await;
        let start = Instant::now();
        for _ in 0..5 {
            let _ = tokio::time::timeout(Duration::from_millis(1), bucket.acquire(Urgency::Now)).await;
        }
        bucket.acquire(Urgency::Now).await;
        assert!(start.elapsed() < Duration::from_millis(200), "{:?}", start.elapsed());
    }
}
