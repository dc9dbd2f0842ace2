//! SSH by the system's `ssh`, over one multiplexed connection a build.
//!
//! - [`config`]: what a builder says ([`SshConfig`]), and the private `ssh_config` made of it;
//! - [`mod@connect`]: waits for the guest ([`connect::connect`]) and says why it waits;
//! - [`master`]: the one `ssh` process of a connection; it dies with us;
//! - [`lasting`]: the connection as provisioners see it, opened again after a restart of the guest;
//! - [`channel`]: running a command on the guest; [`relay`]: its output, as events;
//! - [`transfer`]: files and directories, by [`archive`] (tar streams); [`quote`]: paths on a remote command line.
//!
//! Neither the user's nor the system's ssh configuration is read, as Packer reads neither. Secrets never stand on a command line or
//! in an environment: they lie in files of mode 0600 in a directory of mode 0700 until the connection stands.

pub mod archive;
pub mod channel;
pub mod config;
pub mod connect;
pub mod lasting;
pub mod master;
pub mod quote;
pub mod relay;
pub mod transfer;

pub use config::{Address, Bastion, Login, PrivateKey, SshConfig};
pub use connect::{ConnectError, HostSource, NoAddress, connect};
pub use lasting::SshCommunicator;
