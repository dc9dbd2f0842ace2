//! Files and directories, to the guest and back, on the open connection.
//!
//! Every transfer is one command: `/bin/sh` on the guest, whatever the login shell is, with the path as its argument. What scp would do
//! in Packer's place was recorded from Packer 1.6.6; `tests` has the table.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use openssh::Stdio;
use tokio::io::AsyncWriteExt as _;

use super::archive::{read_tree, write_tree};
use super::channel::{Channel, Line, Ran, Tar, head, local};
use super::quote::{literal, remote_path};
use crate::communicator::{CommunicatorError, Content, Ended};

/// With exactly this mode; nobody else can read the file while it is written.
const WRITE_EXACT: &str = r#"umask 077; cat >"$1" && chmod "$2" "$1""#;
/// As scp: an existing file keeps its mode, a new one gets this one less the umask.
const WRITE_LIKE: &str = r#"u=$(umask); [ -e "$1" ] && exec cat >"$1"; umask 077; cat >"$1" && chmod "$(printf %o $((0$2 & ~0$u)))" "$1""#;
/// With whatever mode the guest makes of it.
const WRITE_PLAIN: &str = r#"exec cat >"$1""#;
/// The contents of a directory into one that exists.
const UNPACK_CONTENTS: &str = r#"[ -d "$1" ] || { echo "$1 is not a directory" >&2; exit 1; }; exec tar $4 -C "$1""#;
/// A directory: into the target where that is a directory, else as the target.
const UNPACK_DIRECTORY: &str = r#"d=$1; [ -d "$d" ] && d=$d/$2; if [ -d "$d" ]; then exec tar $4 -C "$d"; fi
u=$(umask); mkdir "$d" && tar $4 -C "$d" && chmod "$(printf %o $((0$3 & ~0$u)))" "$d""#;

/// tar's options: times and owner are the guest's business, the umask counts, and with GNU's tar an existing directory keeps its mode.
const UNPACK_GNU: &str = "--no-same-permissions --no-overwrite-dir -xmof -";
const UNPACK_OTHER: &str = "-xmof -";

/// Runs a script by the guest's `/bin/sh`; `path` is quoted as a path, the rest literally.
fn sh(script: &str, path: &str, rest: &[&str]) -> String {
    let rest: String = rest.iter().map(|argument| format!(" {}", literal(argument))).collect();
    format!("exec /bin/sh -c {} sh {}{rest}", literal(script), remote_path(path))
}

impl Line {
    pub(super) async fn upload_file(&self, content: Content<'_>, remote: &str, mode: Option<u32>) -> Result<(), CommunicatorError> {
        let octal = |mode: u32| format!("{:o}", mode & 0o777);
        let command = |like: Option<u32>| match (mode, like) {
            (Some(mode), _) => sh(WRITE_EXACT, remote, &[&octal(mode)]),
            (None, Some(like)) => sh(WRITE_LIKE, remote, &[&octal(like)]),
            (None, None) => sh(WRITE_PLAIN, remote, &[]),
        };
        let ran = match content {
            Content::Bytes(bytes) => self.feed(&command(None), bytes).await?,
            Content::File(path) => {
                let (file, mode) = open(path).map_err(|e| local(&format!("cannot read {}", path.display()), e))?;
                // ssh reads the file itself: nothing of it passes through this process.
                let channel = self.spawn(&command(Some(mode)), Stdio::from(file), Stdio::null()).await?;
                self.finish(channel).await?
            }
        };
        done(ran, || format!("cannot write {remote} on the guest"))
    }

    /// Runs a command with these bytes as its standard input.
    async fn feed(&self, command: &str, bytes: &[u8]) -> Result<Ran, CommunicatorError> {
        let mut channel = self.spawn(command, Stdio::piped(), Stdio::null()).await?;
        let (input, complaint) = (channel.child.stdin().take(), channel.child.stderr().take());
        let write = async {
            if let Some(mut input) = input {
                // A command that ends early says why; a broken pipe says nothing.
                let _ = input.write_all(bytes).await;
            }
        };
        let ((), complaint) = tokio::join!(write, head(complaint));
        Ok(Ran { ended: self.end(channel).await?, complaint })
    }

    async fn finish(&self, mut channel: Channel<'_>) -> Result<Ran, CommunicatorError> {
        let complaint = head(channel.child.stderr().take()).await;
        Ok(Ran { ended: self.end(channel).await?, complaint })
    }

