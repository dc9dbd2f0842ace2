//! An EC2 in memory: every account, region and image of it is made up, its rules are EC2's.
//!
//! Read in this order:
//! - [`Lab`]: what a test or a rehearsal holds; [`Options`] and [`Times`]: how the lab is set up;
//! - [`fault`]: refusals, lost replies and hooks at a chosen call; `calls`: what was asked, in EC2's parameter names;
//! - [`record`]: what the lab knows about each thing, for assertions;
//! - [`images`]: images as `aws ec2 describe-images` prints them;
//! - `world`, `launch`, `checks`, `mapping`, `image`, `attributes`, `network`, `storage`, `tags`, `features`:
//!   the rules, one EC2 topic a file, plain synchronous functions;
//! - `spot`, `place_options`, `identities`, `sessions`: fleets, what few launches ask for, IAM, Session Manager;
//! - `assume`, `stand_in`, `fit`: what a rehearsal takes to exist, since it has no account to ask;
//! - `service`: the [`crate::Ec2`] trait on top, the only async part; `catalogue`: the public images and the regions.
//!
//! Invariants: time is tokio's clock and nothing else, so a paused test waits an hour in no time; ids are made from a
//! counter, so two runs that ask the same things see the same ids; nothing here opens a file or a socket.
//! Codes and messages are EC2's own where they are public, else marked in a comment.

mod assume;
mod attributes;
pub mod bundle;
mod calls;
mod catalogue;
mod checks;
mod disks;
pub mod fault;
mod features;
mod filter;
mod fit;
mod identities;
mod image;
pub mod images;
mod imports;
mod instance_type;
mod key_pair;
mod launch;
mod limits;
pub mod machines;
mod mapping;
mod network;
mod objects;
mod options;
mod place_options;
mod platform;
pub mod record;
mod refusal;
mod service;
mod service_iam;
mod service_s3;
mod sessions;
mod spot;
mod stand_in;
mod storage;
mod tags;
mod usage;
mod volumes;
mod world;

pub use assume::Assumption;
pub use calls::{Call, Parameters};
pub use fault::{At, Fault, Kind};
pub use features::{Features, NetworkFeatures, Protection, WindowsPassword};
pub use identities::{ProfileRecord, RoleRecord};
pub use machines::{KeyMaterial, Machine, MachineKey, Machines, Progress};
pub use objects::ObjectRecord;
pub use options::{Options, Times};
pub use platform::Platform;
pub use service::Lab;
pub use world::Inventory;
