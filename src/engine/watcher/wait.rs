//! One wait: what it waits for, and what an answer of EC2 means to it.

use std::time::Duration;

use amibake_ec2::Ec2Error;
use amibake_ec2::model::{Image, ImageState, Instance, InstanceState, Snapshot, Volume};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{WaitError, Want};

/// Which call can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Instance,
    Image,
    Snapshot,
    Volume,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    Instance(Want),
    /// `available`.
    Image,
    /// `completed`.
    Snapshot,
    /// `in-use` or `available`.
    Volume {
        attached: bool,
    },
}

impl Goal {
    pub fn kind(self) -> Kind {
        match self {
            Self::Instance(_) => Kind::Instance,
            Self::Image => Kind::Image,
            Self::Snapshot => Kind::Snapshot,
            Self::Volume { .. } => Kind::Volume,
        }
    }
}

/// A description of what is waited for.
#[derive(Debug, Clone)]
pub(super) enum Found {
    Instance(Box<Instance>),
    Image(Box<Image>),
    Snapshot(Box<Snapshot>),
    Volume(Box<Volume>),
}

pub(super) type Answer = Result<Found, WaitError>;

/// One waiting build.
pub(super) struct Wait {
    pub goal: Goal,
    pub id: String,
    pub since: Instant,
    /// When it may be asked for next.
    pub due: Instant,
    /// The last description, for the error and for `Gone`.
    pub seen: Option<Found>,
    /// EC2 did not know the id when last asked, and how often in a row.
    pub missing: u32,
    /// The last failure that did not end the wait.
    pub trouble: Option<Ec2Error>,
    pub tell: Option<oneshot::Sender<Answer>>,
}

/// How long EC2 may not know an id that it gave out itself: its answers are eventually consistent.
const NOT_SEEN_PATIENCE: Duration = Duration::from_secs(60);
/// The same where gone is what is waited for.
const TERMINATED_PATIENCE: Duration = Duration::from_secs(5);
/// How long after its beginning a wait for an image is of little interest, in paces: no image of a disk is made faster.
const IMAGE_AT_LEAST: u32 = 30;
/// Paces between two questions about what cannot well be reached yet.
const EARLY: u32 = 5;
/// Which part of the shortest wait seen so far counts as too early.
const EARLY_PART: f64 = 0.8;
/// How many answers in a row may lack an id that was seen before.
const LOST_PATIENCE: u32 = 3;

impl Wait {
    /// How many paces until the next question: few questions about what cannot well be reached yet, and about what takes long. The first
    /// one comes at once. `shortest` is how long the shortest wait for the same took.
    pub fn patience(&self, now: Instant, pace: Duration, shortest: Option<Duration>) -> u32 {
        let at_least = match (shortest, self.goal) {
            (Some(shortest), _) => shortest.mul_f64(EARLY_PART),
            (None, Goal::Image) => pace * IMAGE_AT_LEAST,
            (None, Goal::Instance(_) | Goal::Snapshot | Goal::Volume { .. }) => Duration::ZERO,
        };
        if now.duration_since(self.since) + pace * EARLY <= at_least {
            return EARLY;
        }
        match now.duration_since(self.since).as_secs() {
            0..120 => 1,
            120..300 => 2,
            300..600 => 3,
            _ => 5,
        }
    }

    /// Takes a description; Some where the wait is over.
    pub fn take(&mut self, found: Found) -> Option<Answer> {
        self.missing = 0;
        self.trouble = None;
        let verdict = judge(&found, self.goal);
        self.seen = Some(found.clone());
        match verdict {
            Verdict::Reached => Some(Ok(found)),
            Verdict::Wait => None,
            Verdict::Failed(error) => Some(Err(error)),
        }
    }

