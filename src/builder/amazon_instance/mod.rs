//! `amazon-instance`: launches an instance, provisions it, has its root volume bundled and uploaded to S3 by commands on the guest, and
//! registers the image of the bundle.
//!
//! [`steps`] is the table of contents. The instance is bundled while it runs; it is never stopped. Source: the behaviour of Packer 1.6.6,
//! and the requests of its amazon plugin up to 1.8.

mod bundle;
pub mod config;
mod register;
mod x509;

use amibake_ec2::Region;
use amibake_ec2::model::{Access, Image};
use async_trait::async_trait;

pub use self::config::AmazonInstance;
use crate::artifact::Artifact;
use crate::builder::amazon::artifact::artifact;
use crate::builder::amazon::given::given_list;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::site::Site;
use crate::builder::amazon::step;
use crate::builder::amazon::step::connect::{BySsh, Connect, Connected};
use crate::builder::amazon::step::copy::Images;
use crate::builder::amazon::step::finish::Wishes;
use crate::builder::amazon::step::launch::{Basis, LaunchTags, Purpose};
use crate::builder::amazon::step::prevalidate::Wanted;
use crate::builder::amazon::step::tags::ImageTags;
use crate::builder::{BuildError, Builder};
use crate::engine::context::BuildContext;
use crate::engine::teardown::ImageOrigin;

/// Packer's name of the builder, as manifests show it.
const BUILDER_ID: &str = "mitchellh.amazon.instance";

#[async_trait]
impl Builder for AmazonInstance {
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
pub async fn steps(cx: &mut BuildContext, config: &AmazonInstance, by: &dyn Connect) -> Result<Option<Artifact>, BuildError> {
    let site = Site::open(cx, &config.access, config.instance.aws_polling.as_ref()).await?;
    cx.step("StepPreValidate").await;
    let wanted = Wanted { image: &config.image, network: &config.instance.network, skip_create_ami: false };
    let (info, source, network) = step::look_around::look_around_any_root(cx, &site, &config.instance, wanted).await?;
    let tags = LaunchTags::render(cx, &info, &config.instance.run, &[])?;
    let image_tags = ImageTags::render(cx, &info, &config.image, &[])?;
    cx.step("StepKeyPair").await;
    let (key, groups, profile) = step::let_in::let_in(cx, &site, &config.instance, (&source, &network), &tags.run).await?;
    cx.step("StepRunSourceInstance").await;
    let devices = config.devices.launch_devices();
    let basis = Basis {
        source: &source,
        network: &network,
        key: &key,
        groups: &groups,
        profile: &profile,
        tags: &tags,
        devices: &devices,
        purpose: Purpose::Bundled,
    };
    let instance = step::launch::launch_instance(cx, &site, &config.instance, &basis).await?;
    cx.step("StepConnect").await;
    let connected = step::connect::connect(cx, &site, &config.instance, (&instance, &key), by).await?;
    let communicator = &config.instance.communicator;
    let Connected { connection, address, tunnel } = connected;
    let bundled = step::provision::through(tunnel, async {
        let provisioned =
            step::provision::run_provisioners(cx, communicator, &info, (&instance, &key), (&*connection, address.as_ref())).await;
        let bundled = match provisioned {
            Ok(()) => bundle::bundle(cx, &site, config, &source, connection.communicator()).await,
            Err(error) => Err(error),
        };
        connection.close().await;
        bundled
    })
    .await;
    let manifest = bundled?;
    let images = make_image(cx, &site, config, (&info, &image_tags), manifest.clone()).await;
    let images = images.inspect_err(|_| {
        cx.report.say(format!("The bundle of {manifest} stays in S3: amibake does not work there. Remove it if you do not need it"));
    })?;
    Ok(artifact(BUILDER_ID, site.account, &images, cx.late.build_data.clone()))
}

/// Registers the image of a bundle, and does with it what is done with any other.
async fn make_image(
    cx: &mut BuildContext,
    site: &Site,
    config: &AmazonInstance,
    (info, tags): (&BuildInfo, &ImageTags),
    manifest: String,
) -> Result<Images, BuildError> {
    cx.step("StepDeregisterAMI").await;
    step::deregister::deregister_old(cx, site, &config.image).await?;
    cx.step("StepRegisterAMI").await;
    let image = register_image(cx, site, config, tags, manifest).await?;
    cx.step("StepAMIRegionCopy").await;
    let images = step::copy::copy_image(cx, site, &config.image, image).await?;
    let wishes = Wishes { config: &config.image, tags, fast_launch: None };
    step::finish::finish(cx, site, wishes, info, &images).await?;
    Ok(images)
}

async fn register_image(
    cx: &BuildContext,
    site: &Site,
    config: &AmazonInstance,
    tags: &ImageTags,
    manifest: String,
) -> Result<Image, BuildError> {
    let request = register::request(config, manifest.clone(), tags.image.clone());
    let pending = step::register::register(cx, site, &config.image, request, ImageOrigin::Bundle { manifest }).await?;
    step::create_image::wait_for_image(cx, site, &pending).await
}
