//! Says from when on the images count as deprecated.

use amibake_ec2::Ec2Error;

use super::copy::Images;
use crate::builder::BuildError;
use crate::builder::amazon::call::ask_until;
use crate::builder::amazon::lifespan::Lifespan;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;

/// Sets the time on all images, the regions side by side. Without a time it does and says nothing.
///
/// # Errors
/// EC2 refuses: a time in the past, a missing permission.
pub async fn deprecate(cx: &BuildContext, site: &Site, config: &Lifespan, images: &Images) -> Result<(), BuildError> {
    let Some(at) = config.deprecated_from() else { return Ok(()) };
    let all = images.iter().map(|(region, image)| {
        let at = &at;
        async move {
            let ec2 = site.account.region(region).ec2;
            cx.report.say(format!("Enabling deprecation on AMI ({}) in region \"{region}\" ...", image.id));
            let answer = ask_until(cx, Ec2Error::is_not_found, || ec2.enable_image_deprecation(&image.id, at)).await;
            answer.map_err(|error| error.fail(cx, &format!("Error enable AMI deprecation of {}", image.id), region))
        }
    });
    futures_util::future::try_join_all(all).await.map(drop)
}
