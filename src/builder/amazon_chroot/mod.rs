//! `amazon-chroot`: on an instance that already runs, attaches a volume, provisions it in a chroot, makes a snapshot of it and an image
//! of that. Nothing is launched.
//!
//! [`steps`] is the table of contents. [`host`], [`metadata`]: the machine that the build runs on; [`device`], [`volume`]: the volume, and
//! where it is on this machine; [`mounts`]: from the volume to a root directory and back; [`image`]: what is registered.
//!
//! Sources: the behaviour of Packer 1.6.6, and the requests of its amazon plugin up to 1.8.

pub mod config;
pub mod device;
pub mod host;
pub mod image;
pub mod metadata;
pub mod mounts;
pub mod volume;

use std::collections::BTreeMap;
use std::path::Path;

use amibake_ec2::model::{Access, Image, Instance, SnapshotChange};
use amibake_ec2::{InstanceId, Region};
use async_trait::async_trait;

pub use self::config::AmazonChroot;
use self::device::Device;
use self::host::{Host, ThisMachine};
use self::volume::WorkVolume;
use crate::artifact::Artifact;
use crate::builder::amazon::artifact::artifact;
use crate::builder::amazon::call::{ask, fail, go_on};
use crate::builder::amazon::given::given_list;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::network::NetworkConfig;
use crate::builder::amazon::site::Site;
use crate::builder::amazon::step;
use crate::builder::amazon::step::finish::Wishes;
use crate::builder::amazon::step::prevalidate::Wanted;
use crate::builder::amazon::step::snapshot::Plan;
use crate::builder::amazon::step::tags::ImageTags;
use crate::builder::{BuildError, Builder};
use crate::communicator::chroot::Chroot;
use crate::communicator::chroot::local::Local;
use crate::engine::context::BuildContext;
use crate::engine::teardown::ImageOrigin;

/// Packer's name of the builder, as manifests show it.
const BUILDER_ID: &str = "mitchellh.amazon.chroot";

#[async_trait]
impl Builder for AmazonChroot {
    async fn build(&self, cx: &mut BuildContext) -> Result<Option<Artifact>, BuildError> {
        if std::env::consts::OS != "linux" {
            return Err(fail(cx, "The amazon-chroot builder only works on Linux environments."));
        }
        steps(cx, self, &ThisMachine).await
    }

    fn place(&self) -> Option<(Access, Vec<Region>)> {
        Some((self.access.access(), given_list(&self.image.ami_regions).into_iter().map(Region::new).collect()))
    }
}

/// All of a build, in its order. `host` is the machine that it runs on.
///
/// # Errors
/// The first step that fails.
pub async fn steps(cx: &mut BuildContext, config: &AmazonChroot, host: &dyn Host) -> Result<Option<Artifact>, BuildError> {
    let site = Site::open(cx, &config.access, config.aws_polling.as_ref()).await?;
    cx.step("StepPreValidate").await;
    let network = NetworkConfig::default();
    step::prevalidate::prevalidate(cx, &site, Wanted { image: &config.image, network: &network, skip_create_ami: false }).await?;
    cx.step("StepInstanceInfo").await;
    let (instance, info) = look_around(cx, &site, config, host).await?;
    let tags = ImageTags::render(cx, &info, &config.image, &[])?;
    cx.step("StepCreateVolume").await;
    // Fails before anything is made where it would afterwards.
    device::choose(cx, host, config, &instance)?;
    let volume = volume::create(cx, &site, config, &info, &instance).await?;
    cx.step("StepAttachVolume").await;
    let device = volume::attach(cx, &site, (config, host), &volume, &instance).await?;
    provision(cx, &site, config, &info, (&volume, &device)).await?;
    let image = make_image(cx, &site, config, (&info, &tags), &volume).await?;
    cx.step("StepAMIRegionCopy").await;
    let images = step::copy::copy_image(cx, &site, &config.image, image).await?;
    let wishes = Wishes { config: &config.image, tags: &tags, fast_launch: None };
    step::finish::finish(cx, &site, wishes, &info, &images).await?;
    Ok(artifact(BUILDER_ID, site.account, &images, cx.late.build_data.clone()))
}

/// Which instance this is, and what to start from.
async fn look_around(cx: &BuildContext, site: &Site, config: &AmazonChroot, host: &dyn Host) -> Result<(Instance, BuildInfo), BuildError> {
    go_on(cx)?;
    cx.report.say("Gathering information about this EC2 instance...");
    let source = async {
        match config.from_scratch {
            true => Ok(None),
            false => step::source_image::search_source_image(cx, site, &config.source).await.map(Some),
        }
    };
    let (instance, source) = futures_util::join!(own_instance(cx, site, host), source);
    let (instance, source) = (instance?, source?);
    if let Some(image) = &source {
        cx.report.detail(format!("Found Image ID: {}", image.id));
        cx.report.say("Checking the root device on source AMI...");
        if image.root_device_type != "ebs" {
            return Err(fail(cx, "The root device of the source AMI must be EBS-backed."));
        }
    }
    Ok((instance, BuildInfo { region: site.region.to_string(), source }))
}

