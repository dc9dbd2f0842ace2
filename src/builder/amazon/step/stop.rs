//! Stops the source instance, so that its disks are at rest.

use std::time::Duration;

use amibake_ec2::model::Instance;
use tokio::time::Instant;

use crate::builder::BuildError;
use crate::builder::amazon::call::{CallError, Pauses, ask, fail, sleep};
use crate::builder::amazon::instance::InstanceConfig;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;
use crate::engine::watcher::{WaitError, Want};

/// Proof that the instance is stopped, or is a spot instance: EC2 restarts that itself before it takes the image.
#[derive(Debug)]
pub struct Stopped {
    /// The instance.
    pub instance: Instance,
}

/// Stops the instance, or waits until something else has done so.
///
/// # Errors
/// EC2 refuses, the instance ends instead, time is up.
pub async fn stop_instance(cx: &BuildContext, site: &Site, config: &InstanceConfig, instance: Instance) -> Result<Stopped, BuildError> {
    if config.run.spot.is_spot() {
        return Ok(Stopped { instance });
    }
    if config.run.disable_stop_instance {
        cx.report.say("Automatic instance stop disabled. Please stop instance manually.");
    } else {
        cx.report.say("Stopping the source instance...");
        cx.report.detail("Stopping instance");
        stop(cx, site, &instance).await.map_err(|error| error.fail(cx, "Error stopping instance", &site.region))?;
    }
    cx.report.say("Waiting for the instance to stop...");
    let deadline = Instant::now() + site.polling.instance_limit();
    match site.home.watcher.instance(&instance.id, Want::Stopped, deadline, &cx.cancel).await {
        Ok(instance) => Ok(Stopped { instance }),
        Err(WaitError::Cancelled) => Err(BuildError::Cancelled),
        Err(error) => Err(fail(cx, format!("Error waiting for instance {} to stop in {}: {error}", instance.id, site.region))),
    }
}

/// Six tries where EC2 does not know the instance (yet), as Packer makes them.
async fn stop(cx: &BuildContext, site: &Site, instance: &Instance) -> Result<(), CallError> {
    let mut pauses = Pauses::new(Duration::from_secs(10), Duration::from_secs(60), 6);
    loop {
        match ask(cx, || site.ec2().stop_instance(&instance.id)).await {
            Err(CallError::Ec2(error)) if error.is("InvalidInstanceID.NotFound") => match pauses.next() {
                Some(pause) => sleep(cx, pause).await?,
                None => return Err(CallError::Ec2(error)),
            },
            answer => return answer,
        }
    }
}
