//! What a guest changed, as a layer and a list. Runs as the guest's root, in the run's directory, while the guest is off.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use tar::{Builder, EntryType, Header};

use super::base::directory;
use super::fault::{During as _, Fault, Step};
use super::root::view;
use super::tree::Tree;
use crate::layer::{Change, Entry, Kind, OPAQUE, WHITEOUT};

/// Writes the layer to standard output.
///
/// A change is judged by what the kernel shows of the layers below, in overlays of their own.
pub(super) fn save(dir: &str, trees: &[Tree]) -> Result<Vec<Change>, Fault> {
    unshare(CloneFlags::CLONE_NEWNS).at(Step::Namespaces, || "own mounts".to_owned())?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .at(Step::Namespaces, || "own mounts".to_owned())?;
    let before = format!("{dir}/before");
    for tree in trees {
        directory(&Path::new(&before).join(tree.dir()), 0o755)?;
    }
    view(trees, &before)?;
    let layer = rustix::io::dup(rustix::stdio::stdout().as_fd()).during(|| "the layer's file".to_owned())?;
    let mut writer = Writer { tar: Builder::new(BufWriter::with_capacity(1 << 17, File::from(layer))), changes: Vec::new() };
    for tree in trees {
        let names = Names {
            upper: Path::new(dir).join(tree.dir()).join("upper"),
            before: Path::new(&before).join(tree.dir()),
            path: Path::new(&tree.at).to_path_buf(),
        };
        // Mount points of the other trees are in the root's lower directories, never in its upper one.
        writer.inside(&names, true)?;
    }
    let finished = writer.tar.into_inner().and_then(|buffer| buffer.into_inner().map_err(io::IntoInnerError::into_error));
    finished.during(|| "writing the layer".to_owned())?;
    let mut changes = writer.changes;
    changes.sort();
    Ok(changes)
}

/// One path in its three places.
struct Names {
    /// As it was changed.
    upper: PathBuf,
    /// As it was.
    before: PathBuf,
    /// In the image, without the first `/`.
    path: PathBuf,
}

impl Names {
    fn join(&self, name: &OsString) -> Self {
        Self { upper: self.upper.join(name), before: self.before.join(name), path: self.path.join(name) }
    }

    fn absolute(&self) -> String {
        format!("/{}", self.path.display())
    }
}

struct Writer {
    tar: Builder<BufWriter<File>>,
    changes: Vec<Change>,
}

