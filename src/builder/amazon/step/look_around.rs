//! Asks all that can be known before anything is made.

use amibake_ec2::model::Image;

use crate::builder::BuildError;
use crate::builder::amazon::call::go_on;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::instance::InstanceConfig;
use crate::builder::amazon::session;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;

use super::enhance::check_source;
use super::network::{Network, find_network};
use super::prevalidate::{Wanted, prevalidate};
use super::source_image::{find_source_image, search_source_image};

/// Asks all that can be known beforehand, side by side, and tells it in the order of the steps. Without an image to come (`wanted` None)
/// there is nothing to validate.
///
/// # Errors
/// This machine has no Session Manager and needs one, what the image needs is not there, no source image or one that cannot do what is to be
/// switched on, no network.
pub async fn look_around(
    cx: &BuildContext,
    site: &Site,
    config: &InstanceConfig,
    wanted: Option<Wanted<'_>>,
) -> Result<(BuildInfo, Image, Network), BuildError> {
    look(cx, site, config, wanted, find_source_image(cx, site, &config.source)).await
}

/// The same where the source image may have any root device.
///
/// # Errors
/// As [`look_around`].
pub async fn look_around_any_root(
    cx: &BuildContext,
    site: &Site,
    config: &InstanceConfig,
    wanted: Wanted<'_>,
) -> Result<(BuildInfo, Image, Network), BuildError> {
    look(cx, site, config, Some(wanted), search_source_image(cx, site, &config.source)).await
}

async fn look(
    cx: &BuildContext,
    site: &Site,
    config: &InstanceConfig,
    wanted: Option<Wanted<'_>>,
    source: impl Future<Output = Result<Image, BuildError>>,
) -> Result<(BuildInfo, Image, Network), BuildError> {
    go_on(cx)?;
    let virtualization = wanted.as_ref().and_then(|wanted| wanted.image.ami_virtualization_type.as_deref());
    session::prepare(cx, config).await?;
    let valid = async {
        match wanted {
            Some(wanted) => prevalidate(cx, site, wanted).await,
            None => Ok(()),
        }
    };
    let (valid, source, network) = futures_util::join!(valid, source, find_network(cx, site, &config.network));
    valid?;
    let source = source?;
    cx.report.detail(format!("Found Image ID: {}", source.id));
    let network = network?;
    for found in &network.found {
        cx.report.detail(found.clone());
    }
    check_source(cx, &config.enhanced_networking, &source, virtualization)?;
    Ok((BuildInfo { region: site.region.to_string(), source: Some(source.clone()) }, source, network))
}
