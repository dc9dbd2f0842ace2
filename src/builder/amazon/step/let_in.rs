//! Makes what the source instance is launched with: what lets amibake in, and what lets it use the account.

use amibake_ec2::model::{Image, Tag};

use super::key_pair::{LoginKey, create_key_pair};
use super::network::Network;
use super::profile::{ProfileInUse, choose_profile};
use super::security_group::{GroupsInUse, choose_security_groups};
use crate::builder::BuildError;
use crate::builder::amazon::instance::InstanceConfig;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;

/// Makes key pair, security group and instance profile, side by side.
///
/// # Errors
/// EC2 or IAM refuses one of them.
pub async fn let_in(
    cx: &BuildContext,
    site: &Site,
    config: &InstanceConfig,
    (source, network): (&Image, &Network),
    run_tags: &[Tag],
) -> Result<(LoginKey, GroupsInUse, ProfileInUse), BuildError> {
    let tags: Vec<Tag> = run_tags.iter().cloned().chain(cx.teardown.tags()).collect();
    let communicator = config.communicator.for_source(source);
    let (key, groups, profile) = futures_util::join!(
        create_key_pair(cx, site, &communicator, &tags),
        choose_security_groups(cx, site, config, network, &tags),
        choose_profile(cx, site, &config.run, &tags),
    );
    Ok((key?, groups?, profile?))
}
