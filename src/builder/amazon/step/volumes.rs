//! The volumes of a launch that are there to stay.

use amibake_ec2::model::{BlockDevice, Instance, InstanceVolume};

use super::launch::{Basis, launch_instance};
use crate::builder::BuildError;
use crate::builder::amazon::call::{ask, fail};
use crate::builder::amazon::instance::InstanceConfig;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;
use crate::engine::teardown::{BUILD_TAG, Lifetime, RUN_TAG, Resource};

/// Launches the source instance, whose mapped volumes are part of what the build leaves: those that outlive the instance go if the build
/// fails. Until the instance has named them they are owned by the run's tags.
///
/// # Errors
/// EC2 refuses, or the instance ends while it starts.
pub async fn launch_with_volumes(
    cx: &BuildContext,
    site: &Site,
    config: &InstanceConfig,
    basis: &Basis<'_>,
) -> Result<Instance, BuildError> {
    let own = |resource| cx.teardown.own(Some(&site.home), resource, Lifetime::Artifact).map_err(|error| fail(cx, error.to_string()));
    let by_tags = own(Resource::LaunchedVolumes)?;
    let instance = launch_instance(cx, site, config, basis).await?;
    for volume in kept(&instance, basis.devices) {
        own(Resource::Volume { id: volume.volume.clone() })?;
    }
    cx.teardown.release(by_tags);
    Ok(instance)
}

/// Mapped volumes that outlive their instance.
fn kept<'a>(instance: &'a Instance, devices: &'a [BlockDevice]) -> impl Iterator<Item = &'a InstanceVolume> {
    let mapped = |volume: &&InstanceVolume| devices.iter().any(|device| device.device_name == volume.device_name);
    instance.volumes.iter().filter(mapped).filter(|volume| !volume.delete_on_termination)
}

/// Takes the run's tags off the mapped volumes that outlive their instance, when the build has succeeded: from here on they are the user's,
/// and nothing that looks for leftovers may find them.
pub async fn hand_over(cx: &BuildContext, site: &Site, instance: &Instance, devices: &[BlockDevice]) {
    let kept: Vec<String> = kept(instance, devices).map(|volume| volume.volume.to_string()).collect();
    if kept.is_empty() {
        return;
    }
    let tags = cx.teardown.tags();
    if let Err(error) = ask(cx, || site.ec2().delete_tags(&kept, &tags)).await {
        let volumes = kept.join(" ");
        cx.report.say(format!(
            "Take the tags {RUN_TAG} and {BUILD_TAG} off {volumes}, or `amibake cleanup` will take them for leftovers some day: {error}"
        ));
    }
}

/// The volume under a device name.
///
/// # Errors
/// There is none.
pub fn volume_at<'a>(cx: &BuildContext, instance: &'a Instance, device: &str) -> Result<&'a InstanceVolume, BuildError> {
    let found = instance.volumes.iter().find(|volume| volume.device_name == device);
    found.ok_or_else(|| fail(cx, format!("Volume ID for device {device} not found: {} has no such volume", instance.id)))
}
