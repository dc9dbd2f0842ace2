//! `amazon-ebs`: launches an instance of a source image, provisions it, stops it, makes an image of it.
//!
//! [`steps`] is the table of contents. What a step creates is owned by teardown before the next thing can fail; nothing here deletes on
//! its way out. Sources: the behaviour of Packer 1.6.6, and the requests of its amazon plugin up to 1.8.

mod artifact;
pub mod config;
pub mod step;

use std::collections::BTreeMap;

use amibake_ec2::model::{Image, Instance, Tag};
use async_trait::async_trait;

pub use self::config::AmazonEbs;
use self::step::connect::{BySsh, Connect, Connected};
use self::step::key_pair::LoginKey;
use self::step::launch::{Basis, LaunchTags};
use self::step::network::Network;
use self::step::security_group::GroupsInUse;
use self::step::stop::Stopped;
use self::step::tags::ImageTags;
use crate::artifact::Artifact;
use crate::builder::amazon::call::go_on;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::site::Site;
use crate::builder::amazon::tag::render_tags;
use crate::builder::{BuildError, Builder};
use crate::engine::context::BuildContext;

#[async_trait]
impl Builder for AmazonEbs {
    async fn build(&self, cx: &mut BuildContext) -> Result<Option<Artifact>, BuildError> {
        steps(cx, self, &BySsh).await
    }
}

/// All of a build, in its order. `by` is how the guest is reached.
///
/// # Errors
/// The first step that fails.
pub async fn steps(cx: &mut BuildContext, config: &AmazonEbs, by: &dyn Connect) -> Result<Option<Artifact>, BuildError> {
    let site = Site::open(cx, &config.access, config.aws_polling.as_ref()).await?;
    cx.step("StepPreValidate").await;
    let (info, network) = look_around(cx, &site, config).await?;
    let virtualization = config.image.ami_virtualization_type.as_deref();
    step::enhance::check_source(cx, &config.enhanced_networking, &info.source, virtualization)?;
    let fast_launch = step::fast_launch::prepare(cx, &site, config.fast_launch.as_ref(), &config.image, &info.source).await?;
    let tags = launch_tags(cx, config, &info)?;
    let image_tags = ImageTags::render(cx, &info, &config.image, inherited(config, &tags))?;
    cx.step("StepKeyPair").await;
    let (mut key, groups) = let_in(cx, &site, config, (&info.source, &network), &tags.run).await?;
    cx.step("StepRunSourceInstance").await;
    let basis = Basis { source: &info.source, network: &network, key: &key, groups: &groups, tags: &tags };
    let instance = step::launch::launch_instance(cx, &site, config, &basis).await?;
    cx.step("StepGetPassword").await;
    key.windows_password = step::windows_password::windows_password(cx, &site, config, (&instance, &key)).await?;
    cx.step("StepConnect").await;
    let connected = step::connect::connect(cx, &site, config, (&instance, &key), by).await?;
    provision(cx, config, &info, (&instance, &key), connected).await?;
    cx.step("StepStopEBSBackedInstance").await;
    let stopped = step::stop::stop_instance(cx, &site, config, instance).await?;
    cx.step("StepModifyEBSBackedInstance").await;
    step::enhance::enhance(cx, &site, &config.enhanced_networking, &stopped).await?;
    if config.skip_create_ami {
        cx.report.say("Skipping AMI creation...");
        return Ok(None);
    }
    let images = make_images(cx, &site, config, &image_tags, (&stopped, &key, &groups)).await?;
    cx.step("StepModifyAMIAttributes").await;
    step::attributes::modify_attributes(cx, &site, &config.image, &info, &images).await?;
    cx.step("StepCreateTags").await;
    step::tags::create_tags(cx, &site, &image_tags, &images).await?;
    cx.step("StepEnableDeprecation").await;
    step::deprecate::deprecate(cx, &site, &config.image.lifespan, &images).await?;
    cx.step("stepEnableFastLaunch").await;
    step::fast_launch::enable(cx, &site, config.fast_launch.as_ref(), &fast_launch, &images).await?;
    cx.step("StepEnableDeregistrationProtection").await;
    step::protect::protect(cx, &site, &config.image.lifespan, &images).await?;
    if images.is_empty() {
        return Ok(None);
    }
    Ok(Some(artifact::artifact(site.account, &images, cx.late.build_data.clone())))
}

