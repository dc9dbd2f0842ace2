//! `amazon-ebssurrogate`: launches an instance with further volumes, provisions it, stops it, makes an image of these volumes.
//!
//! [`steps`] is the table of contents. The image is registered of snapshots of the volumes, or, with `use_create_image`, made of the
//! instance after its root volume was swapped. Sources: the behaviour of Packer 1.6.6, and the requests of its amazon plugin up to 1.8.

pub mod config;
mod register;
mod root;
mod swap;

use std::collections::BTreeMap;

use amibake_ec2::Region;
use amibake_ec2::model::{Access, BlockDeviceTarget, Image, SnapshotChange, Tag};
use async_trait::async_trait;

pub use self::config::AmazonEbsSurrogate;
use crate::artifact::Artifact;
use crate::builder::amazon::artifact::artifact;
use crate::builder::amazon::given::given_list;
use crate::builder::amazon::site::Site;
use crate::builder::amazon::step;
use crate::builder::amazon::step::connect::{BySsh, Connect};
use crate::builder::amazon::step::create_image::Made;
use crate::builder::amazon::step::finish::Wishes;
use crate::builder::amazon::step::key_pair::LoginKey;
use crate::builder::amazon::step::launch::{Basis, LaunchTags, Purpose};
use crate::builder::amazon::step::prevalidate::Wanted;
use crate::builder::amazon::step::security_group::GroupsInUse;
use crate::builder::amazon::step::snapshot::Plan;
use crate::builder::amazon::step::stop::Stopped;
use crate::builder::amazon::step::tags::ImageTags;
use crate::builder::amazon::step::volumes::volume_at;
use crate::builder::{BuildError, Builder};
use crate::engine::context::BuildContext;
use crate::engine::teardown::ImageOrigin;

/// Packer's name of the builder, as manifests show it.
const BUILDER_ID: &str = "mitchellh.amazon.ebssurrogate";

#[async_trait]
impl Builder for AmazonEbsSurrogate {
    async fn build(&self, cx: &mut BuildContext) -> Result<Option<Artifact>, BuildError> {
        steps(cx, self, &BySsh).await
    }

    fn place(&self) -> Option<(Access, Vec<Region>)> {
        Some((self.access.access(), given_list(&self.image.ami_regions).into_iter().map(Region::new).collect()))
    }
}

/// All of a build, in its order. `by` is how the guest is reached.
///
/// # Errors
/// The first step that fails.
pub async fn steps(cx: &mut BuildContext, config: &AmazonEbsSurrogate, by: &dyn Connect) -> Result<Option<Artifact>, BuildError> {
    let site = Site::open(cx, &config.access, config.instance.aws_polling.as_ref()).await?;
    cx.step("StepPreValidate").await;
    let wanted = Wanted { image: &config.image, network: &config.instance.network, skip_create_ami: false };
    let (info, source, network) = step::look_around::look_around(cx, &site, &config.instance, Some(wanted)).await?;
    let tags = LaunchTags::render(cx, &info, &config.instance.run, &config.volume_tag_blocks())?;
    let image_tags = ImageTags::render(cx, &info, &config.image, inherited(config, &tags))?;
    cx.step("StepKeyPair").await;
    let (mut key, groups, profile) = step::let_in::let_in(cx, &site, &config.instance, (&source, &network), &tags.run).await?;
    cx.step("StepRunSourceInstance").await;
    let devices = config.launch_devices();
    let basis = Basis {
        source: &source,
        network: &network,
        key: &key,
        groups: &groups,
        profile: &profile,
        tags: &tags,
        devices: &devices,
        purpose: Purpose::Stopped,
    };
    let instance = step::volumes::launch_with_volumes(cx, &site, &config.instance, &basis).await?;
    let stopped = step::work::work(cx, &site, &config.instance, &info, (instance, &mut key, by)).await?;
    let image = match config.use_create_image {
        true => create(cx, &site, config, &image_tags, (&stopped, &key, &groups)).await?,
        false => register(cx, &site, config, &image_tags, (&stopped, &key, &groups)).await?,
    };
    cx.step("StepAMIRegionCopy").await;
    let images = step::copy::copy_image(cx, &site, &config.image, image).await?;
    let wishes = Wishes { config: &config.image, tags: &image_tags, fast_launch: None };
    step::finish::finish(cx, &site, wishes, &info, &images).await?;
    step::volumes::hand_over(cx, &site, &stopped.instance, &devices).await;
    Ok(artifact(BUILDER_ID, site.account, &images, cx.late.build_data.clone()))
}

