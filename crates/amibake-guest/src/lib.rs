//! Guests for rehearsals: machines on this machine that stand where EC2 instances would be.
//!
//! - [`guest`]: what a guest is ([`Guest`]) and who makes one ([`Backend`]);
//! - [`sandbox`]: Linux namespaces over a copy-on-write view of this machine's own programs; [`container`]: podman or docker;
//! - [`server`]: the SSH server in front of a guest; [`keys`]: the key pairs that it accepts;
//! - [`layer`]: what was changed in a guest, as a tar layer with a readable list;
//! - [`stage`]: what the program does instead of its own work when it was started as part of a guest.
//!
//! Invariant: whatever happens in a guest stays there. Nothing outside is written, no process outside is seen, no secret of this
//! machine is readable, and everything is gone when the guest's owner is gone, however it ended.

pub mod container;
pub mod guest;
pub mod keys;
pub mod layer;
pub mod sandbox;
pub mod server;
pub mod stage;

pub use guest::{Backend, Guest, GuestError, Spec};
