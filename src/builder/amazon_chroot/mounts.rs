//! File systems of the volume and of this machine, put together to a root directory; the template's own commands around that.

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use amibake_template::component::Late;
use tokio::time::Instant;

use super::config::AmazonChroot;
use super::device::{Device, with_partition};
use crate::builder::BuildError;
use crate::builder::amazon::call::{fail, go_on};
use crate::communicator::chroot::local::{Local, word};
use crate::engine::context::BuildContext;
use crate::engine::teardown::{EntryId, Lifetime, Resource, Wrapped, in_mounts};

/// How long unmounting may take, all retries included.
const UNMOUNT_LIMIT: Duration = Duration::from_secs(120);

/// The mounted root file system.
#[derive(Debug, Clone)]
pub struct Root {
    /// Where.
    pub path: PathBuf,
    entry: EntryId,
}

/// Runs the template's commands on this machine, one after the other. Cancelling the build ends the one that runs.
///
/// # Errors
/// One fails.
pub async fn run_commands(
    cx: &BuildContext,
    local: &Local,
    headline: &str,
    commands: &[Late],
    data: &BTreeMap<&str, String>,
) -> Result<(), BuildError> {
    if commands.is_empty() {
        return Ok(());
    }
    go_on(cx)?;
    cx.report.say(headline);
    for command in commands {
        let rendered = cx.late.render(&command.0, data).map_err(|error| error.to_string());
        let wrapped = rendered.and_then(|command| local.wrap(&command));
        let wrapped = wrapped.map_err(|error| fail(cx, format!("Error rendering the command `{}`: {error}", command.0)))?;
        cx.report.say(format!("Executing command: {wrapped}"));
        let status = tokio::select! {
            biased;
            () = cx.cancel.cancelled() => return Err(BuildError::Cancelled),
            status = local.run(&wrapped, &cx.report) => status,
        };
        match status.map_err(|error| fail(cx, format!("Error executing command: {}", error.whole())))? {
            0 => {}
            status => return Err(fail(cx, format!("received non-zero exit code {status} from command: {wrapped}"))),
        }
    }
    Ok(())
}

/// Mounts the volume's root file system; where.
///
/// # Errors
/// The directory cannot be made, `mount` fails.
pub async fn mount_root(
    cx: &BuildContext,
    local: &Local,
    config: &AmazonChroot,
    device: &Device,
    virtualization_type: &str,
) -> Result<Root, BuildError> {
    go_on(cx)?;
    let template = config.mount_path.as_ref().map(|path| path.0.as_str()).filter(|path| !path.is_empty());
    let template = template.unwrap_or("/mnt/packer-amazon-chroot-volumes/{{.Device}}");
    let rendered = cx.late.render(template, &BTreeMap::from([("Device", device.base().to_owned())]));
    let path = rendered.map_err(|error| fail(cx, format!("Error preparing mount directory: {error}")))?;
    let path = Path::new(&cx.late.host.cwd).join(path);
    if path.parent().is_none() {
        return Err(fail(cx, "Error preparing mount directory: `mount_path` is the root directory of this machine"));
    }
    cx.report.say("Mounting the root device...");
    let entry = own(cx, local, &path)?;
    make_directory(cx, &path, entry).map_err(|error| fail(cx, format!("Error creating mount directory: {error}")))?;
    let options: Vec<String> = config.mount_options.iter().map(|option| format!("-o {}", word(option))).collect();
    let source = with_partition(device, config, virtualization_type);
    let command = format!("mount {} {} {}", options.join(" "), word(&source), word(&path.to_string_lossy()));
    local.done(&command).await.map_err(|why| fail(cx, format!("Error mounting root volume: {why}")))?;
    Ok(Root { path, entry })
}

