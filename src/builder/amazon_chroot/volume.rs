//! The volume: made in the zone of this instance, attached to it.

use amibake_ec2::model::{CreateVolume, EbsDevice, Image, Instance};
use amibake_ec2::{SnapshotId, VolumeId};
use amibake_template::component::Given;
use tokio::time::Instant;

use super::config::AmazonChroot;
use super::device;
use super::device::Device;
use super::host::Host;
use crate::builder::BuildError;
use crate::builder::amazon::call::{CallError, ask, create_by_token, fail, go_on};
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::name::uuid;
use crate::builder::amazon::site::Site;
use crate::builder::amazon::step;
use crate::builder::amazon::tag::render_tags;
use crate::engine::context::BuildContext;
use crate::engine::teardown::{Attached, EntryId, Lifetime, Resource};
use crate::engine::watcher::WaitError;

/// The volume that the build works on.
#[derive(Debug, Clone)]
pub struct WorkVolume {
    /// Its id.
    pub id: VolumeId,
    /// Its place on the teardown stack.
    pub entry: EntryId,
}

/// Makes the volume and waits for it.
///
/// # Errors
/// No root device in the source image, EC2 refuses, time is up.
pub async fn create(
    cx: &BuildContext,
    site: &Site,
    config: &AmazonChroot,
    info: &BuildInfo,
    instance: &Instance,
) -> Result<WorkVolume, BuildError> {
    go_on(cx)?;
    cx.report.say("Creating the root volume...");
    let mut request = match &info.source {
        Some(source) => from_source(cx, config, source)?,
        None => from_scratch(config),
    };
    request.availability_zone = instance.availability_zone.clone().unwrap_or_default();
    request.client_token = uuid(cx, "root volume");
    request.tags = render_tags(&cx.late, info, &config.root_volume_tags, &config.root_volume_tag).map_err(|error| step::tell(cx, error))?;
    for tag in &request.tags {
        cx.report.detail(format!("Adding tag: \"{}\": \"{}\"", tag.key, tag.value));
    }
    request.tags.extend(cx.teardown.tags());
    let call = create_by_token(|| site.ec2().create_volume(request.clone()));
    let made = cx.teardown.create(&site.home, Resource::work_volume(), Lifetime::Build, call).await;
    let (id, entry) = made.map_err(|error| step::create_failed(cx, "Error creating root volume", &site.region, error))?;
    wait(cx, site, &id, false).await?;
    Ok(WorkVolume { id, entry })
}

/// The disk that an image starts from.
pub fn root_device(image: &Image) -> Option<&EbsDevice> {
    let root = image.root_device_name.as_deref()?;
    image.block_devices.iter().find(|device| device.device_name == root)?.ebs.as_ref()
}

fn from_source(cx: &BuildContext, config: &AmazonChroot, source: &Image) -> Result<CreateVolume, BuildError> {
    let root = root_device(source).ok_or_else(|| fail(cx, "Couldn't find root device!"))?;
    let snapshot = root.snapshot_id.as_deref().map(SnapshotId::new).transpose();
    let other = config.root_volume_type.given().filter(|kind| root.volume_type.as_deref() != Some(kind));
    if let Some(kind @ ("io1" | "io2")) = other {
        let was = root.volume_type.as_deref().unwrap_or("unknown");
        return Err(fail(cx, format!("Root volume type cannot be {kind}, because existing root volume type was {was}")));
    }
    let encrypted = config.root_volume_encrypt_boot.is_true() || root.encrypted == Some(true);
    let key = config.root_volume_kms_key_id.given().or(root.kms_key_id.as_deref());
    Ok(CreateVolume {
        snapshot: snapshot.map_err(|error| fail(cx, format!("Error creating root volume: {error}")))?,
        size: root.volume_size.max(Some(config.root_volume_size).filter(|size| *size > 0)),
        volume_type: other.map(str::to_owned).or_else(|| root.volume_type.clone()),
        // What is provisioned for one type means nothing for another.
        iops: root.iops.filter(|_| other.is_none() && matches!(root.volume_type.as_deref(), Some("io1" | "io2" | "gp3"))),
        throughput: root.throughput.filter(|_| other.is_none()),
        encrypted: encrypted.then_some(true),
        kms_key_id: key.filter(|_| encrypted).map(str::to_owned),
        ..CreateVolume::default()
    })
}

