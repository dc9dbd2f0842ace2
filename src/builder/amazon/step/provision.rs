//! Runs the provisioners on the source instance.

use std::collections::BTreeMap;

use amibake_ec2::model::Instance;

use super::clear_keys::clear_authorized_keys;
use super::connect::{Connected, Connection};
use super::key_pair::LoginKey;
use crate::builder::BuildError;
use crate::builder::amazon::call::go_on;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::session::tunnel::Tunnel;
use crate::builder::communicator::CommunicatorConfig;
use crate::communicator::ssh::Address;
use crate::engine::context::BuildContext;

/// Runs the provisioners; the connection stays for what the builder itself has to do on the guest.
///
/// # Errors
/// The first provisioner's failure.
pub async fn run_provisioners(
    cx: &mut BuildContext,
    config: &CommunicatorConfig,
    info: &BuildInfo,
    (instance, key): (&Instance, &LoginKey),
    (connection, address): (&dyn Connection, Option<&Address>),
) -> Result<(), BuildError> {
    let data = build_data(config, info, instance, key, address);
    let communicator = connection.communicator();
    cx.provision(communicator, data).await?;
    if let (true, Some(temporary)) = (config.ssh_clear_authorized_keys, &key.temporary) {
        clear_authorized_keys(cx, communicator, &temporary.name).await;
        go_on(cx)?;
    }
    Ok(())
}

/// Runs the provisioners, then ends the connection.
///
/// # Errors
/// The first provisioner's failure.
pub async fn provision(
    cx: &mut BuildContext,
    config: &CommunicatorConfig,
    info: &BuildInfo,
    (instance, key): (&Instance, &LoginKey),
    connected: Connected,
) -> Result<(), BuildError> {
    let Connected { connection, address, tunnel } = connected;
    through(tunnel, async {
        let result = run_provisioners(cx, config, info, (instance, key), (&*connection, address.as_ref())).await;
        connection.close().await;
        result
    })
    .await
}

/// Keeps the way to the guest open while it is worked on, and closes it then.
pub async fn through<T>(tunnel: Option<Tunnel>, work: impl Future<Output = T>) -> T {
    let Some(mut tunnel) = tunnel else { return work.await };
    let result = tunnel.during(work).await;
    tunnel.close().await;
    result
}

fn build_data(
    communicator: &CommunicatorConfig,
    info: &BuildInfo,
    instance: &Instance,
    key: &LoginKey,
    address: Option<&Address>,
) -> BTreeMap<String, String> {
    let (host, port) = address.map(|at| (at.host.clone(), at.port.to_string())).unwrap_or_default();
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let own = [
        ("ID", instance.id.to_string()),
        ("Host", host),
        ("Port", port),
        ("User", text(communicator.ssh_username.as_deref())),
        ("Password", text(key.windows_password.as_ref().or(communicator.ssh_password.as_ref()).map(|secret| secret.expose()))),
        ("ConnType", text(communicator.communicator.as_deref().filter(|kind| !kind.is_empty()).or(Some("ssh")))),
        ("SSHPublicKey", String::new()),
        ("SSHPrivateKey", text(key.temporary.as_ref().map(|temporary| temporary.private_key.expose()))),
    ];
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
    info.build_data().into_iter().chain(own).collect()
}