/// Mounts what the chroot needs of this machine.
///
/// # Errors
/// A directory cannot be made, `mount` fails.
pub async fn mount_extra(cx: &BuildContext, local: &Local, config: &AmazonChroot, root: &Root) -> Result<(), BuildError> {
    cx.report.say("Mounting additional paths within the chroot...");
    for [kind, source, place] in config.mounts() {
        go_on(cx)?;
        let path = below(&root.path, place);
        // Made in the image, where it stays; here only where a wrapper mounts elsewhere.
        make_directory(cx, &path, root.entry).map_err(|error| fail(cx, format!("Error creating mount directory: {error}")))?;
        let kind = if kind == "bind" { "--bind".to_owned() } else { format!("-t {}", word(kind)) };
        cx.report.detail(format!("Mounting: {place}"));
        own(cx, local, &path)?;
        let command = format!("mount {kind} {} {}", word(source), word(&path.to_string_lossy()));
        local.done(&command).await.map_err(|why| fail(cx, format!("Error mounting: {why}")))?;
    }
    Ok(())
}

/// Copies files of this machine into the chroot.
///
/// # Errors
/// `cp` fails.
pub async fn copy_files(cx: &BuildContext, local: &Local, config: &AmazonChroot, root: &Root) -> Result<(), BuildError> {
    let files = config.files();
    if files.is_empty() {
        return Ok(());
    }
    cx.report.say("Copying files from host to chroot...");
    for file in files {
        go_on(cx)?;
        cx.report.detail(file);
        let to = below(&root.path, file);
        let command = format!("cp --remove-destination {} {}", word(file), word(&to.to_string_lossy()));
        local.done(&command).await.map_err(|why| fail(cx, format!("Error copying file: {why}")))?;
    }
    Ok(())
}

/// Takes the volume out of this machine again: the copied files go, then all mounts.
///
/// # Errors
/// Something stays.
pub async fn take_out(cx: &BuildContext, local: &Local, config: &AmazonChroot, root: &Root) -> Result<(), BuildError> {
    go_on(cx)?;
    for file in config.files() {
        let command = format!("rm -f {}", word(&below(&root.path, file).to_string_lossy()));
        local.done(&command).await.map_err(|why| fail(cx, format!("Error removing copied file: {why}")))?;
    }
    let left = cx.teardown.unmount_all(Instant::now() + UNMOUNT_LIMIT).await;
    match left.first() {
        None => Ok(()),
        Some(left) => Err(fail(cx, format!("Error unmounting device: {}: {}", left.what, left.why))),
    }
}

/// A place in the chroot, on this machine.
fn below(root: &Path, place: &str) -> PathBuf {
    root.join(place.trim_start_matches('/'))
}

/// Owns a mount before it is made.
fn own(cx: &BuildContext, local: &Local, path: &Path) -> Result<EntryId, BuildError> {
    let shown = path.to_string_lossy();
    let wrapped = || -> Result<Wrapped, String> {
        let mounted = local.wrap(&format!("grep -qF {} /proc/mounts", word(&format!(" {} ", in_mounts(path)))))?;
        Ok(Wrapped { mounted, unmount: local.wrap(&format!("umount {}", word(&shown)))? })
    };
    let wrapped = if local.is_wrapped() { Some(wrapped().map_err(|error| fail(cx, error))?) } else { None };
    let owned = cx.teardown.own(None, Resource::mount(path, wrapped), Lifetime::Build);
    owned.map_err(|error| fail(cx, error.to_string()))
}

/// Makes a directory with those above it, which go with a mount.
fn make_directory(cx: &BuildContext, path: &Path, of: EntryId) -> std::io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|directory| !directory.exists()).collect();
    for directory in missing.into_iter().rev() {
        cx.teardown.made_directory(of, directory);
        match std::fs::DirBuilder::new().mode(0o755).create(directory) {
            // Another build made it meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && directory.is_dir() => {}
            made => made.map_err(|error| std::io::Error::new(error.kind(), format!("{}: {error}", directory.display())))?,
        }
    }
    Ok(())
}