    pub(super) async fn upload_tree(&self, local_dir: &str, remote: &str) -> Result<(), CommunicatorError> {
        let options = match self.guest().tar {
            Tar::Gnu => UNPACK_GNU,
            Tar::Other => UNPACK_OTHER,
            Tar::Missing => return Err(no_tar()),
        };
        let root = PathBuf::from(local_dir);
        let cannot_read = |e| local(&format!("cannot read {local_dir}"), e);
        let mode = std::fs::metadata(&root).map_err(cannot_read)?.permissions().mode() & 0o777;
        let script = if local_dir.ends_with('/') { UNPACK_CONTENTS } else { UNPACK_DIRECTORY };
        let name = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let command = sh(script, remote, &[&name, &format!("{mode:o}"), options]);
        let (reader, writer) = pipe()?;
        let channel = self.spawn(&command, Stdio::from(OwnedFd::from(reader)), Stdio::null()).await?;
        let sent = tokio::task::spawn_blocking(move || write_tree(&root, writer));
        let (sent, ran) = tokio::join!(sent, self.finish(channel));
        let (sent, ran) = (sent.unwrap_or_else(|e| Err(io::Error::other(e))), ran?);
        // Where the guest broke the stream off, its own words say more.
        match sent {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(cannot_read(error)),
            _ => done(ran, || format!("cannot write to {remote} on the guest")),
        }
    }

    pub(super) async fn download_file(&self, remote: &str, local_file: &Path) -> Result<(), CommunicatorError> {
        let existed = local_file.exists();
        let mut file = File::create(local_file).map_err(|e| local(&format!("cannot write {}", local_file.display()), e))?;
        let copy = move |mut from: PipeReader| io::copy(&mut from, &mut file).map(drop);
        let fetched = self.fetch(&sh(r#"exec cat "$1""#, remote, &[]), remote, local_file, copy).await;
        if fetched.is_err() && !existed {
            let _ = std::fs::remove_file(local_file);
        }
        fetched
    }

    pub(super) async fn download_tree(&self, remote: &str, local_dir: &Path) -> Result<(), CommunicatorError> {
        let options = match self.guest().tar {
            Tar::Gnu => "-ch --hard-dereference -f - .",
            Tar::Other => "-chf - .",
            Tar::Missing => return Err(no_tar()),
        };
        let into = local_dir.to_owned();
        let script = format!(r#"cd "$1" && exec tar {options}"#);
        self.fetch(&sh(&script, remote, &[]), remote, local_dir, move |from| read_tree(from, &into)).await
    }

    /// Runs a command and hands its output to `take`, in a thread of its own.
    async fn fetch(
        &self,
        command: &str,
        remote: &str,
        to: &Path,
        take: impl FnOnce(PipeReader) -> io::Result<()> + Send + 'static,
    ) -> Result<(), CommunicatorError> {
        let (reader, writer) = pipe()?;
        let mut channel = self.spawn(command, Stdio::null(), Stdio::from(OwnedFd::from(writer))).await?;
        let taken = tokio::task::spawn_blocking(move || take(reader));
        // The output is read to its end before the status is asked for; see `end`.
        let (taken, complaint) = tokio::join!(taken, head(channel.child.stderr().take()));
        let ran = Ran { ended: self.end(channel).await?, complaint };
        let taken = taken.unwrap_or_else(|e| Err(io::Error::other(e)));
        done(ran, || format!("cannot read {remote} on the guest"))?;
        taken.map_err(|e| local(&format!("cannot write {}", to.display()), e))
    }
}

fn open(path: &Path) -> io::Result<(File, u32)> {
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    Ok((file, mode))
}

fn pipe() -> Result<(PipeReader, PipeWriter), CommunicatorError> {
    io::pipe().map_err(|e| local("cannot make a pipe", e))
}

fn no_tar() -> CommunicatorError {
    CommunicatorError::Refused("the guest has no tar, which directories need; install it there first, or name single files".to_owned())
}

fn done(ran: Ran, what: impl FnOnce() -> String) -> Result<(), CommunicatorError> {
    match ran.ended {
        Ended::Status(0) => Ok(()),
        Ended::Status(status) if ran.complaint.is_empty() => Err(CommunicatorError::Refused(format!("{} (exit status {status})", what()))),
        Ended::Status(_) => Err(CommunicatorError::Refused(format!("{}: {}", what(), ran.complaint))),
        Ended::Disconnected => Err(CommunicatorError::Lost),
    }
}
