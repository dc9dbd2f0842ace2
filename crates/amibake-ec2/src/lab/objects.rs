//! S3: objects and multipart uploads of all buckets. What objects hold is not kept, only how much it is.

use std::collections::BTreeMap;

use super::options::Options;
use super::refusal::{Answer, refuse};
use crate::s3::{ListedUpload, NewObject, ObjectName, StoredObject, Upload};

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRecord {
    /// How it was stored.
    pub object: NewObject,
    /// Bytes.
    pub size: u64,
}

/// An upload in parts: part by number, bytes of each.
#[derive(Debug, Clone)]
struct UploadRecord {
    object: NewObject,
    initiated: String,
    parts: BTreeMap<u32, u64>,
}

/// All buckets.
#[derive(Debug, Default)]
pub(super) struct Objects {
    objects: BTreeMap<ObjectName, ObjectRecord>,
    uploads: BTreeMap<String, UploadRecord>,
    /// How many uploads were begun.
    begun: u64,
}

/// S3's smallest part, but for the last one.
const SMALLEST_PART: u64 = 5 * 1024 * 1024;
/// S3's largest number of parts.
const MOST_PARTS: u32 = 10_000;

/// Whether a call is one of S3's: EC2's request budgets do not count it.
pub(super) fn is_s3(operation: &str) -> bool {
    ["Object", "Upload", "UploadPart", "Uploads"].iter().any(|end| operation.ends_with(end))
}

impl Objects {
    /// A bucket that there is.
    fn bucket(options: &Options, name: &ObjectName) -> Answer<()> {
        if options.assume || options.buckets.contains(&name.bucket) {
            return Ok(());
        }
        refuse("NoSuchBucket", "The specified bucket does not exist")
    }

    pub(super) fn object(&self, name: &ObjectName) -> Option<&ObjectRecord> {
        self.objects.get(name)
    }

    pub(super) fn put(&mut self, options: &Options, object: &NewObject, size: u64) -> Answer<StoredObject> {
        Self::bucket(options, &object.name)?;
        self.objects.insert(object.name.clone(), ObjectRecord { object: object.clone(), size });
        Ok(StoredObject::default())
    }

    pub(super) fn create_upload(&mut self, options: &Options, object: &NewObject, initiated: String) -> Answer<String> {
        Self::bucket(options, &object.name)?;
        self.begun += 1;
        let id = format!("upload-{}", self.begun);
        self.uploads.insert(id.clone(), UploadRecord { object: object.clone(), initiated, parts: BTreeMap::new() });
        Ok(id)
    }

    fn upload(&mut self, upload: &Upload) -> Answer<&mut UploadRecord> {
        match self.uploads.get_mut(&upload.id).filter(|known| known.object.name == upload.name) {
            Some(known) => Ok(known),
            None => refuse("NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or aborted or completed."),
        }
    }

    pub(super) fn upload_part(&mut self, upload: &Upload, number: u32, size: u64) -> Answer<String> {
        let record = self.upload(upload)?;
        if !(1..=MOST_PARTS).contains(&number) {
            return refuse("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive");
        }
        record.parts.insert(number, size);
        Ok(format!("\"{number}-{size}\""))
    }

    pub(super) fn complete_upload(&mut self, upload: &Upload, parts: &[String]) -> Answer<StoredObject> {
        let record = self.upload(upload)?.clone();
        let stored: Vec<String> = record.parts.iter().map(|(number, size)| format!("\"{number}-{size}\"")).collect();
        if stored != parts {
            return refuse("InvalidPart", "One or more of the specified parts could not be found.");
        }
        if record.parts.values().rev().skip(1).any(|size| *size < SMALLEST_PART) {
            return refuse("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size");
        }
        self.uploads.remove(&upload.id);
        let size = record.parts.values().sum();
        self.objects.insert(upload.name.clone(), ObjectRecord { object: record.object, size });
        Ok(StoredObject::default())
    }

    pub(super) fn abort_upload(&mut self, upload: &Upload) -> Answer<()> {
        self.upload(upload)?;
        self.uploads.remove(&upload.id);
        Ok(())
    }

    pub(super) fn list_uploads(&self, options: &Options, name: &ObjectName) -> Answer<Vec<ListedUpload>> {
        Self::bucket(options, name)?;
        let of_it = self.uploads.iter().filter(|(_, upload)| upload.object.name == *name);
        Ok(of_it.map(|(id, upload)| ListedUpload { id: id.clone(), initiated: upload.initiated.clone() }).collect())
    }

    pub(super) fn head(&self, name: &ObjectName) -> Answer<StoredObject> {
        match self.objects.get(name) {
            Some(record) => Ok(StoredObject { version: None, run_id: Some(record.object.run_id.clone()) }),
            // The answer to HEAD has no body; this is what amibake-aws makes of it.
            None => refuse("NotFound", "there is no such object"),
        }
    }

    pub(super) fn delete(&mut self, options: &Options, name: &ObjectName) -> Answer<()> {
        Self::bucket(options, name)?;
        self.objects.remove(name);
        Ok(())
    }

    /// What is there: names, and a line about each.
    pub(super) fn lasting(&self) -> impl Iterator<Item = (String, String)> {
        let objects = self.objects.keys().map(|name| (name.to_string(), format!("object {name}")));
        let uploads = self.uploads.iter().map(|(id, upload)| (id.clone(), format!("upload of {}", upload.object.name)));
        objects.chain(uploads)
    }
}
