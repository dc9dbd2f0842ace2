//! What all of Packer's Amazon builders have in common: groups of keys with their checks, and how they become EC2 requests.
//!
//! - [`enhanced_networking`], [`lifespan`], [`fast_launch`]: what instance and image can do besides.
//! - [`access`], [`image`], [`run`], [`network`], [`source`], [`device`], [`polling`]: groups of template keys, flattened into a
//!   builder's configuration; each holds the checks that concern its own keys only.
//! - [`spot`], [`placement`], [`profile`]: parts of [`run`]: spot instances, reserved capacity and hosts, temporary instance profiles.
//! - [`session`]: Session Manager, by which an instance is reached that has no open port.
//! - [`capacity`]: what to do where EC2 has no room.
//! - [`tag`], [`filter`]: the two spellings of tags and filters, as a map and as a list of blocks.
//! - [`registered`]: what only an image registered of snapshots can be told.
//! - [`given`]: an empty value means "not given", everywhere.
//! - [`vault`], [`windows`]: credentials from Vault, logins of Windows.
//! - [`call`], [`site`], [`name`]: how steps talk to EC2, where, and names that no other build has.
//! - [`instance`]: the groups that concern a source instance; [`step`]: what builders do alike; [`artifact`]: the images that they leave.
//! - [`info`]: what `{{ .SourceAMI }}` and the like render to.
//!
//! Source of keys, defaults and checks: Packer 1.6.6 and the documentation of its amazon plugin up to 1.8.

pub mod access;
pub mod artifact;
pub mod call;
pub mod capacity;
pub mod device;
pub mod enhanced_networking;
pub mod fast_launch;
pub mod filter;
pub mod given;
pub mod image;
pub mod info;
pub mod instance;
pub mod kms;
pub mod lifespan;
pub mod name;
pub mod network;
pub mod placement;
pub mod polling;
pub mod profile;
pub mod registered;
pub mod run;
pub mod session;
pub mod site;
pub mod source;
pub mod spot;
pub mod step;
pub mod tag;
pub mod vault;
pub mod windows;
