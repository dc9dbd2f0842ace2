//! Commands of this machine, each through `command_wrapper`.

use std::collections::BTreeMap;
use std::fmt;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use crate::communicator::CommunicatorError;
use crate::communicator::ssh::relay::relay_both;
use crate::engine::late::LateContext;
use crate::event::Reporter;

/// Stands for a command that itself looks like a template, while the wrapper is rendered.
const STAND_IN: &str = "amibake-command-5b1c9d37";

/// How commands of this machine are run.
#[derive(Clone)]
pub struct Local {
    wrapper: Option<String>,
    late: LateContext,
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").finish_non_exhaustive()
    }
}

impl Local {
    /// Commands through a wrapper: a template that knows `{{.Command}}`. None runs them as they are.
    pub fn new(wrapper: Option<&str>, late: LateContext) -> Self {
        Self { wrapper: wrapper.filter(|text| !text.is_empty()).map(str::to_owned), late }
    }

    /// Whether there is a wrapper.
    pub fn is_wrapped(&self) -> bool {
        self.wrapper.is_some()
    }

    /// A command within its wrapper.
    ///
    /// # Errors
    /// A wrapper that cannot be rendered.
    pub fn wrap(&self, command: &str) -> Result<String, String> {
        let Some(wrapper) = &self.wrapper else { return Ok(command.to_owned()) };
        // What a command holds is not rendered a second time.
        let plain = !command.contains("{{");
        let shown = if plain { command } else { STAND_IN };
        let data = BTreeMap::from([("Command", shown.to_owned())]);
        let text = self.late.render(wrapper, &data).map_err(|error| format!("`command_wrapper`: {error}"))?;
        Ok(if plain { text } else { text.replace(STAND_IN, command) })
    }

    /// Runs a command that is wrapped already, and tells what it prints. Dropping the future ends it.
    ///
    /// # Errors
    /// It could not be started. How it ended is no error.
    pub async fn run(&self, wrapped: &str, output: &Reporter) -> Result<i32, CommunicatorError> {
        let failed = |source| CommunicatorError::Local { what: "/bin/sh".to_owned(), source };
        let mut group = Group::start(wrapped).map_err(failed)?;
        let (out, err) = (group.child.stdout.take(), group.child.stderr.take());
        relay_both(out, err, output).await.map_err(failed)?;
        group.end().await.map(code).map_err(failed)
    }

    /// Wraps and runs a command that says nothing where it succeeds.
    ///
    /// # Errors
    /// What it wrote to its standard error, or how it ended.
    pub async fn done(&self, command: &str) -> Result<(), String> {
        let mut group = Group::start(&self.wrap(command)?).map_err(|error| format!("/bin/sh: {error}"))?;
        let (out, err) = (group.child.stdout.take(), group.child.stderr.take());
        let (_, said) = tokio::join!(read(out), read(err));
        match group.end().await.map(code).map_err(|error| format!("/bin/sh: {error}"))? {
            0 => Ok(()),
            status if said.trim().is_empty() => Err(format!("exit status {status}")),
            status => Err(format!("exit status {status}\nStderr: {}", said.trim_end())),
        }
    }
}

async fn read(from: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        // What came before an error is told all the same.
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut from, &mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A status as a shell would tell it: 128 + n for signal n.
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or_default())
}

/// A command with all that it starts; dropping it before its end ends them.
struct Group {
    child: Child,
    pid: Option<Pid>,
}

impl Group {
    fn start(command: &str) -> std::io::Result<Self> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = shell.kill_on_drop(true).process_group(0).spawn()?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { child, pid })
    }

    async fn end(mut self) -> std::io::Result<ExitStatus> {
        let status = self.child.wait().await;
        self.pid = None;
        status
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            // Fails where it has ended meanwhile, or where a wrapper has changed the user: then the pipe's end is all that it hears.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// A text in double quotes, of which `/bin/sh` makes the same text again. (Go's `%q`, which Packer uses here, leaves `$` and backquotes
/// to the shell of this machine and writes a line feed as `\n`.)
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// A word of a command line, quoted where it needs it.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    fn local(wrapper: Option<&str>) -> Local {
        let late = LateContext {
            host: Arc::default(),
            user: Arc::default(),
            build_name: "b".to_owned(),
            build_type: "amazon-chroot".to_owned(),
            build_data: BTreeMap::new(),
        };
        Local::new(wrapper, late)
    }

    #[test]
    fn a_wrapper_holds_the_command() {
        assert_eq!(local(None).wrap("ls").unwrap(), "ls");
        assert_eq!(local(Some("sudo {{.Command}}")).wrap("ls").unwrap(), "sudo ls");
        assert_eq!(local(Some("ssh h {{printf \"%q\" .Command}}")).wrap("ls \"a\"").unwrap(), r#"ssh h "ls \"a\"""#);
        assert_eq!(local(Some("sudo {{.Command}}")).wrap("echo '{{.Command}}'").unwrap(), "sudo echo '{{.Command}}'");
        assert!(local(Some("{{nope}}")).wrap("ls").unwrap_err().starts_with("`command_wrapper`: "));
    }

    #[tokio::test]
    async fn the_shell_reads_a_quoted_text_as_it_is() {
        let text = "a \"b\" 'c' $HOME `id` \\ $(id)\nd !*";
        let (report, events) = Reporter::new();
        let status = local(None).run(&format!("printf %s {}", quoted(text)), &report).await.unwrap();
        drop(report);
        let said: Vec<String> = events
            .iter()
            .filter_map(|event| match event.what {
                crate::event::What::Output { text, .. } => Some(text),
                _ => None,
            })
            .collect();
        assert_eq!((status, said.join("\n")), (0, text.to_owned()));
        assert_eq!(word("/a b's"), r"'/a b'\''s'");
    }

    #[tokio::test]
    async fn a_failure_says_what_the_command_said() {
        assert_eq!(local(None).done("echo bad >&2; exit 3").await.unwrap_err(), "exit status 3\nStderr: bad");
        assert_eq!(local(None).done("true").await, Ok(()));
    }

    #[tokio::test]
    async fn a_command_that_is_dropped_takes_along_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("late");
        let command = format!("(sleep 1; touch {}) & wait", file.display());
        let (report, _events) = Reporter::new();
        let run = tokio::time::timeout(Duration::from_millis(200), async { local(None).run(&command, &report).await });
        assert!(run.await.is_err());
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert!(!file.exists());
    }
}
