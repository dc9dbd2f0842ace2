//! The owner's side of a stage: starting it, giving it its ids, hearing what it says.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::fault::{During as _, Fault, Step};
use super::ids::Mapping;

/// How long a stage may be silent. The longest work is unpacking or saving a large layer.
const PATIENCE: Duration = Duration::from_secs(600);

/// What a stage says to its owner, one JSON value a line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Said {
    /// It is in a user namespace of its own and waits for its maps.
    Unmapped,
    /// The guest's first process has this id.
    First(u32),
    /// Done, with what was found.
    Done(serde_json::Value),
    /// Failed.
    Failed(Fault),
}

/// How stages are started in a run.
#[derive(Debug, Clone)]
pub(super) struct Launcher {
    /// This program.
    pub(super) program: PathBuf,
    /// The ids that stages and guests get.
    pub(super) mapping: Mapping,
    /// Where they start: a run's directory.
    pub(super) dir: PathBuf,
    /// Jobs that have said their last word.
    pub(super) ending: Ending,
}

/// Processes that are about to end, which takes the kernel a while where they have namespaces: nobody needs to wait for that. They are
/// waited for at the end of the run.
#[derive(Debug, Clone, Default)]
pub(super) struct Ending(Arc<Mutex<Vec<Child>>>);

impl Ending {
    fn add(&self, child: Child) {
        let mut children = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        children.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        children.push(child);
    }

    /// Waits for all of them.
    pub(super) fn wait(&self) {
        for mut child in std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            let _ = child.wait();
        }
    }
}

/// A stage that runs.
#[derive(Debug)]
pub(super) struct Stage {
    /// None: somebody else waits for it.
    child: Option<Child>,
    /// Both ways. The stage, and what it becomes, ends when this is closed.
    pub(super) channel: UnixStream,
}

impl Launcher {
    /// Starts a stage and gives it its ids.
    pub(super) fn start(&self, words: &[&str], stdout: Stdio) -> Result<Stage, Fault> {
        let (channel, theirs) = UnixStream::pair().during(|| "a pair of sockets".to_owned())?;
        channel.set_read_timeout(Some(PATIENCE)).during(|| "a socket's time limit".to_owned())?;
        let child = Command::new(&self.program)
            .arg0("amibake")
            .args(words)
            .env_clear()
            .current_dir(&self.dir)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(stdout)
            .stderr(Stdio::null())
            // Ctrl-C at the terminal is for the owner, which ends guests in its own order.
            .process_group(0)
            .spawn()
            .during(|| format!("starting {} again", self.program.display()))?;
        let pid = child.id();
        let mut stage = Stage { child: Some(child), channel };
        match stage.said()? {
            Said::Unmapped => {}
            other => return Err(unexpected(other)),
        }
        self.mapping.write(pid)?;
        stage.go_on()?;
        Ok(stage)
    }

    /// Removes a directory that guests wrote in.
    pub(super) fn delete(&self, dir: PathBuf) -> Result<(), Fault> {
        if self.mapping.owns_all_files() {
            return super::job::delete(&dir);
        }
        self.job(&super::job::Job::Delete(dir), Stdio::null())
    }

    /// Runs a job to its end.
    pub(super) fn job<T: DeserializeOwned>(&self, job: &super::job::Job, stdout: Stdio) -> Result<T, Fault> {
        let job = serde_json::to_string(job).map_err(io::Error::from).during(|| "a job".to_owned())?;
        let mut stage = self.start(&["__guest-job", &job], stdout)?;
        let found = stage.done()?;
        stage.end_later(&self.ending);
        serde_json::from_value(found).map_err(io::Error::from).during(|| "the end of a job".to_owned())
    }
}

impl Stage {
    /// Lets it go on.
    pub(super) fn go_on(&mut self) -> Result<(), Fault> {
        self.channel.write_all(b"\n").during(|| "telling a guest to go on".to_owned())
    }

