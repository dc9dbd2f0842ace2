//! What is done on the guest: certificate there, root volume bundled, bundle uploaded, certificate away.

use amibake_ec2::model::Image;
use amibake_template::component::{Given, Late};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::config::AmazonInstance;
use super::x509;
use crate::builder::BuildError;
use crate::builder::amazon::call::fail;
use crate::builder::amazon::site::Site;
use crate::communicator::{Communicator, Ended};
use crate::engine::context::BuildContext;
use crate::event::{Hidden, What};

/// Packer's command that bundles.
const BUNDLE_VOLUME: &str = "sudo -i -n ec2-bundle-vol -k {{.KeyPath}} -u {{.AccountId}} -c {{.CertPath}} -r {{.Architecture}} \
                             -e {{.PrivatePath}}/* -d {{.Destination}} -p {{.Prefix}} --batch --no-filter";
/// Packer's command that uploads.
const UPLOAD: &str = "sudo -i -n ec2-upload-bundle -b {{.BucketName}} -m {{.ManifestPath}} -a {{.AccessKey}} -s {{.SecretKey}} \
                      -d {{.BundleDirectory}} --batch --region {{.Region}} --retry";
/// The same where the instance has a profile that lets it into the bucket.
const UPLOAD_BY_PROFILE: &str =
    "sudo -i -n ec2-upload-bundle -b {{.BucketName}} -m {{.ManifestPath}} -d {{.BundleDirectory}} --batch --region {{.Region}} --retry";

/// What the guest's end of a bundling says when it fails.
const BUNDLING_FAILED: &str = "Volume bundling failed. Please see the output above for more\ndetails on what went wrong.\n\n\
                               One common cause for this error is ec2-bundle-vol not being\navailable on the target instance.";
/// The same of an upload.
const UPLOAD_FAILED: &str = "Bundle upload failed. Please see the output above for more\ndetails on what went wrong.";
/// Exit status of `ec2-upload-bundle` where the bucket is somebody else's.
const NOT_OUR_BUCKET: i32 = 3;

/// Bundles the root volume and uploads the bundle; where its manifest is: `BUCKET/PREFIX.manifest.xml`.
///
/// # Errors
/// The guest does not take the certificate, a command fails, a template cannot be rendered.
pub(super) async fn bundle(
    cx: &mut BuildContext,
    site: &Site,
    config: &AmazonInstance,
    source: &Image,
    communicator: &dyn Communicator,
) -> Result<String, BuildError> {
    let prefix = prefix(cx, config)?;
    let manifest = format!("{}/{prefix}.manifest.xml", config.bucket());
    // A forecast wants the calls of a build: nobody is there to bundle anything.
    if cx.guests.as_ref().is_some_and(|guests| guests.silent()) {
        return Ok(manifest);
    }
    cx.step("StepUploadX509Cert").await;
    let mut result = x509::upload(cx, config, communicator).await;
    if result.is_ok() {
        cx.step("StepBundleVolume").await;
        result = bundle_volume(cx, config, source, &prefix, communicator).await;
    }
    if result.is_ok() {
        cx.step("StepUploadBundle").await;
        result = upload_bundle(cx, site, config, &prefix, communicator).await;
    }
    x509::remove(cx, config, communicator).await;
    result.map(|()| manifest)
}

fn prefix(cx: &BuildContext, config: &AmazonInstance) -> Result<String, BuildError> {
    let Some(given) = config.bundle_prefix.given() else {
        let default = Late("image-{{timestamp}}".to_owned());
        return render(cx, &default, &Value::Null, "prefix");
    };
    Ok(given.to_owned())
}

