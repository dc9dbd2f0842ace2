//! EC2's import of the object: begun once, waited for, its progress told.

use std::time::Duration;

use amibake_ec2::model::{ImportImage, ImportTask};
use amibake_ec2::s3::ObjectName;
use amibake_ec2::{Ec2Error, ErrorKind, ImageId, SnapshotId};
use amibake_template::component::Given as _;
use tokio::time::Instant;

use super::config::AmazonImport;
use super::{failed, not_made};
use crate::builder::amazon::call::{CallError, Pauses, TRIES, ask, create_by_token, sleep};
use crate::builder::amazon::name::uuid;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;
use crate::engine::teardown::{CreateError, EntryId, Lifetime, Resource};

/// Pause between two looks at the task, and after some minutes.
const PAUSE: Duration = Duration::from_secs(5);
const LATER_PAUSE: Duration = Duration::from_secs(15);
const LATER: Duration = Duration::from_secs(5 * 60);
/// The same where calls cost nothing.
const PAUSE_UNLIMITED: Duration = Duration::from_millis(20);

/// What an import made, and where it stands on the stack.
pub struct Imported {
    /// The image, under the name that EC2 gave it.
    pub image: ImageId,
    /// Its snapshots.
    pub snapshots: Vec<SnapshotId>,
    /// The task with its image.
    pub entry: EntryId,
}

/// Imports the object as an image. The image goes with the post-processor where another name is wanted, for which it is only copied.
///
/// # Errors
/// EC2 refuses, the task fails, time is up, the build is cancelled.
pub async fn import(cx: &BuildContext, site: &Site, config: &AmazonImport, object: &ObjectName) -> Result<Imported, String> {
    if let Some(license) = config.license_type.given() {
        cx.report.detail(format!("Setting license type to '{license}'"));
    }
    let (task, entry) = begin(cx, site, config, object).await?;
    let id = &task.id;
    cx.report.detail(format!("Started import of {object}, task id {id}"));
    cx.report.detail(format!("Waiting for task {id} to complete (may take a while)"));
    let task = wait(cx, site, task).await?;
    cx.teardown.complete(entry, &task);
    let Some(image) = task.image else { return Err(format!("Import task {} is completed without an image", task.id)) };
    cx.report.detail(format!("Import task {} complete", task.id));
    Ok(Imported { image, snapshots: task.snapshots, entry })
}

fn request(cx: &BuildContext, config: &AmazonImport, object: &ObjectName) -> ImportImage {
    let given = |key: &Option<String>| key.given().map(str::to_owned);
    let request = ImportImage {
        client_token: String::new(),
        object: object.clone(),
        format: config.format().to_owned(),
        architecture: Some(config.architecture().to_owned()),
        boot_mode: Some(config.boot_mode().to_owned()),
        // EC2's spelling of it.
        platform: config.platform.given().map(|platform| if platform == "windows" { "Windows" } else { "Linux" }.to_owned()),
        encrypted: config.ami_encrypt,
        kms_key_id: config.image_key(),
        role_name: given(&config.role_name),
        license_type: given(&config.license_type),
        task_tags: cx.teardown.tags(),
    };
    // Another post-processor of the build may import the same object in another way.
    ImportImage { client_token: uuid(cx, &format!("{request:?}")), ..request }
}

/// Begins the import. What EC2 refuses is tried again, as in Packer: a role that was just made may not be known everywhere yet.
async fn begin(cx: &BuildContext, site: &Site, config: &AmazonImport, object: &ObjectName) -> Result<(ImportTask, EntryId), String> {
    let what = format!("Failed to start import from {object}");
    let request = request(cx, config, object);
    let lifetime = if config.ami_name.is_given() { Lifetime::Build } else { Lifetime::Artifact };
    let mut pauses = Pauses::usual(TRIES);
    loop {
        if cx.cancel.is_cancelled() {
            return Err(CallError::Cancelled.to_string());
        }
        let resource = Resource::import_task(request.client_token.clone());
        let call = create_by_token(|| site.ec2().import_image(request.clone()));
        let error = match cx.teardown.create(&site.home, resource, lifetime, call).await {
            Ok(made) => return Ok(made),
            Err(CreateError::Ec2(error)) if error.kind != ErrorKind::Setup => error,
            Err(error) => return Err(not_made(what)(error)),
        };
        let Some(pause) = pauses.next() else { return Err(format!("{what}: {error}")) };
        cx.report.detail(format!("Not started yet, trying again: {error}"));
        sleep(cx, pause).await.map_err(failed(&what))?;
    }
}

/// Waits for the end of the task.
async fn wait(cx: &BuildContext, site: &Site, begun: ImportTask) -> Result<ImportTask, String> {
    let (since, limit) = (Instant::now(), site.polling.import_limit());
    let mut task = begun;
    let mut told = String::new();
    loop {
        match task.status.as_str() {
            "completed" => return Ok(task),
            "deleting" | "deleted" => return Err(fate(&task, &format!("the task is {}", task.status))),
            _ => tell(cx, &task, &mut told),
        }
        if since.elapsed() >= limit {
            return Err(fate(&task, &format!("it is not completed after {} seconds (`aws_polling` sets the limit)", limit.as_secs())));
        }
        let left = limit.saturating_sub(since.elapsed());
        sleep(cx, pause(site, since).min(left)).await.map_err(failed(format!("Import task {}", task.id)))?;
        match ask(cx, || site.ec2().describe_import_tasks(std::slice::from_ref(&task.id))).await {
            Ok(found) => task = found.into_iter().next().unwrap_or(task),
            Err(CallError::Ec2(error)) if passes(&error, since) => {}
            Err(error) => return Err(failed(format!("Import task {}", task.id))(error)),
        }
    }
}

fn pause(site: &Site, since: Instant) -> Duration {
    match (site.ec2().unlimited(), since.elapsed() >= LATER) {
        (true, _) => PAUSE_UNLIMITED,
        (false, true) => LATER_PAUSE,
        (false, false) => PAUSE,
    }
}

/// A new task may not be known everywhere at first; a call that is not answered is made again.
fn passes(error: &Ec2Error, since: Instant) -> bool {
    match error.kind {
        ErrorKind::Throttled | ErrorKind::Unknown => true,
        ErrorKind::Refused => error.is_not_found() && since.elapsed() < LATER_PAUSE * 4,
        ErrorKind::Setup => false,
    }
}

/// In Packer's words.
fn fate(task: &ImportTask, error: &str) -> String {
    let message = task.status_message.as_deref().unwrap_or_default();
    format!("Import task {} failed with status message: {message}, error: {error}", task.id)
}

/// Tells how far the task is, where that has changed.
fn tell(cx: &BuildContext, task: &ImportTask, told: &mut String) {
    let percent = task.progress.as_deref().map(|percent| format!("{}%", percent.trim_end_matches('%')));
    let parts: Vec<String> = percent.into_iter().chain(task.status_message.clone()).collect();
    let state = parts.join(", ");
    if !state.is_empty() && state != *told {
        cx.report.detail(format!("Import task {}: {state}", task.id));
        *told = state;
    }
}
