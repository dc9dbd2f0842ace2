//! A guest by hand, for this crate's tests:
//! `amibake-guest run [--state DIR] [--user USER] [--network] [--terminal] [--layer FILE]... [--save FILE] [--wait] -- COMMAND...`
//! boots one, runs each command in it, and ends as the last one ended.

use std::io::{self, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};
use std::sync::Arc;

use amibake_guest::guest::{Session, Terminal, What};
use amibake_guest::layer::{Change, Kind};
use amibake_guest::sandbox::{Options, Sandbox};
use amibake_guest::{Backend as _, Guest, GuestError, Spec};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _};

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    if let Some(status) = amibake_guest::stage::run(&words) {
        return ExitCode::from(status);
    }
    let Some(asked) = Asked::parse(words.into_iter().skip(1).filter_map(|word| word.into_string().ok())) else {
        let _ = writeln!(
            io::stderr(),
            "usage: amibake-guest run [--state DIR] [--user USER] [--network] [--terminal] [--layer FILE] [--save FILE] -- COMMAND..."
        );
        return ExitCode::from(2);
    };
    let done = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|source| local("a runtime", source));
    match done.and_then(|runtime| runtime.block_on(asked.run())) {
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255)),
        Err(error) => {
            let _ = writeln!(
                io::stderr(),
                "amibake-guest: {error}{}",
                std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default()
            );
            ExitCode::from(3)
        }
    }
}

fn local(what: &str, source: io::Error) -> GuestError {
    GuestError::Local { what: what.to_owned(), source }
}

/// The command line.
#[derive(Default)]
struct Asked {
    state: Option<PathBuf>,
    user: Option<String>,
    terminal: bool,
    stream: bool,
    save: Option<PathBuf>,
    spec: Spec,
    commands: Vec<String>,
}

impl Asked {
    fn parse(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let mut asked = Self::default();
        (words.next()? == "run").then_some(())?;
        while let Some(word) = words.next() {
            match word.as_str() {
                "--state" => asked.state = Some(words.next()?.into()),
                "--user" => asked.user = Some(words.next()?),
                "--login" => asked.spec.system.login = words.next()?,
                "--network" => asked.spec.network = true,
                "--stream" => asked.stream = true,
                "--terminal" => asked.terminal = true,
                "--layer" => asked.spec.layers.push(words.next()?.into()),
                "--save" => asked.save = Some(words.next()?.into()),
                "--" => asked.commands.extend(words.by_ref()),
                _ => return None,
            }
        }
        Some(asked)
    }

    async fn run(self) -> Result<ExitStatus, GuestError> {
        let state = self.state.clone().unwrap_or_else(|| std::env::temp_dir().join("amibake-guest"));
        let sandbox = Sandbox::new(Options { program: "/proc/self/exe".into(), state, stand_ins: Vec::new() })?;
        let guest = sandbox.boot(Spec { id: "i-0123456789abcdef0".to_owned(), ..self.spec.clone() }).await?;
        let mut status = ExitStatus::from_raw(0);
        for command in &self.commands {
            status = self.command(&guest, command).await?;
        }
        if let Some(layer) = &self.save {
            guest.power_off().await?;
            let list: Vec<String> = guest.save(layer).await?.iter().map(line).collect();
            io::stdout().write_all(list.concat().as_bytes()).map_err(|source| local("the list of changes", source))?;
        }
        guest.remove().await;
        Ok(status)
    }

    /// Passes on the first line of errors, which says that the command is under way.
    async fn stream(mut child: tokio::process::Child) -> Result<ExitStatus, GuestError> {
        if let Some(errors) = child.stderr.take() {
            let mut lines = tokio::io::BufReader::new(errors).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let _ = writeln!(io::stderr(), "{line}");
            }
        }
        child.wait().await.map_err(|source| local("waiting", source))
    }

    async fn command(&self, guest: &Arc<dyn Guest>, command: &str) -> Result<ExitStatus, GuestError> {
        let session = Session {
            user: self.user.clone().unwrap_or_else(|| "ec2-user".to_owned()),
            what: What::Command(command.to_owned()),
            env: Default::default(),
            terminal: self.terminal.then(|| Terminal { term: "xterm".to_owned(), size: (80, 24) }),
        };
        let mut started = guest.start(session).await?;
        if self.stream {
            return Self::stream(started.child).await;
        }
        drop(started.child.stdin.take());
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let (out, err) = (started.child.stdout.take(), started.child.stderr.take());
        let read = async { if let Some(mut out) = out { out.read_to_end(&mut output).await.map(drop) } else { Ok(()) } };
        let read_errors = async { if let Some(mut err) = err { err.read_to_end(&mut errors).await.map(drop) } else { Ok(()) } };
        let typed = async {
            if let Some(terminal) = started.terminal.take() {
                let mut terminal = tokio::fs::File::from_std(terminal.into());
                // A terminal ends with an error, EIO.
                let mut seen = Vec::new();
                let _ = terminal.read_to_end(&mut seen).await;
                let _ = io::stdout().write_all(&seen);
            }
        };
        let (status, read, read_errors, ()) = tokio::join!(started.child.wait(), read, read_errors, typed);
        read.and(read_errors).map_err(|source| local("reading output", source))?;
        let _ = io::stdout().write_all(&output).and_then(|()| io::stderr().write_all(&errors));
        let status = status.map_err(|source| local("waiting", source))?;
        if let Some(signal) = status.signal() {
            let _ = writeln!(io::stderr(), "signal {signal}");
        }
        Ok(status)
    }
}

/// A change in a line: `+ /opt/app d 755 0:0 0`.
fn line(change: &Change) -> String {
    let kind = match change.kind {
        Kind::Added => '+',
        Kind::Changed => '~',
        Kind::Removed => '-',
    };
    let entry = change.entry.as_ref().map(|entry| {
        let target = entry.target.as_ref().map(|target| format!(" {target}")).unwrap_or_default();
        format!(" {} {:o} {}:{} {}{target}", entry.file_type, entry.mode, entry.uid, entry.gid, entry.size)
    });
    format!("{kind} {}{}\n", change.path, entry.unwrap_or_default())
}
