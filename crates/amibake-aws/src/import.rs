//! Imports of images, in the SDK's words.

use amibake_ec2::model::{ImportImage, ImportTask, Tag};
use amibake_ec2::{Ec2Error, ImageId, ImportTaskId, Result, SnapshotId};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::import_image::ImportImageOutput;
use aws_sdk_ec2::operation::import_image::builders::ImportImageFluentBuilder;
use aws_sdk_ec2::types::{self as sdk, ImageDiskContainer, ResourceType, SnapshotDetail, UserBucket};

use crate::request::{tag_specifications, text};

/// ImportImage.
pub(crate) fn import_image(client: &Client, request: &ImportImage) -> ImportImageFluentBuilder {
    let bucket = UserBucket::builder().s3_bucket(&request.object.bucket).s3_key(&request.object.key).build();
    client
        .import_image()
        .client_token(&request.client_token)
        .disk_containers(ImageDiskContainer::builder().format(&request.format).user_bucket(bucket).build())
        .set_architecture(text(&request.architecture))
        .set_boot_mode(text(&request.boot_mode).map(|mode| mode.as_str().into()))
        .set_platform(text(&request.platform))
        .encrypted(request.encrypted)
        .set_kms_key_id(text(&request.kms_key_id))
        .set_role_name(text(&request.role_name))
        .set_license_type(text(&request.license_type))
        .set_tag_specifications(tag_specifications(&[(ResourceType::ImportImageTask, &request.task_tags)]))
}

/// What ImportImage answers.
pub(crate) fn begun(operation: &'static str, reply: &ImportImageOutput) -> Result<ImportTask> {
    let state = [reply.status(), reply.status_message(), reply.progress()];
    task(operation, [reply.import_task_id(), reply.image_id()], state, reply.snapshot_details(), reply.tags())
}

/// A described task.
pub(crate) fn described(operation: &'static str, reply: &sdk::ImportImageTask) -> Result<ImportTask> {
    let state = [reply.status(), reply.status_message(), reply.progress()];
    task(operation, [reply.import_task_id(), reply.image_id()], state, reply.snapshot_details(), reply.tags())
}

fn task(
    operation: &'static str,
    [id, image]: [Option<&str>; 2],
    [status, message, progress]: [Option<&str>; 3],
    details: &[SnapshotDetail],
    tags: &[sdk::Tag],
) -> Result<ImportTask> {
    let strange = |what: String| Ec2Error::unknown(operation, what);
    let given = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(ImportTask {
        id: ImportTaskId::new(id.unwrap_or_default()).map_err(|error| strange(error.to_string()))?,
        status: status.unwrap_or("active").to_owned(),
        status_message: given(message),
        progress: given(progress),
        image: given(image).map(ImageId::new).transpose().map_err(|error| strange(error.to_string()))?,
        snapshots: details.iter().filter_map(|detail| SnapshotId::new(detail.snapshot_id()?).ok()).collect(),
        tags: tags.iter().map(tag).collect(),
    })
}

fn tag(tag: &sdk::Tag) -> Tag {
    Tag { key: tag.key().unwrap_or_default().to_owned(), value: tag.value().unwrap_or_default().to_owned() }
}