fn from_scratch(config: &AmazonChroot) -> CreateVolume {
    let encrypted = config.root_volume_encrypt_boot.is_true();
    CreateVolume {
        size: Some(config.root_volume_size),
        volume_type: Some(config.root_volume_type.given().unwrap_or("gp2").to_owned()),
        encrypted: encrypted.then_some(true),
        kms_key_id: config.root_volume_kms_key_id.given().filter(|_| encrypted).map(str::to_owned),
        ..CreateVolume::default()
    }
}

/// Chooses a device, attaches the volume to it and waits until this machine shows it; one build of this machine at a time.
///
/// # Errors
/// No free device, EC2 refuses, the device does not appear.
pub async fn attach(
    cx: &BuildContext,
    site: &Site,
    (config, host): (&AmazonChroot, &dyn Host),
    volume: &WorkVolume,
    instance: &Instance,
) -> Result<Device, BuildError> {
    const WHAT: &str = "Error attaching volume";
    // Given up at the end of this function, however it ends.
    let _lock = device::lock(cx, host).await?;
    let now = describe(cx, site, instance).await?;
    let name = device::choose(cx, host, config, &now)?;
    let (id, at) = (&volume.id, device::at_ec2(&name));
    go_on(cx)?;
    cx.report.say(format!("Attaching the root volume to {at}"));
    cx.teardown.complete(volume.entry, &Attached(true));
    match ask(cx, || site.ec2().attach_volume(id, &instance.id, &at)).await {
        // A lost reply's: nobody else knows the volume.
        Err(CallError::Ec2(error)) if error.is("VolumeInUse") => {}
        Err(CallError::Ec2(error)) if is_ours_already(cx, site, instance, id, &error).await => {}
        answer => answer.map_err(|error| error.fail(cx, WHAT, &site.region))?,
    }
    wait(cx, site, id, true).await?;
    device::appeared(cx, host, config, id, name).await
}

/// Where a lost reply attached the volume, EC2 may look at the device's name first and call that in use.
async fn is_ours_already(cx: &BuildContext, site: &Site, instance: &Instance, id: &VolumeId, error: &amibake_ec2::Ec2Error) -> bool {
    if !error.is("InvalidParameterValue") || !error.message.contains("already in use") {
        return false;
    }
    let found = ask(cx, || site.ec2().describe_instances(std::slice::from_ref(&instance.id), &[])).await;
    found.is_ok_and(|found| found.iter().flat_map(|instance| &instance.volumes).any(|volume| volume.volume == *id))
}

/// The instance as it is now.
async fn describe(cx: &BuildContext, site: &Site, instance: &Instance) -> Result<Instance, BuildError> {
    let found = ask(cx, || site.ec2().describe_instances(std::slice::from_ref(&instance.id), &[])).await;
    let found = found.map_err(|error| error.fail(cx, "Error getting instance data", &site.region))?;
    Ok(found.into_iter().next().unwrap_or_else(|| instance.clone()))
}

/// Detaches the volume, so that its snapshot is whole.
///
/// # Errors
/// EC2 refuses, time is up.
pub async fn detach(cx: &BuildContext, site: &Site, volume: &WorkVolume) -> Result<(), BuildError> {
    go_on(cx)?;
    let deadline = Instant::now() + site.polling.instance_limit();
    let done = cx.teardown.detach(&site.home, &volume.id, deadline).await;
    done.map_err(|why| fail(cx, format!("Error detaching EBS volume in {}: {why}", site.region)))?;
    cx.teardown.complete(volume.entry, &Attached(false));
    Ok(())
}

async fn wait(cx: &BuildContext, site: &Site, id: &VolumeId, attached: bool) -> Result<(), BuildError> {
    let deadline = Instant::now() + site.polling.instance_limit();
    match site.home.watcher.volume(id, attached, deadline, &cx.cancel).await {
        Ok(_) => Ok(()),
        Err(WaitError::Cancelled) => Err(BuildError::Cancelled),
        Err(error) => Err(fail(cx, format!("Error waiting for volume {id} in {}: {error}", site.region))),
    }
}
