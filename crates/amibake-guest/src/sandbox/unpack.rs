//! A layer as lower directories of overlays. Runs as the guest's root, in the run's directory.

use std::fs::File;
use std::io::{self, BufReader};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use nix::sys::stat::{Mode as NixMode, SFlag};
use rustix::fs::{AtFlags, Gid, Mode, OFlags, ResolveFlags, Uid};
use tar::{Archive, Entry, EntryType};

use super::base::directory;
use super::fault::{During as _, Fault};
use super::tree::dir_of;
use crate::layer::{OPAQUE, WHITEOUT};

/// Makes `DIR/TREE` for each tree.
pub(super) fn unpack(layer: &Path, dir: &str, trees: &[String]) -> Result<(), Fault> {
    for at in trees {
        directory(&Path::new(dir).join(dir_of(at)), 0o755)?;
    }
    let file = File::open(layer).during(|| format!("opening {}", layer.display()))?;
    let mut archive = Archive::new(BufReader::with_capacity(1 << 17, file));
    for entry in archive.entries().during(|| format!("reading {}", layer.display()))? {
        let mut entry = entry.during(|| format!("reading {}", layer.display()))?;
        let path = entry.path().during(|| format!("a name in {}", layer.display()))?.into_owned();
        place(&mut entry, &path, dir, trees).during(|| format!("unpacking {} of {}", path.display(), layer.display()))?;
    }
    Ok(())
}

/// A path's words without `.`; None where it would lead out of the guest.
fn clean(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    Some(clean)
}

fn place<R: io::Read>(entry: &mut Entry<'_, R>, path: &Path, dir: &str, trees: &[String]) -> io::Result<()> {
    let outside = || io::Error::new(io::ErrorKind::InvalidData, "leads out of the image");
    let path = clean(path).ok_or_else(outside)?;
    let (tree, path) = split(&path, trees);
    let root = Path::new(dir).join(dir_of(&tree));
    let Some(name) = path.file_name() else {
        return own(&open(&root, Path::new(""))?, Path::new("."), entry);
    };
    let parent = path.parent().unwrap_or(Path::new(""));
    let parent = open(&root, parent).or_else(|_| make_parents(&root, parent))?;
    let text = name.to_string_lossy();
    if text == OPAQUE {
        return opaque(&parent);
    }
    if let Some(gone) = text.strip_prefix(WHITEOUT) {
        // Overlay's form of a whiteout is a device 0:0; the kernel lets everybody make that one.
        return Ok(nix::sys::stat::mknodat(&parent, gone, SFlag::S_IFCHR, NixMode::empty(), 0)?);
    }
    put(entry, &parent, Path::new(name), &root)
}

/// Which tree a path is in, and where.
fn split(path: &Path, trees: &[String]) -> (String, PathBuf) {
    for at in trees.iter().filter(|at| !at.is_empty()) {
        if let Ok(below) = path.strip_prefix(at) {
            return (at.clone(), below.to_path_buf());
        }
    }
    (String::new(), path.to_path_buf())
}

/// A directory below `root`. No link is followed: a layer is somebody's file, and this runs with a user's own rights.
fn open(root: &Path, below: &Path) -> io::Result<OwnedFd> {
    let top = rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    if below.as_os_str().is_empty() {
        return Ok(rustix::fs::openat(&top, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?);
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat2(&top, below, flags, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)?)
}

fn make_parents(root: &Path, below: &Path) -> io::Result<OwnedFd> {
    let mut made = PathBuf::new();
    for name in below.iter() {
        let parent = open(root, &made)?;
        match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => made.push(name),
            Err(errno) => return Err(errno.into()),
        }
    }
    open(root, below)
}

fn opaque(dir: &OwnedFd) -> io::Result<()> {
    Ok(rustix::fs::fsetxattr(dir, "user.overlay.opaque", b"y", rustix::fs::XattrFlags::empty())?)
}

fn put<R: io::Read>(entry: &mut Entry<'_, R>, parent: &OwnedFd, name: &Path, root: &Path) -> io::Result<()> {
    let kind = entry.header().entry_type();
    if !kind.is_dir() {
        let _ = rustix::fs::unlinkat(parent, name, AtFlags::empty());
    }
    match kind {
        EntryType::Directory => match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        },
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut file = File::from(rustix::fs::openat(parent, name, flags, Mode::from_raw_mode(0o600))?);
            io::copy(entry, &mut file)?;
        }
        EntryType::Symlink => {
            let target = entry.link_name()?.ok_or(io::ErrorKind::InvalidData)?;
            rustix::fs::symlinkat(target.as_ref(), parent, name)?;
        }
        EntryType::Link => return link(entry, parent, name, root),
        EntryType::Fifo => rustix::fs::mkfifoat(parent, name, Mode::from_raw_mode(0o600))?,
        // Devices: no guest could make one.
        _ => return Ok(()),
    }
    own(parent, name, entry)
}

/// A second name, of a file of the same tree.
fn link<R: io::Read>(entry: &mut Entry<'_, R>, parent: &OwnedFd, name: &Path, root: &Path) -> io::Result<()> {
    let target = entry.link_name()?.and_then(|target| clean(&target)).ok_or(io::ErrorKind::InvalidData)?;
    let tree = root.file_name().unwrap_or_default();
    let below = target.strip_prefix(tree).map(Path::to_path_buf).unwrap_or(target);
    let from = open(root, below.parent().unwrap_or(Path::new("")))?;
    Ok(rustix::fs::linkat(&from, below.file_name().unwrap_or_default(), parent, name, AtFlags::empty())?)
}

/// Owner first: a change of it takes setuid away.
fn own<R: io::Read>(parent: &OwnedFd, name: &Path, entry: &mut Entry<'_, R>) -> io::Result<()> {
    let header = entry.header();
    let id = |id: u64| u32::try_from(id).map_err(|_| io::Error::from(io::ErrorKind::InvalidData));
    let (uid, gid) = (id(header.uid()?)?, id(header.gid()?)?);
    let owner = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    match rustix::fs::chownat(parent, name, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW) {
        // An owner who does not exist here: it stays root's.
        Ok(()) | Err(rustix::io::Errno::INVAL) => {}
        Err(errno) => return Err(errno.into()),
    }
    if header.entry_type() != EntryType::Symlink {
        let mode = Mode::from_raw_mode(header.mode()? & 0o7777);
        rustix::fs::chmodat(parent, name, mode, AtFlags::empty())?;
        for extension in entry.pax_extensions()?.into_iter().flatten().flatten() {
            extended(parent, name, extension)?;
        }
    }
    Ok(())
}

/// The rights that a program gets by its file (`setcap`).
fn extended(parent: &OwnedFd, name: &Path, extension: tar::PaxExtension<'_>) -> io::Result<()> {
    if extension.key() != Ok("SCHILY.xattr.security.capability") {
        return Ok(());
    }
    let file = rustix::fs::openat(parent, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    Ok(rustix::fs::fsetxattr(&file, "security.capability", extension.value_bytes(), rustix::fs::XattrFlags::empty())?)
}
