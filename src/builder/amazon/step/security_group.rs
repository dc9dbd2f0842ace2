//! The source instance's security groups: existing ones, or a temporary one that lets amibake in.

use amibake_ec2::model::{CreateSecurityGroup, Filter, IngressRule, Tag};
use amibake_ec2::{Ec2, Ec2Error, ErrorKind, SecurityGroupId};
use amibake_template::component::Given;

use super::network::Network;
use super::own_address;
use crate::builder::BuildError;
use crate::builder::amazon::call::{CallError, ask, ask_until, fail, go_on, may_exist};
use crate::builder::amazon::filter::show;
use crate::builder::amazon::instance::InstanceConfig;
use crate::builder::amazon::name::uuid;
use crate::builder::amazon::network::Groups;
use crate::builder::amazon::session::SESSION_MANAGER;
use crate::builder::amazon::site::Site;
use crate::builder::communicator::Speaks;
use crate::engine::context::BuildContext;
use crate::engine::groups::{Joined, SharedGroup};
use crate::engine::teardown::{BUILD_TAG, EntryId, Lifetime, Resource};

/// The source instance's security groups.
#[derive(Debug)]
pub struct GroupsInUse {
    /// Ids.
    pub ids: Vec<SecurityGroupId>,
    /// The temporary group and its place on the teardown stack.
    pub temporary: Option<(SecurityGroupId, EntryId)>,
}

/// Finds the security groups, or makes a temporary one.
///
/// # Errors
/// Unknown groups, a filter without a match, EC2 refuses the group or its rule.
pub async fn choose_security_groups(
    cx: &BuildContext,
    site: &Site,
    config: &InstanceConfig,
    network: &Network,
    tags: &[Tag],
) -> Result<GroupsInUse, BuildError> {
    let ipv6 = config.ssh_interface.given() == Some("ipv6");
    match config.network.groups(ipv6) {
        Groups::Ids(ids) => check_ids(cx, site, &ids).await,
        Groups::Filter => find(cx, site, config, network).await,
        Groups::Temporary { cidrs } => open_to(cx, site, config, network, cidrs, tags).await,
        // Nobody is let in through the group, so nobody's address matters.
        Groups::OwnAddress if by_session(config) => open_to(cx, site, config, network, Vec::new(), tags).await,
        Groups::OwnAddress => {
            let cidrs = vec![own_address::own_address(cx).await?];
            open_to(cx, site, config, network, cidrs, tags).await
        }
    }
}

/// A temporary group that lets these address ranges in.
async fn open_to(
    cx: &BuildContext,
    site: &Site,
    config: &InstanceConfig,
    network: &Network,
    cidrs: Vec<String>,
    tags: &[Tag],
) -> Result<GroupsInUse, BuildError> {
    let enters = config.communicator.speaks() == Speaks::Ssh && !by_session(config);
    let rule = enters.then(|| IngressRule { port: config.communicator.port(), cidrs });
    let (id, entry) = temporary(cx, site, network, rule, tags).await?;
    Ok(GroupsInUse { ids: vec![id.clone()], temporary: Some((id, entry)) })
}

fn by_session(config: &InstanceConfig) -> bool {
    config.ssh_interface.given() == Some(SESSION_MANAGER)
}

async fn check_ids(cx: &BuildContext, site: &Site, ids: &[String]) -> Result<GroupsInUse, BuildError> {
    let ids: Result<Vec<SecurityGroupId>, _> = ids.iter().map(SecurityGroupId::new).collect();
    let ids = ids.map_err(|error| fail(cx, format!("security_group_id: {error}")))?;
    let found = ask(cx, || site.home.known.security_groups(&ids, &[])).await;
    found.map_err(|error| error.fail(cx, "Couldn't find specified security group", &site.region))?;
    Ok(GroupsInUse { ids, temporary: None })
}

async fn find(cx: &BuildContext, site: &Site, config: &InstanceConfig, network: &Network) -> Result<GroupsInUse, BuildError> {
    let mut filters = config.network.security_group_filter.as_ref().map(|filter| filter.filters()).unwrap_or_default();
    filters.extend(network.vpc.as_ref().map(|vpc| Filter::new("vpc-id", vpc.as_str())));
    let found = ask(cx, || site.home.known.security_groups(&[], &filters)).await;
    let found = found.map_err(|error| error.fail(cx, "Error querying security groups", &site.region))?;
    // Packer goes on with no group at all here, and launches into the VPC's default group.
    if found.is_empty() {
        return Err(fail(cx, format!("No security group was found in {} matching filters: {}", site.region, show(&filters))));
    }
    let ids: Vec<SecurityGroupId> = found.into_iter().map(|group| group.id).collect();
    let shown: Vec<&str> = ids.iter().map(SecurityGroupId::as_str).collect();
    cx.report.detail(format!("Found Security Group(s): {}", shown.join(", ")));
    Ok(GroupsInUse { ids, temporary: None })
}

