//! Registers an image of snapshots.

use amibake_ec2::model::RegisterImage;
use amibake_ec2::{Ec2Error, ErrorKind, ImageId, SnapshotId};
use tokio::time::Instant;

use super::create_failed;
use super::create_image::{LOOK_FOR, Pending};
use crate::builder::BuildError;
use crate::builder::amazon::call::{go_on, may_exist};
use crate::builder::amazon::image::ImageConfig;
use crate::builder::amazon::name::passing_image_name;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;
use crate::engine::teardown::{ImageOrigin, Lifetime, Resource};

/// Tries of a call whose replies are lost.
const TRIES_WITHOUT_REPLY: u32 = 3;

/// Registers the image of these snapshots, under the name that the template wants. Where only copies of it are kept, it has a passing
/// name and goes with the build.
///
/// # Errors
/// EC2 refuses: the name is taken, a device is not what it takes.
pub async fn register(
    cx: &BuildContext,
    site: &Site,
    config: &ImageConfig,
    request: RegisterImage,
    snapshots: Vec<SnapshotId>,
) -> Result<Pending, BuildError> {
    go_on(cx)?;
    cx.report.say("Registering the AMI...");
    let (name, lifetime) = match config.is_temporary() {
        true => (passing_image_name(cx), Lifetime::Build),
        false => (config.ami_name.clone(), Lifetime::Artifact),
    };
    let request = RegisterImage { name, ..request };
    let origin = ImageOrigin::Snapshots(snapshots);
    let resource = Resource::image(request.name.clone(), origin.clone());
    let made = cx.teardown.create(&site.home, resource, lifetime, make(cx, site, &request, &origin)).await;
    let (id, entry) = made.map_err(|error| create_failed(cx, "Error registering AMI", &site.region, error))?;
    cx.report.say(format!("AMI: {id}"));
    Ok(Pending { id, entry })
}

/// Registers the image. Where the reply is lost, the image is looked for by its name and its snapshots before another try: a second
/// request under the same name is refused where the first had its effect.
async fn make(cx: &BuildContext, site: &Site, request: &RegisterImage, origin: &ImageOrigin) -> amibake_ec2::Result<ImageId> {
    let mut lost: Option<Ec2Error> = None;
    for _ in 0..TRIES_WITHOUT_REPLY {
        match site.ec2().register_image(request.clone()).await {
            Err(error) if error.kind == ErrorKind::Unknown => lost = Some(error),
            Err(error) if lost.is_some() && error.is("InvalidAMIName.Duplicate") => {}
            answer if lost.is_some() => return answer.map_err(may_exist),
            answer => return answer,
        }
        let found = cx.teardown.find_images(&site.home, &request.name, origin, Instant::now() + LOOK_FOR).await;
        if let Some(id) = found.map_err(may_exist)?.into_iter().next() {
            return Ok(id);
        }
    }
    Err(lost.unwrap_or_else(|| Ec2Error::unknown("RegisterImage", "no answer")))
}
