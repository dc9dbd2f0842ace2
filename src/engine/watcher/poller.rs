//! The poller: one question at a time, one a second, for everybody who waits.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use amibake_ec2::model::DescribeImages;
use amibake_ec2::{Ec2, Ec2Error, ErrorKind, ImageId, InstanceId, SnapshotId, VolumeId};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::WaitError;
use super::wait::{Answer, Found, Goal, Kind, Wait};

/// EC2 takes 1000 ids; 200 keep an answer small.
const BATCH: usize = 200;
/// The budget: one describe call a second a region, however many builds wait.
const PACE: Duration = Duration::from_secs(1);
/// Where calls cost nothing.
const PACE_UNLIMITED: Duration = Duration::from_millis(20);
/// What was saved up while nothing was asked: a wait that follows another one, or a build that is ready at once, is not kept waiting.
const SAVED: Duration = Duration::from_secs(2);
/// Longest pause between two questions while EC2 asks to slow down or does not answer.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(8);
/// A question without an answer for this long is asked again.
const QUESTION_LIMIT: Duration = Duration::from_secs(30);

pub(super) struct Poller {
    ec2: Arc<dyn Ec2>,
    state: Mutex<State>,
    /// Whoever holds the permit polls for all. It is given back by dropping, also when that build is cancelled in the middle of a call.
    turn: Semaphore,
    /// Someone began to wait.
    changed: Notify,
}

struct State {
    /// One question in this time.
    pace: Duration,
    waits: BTreeMap<u64, Wait>,
    last_number: u64,
    /// When the next question comes at an even pace; it may come earlier by what was saved up.
    paced: Option<Instant>,
    /// Questions in a row that failed in passing.
    failures: u32,
    /// How long the shortest wait for each goal took.
    shortest: Vec<(Goal, Duration)>,
}

/// A question: which waits it is asked for.
struct Batch {
    kind: Kind,
    /// Number and id.
    waits: Vec<(u64, String)>,
}

impl Poller {
    pub fn new(ec2: Arc<dyn Ec2>) -> Self {
        let pace = if ec2.unlimited() { PACE_UNLIMITED } else { PACE };
        let state = State { pace, waits: BTreeMap::new(), last_number: 0, paced: None, failures: 0, shortest: Vec::new() };
        Self { ec2, state: Mutex::new(state), turn: Semaphore::new(1), changed: Notify::new() }
    }

    /// Enters a wait; its number.
    pub fn enter(&self, wait: Wait) -> u64 {
        let mut state = self.lock();
        state.last_number += 1;
        let number = state.last_number;
        state.waits.insert(number, wait);
        drop(state);
        self.changed.notify_one();
        number
    }

    /// Takes a wait out.
    pub fn leave(&self, number: u64) -> Option<Wait> {
        self.lock().waits.remove(&number)
    }

    /// Polls for all once it is this caller's turn; ends only by being dropped.
    pub async fn drive(&self) -> Infallible {
        // The semaphore is never closed, so that a permit always comes.
        let _turn = self.turn.acquire().await;
        loop {
            let at = self.lock().next_question();
            let changed = self.changed.notified();
            let Some(at) = at else {
                changed.await;
                continue;
            };
            tokio::select! {
                () = tokio::time::sleep_until(at) => self.ask().await,
                // A new wait may be due earlier.
                () = changed => {}
            }
        }
    }

    async fn ask(&self) {
        let Some(batch) = self.lock().next_batch(Instant::now()) else { return };
        let answer = tokio::time::timeout(QUESTION_LIMIT, self.describe(&batch))
            .await
            .unwrap_or_else(|_| Err(Ec2Error::unknown("Describe", "no answer within 30 seconds")));
        self.lock().answered(&batch, answer, Instant::now());
    }

