//! The [`S3`] trait on the rules. Its calls are recorded among EC2's, in the region from which they are made.

use async_trait::async_trait;
use bytes::Bytes;

use super::calls::Parameters;
use super::objects::Objects;
use super::options::Options;
use super::refusal::Answer;
use super::service::LabRegion;
use crate::Result;
use crate::s3::{ListedUpload, NewObject, ObjectEncryption, ObjectName, S3, StoredObject, Upload};

impl LabRegion {
    async fn objects<T: Send>(
        &self,
        operation: &'static str,
        parameters: Parameters,
        rule: impl FnOnce(&mut Objects, &Options) -> Answer<T> + Send,
    ) -> Result<T> {
        self.call_world(operation, parameters, |world, _, _| rule(&mut world.objects, &world.options)).await
    }
}

fn of(name: &ObjectName) -> Parameters {
    Parameters::default().with("Bucket", Some(&name.bucket)).with("Key", Some(&name.key))
}

fn new(object: &NewObject) -> Parameters {
    let (encryption, key) = match &object.encryption {
        None => (None, None),
        Some(ObjectEncryption::Aes256) => (Some("AES256"), None),
        Some(ObjectEncryption::Kms(key)) => (Some("aws:kms"), key.as_ref()),
    };
    of(&object.name).with("ServerSideEncryption", encryption).with("SSEKMSKeyId", key)
}

fn size(body: &Bytes) -> u64 {
    u64::try_from(body.len()).unwrap_or(u64::MAX)
}

#[async_trait]
impl S3 for LabRegion {
    async fn put_object(&self, object: &NewObject, body: Bytes) -> Result<StoredObject> {
        self.objects("PutObject", new(object), |s3, options| s3.put(options, object, size(&body))).await
    }

    async fn create_upload(&self, object: &NewObject) -> Result<String> {
        self.call_world("CreateMultipartUpload", new(object), |world, now, _| {
            let date = world.date(now);
            world.objects.create_upload(&world.options, object, date)
        })
        .await
    }

    async fn upload_part(&self, upload: &Upload, number: u32, body: Bytes) -> Result<String> {
        let parameters = of(&upload.name).with("UploadId", Some(&upload.id)).with("PartNumber", Some(number));
        self.objects("UploadPart", parameters, |s3, _| s3.upload_part(upload, number, size(&body))).await
    }

    async fn complete_upload(&self, upload: &Upload, parts: &[String]) -> Result<StoredObject> {
        let parameters = of(&upload.name).with("UploadId", Some(&upload.id)).list("Part", parts);
        self.objects("CompleteMultipartUpload", parameters, |s3, _| s3.complete_upload(upload, parts)).await
    }

    async fn abort_upload(&self, upload: &Upload) -> Result<()> {
        let parameters = of(&upload.name).with("UploadId", Some(&upload.id));
        self.objects("AbortMultipartUpload", parameters, |s3, _| s3.abort_upload(upload)).await
    }

    async fn list_uploads(&self, name: &ObjectName) -> Result<Vec<ListedUpload>> {
        self.objects("ListMultipartUploads", of(name), |s3, options| s3.list_uploads(options, name)).await
    }

    async fn head_object(&self, name: &ObjectName) -> Result<StoredObject> {
        self.objects("HeadObject", of(name), |s3, _| s3.head(name)).await
    }

    async fn delete_object(&self, name: &ObjectName, version: Option<&str>) -> Result<()> {
        self.objects("DeleteObject", of(name).with("VersionId", version), |s3, options| s3.delete(options, name)).await
    }
}
