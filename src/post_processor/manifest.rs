//! `manifest`: a JSON file that lists what builds made, in Packer's form, byte for byte.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use amibake_template::component::{Check, Component, Given, Kind};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PostProcessContext, PostProcessor, Processed, Rehearsed};
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
    /// More data for the entry; values may refer to the build's data. Since Packer 1.3.5.
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
    #[serde(deserialize_with = "null_is_empty")]
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

/// Go writes a list that was never made as `null`.
fn null_is_empty<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Entry>, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(time: &i64) -> bool {
    *time == 0
}

#[async_trait]
impl PostProcessor for Manifest {
    async fn process(&self, cx: &PostProcessContext<'_>, input: Artifact) -> Result<Processed, String> {
        let path = PathBuf::from(self.path());
        let entry = self.entry(cx, &input)?;
        let lock = Lock::take(&path, cx).await?;
        let written = append(&path, entry, cx);
        lock.release();
        written.map(|()| Processed { artifact: Some(input), keep_input: true, insists: true })
    }

    /// A manifest that names images which do not exist must not stand where a deployment looks for it.
    fn rehearsed(&self, output: &Path) -> Rehearsed {
        let given = self.path();
        let Some(name) = Path::new(given).file_name() else { return Rehearsed::Runs };
        let value = output.join(name).to_string_lossy().into_owned();
        let note = format!("the manifest `{given}` is written to `{value}` (-post-process writes it where the template says)");
        Rehearsed::Elsewhere { key: "output", value, note }
    }
}

impl Manifest {
    fn path(&self) -> &str {
        self.output.given().unwrap_or("packer-manifest.json")
    }

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
        Ok(text) => parse(&text).map_err(|error| format!("Unable to parse content from {shown}: {error}"))?,
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

/// By way of an object: serde would take any list, too, for a file whose keys are all missing, and it would be overwritten.
fn parse(text: &[u8]) -> serde_json::Result<Written> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(text)?;
    serde_json::from_value(object.into())
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::engine::late::LateContext;
    use crate::event::Reporter;

