//! Steps that Amazon builders share; one file each. Each takes the groups of keys that it needs, not a builder's configuration, and returns
//! a value that proves it ran. A builder's `mod.rs` puts them into its order.

pub mod attributes;
pub mod clear_keys;
pub mod connect;
pub mod copy;
pub mod create_image;
pub mod deprecate;
pub mod deregister;
pub mod enhance;
pub mod fast_launch;
pub mod finish;
pub mod key_pair;
pub mod launch;
pub mod let_go;
pub mod let_in;
pub mod look_around;
pub mod network;
pub mod own_address;
pub mod prevalidate;
pub mod profile;
pub mod progress;
pub mod protect;
pub mod provision;
pub mod register;
pub mod security_group;
pub mod snapshot;
pub mod source_image;
pub mod spot;
pub mod stop;
pub mod tags;
pub mod volumes;
pub mod windows_password;
pub mod work;

use amibake_ec2::{ImageId, Region};

use crate::builder::BuildError;
use crate::builder::amazon::call::{fail, failed_call};
use crate::builder::amazon::capacity::with_advice;
use crate::engine::context::BuildContext;
use crate::engine::teardown::CreateError;

/// Lets the images stay that AWS may still finish: an hour of AWS's work is not thrown away because it took longer than a template
/// allows. What the error says then.
fn not_finished_in_time(cx: &BuildContext, what: &str, image: &ImageId) -> String {
    cx.teardown.keep_images();
    let adopt = cx.teardown.adopt_command(image);
    let remove = cx.teardown.cleanup_command().map(|command| format!("; to remove it: {command}")).unwrap_or_default();
    format!("{what}. AWS may still finish it, so it stays; to do the rest then: {adopt}{remove}")
}

/// Ends the build because something could not be made.
pub fn create_failed(cx: &BuildContext, what: &str, region: &Region, error: CreateError) -> BuildError {
    match error {
        CreateError::Ec2(error) | CreateError::Unknown { error, .. } => failed_call(cx, what, region, &with_advice(error)),
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
