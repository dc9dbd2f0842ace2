//! Makes what lets amibake into the source instance.

use amibake_ec2::model::Tag;

use super::key_pair::{LoginKey, create_key_pair};
use super::network::Network;
use super::security_group::{GroupsInUse, choose_security_groups};
use crate::builder::BuildError;
use crate::builder::amazon::instance::InstanceConfig;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;

/// Makes key pair and security group, side by side.
///
/// # Errors
/// EC2 refuses either.
pub async fn let_in(
    cx: &BuildContext,
    site: &Site,
    config: &InstanceConfig,
    network: &Network,
    run_tags: &[Tag],
) -> Result<(LoginKey, GroupsInUse), BuildError> {
    let tags: Vec<Tag> = run_tags.iter().cloned().chain(cx.teardown.tags()).collect();
    let (key, groups) = futures_util::join!(
        create_key_pair(cx, site, &config.communicator, &tags),
        choose_security_groups(cx, site, config, network, &tags),
    );
    Ok((key?, groups?))
}
