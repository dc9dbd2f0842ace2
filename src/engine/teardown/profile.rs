//! How a temporary instance profile goes: IAM wants a certain order.

use amibake_ec2::Ec2Error;
use tokio::time::Instant;

use super::leftover::{aws_iam, quote};
use super::remove::delete;
use crate::engine::account::AwsRegion;
use crate::event::Reporter;

/// Removes profile, role and policy of this name. What is gone, or was never made, is success.
pub(super) async fn remove(region: &AwsRegion, report: &Reporter, name: &str, born: Instant, deadline: Instant) -> Result<(), Ec2Error> {
    let iam = region.ec2.iam();
    report.say("Detaching temporary role from instance profile...");
    delete(born, deadline, || iam.remove_role_from_instance_profile(name, name)).await?;
    report.say("Removing policy from temporary role...");
    delete(born, deadline, || iam.delete_role_policy(name, name)).await?;
    report.say("Deleting temporary role...");
    delete(born, deadline, || iam.delete_role(name)).await?;
    report.say("Deleting temporary instance profile...");
    delete(born, deadline, || iam.delete_instance_profile(name)).await
}

/// The commands that do the same.
pub(super) fn commands(region: &AwsRegion, name: &str) -> String {
    let name = quote(name);
    let calls = [
        format!("remove-role-from-instance-profile --instance-profile-name {name} --role-name {name}"),
        format!("delete-role-policy --role-name {name} --policy-name {name}"),
        format!("delete-role --role-name {name}"),
        format!("delete-instance-profile --instance-profile-name {name}"),
    ];
    calls.map(|call| aws_iam(region, &call)).join("; ")
}
