//! Guests made of Linux namespaces over a copy-on-write view of this machine's own programs. No root needed, nothing installed.
//!
//! The program runs itself again for what must happen inside ([`crate::stage`]). In the order of a guest's life:
//! - `backend`: [`Sandbox`], the owner of a run; `run`: the directory of a run and how it goes away; `ids`: who is who inside;
//! - `launch`: the owner's side of a stage; `fault`: what a stage says when it fails, and what would help;
//! - `job`: work on files as the guest's root: `base`, `system` and `stand_in` make what all guests share, `unpack` and
//!   `save` turn layers into files and back; `tree`: which directories are overlays, over what;
//! - `init`: from an ordinary process to the first process of a guest; `root`: its file systems; `limits`: what it may not do;
//!   `first`: that process afterwards;
//! - `machine`: a guest as its owner sees it; `inside`: reading its files without being led astray;
//! - `enter`: a session; `account`: users and groups; `sudo`: what the guest has for it.
//!
//! Who can reach what: a stage that still has rights over the guest is never visible in it, and never runs a program that the guest
//! could have changed. The guest sees this program only through a mount that cannot be written.

mod account;
mod backend;
mod base;
mod enter;
mod fault;
mod first;
mod ids;
mod init;
mod inside;
mod job;
mod launch;
mod limits;
mod machine;
mod root;
mod run;
mod save;
mod stand_in;
mod sudo;
mod system;
mod tree;
mod unpack;

pub use backend::{Options, Sandbox};
pub(crate) use job::stage;