    /// Takes an answer in which the id is missing.
    pub fn take_missing(&mut self, now: Instant) -> Option<Answer> {
        self.missing += 1;
        self.trouble = None;
        let waited = now.duration_since(self.since);
        match (&mut self.seen, self.goal) {
            (Some(Found::Instance(instance)), Goal::Instance(Want::Terminated)) => {
                instance.state = InstanceState::Terminated;
                self.seen.clone().map(Ok)
            }
            (Some(_), _) => (self.missing >= LOST_PATIENCE).then_some(Err(WaitError::Gone)),
            (None, Goal::Instance(Want::Terminated)) => (waited >= TERMINATED_PATIENCE).then_some(Err(WaitError::Gone)),
            (None, _) => (waited >= NOT_SEEN_PATIENCE).then_some(Err(WaitError::Gone)),
        }
    }

    /// What to say when the deadline passes.
    pub fn last(&self) -> String {
        let state = self.seen.as_ref().map_or_else(|| "not seen".to_owned(), state_of);
        match &self.trouble {
            Some(error) => format!("{state}`, the last question failed: `{error}"),
            None => state,
        }
    }
}

enum Verdict {
    Reached,
    Wait,
    Failed(WaitError),
}

fn judge(found: &Found, goal: Goal) -> Verdict {
    match found {
        Found::Instance(instance) => match goal {
            Goal::Instance(want) => judge_instance(instance, want),
            // Answers are matched by id, and an instance has no image's id.
            Goal::Image | Goal::Snapshot | Goal::Volume { .. } => Verdict::Wait,
        },
        Found::Image(image) => match image.state {
            ImageState::Available => Verdict::Reached,
            ImageState::Pending => Verdict::Wait,
            ImageState::Failed => failed(found, image.state_reason.clone()),
            ImageState::Gone => Verdict::Failed(WaitError::Gone),
        },
        Found::Snapshot(snapshot) => match snapshot.state.as_str() {
            "completed" => Verdict::Reached,
            "error" => failed(found, None),
            _ => Verdict::Wait,
        },
        Found::Volume(volume) => match (volume.state.as_str(), goal) {
            ("in-use", Goal::Volume { attached: true }) | ("available", Goal::Volume { attached: false }) => Verdict::Reached,
            ("error" | "deleting" | "deleted", _) => failed(found, None),
            _ => Verdict::Wait,
        },
    }
}

fn judge_instance(instance: &Instance, want: Want) -> Verdict {
    use InstanceState::{Pending, Running, ShuttingDown, Stopped, Stopping, Terminated};
    let failed = || failed(&Found::Instance(Box::new(instance.clone())), instance.state_reason.clone());
    match (want, instance.state) {
        (Want::Running, Running) | (Want::Stopped, Stopped) | (Want::Terminated, Terminated) => Verdict::Reached,
        (Want::Running, Pending) | (Want::Stopped, Pending | Running | Stopping) => Verdict::Wait,
        (Want::Terminated, Pending | Running | Stopping | Stopped | ShuttingDown) => Verdict::Wait,
        (Want::Running, Stopping | Stopped | ShuttingDown | Terminated) | (Want::Stopped, ShuttingDown | Terminated) => failed(),
    }
}

fn failed(found: &Found, reason: Option<String>) -> Verdict {
    Verdict::Failed(WaitError::Failed { state: state_of(found), reason })
}

fn state_of(found: &Found) -> String {
    match found {
        Found::Instance(instance) => match instance.state {
            InstanceState::Pending => "pending",
            InstanceState::Running => "running",
            InstanceState::Stopping => "stopping",
            InstanceState::Stopped => "stopped",
            InstanceState::ShuttingDown => "shutting-down",
            InstanceState::Terminated => "terminated",
        }
        .to_owned(),
        Found::Image(image) => match image.state {
            ImageState::Pending => "pending",
            ImageState::Available => "available",
            ImageState::Failed => "failed",
            ImageState::Gone => "deregistered",
        }
        .to_owned(),
        Found::Snapshot(snapshot) => match &snapshot.progress {
            Some(progress) => format!("{}, {progress}", snapshot.state),
            None => snapshot.state.clone(),
        },
        Found::Volume(volume) => volume.state.clone(),
    }
}
