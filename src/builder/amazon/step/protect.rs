//! Protects the images against deregistration.
//!
//! The last thing that a build does to its images: whatever fails later would leave one that cannot be removed. (Packer protects before it
//! sets attributes and tags.) The protection is owned like everything else, so that a failure in one region, or a cancellation, takes
//! it off the others before they are deregistered. With a cooldown EC2 still keeps those for a day: they are told as left behind.

use amibake_ec2::Region;
use amibake_ec2::model::Image;

use super::copy::Images;
use crate::builder::BuildError;
use crate::builder::amazon::call::{go_on, repeat_without_reply};
use crate::builder::amazon::lifespan::Lifespan;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;
use crate::engine::teardown::{ImageSetting, Lifetime, Resource};

/// Protects all images, the regions side by side. Where that is not wanted it does and says nothing.
///
/// # Errors
/// EC2 refuses in some region.
pub async fn protect(cx: &BuildContext, site: &Site, config: &Lifespan, images: &Images) -> Result<(), BuildError> {
    let Some(with_cooldown) = config.protected() else { return Ok(()) };
    go_on(cx)?;
    let all = images.iter().map(|(region, image)| protect_one(cx, site, (region, image), with_cooldown));
    futures_util::future::join_all(all).await.into_iter().collect()
}

async fn protect_one(cx: &BuildContext, site: &Site, (region, image): (&Region, &Image), with_cooldown: bool) -> Result<(), BuildError> {
    let calls = site.account.region(region);
    cx.report.say(format!("Enabling deregistration protection on AMI ({}) in region \"{region}\" ...", image.id));
    let setting = Resource::image_setting(image.id.clone(), ImageSetting::DeregistrationProtection);
    let call = repeat_without_reply(|| calls.ec2.protect_image(&image.id, with_cooldown));
    let made = cx.teardown.create(&calls, setting, Lifetime::Artifact, call).await;
    let what = format!("failed to enable AMI deregistration protection of {}", image.id);
    made.map(drop).map_err(|error| super::create_failed(cx, &what, region, error))
}
