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
        // No mode is asked for: as with scp, an existing file keeps its own and a new one takes the source's.
        cx.while_away(PATIENCE, || cx.communicator.upload(Content::File(Path::new(source)), &target, None)).await
    };
    sent.map_err(|error| error.within("Upload failed"))
}

/// A source with a trailing slash is a directory, which lands in the destination under its own name (as with Packer 1.6.6).
async fn download(cx: &ProvisionContext<'_>, source: &str, destination: &str) -> Result<(), ProvisionError> {
    cx.report.say(format!("Downloading {source} => {destination}"));
    let is_directory = source.ends_with('/');
    let target = if is_directory { Path::new(destination).join(base_name(source)) } else { into_directory(source, destination).into() };
    let make = if is_directory { Some(target.as_path()) } else { target.parent() };
    if let Some(directory) = make.filter(|path| !path.as_os_str().is_empty()) {
        let failed = |error| ProvisionError::Failed(format!("Download failed: mkdir {}: {error}", directory.display()));
        tokio::fs::create_dir_all(directory).await.map_err(failed)?;
    }
    let got = if is_directory {
        cx.while_away(PATIENCE, || cx.communicator.download_dir(source, &target)).await
    } else {
        cx.while_away(PATIENCE, || cx.communicator.download(source, &target)).await
    };
    got.map_err(|error| error.within("Download failed"))
}

fn base_name(path: &str) -> String {
    Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A destination with a trailing slash is a directory: the file keeps its name there.
fn into_directory(source: &str, destination: &str) -> String {
    match destination.ends_with('/') {
        true => format!("{destination}{}", base_name(source)),
        false => destination.to_owned(),
    }
}