    /// The id of the guest's first process.
    pub(super) fn first(&mut self) -> Result<u32, Fault> {
        match self.said()? {
            Said::First(pid) => Ok(pid),
            other => Err(unexpected(other)),
        }
    }

    /// Waits until its work is done: the last that it says.
    pub(super) fn done(&mut self) -> Result<serde_json::Value, Fault> {
        let mut line = Vec::new();
        BufReader::new(&self.channel).read_until(b'\n', &mut line).during(ended)?;
        match parse(&line)? {
            Said::Done(found) => Ok(found),
            other => Err(unexpected(other)),
        }
    }

    fn said(&mut self) -> Result<Said, Fault> {
        parse(&read_line(&mut self.channel).during(ended)?)
    }

    /// Gives up the process that was started; what it became lives as long as the channel.
    pub(super) fn leave(mut self) -> Result<UnixStream, Fault> {
        let channel = self.channel.try_clone().during(|| "a socket".to_owned())?;
        if let Some(mut child) = self.child.take() {
            child.wait().during(|| "the end of a stage".to_owned())?;
        }
        Ok(channel)
    }

    /// It has said its last word.
    fn end_later(mut self, ending: &Ending) {
        if let Some(child) = self.child.take() {
            ending.add(child);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // It has failed: it is at its end, or would wait for ever.
        if !matches!(child.try_wait(), Ok(Some(_))) {
            let _ = self.channel.shutdown(std::net::Shutdown::Write);
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn ended() -> String {
    "a part of a guest ended without a word".to_owned()
}

fn parse(line: &[u8]) -> Result<Said, Fault> {
    serde_json::from_slice(line).map_err(io::Error::from).during(ended)
}

fn unexpected(said: Said) -> Fault {
    match said {
        Said::Failed(fault) => fault,
        other => Fault::new(Step::Other, "a part of a guest", io::Error::other(format!("unexpected {other:?}"))),
    }
}

/// One byte at a time: what follows may be for somebody else. The lines are short.
fn read_line(channel: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        channel.read_exact(&mut byte)?;
        if byte == *b"\n" {
            return Ok(line);
        }
        line.push(byte[0]);
    }
}

/// A stage's side: says something to the owner.
pub(super) fn say(said: &Said) -> Result<(), Fault> {
    let mut line = serde_json::to_vec(said).map_err(io::Error::from).during(|| "words for the owner".to_owned())?;
    line.push(b'\n');
    let mut rest = &line[..];
    while !rest.is_empty() {
        let written = rustix::io::write(rustix::stdio::stdin(), rest).map_err(io::Error::from).during(|| "telling the owner".to_owned())?;
        rest = &rest[written..];
    }
    Ok(())
}

/// A stage's side: waits until the owner lets it go on.
pub(super) fn wait() -> Result<(), Fault> {
    let mut byte = [0_u8];
    match rustix::io::read(rustix::stdio::stdin(), &mut byte) {
        Ok(1) => Ok(()),
        Ok(_) => Err(io::Error::from(io::ErrorKind::UnexpectedEof)).during(|| "the owner is gone".to_owned()),
        Err(errno) => Err(errno).during(|| "waiting for the owner".to_owned()),
    }
}

/// A stage's side: into a user namespace of its own, as its root.
pub(super) fn become_root() -> Result<(), Fault> {
    use nix::sched::{CloneFlags, unshare};
    unshare(CloneFlags::CLONE_NEWUSER).at(Step::UserNamespace, || "making a user namespace".to_owned())?;
    say(&Said::Unmapped)?;
    wait()?;
    // Groups of the user who started this; where they cannot be given up they reach nothing inside.
    let _ = nix::unistd::setgroups(&[]);
    nix::unistd::setresgid(0.into(), 0.into(), 0.into()).during(|| "becoming the guest's root".to_owned())?;
    nix::unistd::setresuid(0.into(), 0.into(), 0.into()).during(|| "becoming the guest's root".to_owned())
}
