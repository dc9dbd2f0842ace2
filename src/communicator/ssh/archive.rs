//! Directories as tar streams, made and read here, by blocking calls in a thread of their own.

use std::fs::{File, FileType, Metadata, Permissions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

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
    let umask = umask_in(into)?;
    archive.set_mask(umask);
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
    for (path, mode) in directories.into_iter().rev() {
        let mode = mode & 0o777 & !umask;
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(|e| at(&path, e))?;
    }
    Ok(())
}

/// The umask, seen by its effect: asking the system for it means setting it, for every thread of the process.
fn umask_in(dir: &Path) -> io::Result<u32> {
    let probe = tempfile::Builder::new().prefix(".amibake-").permissions(Permissions::from_mode(0o777)).tempdir_in(dir)?;
    Ok(0o777 & !probe.path().metadata()?.permissions().mode())
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test should panic")]
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    /// What Packer 1.6.6 left of the same modes (downloaded under umask 022): 0666 as 0644, 0775 as 0755, 0555 and 0600 as they were.
    #[test]
    fn downloaded_modes_are_the_guests_less_the_umask() {
        let (from, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let umask = umask_in(into.path()).unwrap();
        for (name, mode) in [("open", 0o666), ("closed", 0o600), ("script", 0o755)] {
            std::fs::write(from.path().join(name), name).unwrap();
            std::fs::set_permissions(from.path().join(name), Permissions::from_mode(mode)).unwrap();
        }
        for (name, mode) in [("shared", 0o775), ("ro", 0o555), (".empty", 0o700)] {
            std::fs::create_dir(from.path().join(name)).unwrap();
            std::fs::set_permissions(from.path().join(name), Permissions::from_mode(mode)).unwrap();
        }
        let mut stream = Vec::new();
        write_tree(from.path(), &mut stream).unwrap();
        read_tree(&stream[..], into.path()).unwrap();
        for (name, sent) in [("open", 0o666), ("closed", 0o600), ("script", 0o755), ("shared", 0o775), ("ro", 0o555), (".empty", 0o700)] {
            assert_eq!(mode(&into.path().join(name)), sent & !umask, "{name}");
        }
        assert_eq!(std::fs::read_dir(into.path()).unwrap().count(), 6, "nothing else is left there");
    }

    #[track_caller]
    fn refused(header: impl FnOnce(&mut Header), name: &[u8]) {
        let dir = tempfile::tempdir().unwrap();
        let into = dir.path().join("into");
        let mut entry = Header::new_gnu();
        entry.set_size(0);
        entry.set_mode(0o644);
        header(&mut entry);
        entry.as_old_mut().name[..name.len()].copy_from_slice(name);
        entry.set_cksum();
        let stream = [entry.as_bytes().as_slice(), &[0; 1024]].concat();
        assert!(read_tree(&stream[..], &into).is_err(), "{}", String::from_utf8_lossy(name));
        let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["into"], "nothing is written outside");
    }

    #[test]
    fn a_stream_cannot_lead_out_of_the_directory() {
        refused(|_| (), b"../outside");
        refused(|entry| entry.set_entry_type(EntryType::Directory), b"../outside/");
        refused(|entry| entry.set_entry_type(EntryType::Symlink), b"link");
        refused(|entry| entry.set_entry_type(EntryType::Fifo), b"fifo");
    }
}
