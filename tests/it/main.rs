//! Tests of the whole program, in one binary: a second one would link everything again.
//!
//! - `cases`: folders under tests/cases, one a command line; a new one needs no Rust.
//! - `packer`: what Packer itself printed for small templates, under tests/cases/packer.
//! - `command_line`: what folders cannot say (signals, closed pipes, the network left alone).
//! - `documents`: which documents are templates; `inspect`: real templates. Some of these compare with the real Packer (`real`).
//! - `beside`: cases that the real Packer must answer alike; `bytes`: text that goes through byte for byte.
//! - `console`: where its input is no pipe; `fmt`: what `fmt` leaves on the disk.
//! - `differential`: generated texts and templates, to Packer and to us.
//! - `ebs_config`: mistakes in an `amazon-ebs` builder.
//! - `ebs_build`, `ebs_faults`, `ebs_run`, `ebs_features`, `ebs_access`, `ebs_windows`: `amazon-ebs` on an EC2 in memory (`ebs_lab`).
//! - `ebs_siblings`: `amazon-ebssurrogate` and `amazon-ebsvolume`, as `ebs_build` and `ebs_config`.
//! - `ebs_session`: the guest reached through Session Manager, by a stand-in for AWS's program.
//! - `ebs_instance`: `amazon-instance`, in the same way.
//! - `faults`: the fault matrix, on that EC2; `trouble`: what else goes wrong on AWS, and what is done about it.
//! - `ebs_spot`, `ebs_spot_faults`: the same where the source instance is a spot instance, or asks for something rare.
//! - `import`: `amazon-import` on the lab.
//! - `chroot`: `amazon-chroot` on the lab; `chroot_real`: with real mounts (`chroot_host`: the machine that it runs on).
//! - `traces`: the same on the lab as recorded with Packer on a mock, or why not.
//! - `migrate`: files rewritten in place, real templates migrated.
//! - `guest`: provisioners on a real guest, as Packer was recorded on it.
//! - `ssh`: the communicator against a real sshd of this machine (`sshd`).
//! - `ssh_private`: what a connection shows and leaves on this machine.
//! - `shelf`: images afterwards: what is found, protected, removed.
//! - `plan`: the policy that `plan` prints, against what builds ask for.
//! - `rehearse`: rehearsals by the program itself.
//! - `corpus`: templates that people wrote, where there are any, against what Packer said of them.
//! - `mistakes`: twenty typical ones, and what is said about them.
//! - `editor`: what a person sees in an editor, by VS Code's own engine.
//! - `ebs_keys`, `fields`: every key of Packer's is in the schema and has a test that sees its effect.
//! - `schema`: the published JSON Schemas are what the types say.
//! - `lookup`: variables that ask Vault and Consul.
//! - `layers`: the architecture, read from the `use` lines.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may say so by panicking")]

mod beside;
mod bytes;
mod cases;
mod chroot;
mod chroot_host;
mod chroot_real;
mod command_line;
mod console;
mod corpus;
mod differential;
mod documents;
mod ebs_access;
mod ebs_build;
mod ebs_config;
mod ebs_faults;
mod ebs_features;
mod ebs_instance;
mod ebs_keys;
mod ebs_lab;
mod ebs_run;
mod ebs_session;
mod ebs_siblings;
mod ebs_spot;
mod ebs_spot_faults;
mod ebs_windows;
mod editor;
mod faults;
mod fields;
mod fmt;
mod guest;
mod import;
mod inspect;
mod layers;
mod lookup;
mod migrate;
mod mistakes;
mod packer;
mod plan;
mod program;
mod real;
mod rehearse;
mod schema;
mod shelf;
mod ssh;
mod ssh_private;
mod sshd;
mod traces;
mod trouble;
