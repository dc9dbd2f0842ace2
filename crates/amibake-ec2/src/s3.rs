//! As much of S3 as an upload needs: objects and multipart uploads. Of the same account and region, with the same credentials.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Result;

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectName {
    /// Bucket.
    pub bucket: String,
    /// Key.
    pub key: String,
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// How S3 encrypts an object at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectEncryption {
    /// `AES256`: by keys of S3.
    Aes256,
    /// `aws:kms`: by this key, or by the account's key for S3.
    Kms(Option<String>),
}

/// An object about to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewObject {
    /// Where. What is there already is replaced.
    pub name: ObjectName,
    /// None: as the bucket says.
    pub encryption: Option<ObjectEncryption>,
    /// UUID of the run, kept with the object as metadata: tells it from somebody else's of the same name.
    pub run_id: String,
}

/// An object as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredObject {
    /// Which version, in a bucket that keeps versions.
    pub version: Option<String>,
    /// UUID of the run that stored it; only answered where it is asked for.
    pub run_id: Option<String>,
}

/// A multipart upload that was begun.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Upload {
    /// Of which object.
    pub name: ObjectName,
    /// S3's id of the upload.
    pub id: String,
}

/// A multipart upload as S3 lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedUpload {
    /// S3's id of the upload.
    pub id: String,
    /// When it was begun, RFC 3339.
    pub initiated: String,
}

/// The calls of S3, in one region.
#[async_trait]
pub trait S3: Send + Sync {
    /// Stores an object in one call (up to 5 GiB; for what is small).
    async fn put_object(&self, object: &NewObject, body: Bytes) -> Result<StoredObject>;
    /// Begins an upload in parts; its id. Each call begins another one.
    async fn create_upload(&self, object: &NewObject) -> Result<String>;
    /// Stores one part, counted from 1; what names it when the upload is completed. A part sent twice is stored once.
    async fn upload_part(&self, upload: &Upload, number: u32, body: Bytes) -> Result<String>;
    /// Makes the object of its parts, in their order.
    async fn complete_upload(&self, upload: &Upload, parts: &[String]) -> Result<StoredObject>;
    /// Gives an upload up, with the parts that are stored.
    async fn abort_upload(&self, upload: &Upload) -> Result<()>;
    /// Uploads of this object that are neither completed nor given up.
    async fn list_uploads(&self, name: &ObjectName) -> Result<Vec<ListedUpload>>;
    /// What is known of an object. One that does not exist is a refusal ([`crate::Ec2Error::is_not_found`]).
    async fn head_object(&self, name: &ObjectName) -> Result<StoredObject>;
    /// Removes an object, or one version of it for good. One that does not exist is success.
    async fn delete_object(&self, name: &ObjectName, version: Option<&str>) -> Result<()>;
}
