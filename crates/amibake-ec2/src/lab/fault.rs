//! Faults at chosen calls.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

/// What goes wrong, and where. The first fault that fits a call is used; those that are used up are forgotten.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Where.
    pub at: At,
    /// What.
    pub kind: Kind,
}

/// Which call. Counting starts at 1, with the first call after the lab was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The nth call of any kind.
    Call(usize),
    /// The nth call that changes something.
    Change(usize),
    /// The nth call of this name: `("RunInstances", 1)`.
    Operation(&'static str, usize),
    /// Each call of this name.
    Every(&'static str),
    /// Each call between two moments: a network that is down, credentials that are revoked and renewed.
    During(Instant, Instant),
}

/// What goes wrong.
#[derive(Clone)]
pub enum Kind {
    /// EC2 refuses with this code and message; no effect.
    Refuse(&'static str, &'static str),
    /// `RequestLimitExceeded`; no effect.
    Throttle,
    /// The request never arrives: no effect, the caller hears nothing.
    LoseRequest,
    /// The effect happens, the caller hears nothing.
    LoseReply,
    /// The call succeeds, what it began fails later, for this reason: an image becomes `failed`, an instance `terminated`.
    Spoil(&'static str),
    /// Runs when the call arrives, before its effect (cancel a token here).
    Before(Arc<dyn Fn() + Send + Sync>),
    /// Runs after the effect, before the reply.
    After(Arc<dyn Fn() + Send + Sync>),
}

impl Fault {
    /// A fault.
    pub fn new(at: At, kind: Kind) -> Self {
        Self { at, kind }
    }

    /// Runs `hook` when the call arrives, before its effect.
    pub fn before(at: At, hook: impl Fn() + Send + Sync + 'static) -> Self {
        Self::new(at, Kind::Before(Arc::new(hook)))
    }

    /// Runs `hook` after the call's effect, before its reply.
    pub fn after(at: At, hook: impl Fn() + Send + Sync + 'static) -> Self {
        Self::new(at, Kind::After(Arc::new(hook)))
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refuse(code, _) => code,
            Self::Throttle => "Throttle",
            Self::LoseRequest => "LoseRequest",
            Self::LoseReply => "LoseReply",
            Self::Spoil(reason) => reason,
            Self::Before(_) => "Before",
            Self::After(_) => "After",
        })
    }
}

/// The faults not used yet, and the counters that say where we are.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pending: Vec<Fault>,
}

/// Which call this is, by all countings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    pub(super) call: usize,
    /// None for calls that change nothing.
    pub(super) change: Option<usize>,
    pub(super) operation: (&'static str, usize),
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.pending.push(fault);
    }

    /// The fault of this call, if there is one.
    pub(super) fn take(&mut self, position: Position) -> Option<Kind> {
        let index = self.pending.iter().position(|fault| fault.at.is(position))?;
        match self.pending[index].at {
            At::Every(_) | At::During(..) => Some(self.pending[index].kind.clone()),
            At::Call(_) | At::Change(_) | At::Operation(..) => Some(self.pending.remove(index).kind),
        }
    }
}

impl At {
    fn is(self, position: Position) -> bool {
        match self {
            Self::Call(nth) => position.call == nth,
            Self::Change(nth) => position.change == Some(nth),
            Self::Operation(name, nth) => position.operation == (name, nth),
            Self::Every(name) => position.operation.0 == name,
            Self::During(from, until) => (from..until).contains(&Instant::now()),
        }
    }
}
