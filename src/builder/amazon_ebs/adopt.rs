//! Finishes an image that a build could not: AWS was done with it after the build's deadline, or after the build was killed.

use std::time::Duration;

use amibake_ec2::model::{DescribeImages, Image, ImageState};
use amibake_ec2::{ImageId, Region};
use tokio::time::Instant;

use super::AmazonEbs;
use crate::artifact::Artifact;
use crate::builder::amazon::artifact::artifact;
use crate::builder::amazon::call::{ask, fail, go_on};
use crate::builder::amazon::given::given_list;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::site::Site;
use crate::builder::amazon::step::copy::Images;
use crate::builder::amazon::step::finish::Wishes;
use crate::builder::amazon::step::launch::LaunchTags;
use crate::builder::amazon::step::tags::ImageTags;
use crate::builder::amazon::step::{copy, fast_launch, finish, source_image};
use crate::builder::{Adopted, BuildError};
use crate::engine::context::BuildContext;
use crate::engine::teardown::{ImageOrigin, Lifetime, Resource};
use crate::engine::watcher::WaitError;

/// How long a copy that an earlier attempt has made is looked for.
const LOOK_FOR: Duration = Duration::from_secs(3);

/// Waits for the image, and does with it what the build would have done: copies, attributes, tags and what else
/// it says. Copies that exist already are taken
/// as they are. On failure the image stays as it was found, but for attributes and tags that were set by then; new copies are removed.
///
/// # Errors
/// The image is not there, is not this template's, fails; and those of a build's steps.
pub async fn adopt(cx: &mut BuildContext, config: &AmazonEbs, adopted: &Adopted) -> Result<Option<Artifact>, BuildError> {
    let site = Site::open(cx, &config.access, config.instance.aws_polling.as_ref()).await?;
    cx.step("StepAdoptAMI").await;
    let image = find(cx, &site, &adopted.id).await?;
    let passing = check(cx, config, adopted, &image)?;
    let mut config = config.clone();
    if !passing {
        // Rendered again, the name would have another time in it.
        config.image.ami_name.clone_from(&image.name);
    }
    let source = source_image::find_source_image(cx, &site, &config.instance.source).await?;
    let templates = fast_launch::prepare(cx, &site, config.fast_launch.as_ref(), &config.image, &source).await?;
    let info = BuildInfo { region: site.region.to_string(), source: Some(source) };
    let run_tags = LaunchTags::render(cx, &info, &config.instance.run, &config.volume_tag_blocks())?;
    let image_tags = ImageTags::render(cx, &info, &config.image, super::inherited(&config, &run_tags))?;
    let image = wait(cx, &site, image).await?;
    cx.step("StepAMIRegionCopy").await;
    let images = copies(cx, &site, &config, &image, passing).await?;
    let fast_launch = config.fast_launch.as_ref().map(|config| (config, &templates));
    finish::finish(cx, &site, Wishes { config: &config.image, tags: &image_tags, fast_launch }, &info, &images).await?;
    go_on(cx)?;
    if passing {
        let origin = ImageOrigin::Copy { region: site.region.clone(), image: image.id.clone() };
        let resource = Resource::Image { name: image.name.clone(), origin, id: Some(image.id.clone()) };
        cx.teardown.own(Some(&site.home), resource, Lifetime::Build).map_err(|error| fail(cx, error.to_string()))?;
    }
    adopted.done(images.values().map(|image| image.id.clone()).chain([image.id]));
    cx.late.build_data.extend(info.build_data());
    Ok(artifact(super::BUILDER_ID, site.account, &images, cx.late.build_data.clone()))
}

async fn find(cx: &BuildContext, site: &Site, id: &ImageId) -> Result<Image, BuildError> {
    let request = DescribeImages { ids: vec![id.clone()], owners: vec!["self".to_owned()], ..DescribeImages::default() };
    let found = ask(cx, || site.ec2().describe_images(request.clone())).await;
    let found = found.map_err(|error| error.fail(cx, &format!("Error querying AMI {id}"), &site.region))?;
    found.into_iter().next().ok_or_else(|| fail(cx, format!("there is no image {id} of this account in {}", site.region)))
}

/// Whether the image is this template's, and whether it is the passing one of which only copies are kept.
fn check(cx: &BuildContext, config: &AmazonEbs, adopted: &Adopted, image: &Image) -> Result<bool, BuildError> {
    if matches!(image.state, ImageState::Failed | ImageState::Gone) {
        let reason = image.state_reason.as_deref().unwrap_or("EC2 gives no reason");
        return Err(fail(cx, format!("the image {} has failed: {reason}", image.id)));
    }
    let names = (config.image.ami_name.as_str(), adopted.name_at_another_time.as_deref());
    if is_named(&image.name, names) {
        return Ok(false);
    }
    if !adopted.unchecked {
        let text = format!(
            "the image {} is called {}, and this template makes images called {}: not adopted. -unchecked adopts it all the same",
            image.id, image.name, names.0
        );
        return Err(fail(cx, text));
    }
    Ok(config.image.is_temporary())
}

