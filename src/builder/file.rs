//! `file`: makes a local file; for trying templates without AWS. Provisioners run, as in Packer, but there is no guest: what happens on
//! this machine (`shell-local`) does, and what is sent to a guest goes nowhere.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use amibake_template::component::{Check, Component, Given, Kind};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::artifact::{Artifact, Destroy};
use crate::builder::{BuildError, Builder};
use crate::communicator::mock::MockHost;
use crate::engine::context::BuildContext;

/// Makes a local file, for trying templates and post-processors. Has no guest: `shell-local` runs, what other provisioners send goes
/// nowhere and counts as done.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct File {
    /// What the file holds. Not together with `source`. Default: nothing.
    pub content: Option<String>,
    /// File to copy instead.
    pub source: Option<String>,
    /// Path of the file. Its directories are made. Must be given.
    pub target: Option<String>,
}

impl Component for File {
    const KIND: Kind = Kind::Builder;
    const TYPE: &'static str = "file";
    const EXAMPLE: &'static str = r#"{
  "type": "file",
  "content": "hello",
  "target": "hello.txt"
}"#;

    fn check(&self, check: &mut Check<'_>) {
        if self.target.given().is_none() {
            check.error("target", "target", "`target` must be given", None);
        }
        match (self.content.given(), self.source.given()) {
            (Some(_), Some(_)) => check.error("source", "exclude-each-other", "only one of `content` and `source` can be given", None),
            (None, None) => {
                check.warning("target", "no-content", "`content` and `source` are both blank; the file will have no content", None);
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
    }
}

#[async_trait]
impl Builder for File {
    async fn build(&self, cx: &mut BuildContext) -> Result<Option<Artifact>, BuildError> {
        let target = self.target.given().unwrap_or_default();
        if let Some(dir) = Path::new(target).parent() {
            std::fs::create_dir_all(dir).map_err(|error| failed("mkdir", dir, &error))?;
        }
        match self.source.given() {
            Some(source) => {
                cx.report.say(format!("Copying {source} to {target}"));
                let copied = copy(Path::new(source), Path::new(target))?;
                cx.report.say(format!("Copied {copied} bytes"));
            }
            None => write(Path::new(target), self.content.as_deref().unwrap_or_default())?,
        }
        // A failure leaves the file, as in Packer.
        cx.provision_plainly(&MockHost).await?;
        Ok(Some(Artifact {
            builder_id: "packer.file",
            id: "File".to_owned(),
            text: format!("Stored file: {target}"),
            files: vec![target.to_owned()],
            build_data: std::collections::BTreeMap::new(),
            destroy: Some(Arc::new(Stored(target.to_owned()))),
        }))
    }
}

/// Copies content, not mode, as Packer does.
fn copy(source: &Path, target: &Path) -> Result<u64, BuildError> {
    let mut from = std::fs::File::open(source).map_err(|error| failed("open", source, &error))?;
    let mut to = std::fs::File::create(target).map_err(|error| failed("open", target, &error))?;
    std::io::copy(&mut from, &mut to).map_err(|error| failed("write", target, &error))
}

fn write(target: &Path, content: &str) -> Result<(), BuildError> {
    // Packer's mode; what is in a template may be a secret.
    let open = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(target);
    let mut file = open.map_err(|error| failed("open", target, &error))?;
    file.write_all(content.as_bytes()).map_err(|error| failed("write", target, &error))
}

/// Go's form: `open nosuch: no such file or directory`.
fn failed(call: &str, path: &Path, error: &std::io::Error) -> BuildError {
    BuildError::Failed(format!("{call} {}: {}", path.display(), reason(error)))
}

fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let plain = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = plain.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// The file, when a post-processor does not keep it.
struct Stored(String);

#[async_trait]
impl Destroy for Stored {
    async fn destroy(&self) -> Result<(), String> {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("remove {}: {}", self.0, reason(&error))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::builder::testing::context;
    use crate::engine::testing::texts;

    fn file(content: Option<&str>, source: Option<&Path>, target: &Path) -> File {
        let path = |path: &Path| path.display().to_string();
        File { content: content.map(str::to_owned), source: source.map(path), target: Some(path(target)) }
    }

    #[tokio::test]
    async fn content_lands_in_a_private_file_and_goes_with_its_artifact() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("deep/er/a.out");
        let (mut cx, events) = context();
        let made = file(Some("x"), None, &target).build(&mut cx).await.unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "x");
        assert_eq!(std::fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!((made.text, made.files), (format!("Stored file: {}", target.display()), vec![target.display().to_string()]));
        assert_eq!(texts(&events), [] as [String; 0]);
        let destroy = made.destroy.unwrap();
        destroy.destroy().await.unwrap();
        assert!(!target.exists());
        destroy.destroy().await.unwrap();
    }

    #[tokio::test]
    async fn a_source_is_copied_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let (source, target) = (dir.path().join("s"), dir.path().join("t"));
        std::fs::write(&source, "four").unwrap();
        let (mut cx, events) = context();
        file(None, Some(&source), &target).build(&mut cx).await.unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "four");
        let told = [format!("Copying {} to {}", source.display(), target.display()), "Copied 4 bytes".to_owned()];
        assert_eq!(texts(&events), told);
    }

    #[tokio::test]
    async fn a_missing_source_fails_in_packers_words() {
        let dir = tempfile::tempdir().unwrap();
        let (mut cx, _events) = context();
        let built = file(None, Some(Path::new("nosuch")), &dir.path().join("t")).build(&mut cx).await;
        assert_eq!(built.err().unwrap().to_string(), "open nosuch: no such file or directory");
    }
}
