//! The SSH server, with the system's `ssh`, `scp` and `sftp`.

mod channels;
mod files;
mod here;
mod login;
mod power;
pub mod served;
mod terminals;
