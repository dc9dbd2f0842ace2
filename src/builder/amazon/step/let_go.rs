//! Gives back what the build no longer needs while EC2 makes the image, so that its end has nothing to wait for.

use amibake_ec2::Ec2Error;
use amibake_ec2::model::{Filter, Instance};

use super::key_pair::{LoginKey, TemporaryKey};
use super::security_group::GroupsInUse;
use crate::builder::amazon::call::{CallError, ask, ask_times};
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;

/// How often the group is asked to go: six seconds in all, much less than an image takes.
const TRIES_TO_DELETE: u32 = 6;

/// Waits for something that takes long; what the build no longer needs is given back meanwhile.
pub async fn meanwhile<T>(
    cx: &BuildContext,
    site: &Site,
    (instance, key, groups): (&Instance, &LoginKey, &GroupsInUse),
    wait: impl Future<Output = T>,
) -> T {
    let (waited, ()) = futures_util::join!(wait, let_go(cx, site, instance, key.temporary.as_ref(), groups));
    waited
}

/// Removes the temporary key pair and security group. A group in use cannot be deleted: the stopped instance is moved to its VPC's
/// default group first. Whatever does not work here is left to teardown, which waits for the instance's end.
pub async fn let_go(cx: &BuildContext, site: &Site, instance: &Instance, key: Option<&TemporaryKey>, groups: &GroupsInUse) {
    let (_, _) = futures_util::join!(let_go_of_key(cx, site, key), let_go_of_group(cx, site, instance, groups));
}

async fn let_go_of_key(cx: &BuildContext, site: &Site, key: Option<&TemporaryKey>) -> Result<(), CallError> {
    let Some(key) = key else { return Ok(()) };
    ask(cx, || site.ec2().delete_key_pair(&key.name)).await?;
    cx.teardown.release(key.entry);
    cx.report.say("Deleting temporary keypair...");
    Ok(())
}

async fn let_go_of_group(cx: &BuildContext, site: &Site, instance: &Instance, groups: &GroupsInUse) -> Result<(), CallError> {
    let (Some((group, entry)), Some(vpc)) = (&groups.temporary, &instance.vpc) else { return Ok(()) };
    let default = [Filter::new("group-name", "default"), Filter::new("vpc-id", vpc.as_str())];
    let found = ask(cx, || site.home.known.security_groups(&[], &default)).await?;
    let Some(default) = found.into_iter().next() else { return Ok(()) };
    let default = [default.id];
    ask(cx, || site.ec2().set_instance_groups(&instance.id, &default)).await?;
    if !site.home.groups.leave(group, cx.teardown.build()) {
        cx.teardown.release(*entry);
        return Ok(());
    }
    // EC2 takes a moment to notice that nothing is in the group any more.
    let still_in_use = |error: &Ec2Error| error.is("DependencyViolation");
    match ask_times(cx, TRIES_TO_DELETE, still_in_use, || site.ec2().delete_security_group(group)).await {
        Err(CallError::Ec2(error)) if !error.is_not_found() => return Err(CallError::Ec2(error)),
        Err(CallError::Cancelled) => return Err(CallError::Cancelled),
        _ => {}
    }
    cx.teardown.release(*entry);
    cx.report.say("Deleting temporary security group...");
    Ok(())
}
