//! How a session of Session Manager ends.

use amibake_ec2::{Ec2Error, InstanceId};
use tokio::time::Instant;

use super::remove::delete;
use super::search::until_found;
use crate::engine::account::AwsRegion;

/// Ends a session. Where its id never arrived, all with its instance: nobody else has business with a build's instance.
pub(super) async fn remove(
    region: &AwsRegion,
    target: &InstanceId,
    id: Option<&str>,
    born: Instant,
    deadline: Instant,
) -> Result<(), Ec2Error> {
    let sessions = region.ec2.sessions();
    let ids = match id {
        Some(id) => vec![id.to_owned()],
        None => until_found(deadline, || sessions.active(target)).await?,
    };
    for id in ids {
        delete(born, deadline, || sessions.terminate(&id)).await?;
    }
    Ok(())
}
