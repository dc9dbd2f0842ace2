//! What can be known to fail before anything is made: regions, VPC, the image's name.

use amibake_ec2::VpcId;
use amibake_template::component::Given;

use crate::builder::BuildError;
use crate::builder::amazon::call::{ask, fail};
use crate::builder::amazon::given::given_list;
use crate::builder::amazon::image::ImageConfig;
use crate::builder::amazon::network::NetworkConfig;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;

/// What is looked at beforehand.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The image.
    pub image: &'a ImageConfig,
    /// The source instance's network.
    pub network: &'a NetworkConfig,
    /// Whether there will be no image.
    pub skip_create_ami: bool,
}

/// Checks regions, VPC and the image's name with EC2, side by side.
///
/// # Errors
/// An unknown region, a VPC that needs a subnet, a name in use.
pub async fn prevalidate(cx: &BuildContext, site: &Site, config: Wanted<'_>) -> Result<(), BuildError> {
    let skipped = skipped(cx, config);
    if let Some(reason) = skipped {
        cx.report.say(reason);
        return check_regions(cx, site, config).await;
    }
    cx.report.say("Prevalidating any provided VPC information");
    cx.report.say(format!("Prevalidating AMI Name: {}", config.image.ami_name));
    let (regions, vpc, name) =
        futures_util::join!(check_regions(cx, site, config), check_vpc(cx, site, config), check_name(cx, site, config));
    regions.and(vpc).and(name)
}

/// Why name and VPC are not looked at, in Packer's words.
fn skipped(cx: &BuildContext, config: Wanted<'_>) -> Option<&'static str> {
    if config.image.force_deregister || cx.options.force {
        Some("Force Deregister flag found, skipping prevalidating AMI Name")
    } else if config.image.skip_save_build_region {
        Some("skip_build_region was set; not prevalidating AMI name")
    } else if config.skip_create_ami {
        Some("skip_create_ami was set; not prevalidating AMI name")
    } else {
        None
    }
}

async fn check_regions(cx: &BuildContext, site: &Site, config: Wanted<'_>) -> Result<(), BuildError> {
    if config.image.skip_region_validation {
        return Ok(());
    }
    let known = ask(cx, || site.home.known.regions()).await;
    let known = known.map_err(|error| error.fail(cx, "error validating regions", &site.region))?;
    let wanted = given_list(&config.image.ami_regions).into_iter().chain([site.region.to_string()]);
    let unknown: Vec<String> = wanted.filter(|region| !known.iter().any(|one| one.as_str() == region)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let known: Vec<&str> = known.iter().map(amibake_ec2::Region::as_str).collect();
    let (unknown, known) = (unknown.join(" "), known.join(" "));
    Err(fail(cx, format!("error validating regions: Invalid region(s): [{unknown}], available regions: [{known}]")))
}

/// A VPC other than the default one needs a subnet.
async fn check_vpc(cx: &BuildContext, site: &Site, config: Wanted<'_>) -> Result<(), BuildError> {
    let network = config.network;
    let Some(vpc_id) = network.vpc_id.given() else { return Ok(()) };
    let subnet_filter = network.subnet_filter.as_ref().is_some_and(|filter| !filter.filters().is_empty());
    if network.subnet_id.is_given() || subnet_filter {
        return Ok(());
    }
    let id = VpcId::new(vpc_id).map_err(|error| fail(cx, format!("vpc_id: {error}")))?;
    let what = format!("Error retrieving VPC information for vpc_id {id}");
    let ids = [id];
    let found = ask(cx, || site.home.known.vpcs(&ids, &[])).await.map_err(|error| error.fail(cx, &what, &site.region))?;
    match found.first() {
        Some(vpc) if vpc.is_default => Ok(()),
        Some(_) => Err(fail(cx, format!("Error: subnet_id or subnet_filter must be provided for non-default VPCs ({vpc_id})"))),
        None => Err(fail(cx, format!("{what} in {}: there is no such VPC", site.region))),
    }
}

/// The name must be free among the account's own images (amazon plugin since 1.2.5).
async fn check_name(cx: &BuildContext, site: &Site, config: Wanted<'_>) -> Result<(), BuildError> {
    let name = &config.image.ami_name;
    let found = ask(cx, || site.home.known.own_image_named(name)).await;
    match found.map_err(|error| error.fail(cx, "Error querying AMI", &site.region))? {
        Some(image) => Err(fail(cx, format!("Error: AMI Name: '{name}' is used by an existing AMI: {}", image.id))),
        None => Ok(()),
    }
}
