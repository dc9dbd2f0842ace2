//! Guests in containers of podman or docker: for machines that cannot have sandboxes, and for templates that need their image's own
//! system.
//!
//! - `backend`: [`Container`], which finds a runtime and boots guests; start there;
//! - `runtime`: podman or docker, and how they are asked; `owner`: whose containers those are, and the sweep of dead owners' ones;
//! - `base`: the image that a guest starts from: the one asked for, the layers of earlier rehearsals, and what a cloud image has and a
//!   container image has not (`prepare.sh`);
//! - `machine`: a guest; `session`: a program in it; `save`: what was changed in it.
//!
//! Invariant: a container ends when the process that owns it ends, however that happens, because its first process reads from a pipe
//! that only the owner holds. Its files are removed then, or by the next owner.

mod backend;
mod base;
mod machine;
mod owner;
mod runtime;
mod save;
mod session;

pub use backend::{Container, Options};
