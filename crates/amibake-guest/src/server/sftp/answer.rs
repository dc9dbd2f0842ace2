//! One answer for each request.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use super::attributes::{self, Attributes};
use super::listing;
use super::open::{Open, Table};
use super::wire::{Broken, Reader, Writer};

/// Longest message, and the longest piece of a file in one: OpenSSH's limits, which its clients read with `limits@openssh.com`.
pub(super) const MESSAGE: usize = 256 * 1024;
const PIECE: usize = MESSAGE - 1024;

/// Entries of a folder in one answer.
const ENTRIES: usize = 100;

/// Permissions of a new folder, where the client names none; the process's umask is applied.
const NEW_FOLDER: u32 = 0o777;

const INIT: u8 = 1;
const VERSION: u8 = 2;
const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
const NAME: u8 = 104;
const ATTRS: u8 = 105;
const EXTENDED_REPLY: u8 = 201;

/// Extensions that are spoken here, each with its version.
const EXTENSIONS: [(&str, &str); 6] = [
    ("posix-rename@openssh.com", "1"),
    ("hardlink@openssh.com", "1"),
    ("fsync@openssh.com", "1"),
    ("lsetstat@openssh.com", "1"),
    ("limits@openssh.com", "1"),
    ("expand-path@openssh.com", "1"),
];

/// How a request ended that has no other answer.
#[derive(Debug)]
enum Failure {
    Broken,
    End,
    Unknown,
    System(io::Error),
}

impl From<Broken> for Failure {
    fn from(_: Broken) -> Self {
        Self::Broken
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<Errno> for Failure {
    fn from(error: Errno) -> Self {
        Self::System(error.into())
    }
}

impl Failure {
    /// Number and text of the status.
    fn status(&self) -> (u32, String) {
        match self {
            Self::End => (1, "End of file".into()),
            Self::Broken => (5, "Bad message".into()),
            Self::Unknown => (8, "Operation unsupported".into()),
            Self::System(error) => match error.kind() {
                io::ErrorKind::NotFound => (2, "No such file".into()),
                io::ErrorKind::PermissionDenied => (3, "Permission denied".into()),
                // The text of the protocol's only other failure; the reason is what its user needs.
                _ => (4, error.to_string()),
            },
        }
    }
}

/// A client's session.
#[derive(Debug, Default)]
pub(super) struct Answers {
    open: Table,
    home: PathBuf,
}

impl Answers {
    /// `~` is this folder.
    pub(super) fn new(home: PathBuf) -> Self {
        Self { open: Table::default(), home }
    }

    /// Answers one request. False: it is so broken that nothing can be answered.
    pub(super) fn answer(&mut self, request: &[u8], out: &mut Writer) -> bool {
        let mut reader = Reader::new(request);
        let Ok(kind) = reader.byte() else { return false };
        if kind == INIT {
            version(out);
            return true;
        }
        let Ok(id) = reader.u32() else { return false };
        let start = out.bytes().len();
        let done = self.request(kind, id, &mut reader, out);
        let status = match &done {
            Ok(Done::Answered) => return true,
            Ok(Done::Status) => (0, "Success".into()),
            Err(failure) => failure.status(),
        };
        out.truncate(start);
        out.message(STATUS, |out| {
            out.u32(id);
            out.u32(status.0);
            out.string(status.1.as_bytes());
            out.string(b"");
        });
        true
    }

    fn request(&mut self, kind: u8, id: u32, reader: &mut Reader<'_>, out: &mut Writer) -> Result<Done, Failure> {
        match kind {
            3 => self.open(id, reader, out),
            4 => done(self.open.close(reader.string()?)),
            5 => self.read(id, reader, out),
            6 => {
                let open = self.open.get(reader.string()?)?;
                let at = reader.u64()?;
                done(open.write(reader.string()?, at))
            }
            7 => tell(id, &path(reader)?.symlink_metadata()?, out),
            8 => tell(id, &self.open.get(reader.string()?)?.as_file()?.metadata()?, out),
            9 => {
                let path = path(reader)?;
                done(Attributes::read(reader)?.set(path))
            }
            10 => {
                let file = self.open.get(reader.string()?)?.as_file()?;
                done(Attributes::read(reader)?.set_open(file))
            }
            11 => {
                let folder = Open::folder(path(reader)?)?;
                self.opened(id, folder, out)
            }
            12 => self.list(id, reader, out),
            13 => done(std::fs::remove_file(path(reader)?)),
            14 => {
                let path = path(reader)?;
                let mode = Attributes::read(reader)?.permissions.unwrap_or(NEW_FOLDER);
                done(std::fs::DirBuilder::new().mode(mode).create(path))
            }
            15 => done(std::fs::remove_dir(path(reader)?)),
            16 => name(id, &real_path(path(reader)?)?, out),
            17 => tell(id, &path(reader)?.metadata()?, out),
            18 => done(rename(path(reader)?, path(reader)?)),
            19 => name(id, &std::fs::read_link(path(reader)?)?, out),
            20 => done(std::os::unix::fs::symlink(path(reader)?, path(reader)?)),
            200 => self.extended(id, reader, out),
            _ => Err(Failure::Unknown),
        }
    }

    fn extended(&mut self, id: u32, reader: &mut Reader<'_>, out: &mut Writer) -> Result<Done, Failure> {
        match reader.string()? {
            b"posix-rename@openssh.com" => done(std::fs::rename(path(reader)?, path(reader)?)),
            b"hardlink@openssh.com" => done(std::fs::hard_link(path(reader)?, path(reader)?)),
            b"fsync@openssh.com" => done(self.open.get(reader.string()?)?.as_file()?.sync_all()),
            b"lsetstat@openssh.com" => {
                let path = path(reader)?;
                done(Attributes::read(reader)?.set_link(path))
            }
            b"limits@openssh.com" => {
                limits(id, out);
                Ok(Done::Answered)
            }
            b"expand-path@openssh.com" => {
                let expanded = self.expand(reader.string()?)?;
                name(id, &real_path(&expanded)?, out)
            }
            _ => Err(Failure::Unknown),
        }
    }

    fn open(&mut self, id: u32, reader: &mut Reader<'_>, out: &mut Writer) -> Result<Done, Failure> {
        let (path, flags) = (path(reader)?, reader.u32()?);
        let open = Open::file(path, flags, Attributes::read(reader)?.permissions)?;
        self.opened(id, open, out)
    }

    fn opened(&mut self, id: u32, open: Open, out: &mut Writer) -> Result<Done, Failure> {
        let handle = self.open.add(open);
        out.message(HANDLE, |out| {
            out.u32(id);
            out.string(&handle.to_be_bytes());
        });
        Ok(Done::Answered)
    }

    fn read(&mut self, id: u32, reader: &mut Reader<'_>, out: &mut Writer) -> Result<Done, Failure> {
        let file = self.open.get(reader.string()?)?.as_file()?;
        let (at, wanted) = (reader.u64()?, reader.u32()?);
        let wanted = usize::try_from(wanted).unwrap_or(PIECE).min(PIECE);
        let mut read = Ok(0);
        out.message(DATA, |out| {
            out.u32(id);
            read = out.string_from(wanted, |buffer| file.read_at(buffer, at));
        });
        match read? {
            0 if wanted > 0 => Err(Failure::End),
            _ => Ok(Done::Answered),
        }
    }

    fn list(&mut self, id: u32, reader: &mut Reader<'_>, out: &mut Writer) -> Result<Done, Failure> {
        let Open::Folder { path, entries, begun } = self.open.get(reader.string()?)? else {
            return Err(io::Error::from(io::ErrorKind::NotADirectory).into());
        };
        let mut names: Vec<Vec<u8>> = Vec::new();
        if !std::mem::replace(begun, true) {
            names.extend([b".".to_vec(), b"..".to_vec()]);
        }
        for entry in entries.by_ref().take(ENTRIES - names.len()) {
            names.push(entry?.file_name().into_vec());
        }
        // What was removed since has nothing to be told.
        let listed: Vec<_> =
            names.into_iter().filter_map(|name| path.join(OsStr::from_bytes(&name)).symlink_metadata().ok().map(|of| (name, of))).collect();
        if listed.is_empty() {
            return Err(Failure::End);
        }
        out.message(NAME, |out| {
            out.u32(id);
            out.u32(u32::try_from(listed.len()).unwrap_or(u32::MAX));
            for (name, of) in &listed {
                out.string(name);
                out.string(&listing::line(name, of));
                attributes::write(out, of);
            }
        });
        Ok(Done::Answered)
    }

    /// `~/x` and `~`; another user's home is not known here.
    fn expand(&self, path: &[u8]) -> Result<PathBuf, Failure> {
        match path.strip_prefix(b"~") {
            None => Ok(PathBuf::from(OsStr::from_bytes(path))),
            Some([]) => Ok(self.home.clone()),
            Some([b'/', rest @ ..]) => Ok(self.home.join(OsStr::from_bytes(rest))),
            Some(_) => Err(io::Error::other("only your own home folder can be named by ~").into()),
        }
    }
}

/// How a request was dealt with.
enum Done {
    /// The answer is written.
    Answered,
    /// Its answer is that it succeeded.
    Status,
}

fn done(result: io::Result<()>) -> Result<Done, Failure> {
    result.map(|()| Done::Status).map_err(Failure::System)
}

/// The next path of a request. Paths that do not begin with `/` begin at the home folder, where the process is.
fn path<'a>(reader: &mut Reader<'a>) -> Result<&'a Path, Broken> {
    let path = reader.string()?;
    Ok(Path::new(if path.is_empty() { OsStr::new(".") } else { OsStr::from_bytes(path) }))
}

