//! The steps of a build, in their order; one file each. Each takes what it needs and returns a value that proves it ran.

pub mod attributes;
pub mod clear_keys;
pub mod connect;
pub mod copy;
pub mod create_image;
pub mod deprecate;
pub mod deregister;
pub mod enhance;
pub mod fast_launch;
pub mod key_pair;
pub mod launch;
pub mod let_go;
pub mod network;
pub mod prevalidate;
pub mod protect;
pub mod security_group;
pub mod source_image;
pub mod stop;
pub mod tags;
pub mod windows_password;

use amibake_ec2::Region;

use crate::builder::BuildError;
use crate::builder::amazon::call::{fail, failed_call};
use crate::engine::context::BuildContext;
use crate::engine::teardown::CreateError;

/// Ends the build because something could not be made.
fn create_failed(cx: &BuildContext, what: &str, region: &Region, error: CreateError) -> BuildError {
    match error {
        CreateError::Ec2(error) | CreateError::Unknown { error, .. } => failed_call(cx, what, region, &error),
        CreateError::Journal(error) => fail(cx, format!("{what} in {region}: {error}")),
    }
}

/// Tells an error that was only returned so far.
pub(super) fn tell(cx: &BuildContext, error: BuildError) -> BuildError {
    if let BuildError::Failed(text) = &error {
        cx.report.error(text.clone());
    }
    error
}