/// The tags that the image has from its run: a registered one has none.
fn inherited<'a>(config: &AmazonEbsSurrogate, tags: &'a LaunchTags) -> &'a [Tag] {
    if config.use_create_image && !config.skip_ami_run_tags { &tags.run } else { &[] }
}

/// Makes the image of the instance, whose root volume is swapped before.
async fn create(
    cx: &mut BuildContext,
    site: &Site,
    config: &AmazonEbsSurrogate,
    tags: &ImageTags,
    (stopped, key, groups): (&Stopped, &LoginKey, &GroupsInUse),
) -> Result<Image, BuildError> {
    cx.step("StepSwapVolumes").await;
    swap::swap_volumes(cx, site, config, stopped).await?;
    cx.step("StepDeregisterAMI").await;
    step::deregister::deregister_old(cx, site, &config.image).await?;
    cx.step("StepCreateAMI").await;
    let made = Made::of(stopped, config.image_devices(&BTreeMap::new()), tags.image.clone());
    let pending = step::create_image::create_image(cx, site, &config.image, made).await?;
    step::let_go::meanwhile(cx, site, (&stopped.instance, key, groups), step::create_image::wait_for_image(cx, site, &pending)).await
}

/// Makes snapshots of the volumes and registers the image of them; from then on they are the image's.
async fn register(
    cx: &mut BuildContext,
    site: &Site,
    config: &AmazonEbsSurrogate,
    tags: &ImageTags,
    (stopped, key, groups): (&Stopped, &LoginKey, &GroupsInUse),
) -> Result<Image, BuildError> {
    cx.step("StepSnapshotVolumes").await;
    let plans = snapshot_plans(cx, config, &tags.snapshot, stopped)?;
    let in_use = (&stopped.instance, key, groups);
    let snapshots = step::let_go::meanwhile(cx, site, in_use, step::snapshot::take_snapshots(cx, site, &plans)).await?;
    cx.step("StepDeregisterAMI").await;
    step::deregister::deregister_old(cx, site, &config.image).await?;
    cx.step("StepRegisterAMI").await;
    let request = register::request(config, &snapshots, tags.image.clone());
    let origin = ImageOrigin::Snapshots(snapshots.iter().map(|taken| taken.id.clone()).collect());
    let pending = step::register::register(cx, site, &config.image, request, origin).await?;
    let image = step::create_image::wait_for_image(cx, site, &pending).await?;
    for taken in &snapshots {
        cx.teardown.release(taken.entry);
    }
    Ok(image)
}

/// A snapshot of each volume that the image gets. An instance store or a suppressed device has none.
fn snapshot_plans(cx: &BuildContext, config: &AmazonEbsSurrogate, tags: &[Tag], stopped: &Stopped) -> Result<Vec<Plan>, BuildError> {
    let volumes = config.kept_devices().filter(|device| matches!(device.target, BlockDeviceTarget::Ebs(_)));
    let plan = |device: amibake_ec2::model::BlockDevice| {
        Ok(Plan {
            volume: volume_at(cx, &stopped.instance, &device.device_name)?.volume.clone(),
            device: device.device_name,
            description: config.snapshot_description.clone().filter(|text| !text.is_empty()),
            tags: tags.to_vec(),
            share: SnapshotChange::default(),
        })
    };
    volumes.map(plan).collect()
}