/// The path without links and dots. Its last part need not exist, as with OpenSSH.
fn real_path(path: &Path) -> io::Result<PathBuf> {
    match (std::fs::canonicalize(path), path.file_name()) {
        (Err(error), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Ok(std::fs::canonicalize(parent)?.join(name))
        }
        (result, _) => result,
    }
}

/// Version 3 never renames onto something that is there.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that cannot promise it.
        Err(Errno::INVAL | Errno::NOSYS) if to.symlink_metadata().is_err() => std::fs::rename(from, to),
        result => Ok(result?),
    }
}

fn tell(id: u32, of: &std::fs::Metadata, out: &mut Writer) -> Result<Done, Failure> {
    out.message(ATTRS, |out| {
        out.u32(id);
        attributes::write(out, of);
    });
    Ok(Done::Answered)
}

fn name(id: u32, path: &Path, out: &mut Writer) -> Result<Done, Failure> {
    let path = path.as_os_str().as_bytes();
    out.message(NAME, |out| {
        out.u32(id);
        out.u32(1);
        out.string(path);
        out.string(path);
        attributes::write_none(out);
    });
    Ok(Done::Answered)
}

fn version(out: &mut Writer) {
    out.message(VERSION, |out| {
        out.u32(3);
        for (extension, version) in EXTENSIONS {
            out.string(extension.as_bytes());
            out.string(version.as_bytes());
        }
    });
}

fn limits(id: u32, out: &mut Writer) {
    out.message(EXTENDED_REPLY, |out| {
        out.u32(id);
        for limit in [MESSAGE, PIECE, PIECE, 0] {
            out.u64(limit as u64);
        }
    });
}
