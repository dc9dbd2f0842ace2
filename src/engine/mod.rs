//! What every build leans on: context, teardown, waiting, limits, late rendering.
//!
//! - [`context`]: one build's view of the run; runs its provisioners. [`account`]: what builds of the same AWS account share.
//! - [`teardown`]: the explicit stack of what exists and must go; [`journal`]: the same on disk, for after a crash.
//! - [`known`]: answers, and [`groups`]: temporary groups, that builds side by side share.
//! - [`watcher`]: one poller per account and region for all builds' waits; [`limits`]: client-side request budgets.
//! - [`lookup`]: values of variables that a service keeps, fetched before anything is planned.
//! - [`late`]: strings that only a running build can render.

pub mod account;
pub mod context;
pub mod groups;
pub mod journal;
pub mod known;
pub mod late;
pub mod limits;
pub mod lookup;
pub mod teardown;
#[cfg(test)]
pub(crate) mod testing;
pub mod watcher;
