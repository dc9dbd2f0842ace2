//! The disk file into S3: in one call where it is small, else in parts side by side, each read when its turn comes.

use std::io::SeekFrom;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use amibake_ec2::s3::{NewObject, S3, StoredObject, Upload};
use amibake_ec2::{Ec2Error, ErrorKind};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::not_made;
use crate::builder::amazon::call::{CallError, ask, create_by_token, sleep};
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;
use crate::engine::teardown::{CreateError, EntryId, Lifetime, Resource, UploadId};

/// Bytes of a part; more where the file would need more parts than S3 takes. Four of them are in memory at a time.
const PART: u64 = 8 * 1024 * 1024;
/// S3's largest number of parts.
const MOST_PARTS: u64 = 10_000;
/// Parts under way at a time.
const SIDE_BY_SIDE: usize = 4;
/// How often a call is made whose reply is lost, and the pause before it is made again.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// Told each time that so many more percent are there.
const TOLD_EVERY: u64 = 10;

/// Uploads a file. The object goes with the post-processor, unless it is to be kept: then only when that fails.
///
/// # Errors
/// The file cannot be read, S3 refuses, the build is cancelled.
pub async fn upload(cx: &BuildContext, site: &Site, file: &str, object: &NewObject, keep: bool) -> Result<(), String> {
    let place = &object.name;
    cx.report.detail(format!("Uploading {file} to {place}"));
    let what = format!("Failed to upload {file} to {place}");
    let size = tokio::fs::metadata(file).await.map_err(|error| format!("Failed to open {file}: {error}"))?.len();
    let job =
        Job { cx, site, s3: &*site.ec2().s3(), file, size, object, lifetime: if keep { Lifetime::Artifact } else { Lifetime::Build } };
    match size {
        0..=PART => job.whole().await,
        _ => job.in_parts().await,
    }
    .map_err(|why| format!("{what}: {why}"))?;
    cx.report.detail(format!("Completed upload of {file} to {place}"));
    Ok(())
}

struct Job<'a> {
    cx: &'a BuildContext,
    site: &'a Site,
    s3: &'a dyn S3,
    file: &'a str,
    size: u64,
    object: &'a NewObject,
    lifetime: Lifetime,
}

impl Job<'_> {
    async fn whole(&self) -> Result<(), String> {
        let body = self.read(0, self.size).await?;
        self.own(create_by_token(|| self.s3.put_object(self.object, body.clone()))).await
    }

    /// Owns the object that a call stores.
    async fn own(&self, call: impl Future<Output = amibake_ec2::Result<StoredObject>> + Send) -> Result<(), String> {
        let resource = Resource::S3Object { name: self.object.name.clone(), stored: false, version: None };
        let made = self.cx.teardown.create(&self.site.home, resource, self.lifetime, call).await;
        made.map(drop).map_err(|error| error.to_string())
    }

    async fn in_parts(&self) -> Result<(), String> {
        let (upload, entry) = self.begin().await?;
        let part = PART.max(self.size.div_ceil(MOST_PARTS));
        let done = AtomicU64::new(0);
        let ranges = (0..self.size.div_ceil(part)).map(|index| (index + 1, index * part, part.min(self.size - index * part)));
        let parts = futures_util::stream::iter(ranges.map(|range| self.part(&upload, range, &done)));
        let tags: Vec<String> = parts.buffered(SIDE_BY_SIDE).try_collect().await?;
        self.own(self.complete(&upload, &tags)).await?;
        self.cx.teardown.release(entry);
        Ok(())
    }

    /// Begins the upload. One whose reply is lost stays on the stack, to be looked for.
    async fn begin(&self) -> Result<(Upload, EntryId), String> {
        let name = &self.object.name;
        let mut tries = 1;
        loop {
            let resource = Resource::S3Upload { name: name.clone(), id: None };
            let call = async { self.s3.create_upload(self.object).await.map(UploadId) };
            match self.cx.teardown.create(&self.site.home, resource, Lifetime::Build, call).await {
                Ok((UploadId(id), entry)) => return Ok((Upload { name: name.clone(), id }, entry)),
                Err(CreateError::Unknown { .. }) if tries < TRIES => {
                    tries += 1;
                    sleep(self.cx, PAUSE).await.map_err(|error| error.to_string())?;
                }
                Err(error) => return Err(not_made("the upload could not begin")(error)),
            }
        }
    }

    async fn part(&self, upload: &Upload, (number, from, length): (u64, u64, u64), done: &AtomicU64) -> Result<String, String> {
        if self.cx.cancel.is_cancelled() {
            return Err(CallError::Cancelled.to_string());
        }
        let body = self.read(from, length).await?;
        let nth = u32::try_from(number).unwrap_or(u32::MAX);
        let tag = ask(self.cx, || self.s3.upload_part(upload, nth, body.clone())).await;
        let tag = tag.map_err(|error| format!("part {number}: {error}"))?;
        self.tell(done.fetch_add(length, Ordering::Relaxed), length);
        Ok(tag)
    }

    fn tell(&self, before: u64, more: u64) {
        let step = |bytes: u64| bytes.saturating_mul(100) / self.size.max(1) / TOLD_EVERY;
        let now = step(before + more);
        if now > step(before) && before + more < self.size {
            let mebibytes = |bytes: u64| bytes / (1024 * 1024);
            let (percent, there, all) = (now * TOLD_EVERY, mebibytes(before + more), mebibytes(self.size));
            self.cx.report.detail(format!("Upload of {}: {percent}% ({there} of {all} MiB)", self.file));
        }
    }

    /// Completes the upload. Where the reply is lost, or S3 does not know the upload any more, the object tells whether it was.
    async fn complete(&self, upload: &Upload, parts: &[String]) -> amibake_ec2::Result<StoredObject> {
        let mut lost: Option<Ec2Error> = None;
        for _ in 0..TRIES {
            match self.s3.complete_upload(upload, parts).await {
                Err(error) if error.kind == ErrorKind::Unknown => lost = Some(error),
                Err(error) if lost.is_some() && error.is_not_found() => {}
                answer => return answer,
            }
            tokio::time::sleep(PAUSE).await;
            match self.s3.head_object(&upload.name).await {
                Ok(found) if found.run_id.as_ref() == Some(&self.object.run_id) => return Ok(found),
                Ok(_) | Err(_) => {}
            }
        }
        Err(lost.unwrap_or_else(|| Ec2Error::unknown("CompleteMultipartUpload", "no answer")))
    }

    async fn read(&self, from: u64, length: u64) -> Result<Bytes, String> {
        let read = async {
            let mut file = tokio::fs::File::open(self.file).await?;
            file.seek(SeekFrom::Start(from)).await?;
            let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
            file.read_exact(&mut bytes).await?;
            Ok::<_, std::io::Error>(Bytes::from(bytes))
        };
        read.await.map_err(|error| format!("{} cannot be read: {error}", self.file))
    }
}
