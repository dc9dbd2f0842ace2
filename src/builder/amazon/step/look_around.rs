//! Asks all that can be known before anything is made.

use amibake_ec2::model::Image;

use crate::builder::BuildError;
use crate::builder::amazon::call::go_on;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::instance::InstanceConfig;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;

use super::network::{Network, find_network};
use super::prevalidate::{Wanted, prevalidate};
use super::source_image::find_source_image;

/// Asks all that can be known beforehand, side by side, and tells it in the order of the steps. Without an image to come (`wanted` None)
/// there is nothing to validate.
///
/// # Errors
/// What the image needs is not there, no source image, no network.
pub async fn look_around(
    cx: &BuildContext,
    site: &Site,
    config: &InstanceConfig,
    wanted: Option<Wanted<'_>>,
) -> Result<(BuildInfo, Image, Network), BuildError> {
    go_on(cx)?;
    let valid = async {
        match wanted {
            Some(wanted) => prevalidate(cx, site, wanted).await,
            None => Ok(()),
        }
    };
    let (valid, source, network) =
        futures_util::join!(valid, find_source_image(cx, site, &config.source), find_network(cx, site, &config.network));
    valid?;
    let source = source?;
    cx.report.detail(format!("Found Image ID: {}", source.id));
    let network = network?;
    for found in &network.found {
        cx.report.detail(found.clone());
    }
    Ok((BuildInfo { region: site.region.to_string(), source: Some(source.clone()) }, source, network))
}