/// The instance that this program runs on.
async fn own_instance(cx: &BuildContext, site: &Site, host: &dyn Host) -> Result<Instance, BuildError> {
    const UNKNOWN: &str =
        "Error retrieving the ID of the instance Packer is running on.\nPlease verify Packer is running on a proper AWS EC2 instance.";
    let found = tokio::select! {
        biased;
        () = cx.cancel.cancelled() => return Err(BuildError::Cancelled),
        found = host.identity(&cx.late.host.env) => found,
    };
    let unknown = |why: String| fail(cx, format!("{UNKNOWN}\n({why})"));
    let identity = found.map_err(unknown)?;
    let id = InstanceId::new(identity.instance_id).map_err(|error| unknown(error.to_string()))?;
    if identity.region != site.region.as_str() {
        let text = format!(
            "Error getting instance data: this is {id} in {}, but the image is to be built in {}: a volume cannot be attached from one \
             region to another",
            identity.region, site.region
        );
        return Err(fail(cx, text));
    }
    let found = ask(cx, || site.ec2().describe_instances(std::slice::from_ref(&id), &[])).await;
    let found = found.map_err(|error| error.fail(cx, "Error getting instance data", &site.region))?;
    found.into_iter().next().ok_or_else(|| fail(cx, format!("Error getting instance data in {}: EC2 does not know {id}", site.region)))
}

/// Mounts the volume, runs the provisioners in it, and takes it out of this machine again.
async fn provision(
    cx: &mut BuildContext,
    site: &Site,
    config: &AmazonChroot,
    info: &BuildInfo,
    (volume, device): (&WorkVolume, &Device),
) -> Result<(), BuildError> {
    let local = Local::new(config.command_wrapper.as_ref().map(|wrapper| wrapper.0.as_str()), cx.late.clone());
    let mut data = BTreeMap::from([("Device", device.name.clone())]);
    cx.step("StepPreMountCommands").await;
    mounts::run_commands(cx, &local, "Running device setup commands...", &config.pre_mount_commands, &data).await?;
    cx.step("StepMountDevice").await;
    let kind = image::virtualization_type(config, info.source.as_ref());
    let root = mounts::mount_root(cx, &local, config, device, kind).await?;
    data.insert("MountPath", root.path.to_string_lossy().into_owned());
    cx.step("StepPostMountCommands").await;
    mounts::run_commands(cx, &local, "Running post-mount commands...", &config.post_mount_commands, &data).await?;
    cx.step("StepMountExtra").await;
    mounts::mount_extra(cx, &local, config, &root).await?;
    cx.step("StepCopyFiles").await;
    mounts::copy_files(cx, &local, config, &root).await?;
    let guest = Chroot::new(&root.path, local.clone());
    cx.provision(&guest, build_data(info, device, &root.path)).await?;
    cx.step("StepEarlyCleanup").await;
    mounts::take_out(cx, &local, config, &root).await?;
    volume::detach(cx, site, volume).await
}

/// What `` {{build `NAME`}} `` gives. There is no connection to tell about.
fn build_data(info: &BuildInfo, device: &Device, root: &Path) -> BTreeMap<String, String> {
    let none = ["Host", "User", "Password", "ConnType", "SSHPublicKey", "SSHPrivateKey"].map(|name| (name, String::new()));
    let own = [("Device", device.name.clone()), ("MountPath", root.to_string_lossy().into_owned()), ("Port", "0".to_owned())];
    let all = none.into_iter().chain(own).map(|(name, value)| (name.to_owned(), value));
    info.build_data().into_iter().chain(all).collect()
}

/// Makes the snapshot and the image of it; from then on it is the image's.
async fn make_image(
    cx: &mut BuildContext,
    site: &Site,
    config: &AmazonChroot,
    (info, tags): (&BuildInfo, &ImageTags),
    volume: &WorkVolume,
) -> Result<Image, BuildError> {
    cx.step("StepSnapshot").await;
    let source = info.source.as_ref();
    let plan = Plan {
        device: String::new(),
        volume: volume.id.clone(),
        description: None,
        tags: tags.snapshot.clone(),
        share: SnapshotChange::default(),
    };
    let taken = step::snapshot::take_snapshot(cx, site, &plan).await?;
    cx.step("StepDeregisterAMI").await;
    step::deregister::deregister_old(cx, site, &config.image).await?;
    cx.step("StepRegisterAMI").await;
    let request = image::request(config, source, &taken.id, tags.image.clone());
    let pending = step::register::register(cx, site, &config.image, request, ImageOrigin::Snapshots(vec![taken.id])).await?;
    let image = step::create_image::wait_for_image(cx, site, &pending).await?;
    cx.teardown.release(taken.entry);
    Ok(image)
}