    async fn describe(&self, batch: &Batch) -> amibake_ec2::Result<Vec<Found>> {
        let ids = || batch.waits.iter().map(|(_, id)| id.clone());
        match batch.kind {
            Kind::Instance => {
                let ids: Vec<_> = ids().filter_map(|id| InstanceId::new(id).ok()).collect();
                let found = self.ec2.describe_instances(&ids, &[]).await?;
                Ok(found.into_iter().map(|i| Found::Instance(Box::new(i))).collect())
            }
            Kind::Image => {
                let ids = ids().filter_map(|id| ImageId::new(id).ok()).collect();
                let found = self.ec2.describe_images(DescribeImages { ids, ..DescribeImages::default() }).await?;
                Ok(found.into_iter().map(|i| Found::Image(Box::new(i))).collect())
            }
            Kind::Snapshot => {
                let ids: Vec<_> = ids().filter_map(|id| SnapshotId::new(id).ok()).collect();
                let found = self.ec2.describe_snapshots(&ids, &[]).await?;
                Ok(found.into_iter().map(|s| Found::Snapshot(Box::new(s))).collect())
            }
            Kind::Volume => {
                let ids: Vec<_> = ids().filter_map(|id| VolumeId::new(id).ok()).collect();
                let found = self.ec2.describe_volumes(&ids, &[]).await?;
                Ok(found.into_iter().map(|v| Found::Volume(Box::new(v))).collect())
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn open(&self) -> impl Iterator<Item = (&u64, &Wait)> {
        self.waits.iter().filter(|(_, wait)| wait.tell.is_some())
    }

    fn next_question(&self) -> Option<Instant> {
        let due = self.open().map(|(_, wait)| wait.due).min()?;
        Some(self.paced.map_or(due, |paced| paced.checked_sub(SAVED).map_or(due, |earliest| earliest.max(due))))
    }

    /// The waits of the most overdue one's kind. Ids that EC2 does not know make the whole call fail, so they are asked for apart.
    fn next_batch(&mut self, now: Instant) -> Option<Batch> {
        let (_, first) = self.open().min_by_key(|(_, wait)| wait.due)?;
        let (kind, missing) = (first.goal.kind(), first.missing > 0);
        let mut together: Vec<_> = self.open().filter(|(_, w)| w.goal.kind() == kind && (w.missing > 0) == missing).collect();
        together.sort_by_key(|(_, wait)| wait.due);
        let waits: Vec<_> = together.into_iter().take(BATCH).map(|(number, wait)| (*number, wait.id.clone())).collect();
        self.paced = Some(self.paced.map_or(now, |paced| paced.max(now)) + self.pace);
        for (number, _) in &waits {
            if let Some(wait) = self.waits.get_mut(number) {
                let shortest = self.shortest.iter().find(|(goal, _)| *goal == wait.goal).map(|(_, shortest)| *shortest);
                wait.due = now + self.pace * wait.patience(now, self.pace, shortest);
            }
        }
        Some(Batch { kind, waits })
    }

    fn answered(&mut self, batch: &Batch, answer: amibake_ec2::Result<Vec<Found>>, now: Instant) {
        match answer {
            Ok(found) => {
                self.failures = 0;
                self.found(batch, &found, now);
            }
            Err(error) if error.is_not_found() => {
                self.failures = 0;
                self.not_found(batch, &error, now);
            }
            Err(error) => match error.kind {
                ErrorKind::Throttled | ErrorKind::Unknown => self.in_passing(batch, &error, now),
                ErrorKind::Refused | ErrorKind::Setup => {
                    for (number, _) in &batch.waits {
                        self.tell(*number, |_| Some(Err(WaitError::Ec2(error.clone()))));
                    }
                }
            },
        }
    }

    fn found(&mut self, batch: &Batch, found: &[Found], now: Instant) {
        for (number, id) in &batch.waits {
            let hit = found.iter().find(|found| id_of(found) == id);
            self.tell(*number, |wait| match hit {
                Some(hit) => wait.take(hit.clone()),
                None => wait.take_missing(now),
            });
        }
    }

    /// EC2 names the ids it does not know; the others of the batch are asked for again straight away.
    fn not_found(&mut self, batch: &Batch, error: &Ec2Error, now: Instant) {
        let named = |id: &str| error.message.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == id);
        let names_any = batch.waits.iter().any(|(_, id)| named(id));
        for (number, id) in &batch.waits {
            if named(id) || !names_any {
                self.tell(*number, |wait| wait.take_missing(now));
            } else if let Some(wait) = self.waits.get_mut(number) {
                wait.due = now;
            }
        }
    }

    /// Throttled, or no answer: nobody's wait ends by that, and the next question comes later.
    fn in_passing(&mut self, batch: &Batch, error: &Ec2Error, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        let pause = self.pace.saturating_mul(1 << self.failures.min(3)).min(LONGEST_BACK_OFF);
        self.paced = Some(now + pause + SAVED);
        for (number, _) in &batch.waits {
            if let Some(wait) = self.waits.get_mut(number) {
                wait.trouble = Some(error.clone());
            }
        }
    }

    fn tell(&mut self, number: u64, verdict: impl FnOnce(&mut Wait) -> Option<Answer>) {
        // A wait that was left while the question was under way is not here any more.
        let Some(wait) = self.waits.get_mut(&number) else { return };
        let Some(answer) = verdict(wait) else { return };
        let took = answer.is_ok().then(|| (wait.goal, wait.since.elapsed()));
        if let Some(tell) = wait.tell.take() {
            let _ = tell.send(answer);
        }
        self.shortest_of(took);
    }
}

impl State {
    fn shortest_of(&mut self, took: Option<(Goal, Duration)>) {
        let Some((goal, took)) = took else { return };
        match self.shortest.iter_mut().find(|(known, _)| *known == goal) {
            Some((_, shortest)) => *shortest = took.min(*shortest),
            None => self.shortest.push((goal, took)),
        }
    }
}

fn id_of(found: &Found) -> &str {
    match found {
        Found::Instance(instance) => instance.id.as_str(),
        Found::Image(image) => image.id.as_str(),
        Found::Snapshot(snapshot) => snapshot.id.as_str(),
        Found::Volume(volume) => volume.id.as_str(),
    }
}
