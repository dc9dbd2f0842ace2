//! What was changed in a guest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tar::EntryType;

use super::base::{WHITEOUT, limits};
use super::runtime::{Runtime, local};
use crate::guest::GuestError;
use crate::layer::{Change, Entry, Kind};

/// What a runtime puts into a container itself, and what is no file of the image.
const NOT_OURS: &[&str] = &["/dev", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab", "/proc", "/run", "/sys", "/.dockerenv"];

/// Saves the changes as a layer, and lists them.
pub(super) async fn save(runtime: &Runtime, container: &str, base: &str, layer: &Path) -> Result<Vec<Change>, GuestError> {
    let listed = runtime.run("the changes cannot be listed", ["diff", container]).await?;
    let mut kinds = read_diff(&listed);
    let failed = |source| local("the changed files cannot be saved", source);
    let mut export = runtime.command();
    let mut export =
        export.args(["export", container]).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().map_err(failed)?;
    let files = export.stdout.take().ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
    let files = File::from(files.into_owned_fd().map_err(failed)?);
    let (path, wanted) = (layer.to_owned(), kinds.clone());
    let written = tokio::task::spawn_blocking(move || write_layer(files, &path, &wanted));
    let entries = written.await.map_err(io::Error::other).and_then(|it| it).map_err(failed)?;
    if !export.wait().await.map_err(failed)?.success() {
        return Err(failed(io::Error::other("the runtime's export failed")));
    }
    for path in unchanged_folders(runtime, base, &kinds, &entries).await {
        kinds.remove(&path);
    }
    Ok(changes(kinds, entries))
}

/// Reads what `diff` prints: `A /path`, `C /path`, `D /path`.
fn read_diff(text: &str) -> BTreeMap<PathBuf, Kind> {
    let line = |line: &str| {
        let (kind, path) = line.split_once(' ')?;
        let kind = match kind {
            "A" => Kind::Added,
            "C" => Kind::Changed,
            "D" => Kind::Removed,
            _ => return None,
        };
        let ours = !NOT_OURS.iter().any(|other| Path::new(path).starts_with(other));
        ours.then(|| (PathBuf::from(path), kind))
    };
    text.lines().filter_map(line).collect()
}

/// Copies the wanted files of an export into a layer, and marks the removed ones.
fn write_layer(export: impl Read, layer: &Path, wanted: &BTreeMap<PathBuf, Kind>) -> io::Result<BTreeMap<PathBuf, Entry>> {
    let mut out = tar::Builder::new(File::create(layer)?);
    let mut entries = BTreeMap::new();
    let mut archive = tar::Archive::new(export);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.into_owned();
        let path = Path::new("/").join(&name);
        if wanted.get(&path).is_none_or(|kind| *kind == Kind::Removed) {
            continue;
        }
        let mut header = entry.header().clone();
        let target = entry.link_name()?.map(|target| target.into_owned());
        entries.insert(path, entry_of(&header, entry.size(), target.as_deref())?);
        match target {
            Some(target) => out.append_link(&mut header, &name, &target)?,
            None => out.append_data(&mut header, &name, &mut entry)?,
        }
    }
    for (path, _) in wanted.iter().filter(|(_, kind)| **kind == Kind::Removed) {
        let (Some(name), Ok(parent)) = (path.file_name(), path.parent().unwrap_or(Path::new("/")).strip_prefix("/")) else { continue };
        let mut mark = WHITEOUT.as_bytes().to_vec();
        mark.extend_from_slice(name.as_bytes());
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        header.set_mode(0o644);
        out.append_data(&mut header, parent.join(std::ffi::OsStr::from_bytes(&mark)), io::empty())?;
    }
    out.into_inner()?.sync_all()?;
    Ok(entries)
}

