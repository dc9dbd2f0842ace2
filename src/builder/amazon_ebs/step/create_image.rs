//! Makes the image of the stopped instance, and waits until it is available.

use std::time::Duration;

use amibake_ec2::model::{CreateImage, DescribeImages, Filter, Image, Tag};
use amibake_ec2::{Ec2, Ec2Error, ErrorKind, ImageId, InstanceId};
use tokio::time::Instant;

use super::stop::Stopped;
use crate::builder::BuildError;
use crate::builder::amazon::call::{Pauses, fail, failed_call, go_on, may_exist, sleep};
use crate::builder::amazon::name::passing_image_name;
use crate::builder::amazon::site::Site;
use crate::builder::amazon_ebs::config::AmazonEbs;
use crate::engine::context::BuildContext;
use crate::engine::teardown::{CreateError, EntryId, ImageOrigin, Lifetime, Resource};
use crate::engine::watcher::WaitError;

/// How long EC2 may call a stopped instance "not in state" before that is an error.
const NOT_IN_STATE_LIMIT: Duration = Duration::from_secs(15 * 60);
/// How often a lost image is looked for; an image is listed a moment after it exists.
const LOOKS: u32 = 5;
/// Pause between two looks.
const PAUSE_BETWEEN_LOOKS: Duration = Duration::from_secs(2);

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
pub async fn create_image(
    cx: &BuildContext,
    site: &Site,
    config: &AmazonEbs,
    stopped: &Stopped,
    tags: Vec<Tag>,
) -> Result<Pending, BuildError> {
    const WHAT: &str = "Error creating AMI";
    let (name, lifetime) = match config.image.is_temporary() {
        true => (passing_image_name(cx), Lifetime::Build),
        false => (config.image.ami_name.clone(), Lifetime::Artifact),
    };
    let instance = stopped.instance.id.clone();
    cx.report.say(format!("Creating AMI {name} from instance {instance}"));
    let request = CreateImage { instance: instance.clone(), name, block_devices: config.devices.image_devices(), image_tags: tags };
    let deadline = Instant::now() + NOT_IN_STATE_LIMIT;
    let mut pauses = Pauses::usual(u32::MAX);
    loop {
        go_on(cx)?;
        let resource = Resource::image(request.name.clone(), ImageOrigin::Instance(instance.clone()));
        match cx.teardown.create(&site.home, resource, lifetime, make(site.ec2(), &request)).await {
            Ok((id, entry)) => {
                cx.report.detail(format!("AMI: {id}"));
                return Ok(Pending { id, entry });
            }
            Err(CreateError::Ec2(error)) if is_not_in_state(&error) && Instant::now() < deadline => {
                let pause = pauses.next().unwrap_or(PAUSE_BETWEEN_LOOKS);
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
async fn make(ec2: &dyn Ec2, request: &CreateImage) -> amibake_ec2::Result<ImageId> {
    let mut lost: Option<Ec2Error> = None;
    for _ in 0..3 {
        match ec2.create_image(request.clone()).await {
            Err(error) if error.kind == ErrorKind::Unknown => lost = Some(error),
            Err(error) if lost.is_some() && error.is("InvalidAMIName.Duplicate") => {}
            answer if lost.is_some() => return answer.map_err(may_exist),
            answer => return answer,
        }
        if let Some(id) = look_for(ec2, request).await.map_err(may_exist)? {
            return Ok(id);
        }
    }
    Err(lost.unwrap_or_else(|| Ec2Error::unknown("CreateImage", "no answer")))
}

async fn look_for(ec2: &dyn Ec2, request: &CreateImage) -> amibake_ec2::Result<Option<ImageId>> {
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(PAUSE_BETWEEN_LOOKS).await;
        }
        let query = DescribeImages {
            owners: vec!["self".to_owned()],
            filters: vec![Filter::new("name", request.name.clone())],
            ..DescribeImages::default()
        };
        let found = ec2.describe_images(query).await?;
        if let Some(image) = found.into_iter().find(|image| is_of(image, &request.instance)) {
            return Ok(Some(image.id));
        }
    }
    Ok(None)
}

/// Whether an image may be the one made of this instance. Where EC2 does not tell the source, the name decides: it was free before.
fn is_of(image: &Image, instance: &InstanceId) -> bool {
    image.source_instance.as_ref().is_none_or(|source| source == instance)
}

/// Waits until the image is available.
///
/// # Errors
/// The image fails, time is up. It is removed by teardown then.
pub async fn wait_for_image(cx: &BuildContext, site: &Site, pending: &Pending) -> Result<Image, BuildError> {
    cx.report.say("Waiting for AMI to become ready...");
    let deadline = Instant::now() + site.polling.image_limit();
    match site.home.watcher.image(&pending.id, deadline, &cx.cancel).await {
        Ok(image) => Ok(image),
        Err(WaitError::Cancelled) => Err(BuildError::Cancelled),
        Err(error) => Err(fail(cx, format!("Error waiting for AMI {} in {}: {error}", pending.id, site.region))),
    }
}
