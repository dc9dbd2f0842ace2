//! `amazon-ebs`: launches an instance of a source image, provisions it, stops it, makes an image of it.
//!
//! [`steps`] is the table of contents. What a step creates is owned by teardown before the next thing can fail; nothing here deletes on
//! its way out. Sources: the behaviour of Packer 1.6.6, and the requests of its amazon plugin up to 1.8.

pub mod adopt;
pub mod config;

use amibake_ec2::Region;
use amibake_ec2::model::{Access, Tag};
use async_trait::async_trait;

pub use self::config::AmazonEbs;
use crate::artifact::Artifact;
use crate::builder::amazon::artifact::artifact;
use crate::builder::amazon::given::given_list;
use crate::builder::amazon::site::Site;
use crate::builder::amazon::step;
use crate::builder::amazon::step::connect::{BySsh, Connect};
use crate::builder::amazon::step::create_image::Made;
use crate::builder::amazon::step::finish::Wishes;
use crate::builder::amazon::step::launch::{Basis, LaunchTags, Purpose};
use crate::builder::amazon::step::prevalidate::Wanted;
use crate::builder::amazon::step::tags::ImageTags;
use crate::builder::{Adopted, BuildError, Builder};
use crate::engine::context::BuildContext;

/// Packer's name of the builder, as manifests show it.
const BUILDER_ID: &str = "mitchellh.amazonebs";

#[async_trait]
impl Builder for AmazonEbs {
    async fn build(&self, cx: &mut BuildContext) -> Result<Option<Artifact>, BuildError> {
        steps(cx, self, &BySsh).await
    }

    async fn adopt(&self, cx: &mut BuildContext, image: &Adopted) -> Result<Option<Artifact>, BuildError> {
        adopt::adopt(cx, self, image).await
    }

    fn place(&self) -> Option<(Access, Vec<Region>)> {
        Some((self.access.access(), given_list(&self.image.ami_regions).into_iter().map(Region::new).collect()))
    }
}

/// All of a build, in its order. `by` is how the guest is reached.
///
/// # Errors
/// The first step that fails.
pub async fn steps(cx: &mut BuildContext, config: &AmazonEbs, by: &dyn Connect) -> Result<Option<Artifact>, BuildError> {
    let site = Site::open(cx, &config.access, config.instance.aws_polling.as_ref()).await?;
    cx.step("StepPreValidate").await;
    let wanted = Wanted { image: &config.image, network: &config.instance.network, skip_create_ami: config.skip_create_ami };
    let (info, source, network) = step::look_around::look_around(cx, &site, &config.instance, Some(wanted)).await?;
    let templates = step::fast_launch::prepare(cx, &site, config.fast_launch.as_ref(), &config.image, &source).await?;
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
    let instance = step::launch::launch_instance(cx, &site, &config.instance, &basis).await?;
    let stopped = step::work::work(cx, &site, &config.instance, &info, (instance, &mut key, by)).await?;
    if config.skip_create_ami {
        cx.report.say("Skipping AMI creation...");
        step::volumes::hand_over(cx, &site, &stopped.instance, &devices).await;
        return Ok(None);
    }
    cx.step("StepDeregisterAMI").await;
    step::deregister::deregister_old(cx, &site, &config.image).await?;
    cx.step("stepCreateAMI").await;
    let made = Made::of(&stopped, config.devices.image_devices(), image_tags.image.clone());
    let pending = step::create_image::create_image(cx, &site, &config.image, made).await?;
    let in_use = (&stopped.instance, &key, &groups);
    let image = step::let_go::meanwhile(cx, &site, in_use, step::create_image::wait_for_image(cx, &site, &pending)).await?;
    cx.step("StepAMIRegionCopy").await;
    let images = step::copy::copy_image(cx, &site, &config.image, image).await?;
    let fast_launch = config.fast_launch.as_ref().map(|config| (config, &templates));
    let wishes = Wishes { config: &config.image, tags: &image_tags, fast_launch };
    step::finish::finish(cx, &site, wishes, &info, &images).await?;
    step::volumes::hand_over(cx, &site, &stopped.instance, &devices).await;
    Ok(artifact(BUILDER_ID, site.account, &images, cx.late.build_data.clone()))
}

/// The tags that the image has from its run.
fn inherited<'a>(config: &AmazonEbs, tags: &'a LaunchTags) -> &'a [Tag] {
    if config.skip_ami_run_tags { &[] } else { &tags.run }
}
