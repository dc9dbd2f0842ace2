//! Finds the image to start from.

use amibake_ec2::ImageId;
use amibake_ec2::model::{DescribeImages, Image};
use amibake_template::component::Given;

use crate::builder::BuildError;
use crate::builder::amazon::call::{ask, fail};
use crate::builder::amazon::filter::show;
use crate::builder::amazon::site::Site;
use crate::builder::amazon::source::SourceConfig;
use crate::engine::context::BuildContext;

/// Finds the source image and checks that an EBS-backed image can be made of it.
///
/// # Errors
/// No match, several matches, an image without an EBS root device.
pub async fn find_source_image(cx: &BuildContext, site: &Site, config: &SourceConfig) -> Result<Image, BuildError> {
    let image = search_source_image(cx, site, config).await?;
    // Packer looks at this only after it has made key pair and group.
    if image.root_device_type != "ebs" {
        let got = &image.root_device_type;
        return Err(fail(cx, format!("The provided source AMI has an invalid root device type.\nExpected 'ebs', got '{got}'.")));
    }
    Ok(image)
}

/// Finds the source image, whatever its root device is.
///
/// # Errors
/// No match, several matches.
pub async fn search_source_image(cx: &BuildContext, site: &Site, config: &SourceConfig) -> Result<Image, BuildError> {
    let request = request(config).map_err(|error| fail(cx, format!("source_ami: {error}")))?;
    let found = ask(cx, || site.home.known.images(request.clone())).await;
    let found = found.map_err(|error| error.fail(cx, "Error querying AMI", &site.region))?;
    pick(cx, site, config, &request, found)
}

fn request(config: &SourceConfig) -> Result<DescribeImages, amibake_ec2::id::BadId> {
    let filter = config.source_ami_filter.as_ref();
    Ok(DescribeImages {
        ids: config.source_ami.given().map(ImageId::new).transpose()?.into_iter().collect(),
        owners: filter.map(|filter| filter.owners()).unwrap_or_default(),
        filters: filter.map(|filter| filter.filters()).unwrap_or_default(),
        include_deprecated: filter.is_some_and(|filter| filter.include_deprecated),
    })
}

fn pick(
    cx: &BuildContext,
    site: &Site,
    config: &SourceConfig,
    request: &DescribeImages,
    mut found: Vec<Image>,
) -> Result<Image, BuildError> {
    let newest = config.source_ami_filter.as_ref().is_some_and(|filter| filter.most_recent);
    if found.len() > 1 && !newest {
        let text = "Your query returned more than one result. Please try a more specific search, or set most_recent to true.";
        return Err(fail(cx, text));
    }
    // RFC 3339 in UTC, always with the same number of digits: text order is time order.
    found.sort_by(|a, b| a.creation_date.cmp(&b.creation_date));
    found.pop().ok_or_else(|| {
        let ids: Vec<&str> = request.ids.iter().map(ImageId::as_str).collect();
        let (ids, owners, filters) = (ids.join(" "), request.owners.join(","), show(&request.filters));
        let searched: Vec<String> = [("id", ids), ("owners", owners), ("filters", filters)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(what, value)| format!("{what} {value}"))
            .collect();
        fail(cx, format!("No AMI was found in {} matching filters: {}", site.region, searched.join("; ")))
    })
}
