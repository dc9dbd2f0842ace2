//! `file`: copies files and directories to the guest, or from it.

use std::path::Path;

use amibake_template::component::{Check, Component, FileKind, Kind};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{PATIENCE, ProvisionContext, ProvisionError, Provisioner};
use crate::communicator::Content;

/// Copies files and directories to the guest, or from it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct File {
    /// What to copy. With a trailing slash a directory's contents land in `destination`, without it the directory itself does.
    pub source: Option<String>,
    /// Several sources for one destination. Since Packer 0.9.0.
    pub sources: Vec<String>,
    /// What the file on the guest is to hold. Not together with `source` or `sources`. Since Packer 1.7.5.
    pub content: Option<String>,
    /// Where to: a file, or with a trailing slash a directory. The guest's user must be able to write there. Must be given.
    pub destination: Option<String>,
    /// `upload` copies to the guest, `download` from it. Default: `upload`. Since Packer 0.8.0.
    pub direction: Option<Direction>,
    /// The sources come into being during the build: do not look for them before it. Default: false. Since Packer 1.2.3.
    pub generated: bool,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the guest.
    #[default]
    Upload,
    /// From the guest.
    Download,
}

impl Component for File {
    const KIND: Kind = Kind::Provisioner;
    const TYPE: &'static str = "file";
    const EXAMPLE: &'static str = r#"{
  "type": "file",
  "source": "app/",
  "destination": "/tmp/app"
}"#;

    fn check(&self, check: &mut Check<'_>) {
        let sources = self.sources();
        match (&self.content, sources.is_empty()) {
            (Some(_), false) => check.error("content", "exclude-each-other", "`content` and sources cannot be given together", None),
            (None, true) => {
                let help = "give `source` (a file or directory), `sources` (several) or `content` (the text itself)".to_owned();
                check.error("source", "no-source", "there is nothing to copy", Some(help));
            }
            (Some(_), true) | (None, false) => {}
        }
        if self.destination().is_empty() {
            check.error("destination", "no-destination", "`destination` must be given", None);
        }
        if self.direction() == Direction::Download || self.generated {
            return;
        }
        let pointers = self.sources.iter().enumerate().map(|(index, path)| (format!("sources/{index}"), path));
        let all: Vec<_> = self.source.iter().map(|path| ("source".to_owned(), path)).chain(pointers).collect();
        for (pointer, path) in all {
            if !path.is_empty() && check.files.kind_of(path) == FileKind::Missing {
                let help = "paths are relative to the current directory; `\"generated\": true` if the build makes it".to_owned();
                check.error(&pointer, "missing-source", format!("there is no file or directory `{path}`"), Some(help));
            }
        }
    }
}

#[async_trait]
impl Provisioner for File {
    async fn provision(&self, cx: &ProvisionContext<'_>) -> Result<(), ProvisionError> {
        let destination = cx.render(self.destination())?;
        if let Some(content) = &self.content {
            let content = cx.render(content)?;
            cx.report.say(format!("Uploading content => {destination}"));
            let sent = cx.while_away(PATIENCE, || cx.communicator.upload(Content::Bytes(content.as_bytes()), &destination, None));
            return sent.await.map_err(|error| error.within("Upload failed"));
        }
        for source in self.sources() {
            let source = cx.render(source)?;
            match self.direction() {
                Direction::Upload => upload(cx, &source, &destination).await?,
                Direction::Download => download(cx, &source, &destination).await?,
            }
        }
        Ok(())
    }
}

impl File {
    fn sources(&self) -> Vec<&str> {
        self.source.iter().chain(&self.sources).map(String::as_str).filter(|path| !path.is_empty()).collect()
    }

    fn destination(&self) -> &str {
        self.destination.as_deref().unwrap_or_default()
    }

    fn direction(&self) -> Direction {
        self.direction.unwrap_or_default()
    }
}

async fn upload(cx: &ProvisionContext<'_>, source: &str, destination: &str) -> Result<(), ProvisionError> {
    cx.report.say(format!("Uploading {source} => {destination}"));
    let failed = |why: String| ProvisionError::Failed(format!("Upload failed: {why}"));
    let about = tokio::fs::metadata(source).await.map_err(|error| failed(format!("{source}: {error}")))?;
    let sent = if about.is_dir() {
        cx.while_away(PATIENCE, || cx.communicator.upload_dir(source, destination)).await
    } else {
        let target = into_directory(source, destination);
        let mode = std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o7777;
        cx.while_away(PATIENCE, || cx.communicator.upload(Content::File(Path::new(source)), &target, Some(mode))).await
    };
    sent.map_err(|error| error.within("Upload failed"))
}

async fn download(cx: &ProvisionContext<'_>, source: &str, destination: &str) -> Result<(), ProvisionError> {
    cx.report.say(format!("Downloading {source} => {destination}"));
    let failed = |why: String| ProvisionError::Failed(format!("Download failed: {why}"));
    let target = if source.ends_with('/') { destination.to_owned() } else { into_directory(source, destination) };
    let directory = if target.ends_with('/') { Some(Path::new(&target)) } else { Path::new(&target).parent() };
    if let Some(directory) = directory.filter(|path| !path.as_os_str().is_empty()) {
        tokio::fs::create_dir_all(directory).await.map_err(|error| failed(format!("mkdir {}: {error}", directory.display())))?;
    }
    let got = if source.ends_with('/') {
        cx.while_away(PATIENCE, || cx.communicator.download_dir(source, Path::new(&target))).await
    } else {
        cx.while_away(PATIENCE, || cx.communicator.download(source, Path::new(&target))).await
    };
    got.map_err(|error| error.within("Download failed"))
}

/// A destination with a trailing slash is a directory: the file keeps its name there.
fn into_directory(source: &str, destination: &str) -> String {
    match destination.ends_with('/') {
        true => format!("{destination}{}", Path::new(source).file_name().unwrap_or_default().to_string_lossy()),
        false => destination.to_owned(),
    }
}