    /// A folder in which runs write a manifest.
    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("m.json")
        }

        fn text(&self) -> String {
            std::fs::read_to_string(self.path()).unwrap()
        }

        /// One run of the build `web`, which made `files` of this folder.
        async fn run(&self, run_uuid: &str, force: bool, files: &[&str], keys: Value) -> Result<(), String> {
            let mut manifest: Manifest = serde_json::from_value(keys).unwrap();
            manifest.output = Some(self.path().to_string_lossy().into_owned());
            let late = LateContext {
                host: Arc::default(),
                user: Arc::default(),
                build_name: "web".to_owned(),
                build_type: "file".to_owned(),
                build_data: BTreeMap::from([("ID".to_owned(), "i-1".to_owned())]),
            };
            let files = files.iter().map(|name| self.0.path().join(name).to_string_lossy().into_owned()).collect();
            let (builder_id, id, build_data) = ("x", "us-east-1:ami-1".to_owned(), BTreeMap::new());
            let artifact = Artifact { builder_id, id, text: String::new(), files, build_data, destroy: None };
            let (report, cancel) = (Reporter::new().0, CancellationToken::new());
            let (build, _events) = crate::builder::testing::context();
            let (report, cancel) = (&report, &cancel);
            let cx = PostProcessContext { report, late: &late, run_uuid, force, now_unix: 1_795_515_345, build: &build, cancel };
            let processed = manifest.process(&cx, artifact).await?;
            assert!(processed.keep_input && processed.insists && processed.artifact.is_some());
            Ok(())
        }

        /// Run and artifact of each entry, then the last run.
        fn runs(&self) -> Vec<String> {
            let written: Written = serde_json::from_str(&self.text()).unwrap();
            written.builds.into_iter().map(|entry| entry.packer_run_uuid).chain([written.last_run_uuid]).collect()
        }
    }

    /// As Packer 1.6.6 wrote it for the same keys (recorded 2026-11-24), the artifact and the run apart.
    const PACKERS: &str = r#"{
  "builds": [
    {
      "name": "web",
      "builder_type": "file",
      "files": [
        {
          "name": "a.txt",
          "size": 3
        }
      ],
      "artifact_id": "us-east-1:ami-1",
      "packer_run_uuid": "r1",
      "custom_data": {
        "a": "é\u2028 \"q\"",
        "b": "\u003cx\u003e \u0026 web"
      }
    }
  ],
  "last_run_uuid": "r1"
}"#;

    #[tokio::test]
    async fn the_file_is_packers_byte_for_byte() {
        let folder = Folder::new();
        std::fs::write(folder.0.path().join("a.txt"), "abc").unwrap();
        let custom_data = json!({"b": "<x> & {{build_name}}", "a": "é\u{2028} \"q\""});
        let keys = json!({"strip_path": true, "strip_time": true, "custom_data": custom_data});
        folder.run("r1", false, &["a.txt"], keys).await.unwrap();
        assert_eq!(folder.text(), PACKERS);
    }

    #[tokio::test]
    async fn an_image_has_no_files_and_an_unreadable_file_no_size() {
        let folder = Folder::new();
        folder.run("r1", false, &[], json!({})).await.unwrap();
        let expected = r#"      "build_time": 1795515345,
      "files": null,
      "artifact_id": "us-east-1:ami-1",
      "packer_run_uuid": "r1",
      "custom_data": null
"#;
        assert!(folder.text().contains(expected), "{}", folder.text());
        folder.run("r1", false, &["gone"], json!({"strip_path": true})).await.unwrap();
        assert!(folder.text().contains("\"name\": \"gone\",\n          \"size\": 0\n"), "{}", folder.text());
        folder.run("r1", false, &["gone"], json!({})).await.unwrap();
        assert!(folder.text().contains(&format!("\"name\": \"{}/gone\"", folder.0.path().display())), "{}", folder.text());
    }

    #[tokio::test]
    async fn runs_append_and_force_begins_anew_once_a_run() {
        let folder = Folder::new();
        folder.run("r1", false, &[], json!({})).await.unwrap();
        folder.run("r2", false, &[], json!({})).await.unwrap();
        assert_eq!(folder.runs(), ["r1", "r2", "r2"]);
        folder.run("r3", true, &[], json!({})).await.unwrap();
        folder.run("r3", true, &[], json!({})).await.unwrap();
        assert_eq!(folder.runs(), ["r3", "r3", "r3"]);
        assert_eq!(std::fs::read_dir(folder.0.path()).unwrap().count(), 1, "neither lock nor temporary file stays");
    }

    #[tokio::test]
    async fn parallel_builds_lose_no_entry() {
        let folder = Folder::new();
        let all = futures_util::future::join_all((0..8).map(|_| folder.run("r1", false, &[], json!({})))).await;
        assert!(all.iter().all(Result::is_ok), "{all:?}");
        assert_eq!(folder.runs().len(), 8 + 1);
    }

    /// What stands in the file already, and whether a run can append to it.
    #[track_caller]
    fn check_existing(text: &str, expected: Result<usize, &str>) {
        let folder = Folder::new();
        std::fs::write(folder.path(), text).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        match (runtime.block_on(folder.run("r1", false, &[], json!({}))), expected) {
            (Ok(()), Ok(entries)) => assert_eq!(folder.runs().len(), entries + 1, "{text}"),
            (Err(error), Err(words)) => {
                assert!(error.contains(words), "{text}: {error}");
                assert_eq!(folder.text(), text, "what cannot be read is left alone");
            }
            (found, _) => panic!("{text}: {found:?}"),
        }
    }

    #[test]
    fn an_existing_file_is_kept_or_refused() {
        check_existing("", Ok(1));
        check_existing("{}", Ok(1));
        check_existing(r#"{"builds": null}"#, Ok(1));
        check_existing(r#"{"builds": [{"name": "old", "unknown": 1}]}"#, Ok(2));
        check_existing("{", Err("Unable to parse content from "));
        check_existing("[]", Err("Unable to parse content from "));
    }

    #[tokio::test]
    async fn a_link_stays_a_link() {
        let folder = Folder::new();
        std::fs::write(folder.0.path().join("real"), "").unwrap();
        std::os::unix::fs::symlink("real", folder.path()).unwrap();
        folder.run("r1", false, &[], json!({})).await.unwrap();
        assert!(folder.path().is_symlink());
        assert_eq!(folder.runs(), ["r1", "r1"]);
    }
}