/// The temporary group of this build, or one like it that another build of the run has made.
async fn temporary(
    cx: &BuildContext,
    site: &Site,
    network: &Network,
    rule: Option<IngressRule>,
    tags: &[Tag],
) -> Result<(SecurityGroupId, EntryId), BuildError> {
    go_on(cx)?;
    let tags_but_builds: Vec<&Tag> = tags.iter().filter(|tag| tag.key != BUILD_TAG).collect();
    let (groups, kind) = (&site.home.groups, format!("{:?} {rule:?} {tags_but_builds:?}", network.vpc));
    let joined = tokio::select! {
        biased;
        () = cx.cancel.cancelled() => return Err(BuildError::Cancelled),
        joined = groups.join(&kind, cx.teardown.build()) => joined,
    };
    let _turn = match joined {
        Joined::Existing(SharedGroup { name, id }) => {
            cx.report.say(format!("Using the temporary security group of this run's other builds: {name}"));
            let resource = Resource::SecurityGroup { name, id: Some(id.clone()) };
            let entry = cx.teardown.own(Some(&site.home), resource, Lifetime::Build).map_err(|error| fail(cx, error.to_string()))?;
            return Ok((id, entry));
        }
        Joined::Make(turn) => turn,
    };
    let name = format!("packer_{}", uuid(cx, "security group"));
    let (id, entry) = create(cx, site, network, &name, tags).await?;
    if let Some(rule) = rule {
        authorize(cx, site, &id, rule).await?;
    }
    groups.share(&kind, cx.teardown.build(), SharedGroup { name, id: id.clone() });
    Ok((id, entry))
}

async fn create(
    cx: &BuildContext,
    site: &Site,
    network: &Network,
    name: &str,
    tags: &[Tag],
) -> Result<(SecurityGroupId, EntryId), BuildError> {
    cx.report.say(format!("Creating temporary security group for this instance: {name}"));
    let request = CreateSecurityGroup {
        name: name.to_owned(),
        description: "Temporary group for Packer".to_owned(),
        vpc: network.vpc.clone(),
        tags: tags.to_vec(),
    };
    cx.teardown
        .create(&site.home, Resource::security_group(request.name.clone()), Lifetime::Build, make(site.ec2(), &request))
        .await
        .map_err(|error| super::create_failed(cx, "Error creating temporary security group", &site.region, error))
}

/// Makes the group. Where the reply is lost, the group is looked up by its name, which is unique in its VPC, before another try.
async fn make(ec2: &dyn Ec2, request: &CreateSecurityGroup) -> amibake_ec2::Result<SecurityGroupId> {
    let lost = match ec2.create_security_group(request.clone()).await {
        Err(error) if error.kind == ErrorKind::Unknown => error,
        answer => return answer,
    };
    if let Some(id) = look_up(ec2, request).await.map_err(may_exist)? {
        return Ok(id);
    }
    match ec2.create_security_group(request.clone()).await {
        Err(error) if error.is("InvalidGroup.Duplicate") => look_up(ec2, request).await.map_err(may_exist)?.ok_or(lost),
        answer => answer.map_err(may_exist),
    }
}

async fn look_up(ec2: &dyn Ec2, request: &CreateSecurityGroup) -> amibake_ec2::Result<Option<SecurityGroupId>> {
    let found = ec2.describe_security_groups(&[], &[Filter::new("group-name", request.name.clone())]).await?;
    Ok(found.into_iter().next().map(|group| group.id))
}

/// Opens the guest's port. A group just made may not be known everywhere yet; a rule that is there already is a lost reply's.
async fn authorize(cx: &BuildContext, site: &Site, group: &SecurityGroupId, rule: IngressRule) -> Result<(), BuildError> {
    let (port, cidrs) = (rule.port, rule.cidrs.join(" "));
    cx.report.say(format!("Authorizing access to port {port} from [{cidrs}] in the temporary security groups..."));
    let rules = [rule];
    let not_known_yet = |error: &Ec2Error| error.is_not_found();
    match ask_until(cx, not_known_yet, || site.ec2().authorize_ingress(group, &rules)).await {
        Err(CallError::Ec2(error)) if error.is("InvalidPermission.Duplicate") => Ok(()),
        answer => answer.map_err(|error| error.fail(cx, "Error authorizing temporary security group", &site.region)),
    }
}
