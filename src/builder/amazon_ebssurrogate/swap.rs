//! Puts the new root volume in the place of the instance's own, for `use_create_image`.

use amibake_ec2::model::InstanceVolume;
use futures_util::future::try_join_all;
use tokio::time::Instant;

use super::config::AmazonEbsSurrogate;
use crate::builder::BuildError;
use crate::builder::amazon::call::{CallError, ask, fail, go_on};
use crate::builder::amazon::site::Site;
use crate::builder::amazon::step::stop::Stopped;
use crate::builder::amazon::step::volumes::volume_at;
use crate::engine::context::BuildContext;
use crate::engine::teardown::{EntryId, Lifetime, Resource};
use crate::engine::watcher::WaitError;

/// The name under which most images have their root device; whatever is there goes too.
const USUAL_ROOT: &str = "/dev/sda1";

/// Detaches what the image is not to have and the old root volume, and attaches the new one as the root device. A volume that would
/// have gone with the instance is owned before it is detached.
///
/// # Errors
/// EC2 refuses, the volume is not there, time is up.
pub async fn swap_volumes(cx: &BuildContext, site: &Site, config: &AmazonEbsSurrogate, stopped: &Stopped) -> Result<(), BuildError> {
    go_on(cx)?;
    let root = &config.ami_root_device;
    let source = volume_at(cx, &stopped.instance, root.source())?;
    let goes = |volume: &&InstanceVolume| {
        let name = volume.device_name.as_str();
        let omitted = config.launch_block_device_mappings.iter().any(|one| one.omit_from_artifact && one.device.is_named(name));
        omitted || name == root.name() || name == root.source() || name == USUAL_ROOT
    };
    let detached: Vec<&InstanceVolume> = stopped.instance.volumes.iter().filter(goes).collect();
    let mut of_source: Option<EntryId> = None;
    for volume in detached.iter().filter(|volume| volume.delete_on_termination) {
        let owned = cx.teardown.own(Some(&site.home), Resource::Volume { id: volume.volume.clone() }, Lifetime::Build);
        let entry = owned.map_err(|error| fail(cx, error.to_string()))?;
        if volume.volume == source.volume {
            of_source = Some(entry);
        }
    }
    try_join_all(detached.iter().map(|volume| detach(cx, site, volume))).await?;
    attach(cx, site, config, stopped, source).await?;
    // From here on it goes with the instance again.
    if let Some(entry) = of_source {
        cx.teardown.release(entry);
    }
    Ok(())
}

async fn detach(cx: &BuildContext, site: &Site, volume: &InstanceVolume) -> Result<(), BuildError> {
    const WHAT: &str = "error detaching volume";
    let id = &volume.volume;
    cx.report.detail(format!("Detaching volume {id} ({})", volume.device_name));
    match ask(cx, || site.ec2().detach_volume(id)).await {
        // A lost reply's: it is detached.
        Err(CallError::Ec2(error)) if error.is("IncorrectState") => {}
        answer => answer.map_err(|error| error.fail(cx, WHAT, &site.region))?,
    }
    wait(cx, site, volume, false).await
}

async fn attach(
    cx: &BuildContext,
    site: &Site,
    config: &AmazonEbsSurrogate,
    stopped: &Stopped,
    source: &InstanceVolume,
) -> Result<(), BuildError> {
    let (id, instance, device) = (&source.volume, &stopped.instance.id, config.ami_root_device.name());
    cx.report.detail(format!("Attaching volume {id} as {device}"));
    match ask(cx, || site.ec2().attach_volume(id, instance, device)).await {
        // A lost reply's: whether it is attached to the right one, the image would show.
        Err(CallError::Ec2(error)) if error.is("VolumeInUse") => {}
        // The same, where EC2 looks at the device name first.
        Err(CallError::Ec2(error)) if error.is("InvalidParameterValue") && error.message.contains("already in use") => {}
        answer => answer.map_err(|error| error.fail(cx, "error attaching volume", &site.region))?,
    }
    wait(cx, site, source, true).await?;
    if source.delete_on_termination {
        let answer = ask(cx, || site.ec2().set_delete_on_termination(instance, device, true)).await;
        answer.map_err(|error| error.fail(cx, "error attaching volume", &site.region))?;
    }
    Ok(())
}

async fn wait(cx: &BuildContext, site: &Site, volume: &InstanceVolume, attached: bool) -> Result<(), BuildError> {
    let deadline = Instant::now() + site.polling.instance_limit();
    match site.home.watcher.volume(&volume.volume, attached, deadline, &cx.cancel).await {
        Ok(_) => Ok(()),
        Err(WaitError::Cancelled) => Err(BuildError::Cancelled),
        Err(error) => Err(fail(cx, format!("error waiting for volume: {} in {}: {error}", volume.volume, site.region))),
    }
}
