//! The program behind `subsystem sftp`: version 3 of the protocol, as OpenSSH's `sftp-server` speaks it, on standard input and output.
//!
//! It runs inside the guest, as the user that logged in, and is ordinary blocking code: its process starts without a runtime, and
//! every right that it has is its user's.
//!
//! - `serve`: reads requests, writes answers; start there. `answer`: one answer for each request;
//! - `open`: files and folders that a client has open; `attributes`: what is told about a file, and set;
//! - `wire`: numbers and strings as they are sent.
//!
//! Source: draft-ietf-secsh-filexfer-02, and the PROTOCOL file of OpenSSH for its extensions and for the order of `symlink`'s arguments.

mod answer;
mod attributes;
mod listing;
mod open;
mod serve;
mod wire;

pub use serve::serve_stdio;
