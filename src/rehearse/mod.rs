//! Rehearsals: the same plan, scheduler and builders, with the lab in place of EC2 and guests in place of instances.
//!
//! - [`plan`]: what of a plan must not happen in a rehearsal, taken out of it;
//! - [`machines`]: the lab's instances as guests ([`machines::GuestMachines`] is called by the lab, [`machines::Host`] does the work);
//!   `life`: one guest from launch to end;
//! - [`store`]: images on disk, for people and for later rehearsals;
//! - [`report`]: what a rehearsal found out, as data and as text.
//!
//! Invariant: nothing here knows AWS, and what a rehearsal makes lies in its output folder or is gone with it.

mod life;
pub mod machines;
pub mod plan;
pub mod report;
pub mod store;
