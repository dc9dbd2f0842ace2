//! Makes room for the new image: removes own images of its name.

use amibake_ec2::model::{DescribeImages, Filter, Image};
use amibake_ec2::{Ec2Error, Region, SnapshotId};

use crate::builder::BuildError;
use crate::builder::amazon::call::{CallError, ask};
use crate::builder::amazon::given::given_list;
use crate::builder::amazon::image::ImageConfig;
use crate::builder::amazon::site::Site;
use crate::engine::context::{AwsRegion, BuildContext};

/// Removes own images of the new image's name, in `ami_regions` and the build region, with `force_deregister` or `-force`.
///
/// # Errors
/// EC2 refuses.
pub async fn deregister_old(cx: &BuildContext, site: &Site, config: &ImageConfig) -> Result<(), BuildError> {
    if !config.force_deregister && !cx.options.force {
        return Ok(());
    }
    let mut regions: Vec<Region> = given_list(&config.ami_regions).into_iter().map(Region::new).collect();
    regions.retain(|region| *region != site.region);
    regions.push(site.region.clone());
    for region in regions {
        let calls = site.account.region(&region);
        for image in find(cx, &calls, &region, &config.ami_name).await? {
            remove(cx, &calls, &region, &image, config.force_delete_snapshot).await?;
        }
    }
    Ok(())
}

async fn find(cx: &BuildContext, calls: &AwsRegion, region: &Region, name: &str) -> Result<Vec<Image>, BuildError> {
    let request = DescribeImages {
        owners: vec!["self".to_owned()],
        filters: vec![Filter::new("name", name)],
        include_deprecated: true,
        ..DescribeImages::default()
    };
    let found = ask(cx, || calls.ec2.describe_images(request.clone())).await;
    found.map_err(|error| error.fail(cx, "Error describing AMI", region))
}

async fn remove(cx: &BuildContext, calls: &AwsRegion, region: &Region, image: &Image, snapshots: bool) -> Result<(), BuildError> {
    let gone = ask(cx, || calls.ec2.deregister_image(&image.id)).await;
    gone_is_fine(gone).map_err(|error| error.fail(cx, "Error deregistering existing AMI", region))?;
    cx.report.say(format!("Deregistered AMI {}, id: {}", image.name, image.id));
    let of_image: Vec<&SnapshotId> = image.block_devices.iter().filter_map(|device| device.snapshot.as_ref()).collect();
    for snapshot in of_image.into_iter().filter(|_| snapshots) {
        let gone = ask(cx, || calls.ec2.delete_snapshot(snapshot)).await;
        gone_is_fine(gone).map_err(|error| error.fail(cx, "Error deleting existing snapshot", region))?;
        cx.report.say(format!("Deleted snapshot: {snapshot}"));
    }
    Ok(())
}

/// What does not exist any more needs no removing.
fn gone_is_fine(answer: Result<(), CallError>) -> Result<(), CallError> {
    match answer {
        Err(CallError::Ec2(error)) if Ec2Error::is_not_found(&error) => Ok(()),
        answer => answer,
    }
}
