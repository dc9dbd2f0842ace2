//! `session-manager-plugin`: AWS's program that carries a session's data. There is no other description of what it speaks.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use amibake_ec2::Region;
use amibake_ec2::session::{ForwardPort, PORT_FORWARDING, Session};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use crate::communicator::ssh::master::die_with_parent;

/// What it is called.
const PROGRAM: &str = "session-manager-plugin";
/// Where AWS says how to install it.
const INSTALL: &str = "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html";
/// The variable by which newer ones take the session, which has a secret in it: command lines are for all to read.
const BY_VARIABLE: &str = "AWS_SSM_START_SESSION_RESPONSE";
/// The last version that knows command lines only (AWS CLI, `sessionmanager.py`).
const LAST_WITHOUT_VARIABLE: [u32; 4] = [1, 2, 497, 0];
/// How much of its last words is kept, bytes.
const LAST_WORDS: usize = 2000;

/// The program as it is installed here.
#[derive(Debug, Clone)]
pub struct Plugin {
    program: PathBuf,
    takes_variable: bool,
}

impl Plugin {
    /// Finds it on the `PATH` of this environment, and asks for its version.
    ///
    /// # Errors
    /// It is not there, or does not run.
    pub async fn find(env: &BTreeMap<String, String>) -> Result<Self, String> {
        let path = env.get("PATH").map_or("", String::as_str);
        let candidates = std::env::split_paths(path).filter(|dir| dir.is_absolute()).map(|dir| dir.join(PROGRAM));
        let program = candidates.into_iter().find(|file| is_program(file)).ok_or_else(|| {
            format!("`ssh_interface` session_manager needs AWS's program `{PROGRAM}`, which is not on PATH; how to install it: {INSTALL}")
        })?;
        let mut command = Command::new(&program);
        command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
        let said = command.output().await.map_err(|error| format!("cannot run {}: {error}", program.display()))?;
        if !said.status.success() {
            let words = String::from_utf8_lossy(&said.stderr);
            return Err(format!("{} --version failed ({}): {}", program.display(), said.status, words.trim()));
        }
        let takes_variable = version(&String::from_utf8_lossy(&said.stdout)).is_some_and(|version| version > LAST_WITHOUT_VARIABLE);
        Ok(Self { program, takes_variable })
    }

    /// Starts it for a session. It dies with us, even when we are killed, and when it is dropped.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(&self, session: &Session, request: &ForwardPort, region: &Region) -> std::io::Result<Child> {
        let given = json!({"SessionId": session.id, "StreamUrl": session.stream_url, "TokenValue": session.token.expose_secret()});
        let asked = json!({
            "DocumentName": PORT_FORWARDING,
            "Parameters": {"localPortNumber": [request.local_port.to_string()], "portNumber": [request.port.to_string()]},
            "Target": request.target.as_str(),
        });
        let mut plugin = Command::new(&self.program);
        if self.takes_variable {
            plugin.arg(BY_VARIABLE).env(BY_VARIABLE, given.to_string());
        } else {
            plugin.arg(given.to_string());
        }
        plugin.args([region.as_str(), "StartSession", "", &asked.to_string(), &session.stream_url]);
        plugin.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: Ctrl-C in the terminal is for us to handle, the guest is needed for tearing down.
        plugin.process_group(0).kill_on_drop(true);
        die_with_parent(&mut plugin);
        plugin.spawn()
    }
}

/// Waits for the program's end; answers with its last words and how it ended.
pub async fn wait(child: &mut Child) -> String {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (out, err) = tokio::join!(last_words(out), last_words(err));
    let words = if err.is_empty() { out } else { err };
    match child.wait().await {
        Ok(status) if words.is_empty() => format!("{PROGRAM} ended without a word ({status})"),
        Ok(status) => format!("{PROGRAM} ended ({status}): {words}"),
        Err(error) => format!("{PROGRAM} cannot be waited for: {error}"),
    }
}

/// The last line of a stream that is read to its end.
async fn last_words(from: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut from) = from else { return String::new() };
    let (mut kept, mut buffer) = (Vec::new(), [0; 1024]);
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..read]);
        let surplus = kept.len().saturating_sub(LAST_WORDS);
        kept.drain(..surplus);
    }
    let text = String::from_utf8_lossy(&kept);
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

fn is_program(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

fn version(text: &str) -> Option<[u32; 4]> {
    let mut numbers = text.trim().split('.').map(|number| number.parse().ok());
    let version = [numbers.next()??, numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, takes_variable: Option<bool>) {
        assert_eq!(version(text).map(|version| version > LAST_WITHOUT_VARIABLE), takes_variable, "{text}");
    }

    #[test]
    fn versions() {
        check("1.2.497.0\n", Some(false));
        check("1.2.536.0", Some(true));
        check("1.10.0.0", Some(true));
        check("1.1.999.9", Some(false));
        check("unknown", None);
        check("1.2", None);
        check("1.2.3.4.5", None);
    }
}
