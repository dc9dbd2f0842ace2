//! The password that a Windows instance gives its administrator: encrypted with the instance's key pair, asked for until Windows has set it.

use std::path::Path;
use std::time::Duration;

use amibake_ec2::model::Instance;
use amibake_template::component::{Given, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::{Pkcs1v15Encrypt, RsaPrivateKey};
use tokio::time::Instant;

use super::key_pair::LoginKey;
use crate::builder::BuildError;
use crate::builder::amazon::call::{CallError, ask_until, fail, sleep};
use crate::builder::amazon::instance::InstanceConfig;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;

/// Pause between two looks, as Packer's.
const PAUSE: Duration = Duration::from_secs(5);
/// Default of `windows_password_timeout`.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// Waits for the password and decrypts it; None where the template gives one, or the guest is not reached by WinRM. It is hidden from all
/// output.
///
/// # Errors
/// Time is up, EC2 refuses, the key is not the instance's.
pub async fn windows_password(
    cx: &BuildContext,
    site: &Site,
    config: &InstanceConfig,
    (instance, key): (&Instance, &LoginKey),
) -> Result<Option<Secret>, BuildError> {
    let communicator = &config.communicator;
    if communicator.communicator.given() != Some("winrm") {
        return Ok(None);
    }
    if communicator.winrm_password.as_ref().is_some_and(|password| !password.expose().is_empty()) {
        cx.report.say("Skipping waiting for password since WinRM password set...");
        return Ok(None);
    }
    cx.report.say("Waiting for auto-generated password for instance...");
    cx.report.detail("It is normal for this process to take up to 15 minutes,");
    cx.report.detail("but it usually takes around 5. Please wait.");
    let encrypted = wait(cx, site, config, instance).await?;
    let why = |why: String| fail(cx, format!("Error waiting for password: Error decrypting auto-generated instance password: {why}"));
    let pem = pem(cx, config, key).map_err(why)?;
    let password = decrypted(&pem, &encrypted).map_err(why)?;
    cx.report.hide(password.expose());
    cx.report.detail("Password retrieved!");
    Ok(Some(password))
}

async fn wait(cx: &BuildContext, site: &Site, config: &InstanceConfig, instance: &Instance) -> Result<String, BuildError> {
    const WHAT: &str = "Error waiting for password: Error retrieving auto-generated instance password";
    let limit = config.windows_password_timeout.and_then(|limit| limit.positive()).unwrap_or(LIMIT);
    let deadline = Instant::now() + limit;
    loop {
        let found = ask_until(cx, |_| Instant::now() < deadline, || site.ec2().password_data(&instance.id)).await;
        if let Some(password) = found.map_err(|error| error.fail(cx, WHAT, &site.region))? {
            return Ok(password);
        }
        if Instant::now() + PAUSE > deadline {
            return Err(fail(cx, "Timeout waiting for password."));
        }
        sleep(cx, PAUSE).await.map_err(|error: CallError| error.fail(cx, WHAT, &site.region))?;
    }
}

/// The private half of the instance's key pair: the temporary one, or that of the template's file.
fn pem(cx: &BuildContext, config: &InstanceConfig, key: &LoginKey) -> Result<Secret, String> {
    if let Some(temporary) = &key.temporary {
        return Ok(temporary.private_key.clone());
    }
    let Some(path) = config.communicator.ssh_private_key_file.given() else {
        return Err("no private key is known: give `ssh_private_key_file`".to_owned());
    };
    let home = cx.late.host.env.get("HOME").map(String::as_str).unwrap_or_default();
    let path = path.strip_prefix("~/").map_or_else(|| Path::new(path).to_owned(), |rest| Path::new(home).join(rest));
    std::fs::read_to_string(&path).map(Secret::new).map_err(|error| format!("{}: {error}", path.display()))
}

/// Decrypts what EC2 gives: base64 of RSA with PKCS #1 v1.5. Nothing of the password or the key is in an error.
fn decrypted(pem: &Secret, encrypted: &str) -> Result<Secret, String> {
    let key = RsaPrivateKey::from_pkcs1_pem(pem.expose()).or_else(|_| RsaPrivateKey::from_pkcs8_pem(pem.expose()));
    let key = key.map_err(|_| "the private key is no RSA key without passphrase, which Windows instances need".to_owned())?;
    let encrypted: String = encrypted.split_whitespace().collect();
    let data = BASE64.decode(encrypted).map_err(|_| "EC2's answer is not base64".to_owned())?;
    let text = key.decrypt(Pkcs1v15Encrypt, &data).map_err(|_| "the private key is not that of the instance's key pair".to_owned())?;
    String::from_utf8(text).map(Secret::new).map_err(|_| "it is no text".to_owned())
}