impl Writer {
    /// What is in an upper directory. `merged`: what was there before shows through.
    fn inside(&mut self, dir: &Names, merged: bool) -> Result<(), Fault> {
        let mut names: Vec<OsString> = fs::read_dir(&dir.upper)
            .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect())
            .during(|| format!("reading {}", dir.absolute()))?;
        names.sort();
        if !merged {
            self.hidden(dir, &names)?;
        }
        for name in &names {
            let names = dir.join(name);
            self.path(&names, merged).during(|| format!("saving {}", names.absolute()))??;
        }
        Ok(())
    }

    /// One changed path. Errors of reading and writing, and those that say more already.
    fn path(&mut self, names: &Names, merged: bool) -> io::Result<Result<(), Fault>> {
        let now = fs::symlink_metadata(&names.upper)?;
        let before = fs::symlink_metadata(&names.before).ok();
        if now.file_type().is_char_device() && now.rdev() == 0 {
            // Made again after it was gone, and gone again: nothing has changed.
            if before.is_some() && merged {
                self.gone(names)?;
            }
            return Ok(Ok(()));
        }
        if !now.is_dir() && !now.is_file() && !now.is_symlink() && !now.file_type().is_fifo() {
            return Ok(Ok(()));
        }
        let entry = entry(names, &now)?;
        let kind = match &before {
            None => Some(Kind::Added),
            Some(before) => differs(names, &now, before)?.then_some(Kind::Changed),
        };
        if kind.is_none() && !now.is_dir() {
            return Ok(Ok(()));
        }
        self.append(names, &now, &entry)?;
        if let Some(kind) = kind {
            self.changes.push(Change { path: names.absolute(), kind, entry: Some(entry) });
        }
        if !now.is_dir() {
            return Ok(Ok(()));
        }
        let shows = !opaque(&names.upper) && before.is_some_and(|before| before.is_dir());
        Ok(self.inside(names, merged && shows))
    }

    fn gone(&mut self, names: &Names) -> io::Result<()> {
        let mut name = OsString::from(WHITEOUT);
        name.push(names.path.file_name().unwrap_or_default());
        self.marker(&names.path.with_file_name(name))?;
        self.changes.push(Change { path: names.absolute(), kind: Kind::Removed, entry: None });
        Ok(())
    }

    /// A directory that was removed and made again hides what was in it.
    fn hidden(&mut self, dir: &Names, now: &[OsString]) -> Result<(), Fault> {
        let Ok(before) = fs::read_dir(&dir.before) else { return Ok(()) };
        self.marker(&dir.path.join(OPAQUE)).during(|| format!("saving {}", dir.absolute()))?;
        for entry in before.flatten().filter(|entry| !now.contains(&entry.file_name())) {
            let path = dir.join(&entry.file_name()).absolute();
            self.changes.push(Change { path, kind: Kind::Removed, entry: None });
        }
        Ok(())
    }

    fn marker(&mut self, path: &Path) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_size(0);
        self.tar.append_data(&mut header, path, io::empty())
    }

    fn append(&mut self, names: &Names, now: &Metadata, entry: &Entry) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_mode(entry.mode);
        header.set_uid(entry.uid.into());
        header.set_gid(entry.gid.into());
        header.set_mtime(u64::try_from(now.mtime()).unwrap_or(0));
        header.set_size(0);
        if now.is_dir() {
            header.set_entry_type(EntryType::Directory);
            return self.tar.append_data(&mut header, &names.path, io::empty());
        }
        if let Some(target) = now.is_symlink().then(|| fs::read_link(&names.upper)).transpose()? {
            header.set_entry_type(EntryType::Symlink);
            return self.tar.append_link(&mut header, &names.path, target);
        }
        if !now.is_file() {
            header.set_entry_type(EntryType::Fifo);
            return self.tar.append_data(&mut header, &names.path, io::empty());
        }
        if let Some(rights) = rights(&names.upper) {
            self.tar.append_pax_extensions([("SCHILY.xattr.security.capability", &rights[..])])?;
        }
        header.set_entry_type(EntryType::Regular);
        header.set_size(now.len());
        let file = File::open(&names.upper)?;
        self.tar.append_data(&mut header, &names.path, file.take(now.len()))
    }
}

fn entry(names: &Names, now: &Metadata) -> io::Result<Entry> {
    let file_type = match now.file_type() {
        found if found.is_dir() => 'd',
        found if found.is_symlink() => 'l',
        found if found.is_fifo() => 'p',
        _ => '-',
    };
    let target = now.is_symlink().then(|| fs::read_link(&names.upper)).transpose()?.map(|target| target.display().to_string());
    let size = if now.is_file() { now.len() } else { 0 };
    Ok(Entry { file_type, mode: now.mode() & 0o7777, uid: now.uid(), gid: now.gid(), size, target })
}

/// Whether a path is not what it was, apart from its times. What is in a directory is no matter of the directory.
fn differs(names: &Names, now: &Metadata, before: &Metadata) -> io::Result<bool> {
    let facts = |found: &Metadata| (found.mode(), found.uid(), found.gid());
    if facts(now) != facts(before) {
        return Ok(true);
    }
    if now.is_symlink() {
        return Ok(fs::read_link(&names.upper)? != fs::read_link(&names.before)?);
    }
    if !now.is_file() {
        return Ok(false);
    }
    Ok(now.len() != before.len() || rights(&names.upper) != rights(&names.before) || !same_content(&names.upper, &names.before)?)
}

fn same_content(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let (mut left, mut right) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let read = one.read(&mut left)?;
        if read == 0 {
            return Ok(other.read(&mut right)? == 0);
        }
        // Shorter than it was a moment ago: changed.
        if other.read_exact(&mut right[..read]).is_err() || left[..read] != right[..read] {
            return Ok(false);
        }
    }
}

fn opaque(dir: &Path) -> bool {
    let mut value = [0_u8; 1];
    rustix::fs::lgetxattr(dir, "user.overlay.opaque", &mut value).is_ok_and(|_| value == *b"y")
}

/// The rights that a program gets by its file (`setcap`), as the kernel keeps them.
fn rights(file: &Path) -> Option<Vec<u8>> {
    let mut value = [0_u8; 64];
    let length = rustix::fs::lgetxattr(file, "security.capability", &mut value).ok()?;
    value.get(..length).map(<[u8]>::to_vec)
}
