//! The SSH server in front of a guest: what the system's `ssh`, `scp` and `sftp` meet where an instance's sshd would be.
//!
//! - [`listen`]: the listening socket, who owns the connections, and the [`Door`] that shuts while the guest is off;
//! - [`login`]: who gets in, as sshd and a cloud image decide it;
//! - `connection`: one client: authentication, channels, requests; `algorithms`: what is offered to it;
//! - `session`: one channel from its first request to the end of its program; `relay` moves the bytes, `client` is the end that it
//!   moves them to, `inbox` holds what the
//!   program has not read yet, `terminal` is our side of a terminal, `exit` is how a program's end is told;
//! - `forward`: tunnels; `cut`: a connection that can be ended from outside;
//! - [`sftp`]: the program behind `subsystem sftp`, which runs inside the guest.
//!
//! Invariants: nothing is started outside of [`Guest::start`](crate::Guest::start); no task outlives [`SshServer::serve`]; a client
//! that does not read and a program that does not read cost a bounded amount of memory each.

mod algorithms;
mod client;
mod connection;
mod cut;
mod exit;
mod forward;
mod inbox;
pub mod listen;
pub mod login;
mod relay;
mod session;
pub mod sftp;
mod terminal;

pub use listen::{Door, SshServer};
pub use login::{Accepted, Login, Passwords};
