//! `amazon-import`: an image of the disk file that a builder made, by way of S3 (reference: Amazon builders, section 13).
//!
//! [`config`]: its keys; `upload`: the file into S3; `task`: EC2's import of it; `image`: name, tags and attributes of what comes of
//! it. The object, the upload, the task and the images are on the stack of the post-processor: what is temporary goes when it has ended,
//! everything where it fails. Packer leaves all of it then.

pub mod config;
mod image;
mod task;
mod upload;

use std::path::Path;

use amibake_ec2::s3::{NewObject, ObjectName};
use amibake_template::component::Given as _;
use async_trait::async_trait;

pub use config::AmazonImport;

use super::{PostProcessContext, PostProcessor, Processed, Rehearsed};
use crate::artifact::Artifact;
use crate::builder::amazon::artifact::artifact;
use crate::builder::amazon::call::CallError;
use crate::builder::amazon::site::Site;
use crate::builder::amazon::step::copy::Images;
use crate::engine::teardown::CreateError;

/// Packer's name of it in manifests.
const BUILDER_ID: &str = "packer.post-processor.amazon-import";

#[async_trait]
impl PostProcessor for AmazonImport {
    async fn process(&self, cx: &PostProcessContext<'_>, input: Artifact) -> Result<Processed, String> {
        let file = self.disk(&input)?;
        let cx = cx.build;
        let key = cx.late.render(&self.key(), &std::collections::BTreeMap::new());
        let key = key.map_err(|error| format!("Error rendering s3_key_name template: {error}"))?;
        let name = ObjectName { bucket: self.s3_bucket_name.given().unwrap_or_default().to_owned(), key };
        let site = Site::open(cx, &self.access, self.aws_polling.as_ref()).await.map_err(|error| error.to_string())?;
        let object = NewObject { name, encryption: self.encryption(), run_id: cx.options.run_uuid.clone() };
        upload::upload(cx, &site, file, &object, self.skip_clean).await?;
        let imported = task::import(cx, &site, self, &object.name).await?;
        let image = image::finish(cx, &site, self, imported).await?;
        let images = Images::from([(site.region.clone(), image)]);
        let artifact = artifact(BUILDER_ID, site.account, &images, input.build_data);
        Ok(Processed { artifact, keep_input: false, insists: false })
    }

    /// All that it does goes by way of the build's account, which is no real one then.
    fn rehearsed(&self, _output: &Path) -> Rehearsed {
        Rehearsed::Runs
    }
}

impl AmazonImport {
    /// The first of the builder's files that has the format's suffix.
    fn disk<'a>(&self, input: &'a Artifact) -> Result<&'a str, String> {
        let suffix = format!(".{}", self.format());
        let found = input.files.iter().find(|file| file.ends_with(&suffix));
        found.map(String::as_str).ok_or_else(|| format!("No {} image file found in artifact from builder", self.format()))
    }
}

/// What could not be done, and why.
fn failed(what: impl std::fmt::Display) -> impl FnOnce(CallError) -> String {
    move |error| format!("{what}: {error}")
}

/// What could not be made, and why.
fn not_made(what: impl std::fmt::Display) -> impl FnOnce(CreateError) -> String {
    move |error| format!("{what}: {error}")
}
