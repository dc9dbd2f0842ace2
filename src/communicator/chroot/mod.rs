//! A guest that is a directory of this machine: commands run in a chroot, files are copied.
//!
//! [`local`]: commands of this machine, each through `command_wrapper`; `inside`: paths as the guest means them.

mod inside;
pub mod local;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use self::inside::inside;
use self::local::{Local, quoted, word};
use crate::communicator::{Communicator, CommunicatorError, Content, Ended};
use crate::event::Reporter;

/// The guest below a directory.
#[derive(Debug, Clone)]
pub struct Chroot {
    root: PathBuf,
    local: Local,
}

impl Chroot {
    /// The guest whose root is this directory.
    pub fn new(root: impl Into<PathBuf>, local: Local) -> Self {
        Self { root: root.into(), local }
    }

    /// Where a path of the guest is on this machine.
    fn place(&self, remote: &str) -> PathBuf {
        inside(&self.root, Path::new(remote))
    }

    async fn copy(&self, from: &Path, to: &str, options: &str) -> Result<(), CommunicatorError> {
        let (from, to) = (word(&from.to_string_lossy()), word(&self.place(to).to_string_lossy()));
        self.local.done(&format!("cp {options}{from} {to}")).await.map_err(CommunicatorError::Refused)
    }

    fn command(&self, command: &str) -> String {
        format!("chroot {} /bin/sh -c {}", word(&self.root.to_string_lossy()), quoted(command))
    }
}

#[async_trait]
impl Communicator for Chroot {
    async fn run(&self, command: &str, output: &Reporter) -> Result<Ended, CommunicatorError> {
        let command = self.local.wrap(&self.command(command)).map_err(CommunicatorError::Refused)?;
        self.local.run(&command, output).await.map(Ended::Status)
    }

    async fn upload(&self, content: Content<'_>, remote: &str, mode: Option<u32>) -> Result<(), CommunicatorError> {
        match content {
            Content::File(path) => self.copy(path, remote, "").await?,
            Content::Bytes(bytes) => {
                // Dropping it on any way out removes it.
                let file = temporary(bytes).map_err(|source| failed("a temporary file for an upload", source))?;
                self.copy(&file, remote, "").await?;
            }
        }
        match mode {
            Some(mode) => {
                let command = self.command(&format!("chmod {mode:04o} {}", word(remote)));
                self.local.done(&command).await.map_err(CommunicatorError::Refused)
            }
            None => Ok(()),
        }
    }

    async fn upload_dir(&self, local: &str, remote: &str) -> Result<(), CommunicatorError> {
        // `cp` copies the contents of `directory/.`, and the directory otherwise.
        let from = if local.ends_with('/') { format!("{local}.") } else { local.to_owned() };
        self.copy(Path::new(&from), remote, "-R ").await
    }

    async fn download(&self, remote: &str, local: &Path) -> Result<(), CommunicatorError> {
        let from = self.place(remote);
        let refused = |source| failed(&from.to_string_lossy(), source);
        let bytes = tokio::fs::read(&from).await.map_err(refused)?;
        tokio::fs::write(local, bytes).await.map_err(|source| failed(&local.to_string_lossy(), source))
    }

    async fn download_dir(&self, remote: &str, local: &Path) -> Result<(), CommunicatorError> {
        let from = self.place(remote);
        tokio::fs::create_dir_all(local).await.map_err(|source| failed(&local.to_string_lossy(), source))?;
        let mut folders = vec![(from, local.to_owned())];
        while let Some((from, to)) = folders.pop() {
            download_folder(&from, &to, &mut folders).await?;
        }
        Ok(())
    }
}

/// Files of one folder; the folders in it are added to the list. Links stay links.
async fn download_folder(from: &Path, to: &Path, folders: &mut Vec<(PathBuf, PathBuf)>) -> Result<(), CommunicatorError> {
    let mut entries = tokio::fs::read_dir(from).await.map_err(|source| failed(&from.to_string_lossy(), source))?;
    while let Some(entry) = entries.next_entry().await.map_err(|source| failed(&from.to_string_lossy(), source))? {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let made = match entry.file_type().await {
            Ok(kind) if kind.is_dir() => {
                folders.push((source.clone(), target.clone()));
                match tokio::fs::create_dir(&target).await {
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
                    made => made,
                }
            }
            Ok(kind) if kind.is_symlink() => link(&source, &target).await,
            Ok(kind) if kind.is_file() => tokio::fs::copy(&source, &target).await.map(drop),
            // Sockets, pipes and devices are nothing to take home.
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        made.map_err(|error| failed(&source.to_string_lossy(), error))?;
    }
    Ok(())
}

async fn link(source: &Path, target: &Path) -> std::io::Result<()> {
    let to = tokio::fs::read_link(source).await?;
    match tokio::fs::remove_file(target).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => tokio::fs::symlink(to, target).await,
    }
}

/// A file with this content, readable for all: the guest's copy takes its mode.
fn temporary(content: &[u8]) -> std::io::Result<tempfile::TempPath> {
    let mut file = tempfile::Builder::new().prefix("packer-amazon-chroot").tempfile()?;
    file.write_all(content)?;
    let file = file.into_temp_path();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644))?;
    Ok(file)
}

fn failed(what: &str, source: std::io::Error) -> CommunicatorError {
    CommunicatorError::Local { what: what.to_owned(), source }
}