/// Whether an image has the template's name, whatever the time and the random parts in it.
fn is_named(name: &str, (now, another_time): (&str, Option<&str>)) -> bool {
    let Some(other) = another_time else { return name == now };
    if now == other {
        return name == now;
    }
    let same = |(a, b): &(char, char)| a == b;
    let start: String = now.chars().zip(other.chars()).take_while(same).map(|(a, _)| a).collect();
    let end: String = now.chars().rev().zip(other.chars().rev()).take_while(same).map(|(a, _)| a).collect();
    let end: String = end.chars().rev().collect();
    // Where all of a name changes, nothing can be told by it.
    !(start.is_empty() && end.is_empty()) && name.len() > start.len() + end.len() && name.starts_with(&start) && name.ends_with(&end)
}

async fn wait(cx: &BuildContext, site: &Site, image: Image) -> Result<Image, BuildError> {
    if image.state == ImageState::Available {
        return Ok(image);
    }
    cx.report.say("Waiting for AMI to become ready...");
    available(cx, &site.home.watcher, &image.id, site).await
}

async fn available(cx: &BuildContext, watcher: &crate::engine::watcher::Watcher, id: &ImageId, site: &Site) -> Result<Image, BuildError> {
    watcher.image(id, Instant::now() + site.polling.image_limit(), &cx.cancel).await.map_err(|error| match error {
        WaitError::Cancelled => BuildError::Cancelled,
        error => fail(cx, format!("Error waiting for AMI {id}: {error}")),
    })
}

/// All images that are kept: those that are there, and the copies still to be made.
async fn copies(cx: &BuildContext, site: &Site, config: &AmazonEbs, image: &Image, passing: bool) -> Result<Images, BuildError> {
    let mut targets = copy::targets(site, &config.image);
    if !passing {
        targets.retain(|region| *region != site.region);
    }
    let mut images = Images::new();
    for (region, id) in existing(cx, site, config, image, &targets).await? {
        cx.report.say(format!("The copy {id} in {region} is there already"));
        let copy = available(cx, &site.account.region(&region).watcher, &id, site).await?;
        images.insert(region, copy);
    }
    targets.retain(|region| !images.contains_key(region));
    images.extend(copy::copy_to(cx, site, &config.image, image, &targets).await?);
    if !passing && (!config.image.skip_save_build_region || targets_none(config)) {
        images.insert(site.region.clone(), image.clone());
    }
    Ok(images)
}

fn targets_none(config: &AmazonEbs) -> bool {
    given_list(&config.image.ami_regions).is_empty()
}

async fn existing(
    cx: &BuildContext,
    site: &Site,
    config: &AmazonEbs,
    image: &Image,
    targets: &[Region],
) -> Result<Vec<(Region, ImageId)>, BuildError> {
    let origin = ImageOrigin::Copy { region: site.region.clone(), image: image.id.clone() };
    let searches = targets.iter().map(|target| {
        let (calls, origin) = (site.account.region(target), &origin);
        async move {
            let found = cx.teardown.find_images(&calls, &config.image.ami_name, origin, Instant::now() + LOOK_FOR).await;
            found.map(|ids| ids.into_iter().next().map(|id| (target.clone(), id)))
        }
    });
    let found = futures_util::future::try_join_all(searches).await;
    found.map(|found| found.into_iter().flatten().collect()).map_err(|error| fail(cx, format!("Error looking for copies: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, now: &str, other: Option<&str>, expected: bool) {
        assert_eq!(is_named(name, (now, other)), expected, "{name} {now} {other:?}");
    }

    #[test]
    fn an_image_has_the_templates_name_whatever_the_time_in_it() {
        check("web", "web", None, true);
        check("web-1", "web-2", None, false);
        check("web", "web", Some("web"), true);
        check("web-2", "web", Some("web"), false);
        check("web 1793606400", "web 1795515345", Some("web 549867789"), true);
        check("db 1793606400", "web 1795515345", Some("web 549867789"), false);
        check("1793606400-web", "1795515345-web", Some("549867789-web"), true);
        check("web-1793606400-arm", "web-1795515345-arm", Some("web-549867789-arm"), true);
        check("web-1793606400-x86", "web-1795515345-arm", Some("web-549867789-arm"), false);
        check("1793606400", "1795515345", Some("549867789"), false);
        check("web ", "web 1795515345", Some("web 549867789"), false);
    }
}
