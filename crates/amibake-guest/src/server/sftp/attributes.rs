//! What is told about a file, and set.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};

use super::wire::{Broken, Reader, Writer};

const SIZE: u32 = 1;
const OWNER: u32 = 2;
const PERMISSIONS: u32 = 4;
const TIMES: u32 = 8;
const EXTENDED: u32 = 0x8000_0000;

/// Attributes that a client sends. What is None stays as it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) size: Option<u64>,
    /// User and group.
    pub(super) owner: Option<(u32, u32)>,
    /// With setuid, setgid and sticky, without the file's type.
    pub(super) permissions: Option<u32>,
    /// Last access and last change, in seconds since 1970.
    pub(super) times: Option<(u32, u32)>,
}

impl Attributes {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Broken> {
        let flags = reader.u32()?;
        let has = |flag| flags & flag != 0;
        let size = if has(SIZE) { Some(reader.u64()?) } else { None };
        let owner = if has(OWNER) { Some((reader.u32()?, reader.u32()?)) } else { None };
        let permissions = if has(PERMISSIONS) { Some(reader.u32()? & 0o7777) } else { None };
        let times = if has(TIMES) { Some((reader.u32()?, reader.u32()?)) } else { None };
        if has(EXTENDED) {
            for _ in 0..reader.u32()? {
                reader.string()?;
                reader.string()?;
            }
        }
        Ok(Self { size, owner, permissions, times })
    }

    /// Sets them on a path, through symbolic links.
    pub(super) fn set(&self, path: &Path) -> io::Result<()> {
        if let Some(size) = self.size {
            File::options().write(true).open(path)?.set_len(size)?;
        }
        if let Some(mode) = self.permissions {
            std::fs::set_permissions(path, Permissions::from_mode(mode))?;
        }
        if let Some(times) = self.times {
            rustix::fs::utimensat(CWD, path, &timestamps(times), AtFlags::empty())?;
        }
        if let Some((user, group)) = self.owner {
            std::os::unix::fs::chown(path, Some(user), Some(group))?;
        }
        Ok(())
    }

    /// Sets them on a path itself, be it a symbolic link.
    pub(super) fn set_link(&self, path: &Path) -> io::Result<()> {
        if self.size.is_some() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if let Some(mode) = self.permissions {
            rustix::fs::chmodat(CWD, path, rustix::fs::Mode::from_raw_mode(mode), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        if let Some(times) = self.times {
            rustix::fs::utimensat(CWD, path, &timestamps(times), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        if let Some((user, group)) = self.owner {
            std::os::unix::fs::lchown(path, Some(user), Some(group))?;
        }
        Ok(())
    }

    /// Sets them on an open file.
    pub(super) fn set_open(&self, file: &File) -> io::Result<()> {
        if let Some(size) = self.size {
            file.set_len(size)?;
        }
        if let Some(mode) = self.permissions {
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        if let Some((access, change)) = self.times {
            let time = |seconds: u32| UNIX_EPOCH + Duration::from_secs(seconds.into());
            file.set_times(std::fs::FileTimes::new().set_accessed(time(access)).set_modified(time(change)))?;
        }
        if let Some((user, group)) = self.owner {
            std::os::unix::fs::fchown(file, Some(user), Some(group))?;
        }
        Ok(())
    }
}

fn timestamps((access, change): (u32, u32)) -> Timestamps {
    let time = |seconds: u32| Timespec { tv_sec: seconds.into(), tv_nsec: 0 };
    Timestamps { last_access: time(access), last_modification: time(change) }
}

/// Writes what the file system says.
pub(super) fn write(writer: &mut Writer, of: &Metadata) {
    let seconds = |time: i64| u32::try_from(time.max(0)).unwrap_or(u32::MAX);
    writer.u32(SIZE | OWNER | PERMISSIONS | TIMES);
    writer.u64(of.size());
    writer.u32(of.uid());
    writer.u32(of.gid());
    writer.u32(of.mode());
    writer.u32(seconds(of.atime()));
    writer.u32(seconds(of.mtime()));
}

/// Writes that nothing is known.
pub(super) fn write_none(writer: &mut Writer) {
    writer.u32(0);
}
