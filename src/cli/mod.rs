//! The command line: what the user typed, turned into one of the commands and its exit status.
//!
//! - [`entry`]: from the words of the command line to a command; [`args`]: the commands and flags, for clap; [`flags`]: Go's spelling of
//!   flags; [`usage`]: what to say about wrong ones.
//! - [`load`]: reads a template and its variables; [`findings`]: prints what is wrong with them; [`secrets`]: what must not be printed.
//! - One file a command: [`build`], [`validate`], [`inspect`], [`fix`], [`migrate`], [`fmt`], [`console`], [`version`], [`schema`]; [`init`] and [`plugins`],
//!   which old pipelines call.
//! - [`load`]: reads a template and its variables; [`lookups`]: fetches what variables want from services;
//!   [`findings`]: prints what is wrong with them; [`secrets`]: what must not be printed.
//! - One file a command: [`build`], [`validate`], [`inspect`], [`version`], [`schema`].
//! - One file a command: [`build`], [`validate`], [`inspect`], [`fmt`], [`console`], [`version`], [`schema`]; [`init`] and [`plugins`],
//! - [`terminal`]: the person at it, for `-debug` and `-on-error=ask`.
//!
//! Everything goes to standard output, errors too, as in Packer; standard error is for the log.

pub mod entry;

pub mod args;
pub mod flags;
pub mod usage;

pub mod findings;
pub mod load;
pub mod lookups;
pub mod secrets;

pub mod adopt;
pub mod build;
pub mod cleanup;
pub mod console;
pub mod diff;
pub mod fix;
pub mod fmt;
pub mod init;
pub mod inspect;
pub mod migrate;
pub mod plan;
pub mod plugins;
pub mod rehearse;
pub mod schema;
pub mod shelf;
pub mod validate;
pub mod version;

pub mod terminal;
