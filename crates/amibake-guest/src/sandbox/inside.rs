//! Reading a guest's files from outside. Whatever the guest made of them, only its own can be read, and nothing here waits.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, ResolveFlags};

/// The root directory of the guest whose first process this is.
pub(super) fn root(pid: u32) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(format!("/proc/{pid}/root"), OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// The beginning of a file.
pub(super) fn read(root: &OwnedFd, path: &str, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(root, path, OFlags::RDONLY)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut content = Vec::new();
    file.take(limit).read_to_end(&mut content)?;
    Ok(content)
}

/// Opens a path as the guest itself would find it: its links lead to its own files.
pub(super) fn open(root: &OwnedFd, path: &str, how: OFlags) -> io::Result<File> {
    let flags = how | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS)?.into())
}

/// When a process was started, in the kernel's ticks: with its id, which process it is. The 22nd word of proc_pid_stat(5).
pub(super) fn started(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    text.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}
