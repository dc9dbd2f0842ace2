//! An image and its copies in other regions.

use std::collections::BTreeSet;

use amibake_ec2::model::{DescribeImages, Filter, Image};
use amibake_ec2::{Ec2Error, ImageId, Region, SnapshotId};
use futures_util::future::try_join_all;

use super::find::Found;
use crate::engine::account::{Account, AwsRegion};

/// An image with its copies.
pub struct Family {
    /// The image itself and its copies, region by region; of copies, what they were copied from and its other copies.
    pub members: Vec<Found>,
    /// Own images of the same name of which nothing says that they are copies.
    pub strangers: Vec<Found>,
}

/// Looks for the image in these regions, and for its copies in all regions of the account.
///
/// # Errors
/// What EC2 answered; None where no region has the image.
pub async fn family(account: &Account, image: &ImageId, regions: &[Region]) -> Result<Option<Family>, Ec2Error> {
    let everywhere = account.region(account.build_region()).ec2.describe_regions().await?;
    let look_in: &[Region] = if regions.is_empty() { &everywhere } else { regions };
    let by_id = [Filter::new("image-id", image.as_str())];
    let own = try_join_all(look_in.iter().map(|region| own_images(account.region(region), &by_id))).await?;
    let Some(head) = own.into_iter().flatten().next() else { return Ok(None) };
    let by_name = [Filter::new("name", head.image.name.clone())];
    let namesakes = try_join_all(everywhere.iter().map(|region| own_images(account.region(region), &by_name))).await?;
    let origin = origin(&head).await?;
    let (mut members, mut strangers) = (vec![head.clone()], Vec::new());
    for other in namesakes.into_iter().flatten().filter(|other| other.image.id != head.image.id) {
        if self::origin(&other).await? == origin { members.push(other) } else { strangers.push(other) }
    }
    members.sort_by(|a, b| a.region.name().cmp(b.region.name()));
    Ok(Some(Family { members, strangers }))
}

async fn own_images(region: AwsRegion, filters: &[Filter]) -> Result<Vec<Found>, Ec2Error> {
    let request = DescribeImages {
        owners: vec!["self".to_owned()],
        filters: filters.to_vec(),
        include_deprecated: true,
        ..DescribeImages::default()
    };
    let images = region.ec2.describe_images(request).await?;
    Ok(images.into_iter().map(|image| Found { region: region.clone(), image }).collect())
}

/// What a family has in common: the image that all were copied from, by the descriptions that EC2 gives their snapshots; an image that
/// is no copy is its own origin.
async fn origin(found: &Found) -> Result<String, Ec2Error> {
    let Image { id, block_devices, .. } = &found.image;
    let own: BTreeSet<&SnapshotId> = block_devices.iter().filter_map(|device| device.snapshot.as_ref()).collect();
    let filters = [Filter::new("description", format!("*{id}*"))];
    let snapshots = found.region.ec2.describe_snapshots(&[], &filters).await?;
    let sources = snapshots.iter().filter(|snapshot| own.contains(&snapshot.id)).filter_map(|snapshot| source(&snapshot.description));
    Ok(sources.map(str::to_owned).next().unwrap_or_else(|| id.to_string()))
}

/// `ami-1` of `Copied for DestinationAmi ami-2 from SourceAmi ami-1 for SourceSnapshot snap-1. …`
fn source(description: &str) -> Option<&str> {
    let mut words = description.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.find(|word| *word == "SourceAmi").and_then(|_| words.next())
}
