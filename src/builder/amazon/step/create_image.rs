//! Makes the image of the stopped instance, and waits until it is available.

use std::time::Duration;

use amibake_ec2::model::{BlockDevice, CreateImage, Image, Tag};
use amibake_ec2::{Ec2Error, ErrorKind, ImageId, InstanceId};
use tokio::time::Instant;

use super::progress::telling_progress;
use super::stop::Stopped;
use crate::builder::BuildError;
use crate::builder::amazon::call::{Pauses, fail, failed_call, go_on, may_exist, sleep};
use crate::builder::amazon::image::ImageConfig;
use crate::builder::amazon::name::passing_image_name;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;
use crate::engine::teardown::{CreateError, EntryId, ImageOrigin, Lifetime, Resource};
use crate::engine::watcher::WaitError;

/// How long EC2 may call a stopped instance "not in state" before that is an error.
const NOT_IN_STATE_LIMIT: Duration = Duration::from_secs(15 * 60);
/// How long a lost image is looked for; an image is listed a moment after it exists.
pub const LOOK_FOR: Duration = Duration::from_secs(10);
/// Tries of a call whose replies are lost.
const TRIES_WITHOUT_REPLY: u32 = 3;

/// What the image is made of.
#[derive(Debug, Clone)]
pub struct Made {
    instance: InstanceId,
    devices: Vec<BlockDevice>,
    tags: Vec<Tag>,
}

impl Made {
    /// A stopped instance, with these devices named for the image, and tags that it has from the start.
    pub fn of(stopped: &Stopped, devices: Vec<BlockDevice>, tags: Vec<Tag>) -> Self {
        Self { instance: stopped.instance.id.clone(), devices, tags }
    }
}

/// An image that EC2 is making.
#[derive(Debug)]
pub struct Pending {
    /// Its id.
    pub id: ImageId,
    /// Its place on the teardown stack.
    pub entry: EntryId,
}

/// Starts making the image. Where only copies of it are kept, it has a passing name and goes with the build.
///
/// # Errors
/// EC2 refuses: the name is taken, a permission is missing.
pub async fn create_image(cx: &BuildContext, site: &Site, config: &ImageConfig, made: Made) -> Result<Pending, BuildError> {
    const WHAT: &str = "Error creating AMI";
    let (name, lifetime) = match config.is_temporary() {
        true => (passing_image_name(cx), Lifetime::Build),
        false => (config.ami_name.clone(), Lifetime::Artifact),
    };
    let Made { instance, devices: block_devices, tags: image_tags } = made;
    cx.report.say(format!("Creating AMI {name} from instance {instance}"));
    let request = CreateImage { instance: instance.clone(), name, block_devices, image_tags };
    let deadline = Instant::now() + NOT_IN_STATE_LIMIT;
    let mut pauses = Pauses::usual(u32::MAX);
    loop {
        go_on(cx)?;
        let resource = Resource::image(request.name.clone(), ImageOrigin::Instance(instance.clone()));
        match cx.teardown.create(&site.home, resource, lifetime, make(cx, site, &request)).await {
            Ok((id, entry)) => {
                cx.report.detail(format!("AMI: {id}"));
                return Ok(Pending { id, entry });
            }
            Err(CreateError::Ec2(error)) if is_not_in_state(&error) && Instant::now() < deadline => {
                let pause = pauses.next().unwrap_or_default();
                sleep(cx, pause).await.map_err(|error| error.fail(cx, WHAT, &site.region))?;
            }
            Err(CreateError::Unknown { error, .. }) => {
                let image = &request.name;
                let text = format!(
                    "{WHAT} in {}: {error}; no image {image} of {instance} has shown up, and should one still do, the cleanup looks for it",
                    site.region
                );
                return Err(fail(cx, text));
            }
            Err(CreateError::Ec2(error)) => return Err(failed_call(cx, WHAT, &site.region, &error)),
            Err(error) => return Err(super::create_failed(cx, WHAT, &site.region, error)),
        }
    }
}

fn is_not_in_state(error: &Ec2Error) -> bool {
    error.is("InvalidParameterValue") && error.message.contains("Instance is not in state")
}

/// Makes the image. Where the reply is lost, the image is looked for by name and source instance before another try: a second
/// request under the same name is refused where the first had its effect, so that there is never a second image.
async fn make(cx: &BuildContext, site: &Site, request: &CreateImage) -> amibake_ec2::Result<ImageId> {
    let origin = ImageOrigin::Instance(request.instance.clone());
    let mut lost: Option<Ec2Error> = None;
    for _ in 0..TRIES_WITHOUT_REPLY {
        match site.ec2().create_image(request.clone()).await {
            Err(error) if error.kind == ErrorKind::Unknown => lost = Some(error),
            Err(error) if lost.is_some() && error.is("InvalidAMIName.Duplicate") => {}
            answer if lost.is_some() => return answer.map_err(may_exist),
            answer => return answer,
        }
        let found = cx.teardown.find_images(&site.home, &request.name, &origin, Instant::now() + LOOK_FOR).await;
        if let Some(id) = found.map_err(may_exist)?.into_iter().next() {
            return Ok(id);
        }
    }
    Err(lost.unwrap_or_else(|| Ec2Error::unknown("CreateImage", "no answer")))
}

/// Waits until the image is available.
///
/// # Errors
/// The image fails, time is up. It is removed by teardown then.
pub async fn wait_for_image(cx: &BuildContext, site: &Site, pending: &Pending) -> Result<Image, BuildError> {
    cx.report.say("Waiting for AMI to become ready...");
    let deadline = Instant::now() + site.polling.image_limit();
    let wait = site.home.watcher.image(&pending.id, deadline, &cx.cancel);
    match telling_progress(cx, &site.home, &pending.id, wait).await {
        Ok(image) => Ok(image),
        Err(WaitError::Cancelled) => Err(BuildError::Cancelled),
        Err(error) => Err(fail(cx, format!("Error waiting for AMI {} in {}: {error}", pending.id, site.region))),
    }
}