fn entry_of(header: &tar::Header, size: u64, target: Option<&Path>) -> io::Result<Entry> {
    let number = |value: io::Result<u64>| value.and_then(|value| u32::try_from(value).map_err(io::Error::other));
    let file_type = match header.entry_type() {
        EntryType::Directory => 'd',
        EntryType::Symlink => 'l',
        EntryType::Fifo => 'p',
        _ => '-',
    };
    let symlink = target.filter(|_| file_type == 'l').map(|target| target.to_string_lossy().into_owned());
    Ok(Entry { file_type, mode: header.mode()? & 0o7777, uid: number(header.uid())?, gid: number(header.gid())?, size, target: symlink })
}

/// The folders that `diff` lists only because something in them changed: mode and owner are as in the base. Where the base cannot be
/// asked (it has no `stat`), none is known.
async fn unchanged_folders(
    runtime: &Runtime,
    base: &str,
    kinds: &BTreeMap<PathBuf, Kind>,
    entries: &BTreeMap<PathBuf, Entry>,
) -> BTreeSet<PathBuf> {
    let is_folder = |path: &PathBuf| entries.get(path).is_some_and(|entry| entry.file_type == 'd');
    let folders: Vec<_> = kinds.iter().filter(|(path, kind)| **kind == Kind::Changed && is_folder(path)).map(|(path, _)| path).collect();
    if folders.is_empty() {
        return BTreeSet::new();
    }
    let mut words = vec!["run".into(), "--rm".into(), "--network=none".into(), "--user=0:0".into(), "--entrypoint=stat".into()];
    words.extend(limits());
    words.extend([base.to_owned(), "-c".into(), "%a %u %g %n".into(), "--".into()]);
    words.extend(folders.iter().filter_map(|path| path.to_str()).map(str::to_owned));
    let told = runtime.output(words).await.unwrap_or_default();
    let same = |line: &str| {
        let mut fields = line.splitn(4, ' ');
        let mode = u32::from_str_radix(fields.next()?, 8).ok()?;
        let (uid, gid): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let path = PathBuf::from(fields.next()?);
        let now = entries.get(&path)?;
        ((now.mode, now.uid, now.gid) == (mode, uid, gid)).then_some(path)
    };
    told.lines().filter_map(same).collect()
}

fn changes(kinds: BTreeMap<PathBuf, Kind>, mut entries: BTreeMap<PathBuf, Entry>) -> Vec<Change> {
    let change = |(path, kind): (PathBuf, Kind)| {
        let entry = entries.remove(&path);
        // Sockets are in no archive, and so in no image.
        (kind == Kind::Removed || entry.is_some()).then(|| Change { path: path.to_string_lossy().into_owned(), kind, entry })
    };
    kinds.into_iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtimes_own_files_are_no_changes() {
        let read = read_diff("C /etc\nA /etc/app\nD /etc/motd\nA /etc/hosts\nA /run/x\nC /run\nA /runner\nnonsense\n");
        let expected = [("/etc", Kind::Changed), ("/etc/app", Kind::Added), ("/etc/motd", Kind::Removed), ("/runner", Kind::Added)];
        assert_eq!(read, expected.map(|(path, kind)| (PathBuf::from(path), kind)).into());
    }

    #[test]
    fn a_layer_has_what_changed_and_marks_what_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let mut export = tar::Builder::new(Vec::new());
        for (name, content) in [("etc/app", "new"), ("etc/same", "old")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(3);
            header.set_mode(0o4755);
            header.set_uid(1000);
            header.set_gid(1001);
            export.append_data(&mut header, name, content.as_bytes()).unwrap();
        }
        let wanted = read_diff("A /etc/app\nD /etc/motd\n");
        let layer = folder.path().join("layer.tar");
        let entries = write_layer(export.into_inner().unwrap().as_slice(), &layer, &wanted).unwrap();
        let expected = Entry { file_type: '-', mode: 0o4755, uid: 1000, gid: 1001, size: 3, target: None };
        assert_eq!(entries, BTreeMap::from([(PathBuf::from("/etc/app"), expected)]));
        let mut archive = tar::Archive::new(File::open(&layer).unwrap());
        let names: Vec<_> = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().into_owned()).collect();
        assert_eq!(names, [Path::new("etc/app"), Path::new("etc/.wh.motd")]);
    }
}
