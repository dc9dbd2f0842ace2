//! Steps that Amazon builders share; one file each. Each takes the groups of keys that it needs, not a builder's configuration, and returns
//! a value that proves it ran. A builder's `mod.rs` puts them into its order.

pub mod attributes;
pub mod clear_keys;
pub mod connect;
pub mod copy;
pub mod create_image;
pub mod deregister;
pub mod key_pair;
pub mod launch;
pub mod let_go;
pub mod let_in;
pub mod look_around;
pub mod network;
pub mod prevalidate;
pub mod progress;
pub mod provision;
pub mod register;
pub mod security_group;
pub mod snapshot;
pub mod source_image;
pub mod stop;
pub mod tags;
pub mod volumes;

use amibake_ec2::Region;

use crate::builder::BuildError;
use crate::builder::amazon::call::{fail, failed_call};
use crate::engine::context::BuildContext;
use crate::engine::teardown::CreateError;

/// Ends the build because something could not be made.
pub fn create_failed(cx: &BuildContext, what: &str, region: &Region, error: CreateError) -> BuildError {
    match error {
        CreateError::Ec2(error) | CreateError::Unknown { error, .. } => failed_call(cx, what, region, &error),
        CreateError::Journal(error) => fail(cx, format!("{what} in {region}: {error}")),
    }
}

/// Tells an error that was only returned so far.
pub fn tell(cx: &BuildContext, error: BuildError) -> BuildError {
    if let BuildError::Failed(text) = &error {
        cx.report.error(text.clone());
    }
    error
}
