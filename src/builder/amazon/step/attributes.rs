//! Description, sharing, product codes and IMDS of the images; sharing of their snapshots.

use amibake_ec2::model::{Image, ImageChange, SnapshotChange};
use amibake_ec2::{Region, SnapshotId};
use amibake_template::component::Given;

use super::copy::Images;
use crate::builder::BuildError;
use crate::builder::amazon::call::{ask_until, fail};
use crate::builder::amazon::given::given_list;
use crate::builder::amazon::image::ImageConfig;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;

/// Sets the attributes of all images, the regions side by side. Without any to set it does and says nothing.
///
/// # Errors
/// A description that cannot be rendered; EC2 refuses.
pub async fn modify_attributes(
    cx: &BuildContext,
    site: &Site,
    config: &ImageConfig,
    info: &BuildInfo,
    images: &Images,
) -> Result<(), BuildError> {
    let (of_image, of_snapshots) = (image_changes(cx, config, info)?, snapshot_changes(config));
    if of_image.is_empty() && of_snapshots.is_empty() {
        return Ok(());
    }
    let all = images.iter().map(|(region, image)| modify(cx, site, region, image, (&of_image, &of_snapshots)));
    futures_util::future::try_join_all(all).await.map(drop)
}

/// A change and the word that is shown for it.
type Named<T> = (&'static str, T);

fn image_changes(cx: &BuildContext, config: &ImageConfig, info: &BuildInfo) -> Result<Vec<Named<ImageChange>>, BuildError> {
    let mut image = Vec::new();
    if let Some(text) = config.ami_description.as_ref().filter(|text| !text.0.is_empty()) {
        let text = cx.late.render_strict(text, &info.data());
        let text = text.map_err(|error| fail(cx, format!("Error interpolating AMI description: {error}")))?;
        image.push(("description", ImageChange::Description(text)));
    }
    let launch = |users: &[String], groups: &[String], organizations: &[String], units: &[String]| ImageChange::Launch {
        users: given_list(users),
        groups: given_list(groups),
        organizations: given_list(organizations),
        organizational_units: given_list(units),
    };
    for (name, list, change) in [
        ("groups", &config.ami_groups, launch(&[], &config.ami_groups, &[], &[])),
        ("users", &config.ami_users, launch(&config.ami_users, &[], &[], &[])),
        ("ami org arns", &config.ami_org_arns, launch(&[], &[], &config.ami_org_arns, &[])),
        ("ami ou arns", &config.ami_ou_arns, launch(&[], &[], &[], &config.ami_ou_arns)),
        ("product codes", &config.ami_product_codes, ImageChange::ProductCodes(given_list(&config.ami_product_codes))),
    ] {
        if !given_list(list).is_empty() {
            image.push((name, change));
        }
    }
    image.extend(config.imds_support.given().map(|version| ("imds_support", ImageChange::ImdsSupport(version.to_owned()))));
    Ok(image)
}

fn snapshot_changes(config: &ImageConfig) -> Vec<Named<SnapshotChange>> {
    let (groups, users) = (given_list(&config.snapshot_groups), given_list(&config.snapshot_users));
    let groups = ("groups", SnapshotChange { groups, ..SnapshotChange::default() });
    let users = ("users", SnapshotChange { users, ..SnapshotChange::default() });
    [groups, users].into_iter().filter(|(_, change)| *change != SnapshotChange::default()).collect()
}

async fn modify(
    cx: &BuildContext,
    site: &Site,
    region: &Region,
    image: &Image,
    (of_image, of_snapshots): (&[Named<ImageChange>], &[Named<SnapshotChange>]),
) -> Result<(), BuildError> {
    let ec2 = site.account.region(region).ec2;
    cx.report.say(format!("Modifying attributes on AMI ({})...", image.id));
    for (name, change) in of_image {
        cx.report.detail(format!("Modifying: {name}"));
        let answer = ask_until(cx, amibake_ec2::Ec2Error::is_not_found, || ec2.modify_image(&image.id, change.clone())).await;
        answer.map_err(|error| error.fail(cx, &format!("Error modify AMI attributes of {}", image.id), region))?;
    }
    for snapshot in snapshots(image) {
        cx.report.say(format!("Modifying attributes on snapshot ({snapshot})..."));
        for (name, change) in of_snapshots {
            cx.report.detail(format!("Modifying: {name}"));
            let answer = ask_until(cx, amibake_ec2::Ec2Error::is_not_found, || ec2.modify_snapshot(snapshot, change.clone())).await;
            answer.map_err(|error| error.fail(cx, &format!("Error modify snapshot attributes of {snapshot}"), region))?;
        }
    }
    Ok(())
}

/// The snapshots of an image.
pub(super) fn snapshots(image: &Image) -> impl Iterator<Item = &SnapshotId> {
    image.block_devices.iter().filter_map(|device| device.snapshot.as_ref())
}
