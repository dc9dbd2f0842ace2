//! Finds VPC, subnet and availability zone of the source instance.

use amibake_ec2::model::{Filter, Subnet};
use amibake_ec2::{SubnetId, VpcId};
use amibake_template::component::Given;

use crate::builder::BuildError;
use crate::builder::amazon::call::{ask, fail};
use crate::builder::amazon::filter::{SubnetFilter, show};
use crate::builder::amazon::network::NetworkConfig;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;

/// Where the source instance stands. What is None is left to EC2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// VPC.
    pub vpc: Option<VpcId>,
    /// Subnet.
    pub subnet: Option<SubnetId>,
    /// Availability zone.
    pub zone: Option<String>,
    /// What was found, to be told in the order of the steps.
    pub found: Vec<String>,
}

/// Finds VPC, subnet and zone as far as the template says anything about them.
///
/// # Errors
/// No match or several, or ids that EC2 does not know.
pub async fn find_network(cx: &BuildContext, site: &Site, config: &NetworkConfig) -> Result<Network, BuildError> {
    let mut network = Network { zone: config.availability_zone.given().map(str::to_owned), ..Network::default() };
    network.vpc = find_vpc(cx, site, config, &mut network.found).await?;
    network.subnet = match (config.subnet_id.given(), &config.subnet_filter) {
        (Some(id), _) => Some(SubnetId::new(id).map_err(|error| fail(cx, format!("subnet_id: {error}")))?),
        (None, Some(filter)) if !filter.filters().is_empty() => Some(find_subnet(cx, site, filter, &mut network).await?),
        (None, _) if config.associate_public_ip_address.0.is_some() => infer_subnet(cx, site, &mut network).await?,
        (None, _) => None,
    };
    fill_in(cx, site, network).await
}

async fn find_vpc(cx: &BuildContext, site: &Site, config: &NetworkConfig, told: &mut Vec<String>) -> Result<Option<VpcId>, BuildError> {
    if let Some(id) = config.vpc_id.given() {
        return Ok(Some(VpcId::new(id).map_err(|error| fail(cx, format!("vpc_id: {error}")))?));
    }
    let filters = config.vpc_filter.as_ref().map(|filter| filter.filters()).unwrap_or_default();
    if filters.is_empty() {
        return Ok(None);
    }
    let found = ask(cx, || site.home.known.vpcs(&[], &filters)).await;
    let found = found.map_err(|error| error.fail(cx, "Error querying VPCs", &site.region))?;
    let [vpc] = &found[..] else {
        let text = format!("Exactly one VPC should match the filter, but {} VPC's was found matching filters: ", found.len());
        return Err(fail(cx, text + &show(&filters)));
    };
    told.push(format!("Found VPC ID: {}", vpc.id));
    Ok(Some(vpc.id.clone()))
}

async fn find_subnet(cx: &BuildContext, site: &Site, config: &SubnetFilter, network: &mut Network) -> Result<SubnetId, BuildError> {
    let mut filters = config.filters();
    filters.push(Filter::new("state", "available"));
    filters.extend(network.vpc.as_ref().map(|vpc| Filter::new("vpc-id", vpc.as_str())));
    filters.extend(network.zone.as_ref().map(|zone| Filter::new("availabilityZone", zone.as_str())));
    let found = ask(cx, || site.home.known.subnets(&[], &filters)).await;
    let found = found.map_err(|error| error.fail(cx, "Error querying Subnets", &site.region))?;
    if found.len() > 1 && !config.most_free && !config.random {
        let count = found.len();
        let text = "Please try a more specific search, or set random or most_free to true.";
        return Err(fail(cx, format!("Your filter matched {count} Subnets. {text}")));
    }
    // Any of them is random enough; the one with most free addresses is also the one least likely to be full.
    let subnet = most_free(found).ok_or_else(|| fail(cx, format!("No Subnets was found matching filters: {}", show(&filters))))?;
    network.found.push(format!("Found Subnet ID: {}", subnet.id));
    Ok(take(network, subnet))
}

/// A subnet for `associate_public_ip_address`, which EC2 takes only together with one. As in Packer a failure here is told, and the
/// option is ignored then.
async fn infer_subnet(cx: &BuildContext, site: &Site, network: &mut Network) -> Result<Option<SubnetId>, BuildError> {
    let vpc = match &network.vpc {
        Some(vpc) => vpc.clone(),
        None => {
            let filters = [Filter::new("is-default", "true")];
            let found = ask(cx, || site.home.known.vpcs(&[], &filters)).await;
            match found.map_err(|error| error.fail(cx, "Error querying the default VPC", &site.region))?.first() {
                Some(vpc) => vpc.id.clone(),
                None => {
                    network.found.push("No default VPC found; associate_public_ip_address is ignored without a subnet".to_owned());
                    return Ok(None);
                }
            }
        }
    };
    let mut filters = vec![Filter::new("state", "available"), Filter::new("vpc-id", vpc.as_str())];
    filters.extend(network.zone.as_ref().map(|zone| Filter::new("availabilityZone", zone.as_str())));
    let found = ask(cx, || site.home.known.subnets(&[], &filters)).await;
    let found = found.map_err(|error| error.fail(cx, "Error querying Subnets", &site.region))?;
    let Some(subnet) = most_free(found) else {
        network.found.push(format!("No subnet found in {vpc}; associate_public_ip_address is ignored without one"));
        return Ok(None);
    };
    network.found.push(format!("Using Subnet ID: {} for associate_public_ip_address", subnet.id));
    Ok(Some(take(network, subnet)))
}

/// Fills in what the subnet decides: VPC and zone.
async fn fill_in(cx: &BuildContext, site: &Site, mut network: Network) -> Result<Network, BuildError> {
    let Some(subnet) = network.subnet.clone() else { return Ok(network) };
    if network.vpc.is_some() && network.zone.is_some() {
        return Ok(network);
    }
    let what = format!("Describing the subnet: {subnet} returned error");
    let ids = [subnet.clone()];
    let found = ask(cx, || site.home.known.subnets(&ids, &[])).await.map_err(|error| error.fail(cx, &what, &site.region))?;
    let found = found.into_iter().next().ok_or_else(|| fail(cx, format!("{what} in {}: there is no such subnet", site.region)))?;
    take(&mut network, found);
    Ok(network)
}

fn take(network: &mut Network, subnet: Subnet) -> SubnetId {
    network.vpc.get_or_insert(subnet.vpc);
    network.zone.get_or_insert(subnet.availability_zone);
    subnet.id
}

/// The subnet with most free addresses; of equals the first by id, so that a build is repeatable.
fn most_free(mut subnets: Vec<Subnet>) -> Option<Subnet> {
    subnets.sort_by(|a, b| b.available_addresses.cmp(&a.available_addresses).then_with(|| a.id.cmp(&b.id)));
    subnets.into_iter().next()
}
