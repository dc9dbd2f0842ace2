//! Podman or docker, and how they are asked.

use std::ffi::OsStr;
use std::io;
use std::process::Stdio;

use tokio::process::Command;

use crate::guest::GuestError;

/// A container runtime that answers.
#[derive(Debug, Clone)]
pub(super) struct Runtime {
    program: &'static str,
    /// `podman 4.3.1`
    pub(super) about: String,
}

impl Runtime {
    /// The first one that is installed and answers.
    ///
    /// # Errors
    /// None does: what was found, and what to install.
    pub(super) async fn find() -> Result<Self, GuestError> {
        let mut found = Vec::new();
        for program in ["podman", "docker"] {
            let runtime = Self { program, about: program.to_owned() };
            // Docker's client answers without its daemon; `info` does not.
            let format = if program == "podman" { "{{.Version.Version}}" } else { "{{.ServerVersion}}" };
            match runtime.output(["info", "--format", format]).await {
                Ok(version) if !version.trim().is_empty() => {
                    return Ok(Self { program, about: format!("{program} {}", version.trim()) });
                }
                Ok(_) => found.push(format!("{program} does not answer")),
                Err(error) if error.kind() == io::ErrorKind::NotFound => found.push(format!("{program} is not installed")),
                Err(error) => found.push(format!("{program} does not answer: {error}")),
            }
        }
        Err(GuestError::Impossible(format!(
            "no container runtime: {}; install podman (`apt-get install podman`, `dnf install podman`) or start docker",
            found.join("; ")
        )))
    }

    /// A call that is not yet made.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.stdin(Stdio::null());
        command
    }

    /// The program's name, for starting it by way of another.
    pub(super) fn program(&self) -> &'static str {
        self.program
    }

    /// Makes a call, and answers with what it printed.
    ///
    /// # Errors
    /// What it said.
    pub(super) async fn output<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> io::Result<String> {
        let output = self.command().args(words).kill_on_drop(true).output().await?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }

    /// As [`Runtime::output`], with words for people about what was tried.
    ///
    /// # Errors
    /// What it said.
    pub(super) async fn run<S: AsRef<OsStr>>(&self, what: &str, words: impl IntoIterator<Item = S>) -> Result<String, GuestError> {
        self.output(words).await.map_err(|source| local(what, source))
    }
}

/// Something on this machine failed.
pub(super) fn local(what: &str, source: impl Into<io::Error>) -> GuestError {
    GuestError::Local { what: what.to_owned(), source: source.into() }
}