/// Asks all that can be known beforehand, side by side, and tells it in the order of the steps.
async fn look_around(cx: &BuildContext, site: &Site, config: &AmazonEbs) -> Result<(BuildInfo, Network), BuildError> {
    go_on(cx)?;
    let (valid, source, network) = futures_util::join!(
        step::prevalidate::prevalidate(cx, site, config),
        step::source_image::find_source_image(cx, site, &config.source),
        step::network::find_network(cx, site, &config.network),
    );
    valid?;
    let source = source?;
    cx.report.detail(format!("Found Image ID: {}", source.id));
    let network = network?;
    for found in &network.found {
        cx.report.detail(found.clone());
    }
    Ok((BuildInfo { region: site.region.to_string(), source }, network))
}

fn launch_tags(cx: &BuildContext, config: &AmazonEbs, info: &BuildInfo) -> Result<LaunchTags, BuildError> {
    let run = &config.run;
    let tell = |error| step::tell(cx, error);
    Ok(LaunchTags {
        run: render_tags(&cx.late, info, &run.run_tags, &run.run_tag).map_err(tell)?,
        volume: render_tags(&cx.late, info, &run.run_volume_tags, &run.volume_tag_blocks()).map_err(tell)?,
    })
}

/// The tags that the image has from its run.
fn inherited<'a>(config: &AmazonEbs, tags: &'a LaunchTags) -> &'a [Tag] {
    if config.skip_ami_run_tags { &[] } else { &tags.run }
}

/// Makes key pair and security group, side by side.
async fn let_in(
    cx: &BuildContext,
    site: &Site,
    config: &AmazonEbs,
    (source, network): (&Image, &Network),
    run_tags: &[Tag],
) -> Result<(LoginKey, GroupsInUse), BuildError> {
    let tags: Vec<Tag> = run_tags.iter().cloned().chain(cx.teardown.tags()).collect();
    let communicator = config.communicator.for_source(source);
    let (key, groups) = futures_util::join!(
        step::key_pair::create_key_pair(cx, site, &communicator, &tags),
        step::security_group::choose_security_groups(cx, site, config, network, &tags),
    );
    Ok((key?, groups?))
}

/// Runs the provisioners, then ends the connection.
async fn provision(
    cx: &mut BuildContext,
    config: &AmazonEbs,
    info: &BuildInfo,
    (instance, key): (&Instance, &LoginKey),
    connected: Connected,
) -> Result<(), BuildError> {
    let data = build_data(config, info, instance, key, &connected);
    let communicator = connected.connection.communicator();
    let mut result = cx.provision(communicator, data).await;
    if let (Ok(()), true, Some(temporary)) = (&result, config.communicator.ssh_clear_authorized_keys, &key.temporary) {
        step::clear_keys::clear_authorized_keys(cx, communicator, &temporary.name).await;
        result = go_on(cx);
    }
    connected.connection.close().await;
    result
}

fn build_data(
    config: &AmazonEbs,
    info: &BuildInfo,
    instance: &Instance,
    key: &LoginKey,
    connected: &Connected,
) -> BTreeMap<String, String> {
    let communicator = &config.communicator;
    let (host, port) = connected.address.as_ref().map(|at| (at.host.clone(), at.port.to_string())).unwrap_or_default();
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let own = [
        ("ID", instance.id.to_string()),
        ("Host", host),
        ("Port", port),
        ("User", text(communicator.ssh_username.as_deref())),
        ("Password", text(key.windows_password.as_ref().or(communicator.ssh_password.as_ref()).map(|secret| secret.expose()))),
        ("ConnType", text(communicator.communicator.as_deref().filter(|kind| !kind.is_empty()).or(Some("ssh")))),
        ("SSHPublicKey", String::new()),
        ("SSHPrivateKey", text(key.temporary.as_ref().map(|temporary| temporary.private_key.expose()))),
    ];
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
    info.build_data().into_iter().chain(own).collect()
}

/// Makes the image and its copies. While EC2 makes the image, what the build no longer needs is given back.
async fn make_images(
    cx: &mut BuildContext,
    site: &Site,
    config: &AmazonEbs,
    tags: &ImageTags,
    (stopped, key, groups): (&Stopped, &LoginKey, &GroupsInUse),
) -> Result<step::copy::Images, BuildError> {
    cx.step("StepDeregisterAMI").await;
    step::deregister::deregister_old(cx, site, &config.image).await?;
    cx.step("stepCreateAMI").await;
    let pending = step::create_image::create_image(cx, site, config, stopped, tags.image.clone()).await?;
    let (image, ()) = futures_util::join!(
        step::create_image::wait_for_image(cx, site, &pending),
        step::let_go::let_go(cx, site, &stopped.instance, key.temporary.as_ref(), groups),
    );
    let image = image?;
    cx.step("StepAMIRegionCopy").await;
    step::copy::copy_image(cx, site, &config.image, image).await
}
