//! Copies the image into other regions, and onto itself where it is to be encrypted.

use std::collections::BTreeMap;
use std::time::Duration;

use amibake_ec2::model::{CopyImage, Image};
use amibake_ec2::{ErrorKind, ImageId, Region};
use tokio::time::Instant;

use super::progress::telling_progress;
use crate::builder::BuildError;
use crate::builder::amazon::call::{fail, go_on, may_exist};
use crate::builder::amazon::given::given_list;
use crate::builder::amazon::image::ImageConfig;
use crate::builder::amazon::name::uuid;
use crate::builder::amazon::site::Site;
use crate::engine::context::{AwsRegion, BuildContext};
use crate::engine::teardown::{CreateError, ImageOrigin, Lifetime, Resource};
use crate::engine::watcher::WaitError;

/// How long a copy whose reply was lost is looked for before it is asked for again by the same token.
const LOOK_FOR: Duration = Duration::from_secs(10);

/// Finished images by region.
pub type Images = BTreeMap<Region, Image>;

/// Copies the image to where the template wants it. The answer holds what is kept: the copies, and the image itself unless it only was
/// there to be copied.
///
/// # Errors
/// All copies that failed, together; those that did not are removed by teardown.
pub async fn copy_image(cx: &BuildContext, site: &Site, config: &ImageConfig, image: Image) -> Result<Images, BuildError> {
    let mut kept = copy_to(cx, site, config, &image, &targets(site, config)).await?;
    if !config.is_temporary() {
        kept.insert(site.region.clone(), image);
    }
    Ok(kept)
}

/// Copies the image into these regions, side by side.
///
/// # Errors
/// As [`copy_image`].
pub async fn copy_to(
    cx: &BuildContext,
    site: &Site,
    config: &ImageConfig,
    image: &Image,
    targets: &[Region],
) -> Result<Images, BuildError> {
    if targets.is_empty() {
        return Ok(Images::new());
    }
    go_on(cx)?;
    cx.report.say(format!("Copying/Encrypting AMI ({}) to other regions...", image.id));
    for target in targets {
        cx.report.detail(format!("Copying to: {target}"));
    }
    cx.report.detail("Waiting for all copies to complete...");
    let copies = targets.iter().map(|target| copy(cx, site, config, image, target));
    collect(cx, futures_util::future::join_all(copies).await)
}

/// Regions that get a copy: `ami_regions` without the build region, and the build region where the image itself is a passing one.
pub fn targets(site: &Site, config: &ImageConfig) -> Vec<Region> {
    let mut targets: Vec<Region> = given_list(&config.ami_regions).into_iter().map(Region::new).collect();
    targets.retain(|region| *region != site.region);
    if config.is_temporary() && !config.skip_save_build_region {
        targets.push(site.region.clone());
    }
    targets
}

/// Why one copy is missing.
enum CopyError {
    Cancelled,
    Failed(String),
}

fn collect(cx: &BuildContext, copies: Vec<Result<(Region, Image), CopyError>>) -> Result<Images, BuildError> {
    let (mut kept, mut errors) = (Images::new(), Vec::new());
    for copy in copies {
        match copy {
            Ok((region, image)) => {
                kept.insert(region, image);
            }
            Err(CopyError::Cancelled) => return Err(BuildError::Cancelled),
            Err(CopyError::Failed(text)) => errors.push(text),
        }
    }
    if errors.is_empty() {
        return Ok(kept);
    }
    let list: Vec<String> = errors.iter().map(|text| format!("* {text}")).collect();
    Err(fail(cx, format!("{} error(s) occurred:\n\n{}", errors.len(), list.join("\n"))))
}

async fn copy(cx: &BuildContext, site: &Site, config: &ImageConfig, image: &Image, target: &Region) -> Result<(Region, Image), CopyError> {
    let calls = site.account.region(target);
    let request = request(cx, site, config, image, target);
    let origin = ImageOrigin::Copy { region: site.region.clone(), image: image.id.clone() };
    let resource = Resource::image(request.name.clone(), origin.clone());
    let made = cx.teardown.create(&calls, resource, Lifetime::Artifact, make(cx, &calls, &request, &origin)).await;
    let (id, _) = made.map_err(|error| {
        let why = match error {
            CreateError::Ec2(error) | CreateError::Unknown { error, .. } => error.to_string(),
            CreateError::Journal(error) => error.to_string(),
        };
        CopyError::Failed(format!("Error Copying AMI ({}) to region ({target}): {why}", image.id))
    })?;
    wait(cx, site, &calls, (&image.id, &id), target).await.map(|image| (target.clone(), image))
}

fn request(cx: &BuildContext, site: &Site, config: &ImageConfig, image: &Image, target: &Region) -> CopyImage {
    let key = config.key_for(target.as_str(), *target == site.region).map(str::to_owned);
    CopyImage {
        client_token: uuid(cx, &format!("copy to {target}")),
        source_region: site.region.clone(),
        source_image: image.id.clone(),
        name: config.ami_name.clone(),
        encrypted: config.encrypt_boot.0,
        kms_key_id: key.filter(|_| config.encrypt_boot.is_true()),
        copy_tags: true,
        completion_minutes: config.snapshot_copy_duration_minutes.filter(|minutes| *minutes > 0),
    }
}

/// Starts a copy. Where the reply is lost, the copy is looked for by its name; otherwise the same token asks for it again.
///
/// # Errors
/// EC2's last answer.
pub async fn make(cx: &BuildContext, calls: &AwsRegion, request: &CopyImage, origin: &ImageOrigin) -> amibake_ec2::Result<ImageId> {
    let look = || async {
        let found = cx.teardown.find_images(calls, &request.name, origin, Instant::now() + LOOK_FOR).await;
        Ok(found.map_err(may_exist)?.into_iter().next())
    };
    let lost = match calls.ec2.copy_image(request.clone()).await {
        Err(error) if error.kind == ErrorKind::Unknown => error,
        // The client below may have asked twice after a lost reply of its own: the name's owner may be the first answer.
        Err(error) if error.is("InvalidAMIName.Duplicate") => return look().await?.ok_or(error),
        answer => return answer,
    };
    if let Some(id) = look().await? {
        return Ok(id);
    }
    match calls.ec2.copy_image(request.clone()).await {
        Err(error) if error.is("InvalidAMIName.Duplicate") => look().await?.ok_or(lost),
        answer => answer.map_err(may_exist),
    }
}

async fn wait(
    cx: &BuildContext,
    site: &Site,
    calls: &AwsRegion,
    (source, id): (&ImageId, &ImageId),
    target: &Region,
) -> Result<Image, CopyError> {
    let deadline = Instant::now() + site.polling.image_limit();
    let wait = calls.watcher.image(id, deadline, &cx.cancel);
    telling_progress(cx, calls, id, wait).await.map_err(|error| match error {
        WaitError::Cancelled => CopyError::Cancelled,
        error @ WaitError::TimedOut { .. } => {
            let what = format!("Error waiting for AMI ({id}) in region ({target}): {error}");
            CopyError::Failed(super::not_finished_in_time(cx, &what, source))
        }
        error => CopyError::Failed(format!("Error waiting for AMI ({id}) in region ({target}): {error}")),
    })
}
