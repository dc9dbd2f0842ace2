//! What a build will ask of AWS, found out by building: the same scheduler, builders and teardown as in `build`, on the lab, with a clock
//! that jumps and with nobody where the guest would be. There is no second description of the calls that could fall behind the first.
//!
//! - [`run`]: a build to its end, and again with an interrupt and a lost reply at each change, for the calls of cleaning up;
//! - [`call`]: calls in words that hold for every run: what only AWS or the time of the build decides stands in `<angle brackets>`;
//! - [`ask`]: EC2's own answers about them, by DryRun;
//! - [`policy`]: the smallest IAM policy that allows these calls.

pub mod ask;
pub mod call;
pub mod policy;
pub mod run;

pub use call::PlannedCall;
pub use run::{BuildForecast, Question, forecast};
