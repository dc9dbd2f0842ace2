//! Directories as tar streams, made and read here, by blocking calls in a thread of their own.

use std::fs::{File, FileType, Metadata};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::Mode;
use tar::{Archive, Builder, EntryType, Header};

/// Bytes gathered before a write: a pipe takes 64 KiB at once.
const BUFFER: usize = 64 * 1024;

/// Writes what is in a directory, hidden files and empty directories too, as a tar stream. Symbolic links are followed, as Packer
/// follows them; a file's owner and times are not told, its mode is (without set-id bits).
///
/// # Errors
/// A file that cannot be read (named), or a reader that went away (`BrokenPipe`).
pub(super) fn write_tree(root: &Path, to: impl Write) -> io::Result<()> {
    let mut archive = Builder::new(BufWriter::with_capacity(BUFFER, to));
    let mut open = vec![PathBuf::new()];
    while let Some(dir) = open.pop() {
        let mut names: Vec<_> = std::fs::read_dir(root.join(&dir)).and_then(Iterator::collect).map_err(|e| at(&root.join(&dir), e))?;
        names.sort_by_key(std::fs::DirEntry::file_name);
        for entry in names {
            let (name, path) = (dir.join(entry.file_name()), entry.path());
            let about = std::fs::metadata(&path).map_err(|e| at(&path, e))?;
            append(&mut archive, &name, &path, &about)?;
            if about.is_dir() {
                refuse_loop(&path, entry.file_type().map_err(|e| at(&path, e))?)?;
                open.push(name);
            }
        }
    }
    archive.into_inner()?.flush()
}

fn append(archive: &mut Builder<impl Write>, name: &Path, path: &Path, about: &Metadata) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(about.permissions().mode() & 0o777);
    header.set_mtime(0);
    if about.is_dir() {
        header.set_entry_type(EntryType::Directory);
        header.set_size(0);
        return archive.append_data(&mut header, name, io::empty());
    }
    if !about.is_file() {
        return Err(io::Error::other(format!("{} is neither a file nor a directory", path.display())));
    }
    let file = File::open(path).map_err(|e| at(path, e))?;
    header.set_size(about.len());
    // A file that shrinks meanwhile is filled with zeros rather than breaking the stream; one that grows is cut.
    archive.append_data(&mut header, name, file.chain(io::repeat(0)).take(about.len()))
}

/// A linked directory that holds itself would never end.
fn refuse_loop(path: &Path, kind: FileType) -> io::Result<()> {
    if !kind.is_symlink() {
        return Ok(());
    }
    let target = path.canonicalize().map_err(|e| at(path, e))?;
    let inside = path.parent().and_then(|parent| parent.canonicalize().ok());
    if inside.is_some_and(|inside| inside.starts_with(&target)) {
        return Err(io::Error::other(format!("{} is a link to a directory that it stands in", path.display())));
    }
    Ok(())
}

/// Unpacks a tar stream into a directory. Nothing is written outside of it, whatever the stream says.
///
/// # Errors
/// A broken stream, or a file that cannot be written.
pub(super) fn read_tree(from: impl Read, into: &Path) -> io::Result<()> {
    std::fs::create_dir_all(into).map_err(|e| at(into, e))?;
    let mut archive = Archive::new(BufReader::with_capacity(BUFFER, from));
    archive.set_preserve_mtime(false);
    archive.set_overwrite(true);
    archive.set_preserve_ownerships(false);
    // Directories get their modes at the end: a read-only one could not be filled otherwise.
    let mut directories = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.into_owned();
        refuse_outside(&name)?;
        match entry.header().entry_type() {
            EntryType::Directory => {
                std::fs::create_dir_all(into.join(&name))?;
                directories.push((into.join(&name), entry.header().mode()?));
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse | EntryType::Link => {
                entry.unpack_in(into)?;
            }
            // The guest was asked to follow links; devices and the like are not for this machine.
            _ => return Err(io::Error::other(format!("the guest sent {}, which is neither a file nor a directory", name.display()))),
        }
    }
    let umask = rustix::process::umask(Mode::empty());
    rustix::process::umask(umask);
    for (path, mode) in directories.into_iter().rev() {
        let mode = mode & 0o777 & !umask.bits();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).map_err(|e| at(&path, e))?;
    }
    Ok(())
}

fn refuse_outside(name: &Path) -> io::Result<()> {
    if name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Ok(());
    }
    Err(io::Error::other(format!("the guest sent a path that leads out: {}", name.display())))
}

fn at(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
