//! Files and folders that a client has open.

use std::fs::{File, ReadDir};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

const READ: u32 = 1;
const WRITE: u32 = 2;
const APPEND: u32 = 4;
const CREATE: u32 = 8;
const TRUNCATE: u32 = 16;
const EXCLUSIVE: u32 = 32;

/// Permissions of a new file, where the client names none; the process's umask is applied.
const NEW_FILE: u32 = 0o666;

/// Something open.
#[derive(Debug)]
pub(super) enum Open {
    File {
        file: File,
        append: bool,
    },
    Folder {
        path: PathBuf,
        entries: ReadDir,
        /// Whether `.` and `..` were listed.
        begun: bool,
    },
}

impl Open {
    /// Opens a file with the flags of `SSH_FXP_OPEN`.
    pub(super) fn file(path: &Path, flags: u32, permissions: Option<u32>) -> io::Result<Self> {
        let has = |flag| flags & flag != 0;
        let append = has(APPEND);
        let mut options = File::options();
        options.read(has(READ)).write(has(WRITE) && !append).append(append).mode(permissions.unwrap_or(NEW_FILE));
        options.truncate(has(TRUNCATE) && !append).create(has(CREATE)).create_new(has(CREATE) && has(EXCLUSIVE));
        let file = options.open(path)?;
        if append && has(TRUNCATE) {
            file.set_len(0)?;
        }
        Ok(Self::File { file, append })
    }

    pub(super) fn folder(path: &Path) -> io::Result<Self> {
        Ok(Self::Folder { path: path.to_owned(), entries: std::fs::read_dir(path)?, begun: false })
    }

    pub(super) fn as_file(&self) -> io::Result<&File> {
        match self {
            Self::File { file, .. } => Ok(file),
            Self::Folder { .. } => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn write(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        match self {
            Self::File { file, append: true } => io::Write::write_all(&mut &*file, bytes),
            Self::File { file, append: false } => file.write_all_at(bytes, at),
            Self::Folder { .. } => Err(io::ErrorKind::IsADirectory.into()),
        }
    }
}

/// What is open, by the number that the client knows it by.
#[derive(Debug, Default)]
pub(super) struct Table(Vec<Option<Open>>);

impl Table {
    pub(super) fn add(&mut self, open: Open) -> u32 {
        let free = self.0.iter().position(Option::is_none).unwrap_or(self.0.len());
        match self.0.get_mut(free) {
            Some(place) => *place = Some(open),
            None => self.0.push(Some(open)),
        }
        u32::try_from(free).unwrap_or(u32::MAX)
    }

    /// # Errors
    /// The client never opened it, or closed it.
    pub(super) fn get(&mut self, handle: &[u8]) -> io::Result<&mut Open> {
        self.place(handle)?.as_mut().ok_or_else(unknown)
    }

    /// # Errors
    /// As [`Table::get`].
    pub(super) fn close(&mut self, handle: &[u8]) -> io::Result<()> {
        self.place(handle)?.take().map(drop).ok_or_else(unknown)
    }

    fn place(&mut self, handle: &[u8]) -> io::Result<&mut Option<Open>> {
        let number = handle.try_into().map(u32::from_be_bytes).map_err(|_| unknown())?;
        self.0.get_mut(usize::try_from(number).map_err(|_| unknown())?).ok_or_else(unknown)
    }
}

fn unknown() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "no such handle")
}
