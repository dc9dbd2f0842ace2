//! `manifest`: a JSON file that lists what builds made, in Packer's form, byte for byte.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use amibake_template::component::{Check, Component, Kind};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PostProcessContext, PostProcessor, Processed};
use crate::artifact::Artifact;

/// Writes a JSON file that lists what builds made; later runs append to it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Manifest {
    /// Path of the file. Default: `packer-manifest.json`.
    pub output: Option<String>,
    /// List files by their base names. Default: false.
    pub strip_path: bool,
    /// Leave `build_time` out. Default: false. Since Packer 1.5.6.
    pub strip_time: bool,
    /// More data for the entry; values may refer to the build's data.
    pub custom_data: Option<BTreeMap<String, String>>,
}

impl Component for Manifest {
    const KIND: Kind = Kind::PostProcessor;
    const TYPE: &'static str = "manifest";
    const EXAMPLE: &'static str = r#"{
  "type": "manifest",
  "output": "manifest.json"
}"#;

    fn check(&self, _check: &mut Check<'_>) {}
}

/// The file, in the order in which Packer writes its keys; keys that are missing are read as empty, as Packer does.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Written {
    builds: Vec<Entry>,
    last_run_uuid: String,
}

/// One artifact.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Entry {
    name: String,
    builder_type: String,
    #[serde(skip_serializing_if = "is_zero")]
    build_time: i64,
    files: Option<Vec<Listed>>,
    artifact_id: String,
    packer_run_uuid: String,
    custom_data: Option<BTreeMap<String, String>>,
}

/// A file of an artifact.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Listed {
    name: String,
    /// Bytes; 0 where it cannot be read.
    size: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(time: &i64) -> bool {
    *time == 0
}

#[async_trait]
impl PostProcessor for Manifest {
    async fn process(&self, cx: &PostProcessContext<'_>, input: Artifact) -> Result<Processed, String> {
        let path = PathBuf::from(self.output.as_deref().filter(|text| !text.is_empty()).unwrap_or("packer-manifest.json"));
        let entry = self.entry(cx, &input)?;
        let lock = Lock::take(&path, cx).await?;
        let written = append(&path, entry, cx);
        lock.release();
        written.map(|()| Processed { artifact: Some(input), keep_input: true, insists: true })
    }
}

impl Manifest {
    fn entry(&self, cx: &PostProcessContext<'_>, artifact: &Artifact) -> Result<Entry, String> {
        let render = |(key, value): (&String, &String)| {
            let value = cx.late.render(value, &BTreeMap::new()).map_err(|error| format!("Error interpolating custom data: {error}"))?;
            Ok((key.clone(), value))
        };
        let custom_data = self.custom_data.as_ref().map(|data| data.iter().map(render).collect::<Result<_, String>>()).transpose()?;
        Ok(Entry {
            name: cx.late.build_name.clone(),
            builder_type: cx.late.build_type.clone(),
            build_time: if self.strip_time { 0 } else { cx.now_unix },
            files: (!artifact.files.is_empty()).then(|| artifact.files.iter().map(|path| self.listed(path)).collect()),
            artifact_id: artifact.id.clone(),
            packer_run_uuid: cx.run_uuid.to_owned(),
            custom_data,
        })
    }

    fn listed(&self, path: &str) -> Listed {
        let size = std::fs::metadata(path).map(|about| about.len()).unwrap_or_default();
        let base = || Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        Listed { name: if self.strip_path { base() } else { path.to_owned() }, size }
    }
}

fn append(path: &Path, entry: Entry, cx: &PostProcessContext<'_>) -> Result<(), String> {
    let shown = path.display();
    let mut written = match std::fs::read(path) {
        Ok(text) if text.is_empty() => Written::default(),
        Ok(text) => serde_json::from_slice(&text).map_err(|error| format!("Unable to parse content from {shown}: {error}"))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Written::default(),
        Err(error) => return Err(format!("Unable to open {shown} for reading: {error}")),
    };
    if cx.force && written.last_run_uuid != cx.run_uuid {
        written.builds.clear();
    }
    written.builds.push(entry);
    written.last_run_uuid = cx.run_uuid.to_owned();
    let text = in_go(&written).map_err(|error| format!("Unable to write {shown}: {error}"))?;
    replace(path, text.as_bytes()).map_err(|error| format!("Unable to write {shown}: {error}"))
}

/// Pretty JSON as Go writes it: `<`, `>`, `&` and the two line separators of Unicode are escaped, no newline ends it.
fn in_go(written: &Written) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(written)?;
    for (plain, escaped) in [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")] {
        if text.contains(plain) {
            text = text.replace(plain, escaped);
        }
    }
    Ok(text)
}

/// A reader sees the old file or the new one, never half of it, and a full disk loses nothing. Links and devices are written through.
fn replace(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let plain = std::fs::symlink_metadata(path).map_or(true, |about| about.is_file());
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = std::fs::metadata(path).ok().map(|about| about.permissions());
    match tempfile::Builder::new().prefix(".manifest").permissions(default_mode()).tempfile_in(directory) {
        Ok(mut file) if plain => {
            file.write_all(text)?;
            if let Some(mode) = mode {
                file.as_file().set_permissions(mode)?;
            }
            file.persist(path).map(|_| ()).map_err(|error| error.error)
        }
        Ok(_) | Err(_) => std::fs::write(path, text),
    }
}

/// As Packer: 0664, less what the umask takes away.
fn default_mode() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o664)
}

/// A lock file beside the manifest, so that parallel builds do not lose each other's entries. Packer goes on without it after a
/// moment; here it is waited for, and one left by a dead process is taken over in the end.
struct Lock(PathBuf);

impl Lock {
    const PAUSE: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(30);

    async fn take(path: &Path, cx: &PostProcessContext<'_>) -> Result<Self, String> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let lock = PathBuf::from(name);
        let began = tokio::time::Instant::now();
        loop {
            match std::fs::File::create_new(&lock) {
                Ok(_) => return Ok(Self(lock)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && began.elapsed() < Self::LONGEST => {}
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(Self(lock)),
                Err(error) => return Err(format!("Unable to write {}: {error}", lock.display())),
            }
            tokio::select! {
                () = cx.cancel.cancelled() => return Err("cancelled".to_owned()),
                () = tokio::time::sleep(Self::PAUSE) => {}
            }
        }
    }

    fn release(self) {
        // Somebody who took it over may have removed it.
        let _ = std::fs::remove_file(&self.0);
    }
}
