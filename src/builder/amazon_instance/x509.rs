//! Certificate and key on the guest: put there for the bundling, and removed again however it ends.

use std::time::Duration;

use amibake_template::component::Given;

use super::config::AmazonInstance;
use crate::builder::BuildError;
use crate::builder::amazon::call::fail;
use crate::communicator::ssh::quote::remote_path;
use crate::communicator::{Communicator, CommunicatorError, Content, Ended};
use crate::engine::context::BuildContext;
use crate::event::{Hidden, What};

/// Everybody may read a certificate.
const CERTIFICATE_MODE: u32 = 0o644;
/// Only its owner may read a private key.
const KEY_MODE: u32 = 0o600;
/// How long their removal may take, also where the build is being cancelled.
const REMOVAL: Duration = Duration::from_secs(10);

/// Where the certificate is on the guest.
pub(super) fn certificate(config: &AmazonInstance) -> String {
    format!("{}/cert.pem", config.upload_path())
}

/// Where the key is on the guest.
pub(super) fn key(config: &AmazonInstance) -> String {
    format!("{}/key.pem", config.upload_path())
}

/// Uploads both. From here on the key is hidden wherever something is printed.
///
/// # Errors
/// One of them cannot be read, or the guest does not take it.
pub(super) async fn upload(cx: &BuildContext, config: &AmazonInstance, communicator: &dyn Communicator) -> Result<(), BuildError> {
    cx.report.say("Uploading X509 Certificate...");
    let files = [(&config.x509_cert_path, certificate(config), CERTIFICATE_MODE), (&config.x509_key_path, key(config), KEY_MODE)];
    for (local, remote, mode) in files {
        let local = local.given().unwrap_or_default();
        let content = tokio::fs::read(local).await;
        let content = content.map_err(|error| fail(cx, format!("Error uploading X509 cert: cannot read {local}: {error}")))?;
        if mode == KEY_MODE {
            cx.report.tell(What::Hide(Hidden::new([String::from_utf8_lossy(&content).into_owned()])));
        }
        let uploaded = tokio::select! {
            biased;
            () = cx.cancel.cancelled() => return Err(BuildError::Cancelled),
            uploaded = communicator.upload(Content::Bytes(&content), &remote, Some(mode)) => uploaded,
        };
        uploaded.map_err(|error| fail(cx, format!("Error uploading X509 cert: {remote}: {}", error.whole())))?;
    }
    Ok(())
}

/// Removes both, as far as they are there. A guest that has gone away has taken them along; of one that refuses, the user is told.
pub(super) async fn remove(cx: &BuildContext, config: &AmazonInstance, communicator: &dyn Communicator) {
    let (certificate, key) = (certificate(config), key(config));
    let command = format!("rm -f {} {}", remote_path(&certificate), remote_path(&key));
    let why = match tokio::time::timeout(REMOVAL, communicator.run(&command, &cx.report)).await {
        Ok(Ok(Ended::Status(0) | Ended::Disconnected) | Err(CommunicatorError::Lost)) => return,
        Ok(Ok(Ended::Status(status))) => format!("exit status {status}"),
        Ok(Err(error)) => error.whole(),
        Err(_) => format!("no answer within {} s", REMOVAL.as_secs()),
    };
    cx.report.error(format!("The private key {key} could not be removed from the source instance: {why}"));
}
