//! EC2 Fast Launch for the images of a Windows build: looks its launch templates up beforehand, switches it on, and waits.
//!
//! Every region that gets an image gets it, unless its entry says no. (Packer leaves out the regions without an entry as soon as one has
//! one.)

use std::collections::BTreeMap;
use std::time::Duration;

use amibake_ec2::features::{FastLaunch, FastLaunchState, FastLaunchTemplate};
use amibake_ec2::model::Image;
use amibake_ec2::{Region, model};
use tokio::time::Instant;

use super::copy::Images;
use crate::builder::BuildError;
use crate::builder::amazon::call::{ask, fail, go_on, repeat_without_reply, sleep};
use crate::builder::amazon::fast_launch::{FastLaunchConfig, WantedTemplate};
use crate::builder::amazon::given::given_list;
use crate::builder::amazon::image::ImageConfig;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;
use crate::engine::teardown::{ImageSetting, Lifetime, Resource};

/// Pause between two looks. EC2 starts and stops several instances: it takes many minutes.
const PAUSE: Duration = Duration::from_secs(15);

/// Launch templates by region.
pub type Templates = BTreeMap<Region, FastLaunchTemplate>;

/// Checks the source image and looks the launch templates up, the regions side by side: before anything is made.
///
/// # Errors
/// An image that is not Windows; a launch template or version that does not exist.
pub async fn prepare(
    cx: &BuildContext,
    site: &Site,
    config: Option<&FastLaunchConfig>,
    image: &ImageConfig,
    source: &model::Image,
) -> Result<Templates, BuildError> {
    let Some(config) = config.filter(|config| config.is_on()) else { return Ok(Templates::new()) };
    if !source.windows {
        return Err(fail(cx, format!("fast launch is for Windows images only, and the source image {} is none", source.id)));
    }
    let mut regions: Vec<Region> = given_list(&image.ami_regions).into_iter().map(Region::new).collect();
    regions.push(site.region.clone());
    regions.sort();
    regions.dedup();
    let wanted = regions.iter().filter(|region| config.is_on_in(region.as_str())).filter_map(|region| {
        let template = config.template_for(region.as_str(), *region == site.region)?;
        Some(async move { find_template(cx, site, region, template).await.map(|found| (region.clone(), found)) })
    });
    Ok(futures_util::future::try_join_all(wanted).await?.into_iter().collect())
}

async fn find_template(cx: &BuildContext, site: &Site, region: &Region, wanted: WantedTemplate) -> Result<FastLaunchTemplate, BuildError> {
    let ec2 = site.account.region(region).ec2;
    let name = wanted.template.as_str();
    let found = ask(cx, || ec2.describe_launch_templates(&wanted.template)).await;
    let found = found.map_err(|error| error.fail(cx, &format!("Error looking up launch template {name}"), region))?;
    let [template] = found.as_slice() else {
        return Err(fail(cx, format!("expected one launch template {name} in {region}, found {}", found.len())));
    };
    let latest = template.latest_version;
    match wanted.version {
        Some(version) if version > latest => Err(fail(
            cx,
            format!("specified version ({version}) is higher than the latest launch template version ({latest}) for region \"{region}\""),
        )),
        version => Ok(FastLaunchTemplate { template: wanted.template, version: version.unwrap_or(latest) }),
    }
}

/// Switches it on for all images, the regions side by side, and waits until EC2 has done so.
///
/// # Errors
/// EC2 refuses or fails, time is up.
pub async fn enable(
    cx: &BuildContext,
    site: &Site,
    config: &FastLaunchConfig,
    templates: &Templates,
    images: &Images,
) -> Result<(), BuildError> {
    if !config.is_on() {
        return Ok(());
    }
    go_on(cx)?;
    let wanted = images.iter().filter(|(region, _)| config.is_on_in(region.as_str()));
    let all = wanted.map(|(region, image)| {
        let positive = |number: i32| Some(number).filter(|number| *number > 0);
        let request = FastLaunch {
            image: image.id.clone(),
            max_parallel_launches: positive(config.max_parallel_launches),
            target_resource_count: positive(config.target_resource_count),
            template: templates.get(region).cloned(),
        };
        enable_one(cx, site, (region, image), request)
    });
    futures_util::future::join_all(all).await.into_iter().collect()
}

async fn enable_one(cx: &BuildContext, site: &Site, (region, image): (&Region, &Image), request: FastLaunch) -> Result<(), BuildError> {
    let calls = site.account.region(region);
    cx.report.say(format!("Enabling fast boot for AMI {} in region {region}", image.id));
    let setting = Resource::image_setting(image.id.clone(), ImageSetting::FastLaunch);
    let call = repeat_without_reply(|| calls.ec2.enable_fast_launch(request.clone()));
    let made = cx.teardown.create(&calls, setting, Lifetime::Artifact, call).await;
    made.map_err(|error| super::create_failed(cx, &format!("Failed to enable fast-launch of {}", image.id), region, error))?;
    wait(cx, site, region, image).await
}

async fn wait(cx: &BuildContext, site: &Site, region: &Region, image: &Image) -> Result<(), BuildError> {
    let ec2 = site.account.region(region).ec2;
    let what = format!("Error waiting for fast-launch of {}", image.id);
    let limit = site.polling.fast_launch_limit();
    let deadline = Instant::now() + limit;
    loop {
        let state = ask(cx, || ec2.fast_launch_state(&image.id)).await.map_err(|error| error.fail(cx, &what, region))?;
        match state {
            Some(FastLaunchState::Enabled) => return Ok(()),
            Some(FastLaunchState::Failed(reason)) => {
                let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                return Err(fail(cx, format!("Failed to enable fast-launch of {} in {region} because of errors{reason}", image.id)));
            }
            Some(FastLaunchState::Changing) | None if Instant::now() + PAUSE > deadline => {
                return Err(fail(cx, format!("{what} in {region}: not enabled within {} s", limit.as_secs())));
            }
            Some(FastLaunchState::Changing) | None => sleep(cx, PAUSE).await.map_err(|error| error.fail(cx, &what, region))?,
        }
    }
}
