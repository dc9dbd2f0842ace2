//! The image that a guest starts from.

use std::collections::hash_map::DefaultHasher;
use std::ffi::OsStr;
use std::fs::File;
use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::runtime::{Runtime, local};
use crate::guest::GuestError;

/// What a cloud image has and a container image has not.
const PREPARE: &str = include_str!("prepare.sh");

/// Users that cloud images log in as, where the image's own is not known.
const USERS: &[&str] = &["ec2-user", "ubuntu", "admin", "debian", "centos", "rocky", "fedora"];

/// How a removed path is written in a layer.
///
/// Source: "Whiteouts" in the OCI image layer specification.
pub(super) const WHITEOUT: &str = ".wh.";

/// What bases are known by.
pub(super) const LABEL: &str = "amibake.base";

/// Processes in one container, where this machine allows as many.
///
/// Source: podman's own default.
const PROCESSES: u64 = 32_768;

/// Paths in one command line.
const ARGUMENTS: usize = 500;

/// What a base is made of.
#[derive(Debug)]
pub(super) struct Recipe<'a> {
    pub(super) image: &'a str,
    /// The user that the image logs in as; empty: any of the usual ones.
    pub(super) login: &'a str,
    /// Layers of earlier rehearsals, the oldest first.
    pub(super) layers: &'a [PathBuf],
}

impl Recipe<'_> {
    /// Makes it, where this machine does not have it already, and answers with its name. `scratch` is a free name for a container.
    ///
    /// # Errors
    /// The image cannot be had, or has no shell, or a layer cannot be read.
    pub(super) async fn base(&self, runtime: &Runtime, scratch: &str) -> Result<String, GuestError> {
        let id = self.image_id(runtime).await?;
        let name = format!("localhost/amibake-base:{:016x}", self.key(&id)?);
        if runtime.output(["image", "inspect", "--format", "{{.Id}}", &name]).await.is_ok() {
            return Ok(name);
        }
        let made = self.make(runtime, scratch, &name).await;
        // Best effort: the sweep of the next owner takes what stays.
        let _ = runtime.output(["rm", "--force", scratch]).await;
        made.map(|()| name)
    }

    async fn image_id(&self, runtime: &Runtime) -> Result<String, GuestError> {
        let words = ["image", "inspect", "--format", "{{.Id}}", self.image];
        if let Ok(id) = runtime.output(words).await {
            return Ok(id);
        }
        runtime.run(&format!("the image {} cannot be had", self.image), ["pull", "--quiet", self.image]).await?;
        runtime.run("the image that was pulled is not there", words).await
    }

    /// Changes with everything that the base is made of.
    fn key(&self, id: &str) -> Result<u64, GuestError> {
        let mut key = DefaultHasher::new();
        (id.trim(), self.login, PREPARE).hash(&mut key);
        for layer in self.layers {
            let of = layer.metadata().map_err(|source| local(&format!("the layer {} is gone", layer.display()), source))?;
            (layer, of.len(), of.modified().ok()).hash(&mut key);
        }
        Ok(key.finish())
    }

    async fn make(&self, runtime: &Runtime, scratch: &str, name: &str) -> Result<(), GuestError> {
        let users = if self.login.is_empty() { USERS.join(" ") } else { self.login.to_owned() };
        let idle = ["--user", "0:0", "--entrypoint", "/bin/sh", self.image, "-c", "while :; do sleep 60; done"];
        let mut run = vec!["run".to_owned(), "--detach".into(), "--name".into(), scratch.into(), "--network=none".into()];
        run.extend(limits());
        run.extend(idle.map(str::to_owned));
        runtime.run("the image cannot be started", run).await?;
        let prepare = ["exec", "--user", "0:0", scratch, "/bin/sh", "-c", PREPARE, "prepare", &users];
        runtime.run("the image cannot be prepared", prepare).await?;
        for layer in self.layers {
            apply(runtime, scratch, layer).await?;
        }
        let label = format!("LABEL {LABEL}=1");
        runtime.run("the prepared image cannot be stopped", ["kill", scratch]).await?;
        // Without the idle command: each guest is started with its own.
        runtime
            .run("the prepared image cannot be kept", ["commit", "--quiet", "--change", "ENTRYPOINT []", "--change", &label, scratch, name])
            .await?;
        Ok(())
    }
}

/// Limits of a container: this process's, and no more processes than podman itself asks for. A runtime's defaults may be above what
/// this machine allows, and then nothing starts.
pub(super) fn limits() -> Vec<String> {
    use rustix::process::{Resource, getrlimit};
    let mut words = Vec::new();
    let files = getrlimit(Resource::Nofile);
    if let (Some(now), Some(most)) = (files.current, files.maximum) {
        words.push(format!("--ulimit=nofile={now}:{most}"));
    }
    let processes = getrlimit(Resource::Nproc).maximum.map_or(PROCESSES, |most| most.min(PROCESSES));
    words.push(format!("--ulimit=nproc={processes}:{processes}"));
    words
}

/// Puts a layer into a running container: takes away what it removes, then adds what it has.
async fn apply(runtime: &Runtime, container: &str, layer: &Path) -> Result<(), GuestError> {
    let failed = |source| local(&format!("the layer {} cannot be used", layer.display()), source);
    let path = layer.to_owned();
    let open = move || {
        let file = File::open(&path)?;
        Ok((whiteouts(&file)?, File::open(&path)?))
    };
    let (removed, file) = tokio::task::spawn_blocking(open).await.map_err(io::Error::other).and_then(|it| it).map_err(failed)?;
    remove(runtime, container, removed.iter().map(|path| path.target.clone())).await.map_err(failed)?;
    let target = format!("{container}:/");
    let mut copy = runtime.command();
    copy.arg("cp");
    if runtime.program() == "podman" {
        // Else everything would be root's. Docker does as the tar says.
        copy.arg("--archive=false");
    }
    let output = copy.args(["-", &target]).stdin(file).kill_on_drop(true).output().await.map_err(failed)?;
    if !output.status.success() {
        return Err(failed(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())));
    }
    // The marks themselves came along as files.
    remove(runtime, container, removed.into_iter().map(|path| path.mark)).await.map_err(failed)
}

/// A removed path, and the entry that says so.
#[derive(Debug, PartialEq, Eq)]
struct Whiteout {
    target: PathBuf,
    mark: PathBuf,
}

/// The removed paths of a layer, absolute.
fn whiteouts(layer: impl io::Read) -> io::Result<Vec<Whiteout>> {
    let mut found = Vec::new();
    for entry in tar::Archive::new(layer).entries()? {
        let path = Path::new("/").join(entry?.path()?);
        let Some(name) = path.file_name().and_then(|name| name.as_bytes().strip_prefix(WHITEOUT.as_bytes())) else { continue };
        let target = path.with_file_name(OsStr::from_bytes(name));
        found.push(Whiteout { target, mark: path });
    }
    Ok(found)
}

/// Removes paths in a running container.
async fn remove(runtime: &Runtime, container: &str, paths: impl Iterator<Item = PathBuf>) -> io::Result<()> {
    let paths: Vec<_> = paths.collect();
    for some in paths.chunks(ARGUMENTS) {
        let words = ["exec", "--user", "0:0", container, "rm", "-rf", "--"].map(OsStr::new);
        runtime.output(words.into_iter().chain(some.iter().map(|path| path.as_os_str()))).await?;
    }
    Ok(())
}