async fn bundle_volume(
    cx: &BuildContext,
    config: &AmazonInstance,
    source: &Image,
    prefix: &str,
    communicator: &dyn Communicator,
) -> Result<(), BuildError> {
    let data = json!({
        "KeyPath": x509::key(config),
        "AccountId": config.account_id(),
        "CertPath": x509::certificate(config),
        "Architecture": source.architecture,
        "PrivatePath": config.upload_path(),
        "Destination": config.destination(),
        "Prefix": prefix,
    });
    let command = given_or(config.bundle_vol_command.as_ref(), BUNDLE_VOLUME);
    let command = render(cx, &command, &data, "volume command")?;
    cx.report.say("Bundling the volume...");
    match run(cx, &command, communicator, "Error bundling volume").await? {
        0 => Ok(()),
        _ => Err(fail(cx, BUNDLING_FAILED)),
    }
}

async fn upload_bundle(
    cx: &BuildContext,
    site: &Site,
    config: &AmazonInstance,
    prefix: &str,
    communicator: &dyn Communicator,
) -> Result<(), BuildError> {
    let default = if config.instance.run.iam_instance_profile.is_given() { UPLOAD_BY_PROFILE } else { UPLOAD };
    let command = given_or(config.bundle_upload_command.as_ref(), default);
    let [access_key, secret_key, token] = keys(cx, site, config, &command).await?;
    let data = json!({
        "BucketName": config.bucket(),
        "ManifestPath": format!("{}/{prefix}.manifest.xml", config.destination()),
        "BundleDirectory": config.destination(),
        "Region": site.region.as_str(),
        "AccessKey": access_key,
        "SecretKey": secret_key,
        "Token": token,
    });
    let command = render(cx, &command, &data, "upload command")?;
    cx.report.say("Uploading the bundle...");
    let status = run(cx, &command, communicator, "Error uploading volume").await?;
    if status == NOT_OUR_BUCKET {
        let bucket = config.bucket();
        cx.report.error(format!(
            "Please check that the bucket `{bucket}` does not exist, or exists and is writable. This error indicates that the bucket may be \
             owned by somebody else."
        ));
    }
    if status == 0 { Ok(()) } else { Err(fail(cx, UPLOAD_FAILED)) }
}

/// Access key, secret key and token that the command names: the template's, else those with which amibake calls AWS. They are hidden
/// from here on. A command that names none is told none.
async fn keys(cx: &BuildContext, site: &Site, config: &AmazonInstance, command: &Late) -> Result<[String; 3], BuildError> {
    if ![".AccessKey", ".SecretKey", ".Token"].iter().any(|name| command.0.contains(name)) {
        return Ok(Default::default());
    }
    let keys = match config.access.access().keys {
        Some(keys) => keys,
        None => site.account.credentials().await.map_err(|error| fail(cx, format!("Error uploading volume: {error}")))?,
    };
    let token = keys.token.as_ref().map(|token| token.expose_secret().to_owned()).unwrap_or_default();
    let secret = keys.secret_key.expose_secret().to_owned();
    cx.report.tell(What::Hide(Hidden::new([secret.clone(), token.clone()])));
    Ok([keys.access_key, secret, token])
}

fn given_or(command: Option<&Late>, default: &str) -> Late {
    command.filter(|command| !command.0.is_empty()).cloned().unwrap_or_else(|| Late(default.to_owned()))
}

fn render(cx: &BuildContext, text: &Late, data: &Value, what: &str) -> Result<String, BuildError> {
    cx.late.render_strict(text, data).map_err(|error| fail(cx, format!("Error processing bundle {what}: {error}")))
}

/// Runs a command of the bundling; its exit status.
async fn run(cx: &BuildContext, command: &str, communicator: &dyn Communicator, what: &str) -> Result<i32, BuildError> {
    if cx.options.debug {
        cx.report.say(format!("Running: {command}"));
    }
    let ended = tokio::select! {
        biased;
        () = cx.cancel.cancelled() => return Err(BuildError::Cancelled),
        ended = communicator.run(command, &cx.report) => ended,
    };
    match ended {
        Ok(Ended::Status(status)) => Ok(status),
        Ok(Ended::Disconnected) => Err(fail(cx, format!("{what}: the connection to the guest was lost"))),
        Err(error) => Err(fail(cx, format!("{what}: {}", error.whole()))),
    }
}
