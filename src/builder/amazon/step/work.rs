//! The middle of every build whose instance is stopped in the end: reaching the guest, working on it, stopping it.

use amibake_ec2::model::Instance;

use super::connect::{Connect, connect};
use super::enhance::enhance;
use super::key_pair::LoginKey;
use super::provision::provision;
use super::stop::{Stopped, stop_instance};
use super::windows_password::windows_password;
use crate::builder::BuildError;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::instance::InstanceConfig;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;

/// Provisions the instance and stops it; what is changed on a stopped instance only is changed then. `by` is how the guest is reached.
///
/// # Errors
/// The guest is not reached, a provisioner fails, the instance does not stop, EC2 refuses a change.
pub async fn work(
    cx: &mut BuildContext,
    site: &Site,
    config: &InstanceConfig,
    info: &BuildInfo,
    (instance, key, by): (Instance, &mut LoginKey, &dyn Connect),
) -> Result<Stopped, BuildError> {
    cx.step("StepGetPassword").await;
    key.windows_password = windows_password(cx, site, config, (&instance, key)).await?;
    cx.step("StepConnect").await;
    let connected = connect(cx, site, config, (&instance, key), by).await?;
    provision(cx, &config.communicator, info, (&instance, key), connected).await?;
    cx.step("StepStopEBSBackedInstance").await;
    let stopped = stop_instance(cx, site, config, instance).await?;
    cx.step("StepModifyEBSBackedInstance").await;
    enhance(cx, site, config, &stopped).await?;
    Ok(stopped)
}
