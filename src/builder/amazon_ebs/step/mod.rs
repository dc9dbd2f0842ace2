//! The steps of a build, in their order; one file each. Each takes what it needs and returns a value that proves it ran.

pub mod attributes;
pub mod clear_keys;
pub mod connect;
pub mod copy;
pub mod create_image;
pub mod deregister;
pub mod key_pair;
pub mod launch;
pub mod let_go;
pub mod network;
pub mod prevalidate;
pub mod security_group;
pub mod source_image;
pub mod stop;
pub mod tags;

use amibake_ec2::{ImageId, Region};

use crate::builder::BuildError;
use crate::builder::amazon::call::{fail, failed_call};
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
