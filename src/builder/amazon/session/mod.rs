//! Session Manager: `ssh_interface` `session_manager`. The guest is reached through AWS, without an open port.
//!
//! - [`SessionConfig`]: the keys; [`prepare`]: what can be wrong on this machine, told before anything is made;
//! - [`plugin`]: AWS's own program, which carries the data; [`port`]: its port on this machine;
//! - [`tunnel`]: keeps a session open for as long as the build needs its guest.
//!
//! ssh connects to the port as to any other host, so nothing of it has to know of sessions.

pub mod plugin;
pub mod port;
pub mod tunnel;

use amibake_template::component::{Check, Given, GoDuration};
use schemars::JsonSchema;
use serde::Deserialize;

use self::plugin::Plugin;
use self::port::LocalPort;
use super::call::fail;
use super::instance::InstanceConfig;
use crate::builder::BuildError;
use crate::builder::communicator::Speaks;
use crate::engine::context::BuildContext;

pub use tunnel::{Tunnel, View, Way};

/// The value of `ssh_interface`.
pub const SESSION_MANAGER: &str = "session_manager";

/// The keys about Session Manager.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct SessionConfig {
    /// Pause between the start of the instance and that of its Session Manager session. Default: 0s.
    pub pause_before_ssm: Option<GoDuration>,
    /// Local port of the Session Manager tunnel. Default: a free one from 8000 to 9000.
    #[serde(default)]
    pub session_manager_port: u16,
}

/// Checks what Session Manager needs of other keys.
pub fn check(config: &InstanceConfig, check: &mut Check<'_>) {
    if config.communicator.communicator.given() == Some("winrm") {
        let message = "session_manager connectivity is not supported with the \"winrm\" communicator; please use \"ssh\"";
        check.error("ssh_interface", "session-manager", message, None);
    }
    if !config.run.iam_instance_profile.is_given() && config.run.temporary_policy().is_none() {
        let message = "no iam_instance_profile defined; session_manager connectivity requires a valid instance profile with \
                       AmazonSSMManagedInstanceCore permissions. Alternatively a temporary_iam_instance_profile_policy_document can be used.";
        check.error("ssh_interface", "session-manager", message, None);
    }
}

/// Whether the guest of this build is reached through a session. In a rehearsal it is on this machine.
pub fn is_used(cx: &BuildContext, config: &InstanceConfig) -> bool {
    config.ssh_interface.given() == Some(SESSION_MANAGER) && config.communicator.speaks() == Speaks::Ssh && cx.guests.is_none()
}

/// Looks for what a session needs of this machine, where one is needed: hours may pass until the session is.
///
/// # Errors
/// AWS's program is missing or does not run, `session_manager_port` is in use.
pub async fn prepare(cx: &BuildContext, config: &InstanceConfig) -> Result<(), BuildError> {
    if !is_used(cx, config) {
        return Ok(());
    }
    tokio::select! {
        biased;
        () = cx.cancel.cancelled() => return Err(BuildError::Cancelled),
        found = Plugin::find(&cx.late.host.env) => found.map_err(|error| fail(cx, error))?,
    };
    LocalPort::take(config.session.session_manager_port).map(drop).map_err(|error| fail(cx, error))
}
