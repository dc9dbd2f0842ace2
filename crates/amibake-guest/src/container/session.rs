//! A program in a guest.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::process::{Child, Command};

use super::runtime::{Runtime, local};
use crate::guest::{GuestError, Session, Started, Terminal, What};

/// Prints what [`Accounts`] is read from: `/etc/passwd`, an empty line, and where sudo and the sftp server are.
pub(super) const TELL: &str = "cat /etc/passwd; echo; command -v sudo; \
    ls -d /usr/lib/openssh/sftp-server /usr/libexec/openssh/sftp-server /usr/lib/ssh/sftp-server 2> /dev/null; :";

/// Where the stand-in for sudo is; see `prepare.sh`.
const SUDO_STAND_IN: &str = "/usr/local/bin/sudo";

/// Writes down the process's number, which [`signal`] needs, and becomes the program. `$1`: the file; the rest: the program.
const BEGIN: &str = "echo $$ > \"$1\"; shift; exec \"$@\"";

/// Who can log in to a guest.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    users: BTreeMap<String, Account>,
    sftp: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    home: String,
    shell: String,
    /// Who its programs run as.
    runs_as: String,
    sftp: Option<String>,
}

impl Accounts {
    /// Reads what [`TELL`] prints.
    pub(super) fn read(told: &str) -> Self {
        let (passwd, rest) = told.split_once("\n\n").unwrap_or((told, ""));
        let found = |end: &str| rest.lines().find(|line| line.ends_with(end)).map(str::to_owned);
        // Where the image has no sudo of its own, everything runs as root.
        let sudo = found("/sudo").is_some_and(|path| path != SUDO_STAND_IN);
        let users = passwd.lines().filter_map(|line| Account::read(line, sudo)).collect();
        Self { users, sftp: found("/sftp-server") }
    }

    pub(super) fn contains(&self, user: &str) -> bool {
        self.users.contains_key(user)
    }

    pub(super) fn login(&self, user: &str) -> Option<Account> {
        let account = self.users.get(user)?;
        Some(Account { sftp: self.sftp.clone(), ..account.clone() })
    }
}

impl Account {
    /// Reads a line of passwd(5).
    fn read(line: &str, sudo: bool) -> Option<(String, Self)> {
        let fields: Vec<_> = line.split(':').collect();
        let &[name, _, _, _, _, home, shell] = fields.as_slice() else { return None };
        let shell = if shell.is_empty() { "/bin/sh" } else { shell };
        let runs_as = if sudo { name } else { "root" };
        let account = Self { home: home.to_owned(), shell: shell.to_owned(), runs_as: runs_as.to_owned(), sftp: None };
        Some((name.to_owned(), account))
    }

    fn words(&self, what: &What) -> Result<Vec<String>, GuestError> {
        Ok(match what {
            What::Shell => vec![self.shell.clone(), "-l".to_owned()],
            What::Command(line) => vec![self.shell.clone(), "-c".to_owned(), line.clone()],
            What::Sftp => vec![self.sftp.clone().ok_or_else(|| {
                GuestError::Impossible("this container image has no sftp server; install openssh-sftp-server in it, or use scp".to_owned())
            })?],
        })
    }
}

/// The programs that run, by the process that stands for each on this machine.
#[derive(Debug, Default)]
pub(super) struct Programs {
    numbers: Mutex<HashMap<u32, u64>>,
    next: AtomicU64,
}

/// Where a program's process number is.
fn file(number: u64) -> String {
    format!("/run/amibake/programs/{number}")
}

/// Starts a program.
///
/// # Errors
/// The runtime cannot be started, or there is no terminal.
pub(super) fn start(
    runtime: &Runtime,
    container: &str,
    account: &Account,
    session: &Session,
    programs: &Programs,
) -> Result<Started, GuestError> {
    let number = programs.next.fetch_add(1, Ordering::Relaxed);
    let mut words = vec!["exec".to_owned(), "--interactive".into(), "--user".into(), account.runs_as.clone()];
    words.extend(["--workdir".to_owned(), account.home.clone()]);
    let own = [("HOME", &account.home), ("USER", &session.user), ("LOGNAME", &session.user), ("SHELL", &account.shell)];
    words.extend(session.env.iter().map(|(name, value)| format!("--env={name}={value}")));
    words.extend(own.map(|(name, value)| format!("--env={name}={value}")));
    if let Some(terminal) = &session.terminal {
        words.extend(["--tty".to_owned(), format!("--env=TERM={}", terminal.term)]);
    }
    words.extend([container, "/bin/sh", "-c", BEGIN, "begin"].map(str::to_owned));
    words.push(file(number));
    words.extend(account.words(&session.what)?);
    let failed = |source: std::io::Error| local("the program cannot be started", source);
    let (child, terminal) = match &session.terminal {
        Some(terminal) => on_terminal(runtime, words, terminal).map(|(child, master)| (child, Some(master))).map_err(failed)?,
        None => {
            let mut command = runtime.command();
            command.args(words).process_group(0);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            (command.spawn().map_err(failed)?, None)
        }
    };
    if let Some(id) = child.id() {
        programs.numbers.lock().unwrap_or_else(PoisonError::into_inner).insert(id, number);
    }
    Ok(Started { child, terminal })
}

/// Starts the runtime's client on a new terminal, as its own: it is told of changed sizes then, and passes them on.
fn on_terminal(runtime: &Runtime, words: Vec<String>, terminal: &Terminal) -> std::io::Result<(Child, OwnedFd)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let (columns, rows) = terminal.size;
    tcsetwinsize(&master, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 })?;
    let slave = rustix::fs::open(ptsname(&master, Vec::new())?, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    let mut command = if cfg!(target_os = "linux") {
        let mut command = Command::new("setsid");
        command.args(["--ctty", runtime.program()]);
        command
    } else {
        runtime.command()
    };
    command.args(words).stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave);
    Ok((command.spawn()?, master))
}

/// Sends a signal to a program, and with KILL forgets it. Best effort.
pub(super) fn signal(runtime: &Runtime, container: &str, programs: &Programs, session: &Child, name: &str) {
    let Some(id) = session.id() else { return };
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return;
    }
    let mut numbers = programs.numbers.lock().unwrap_or_else(PoisonError::into_inner);
    let number = if name == "KILL" { numbers.remove(&id) } else { numbers.get(&id).copied() };
    let Some(number) = number else { return };
    // A program is the leader of its own session: the minus names its group.
    let script = format!("kill -{name} -- -$(cat {0}) || kill -{name} $(cat {0})", file(number));
    let mut kill = runtime.command();
    kill.args(["exec", "--user", "0:0", container, "/bin/sh", "-c", &script]).stdout(Stdio::null()).stderr(Stdio::null());
    // Not awaited: the runtime takes in children that nobody waits for.
    let _ = kill.process_group(0).spawn();
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nubuntu:x:1000:1000::/home/ubuntu:\nbroken line\n";

    #[test]
    fn users_run_as_themselves_where_there_is_sudo() {
        let accounts = Accounts::read(&format!("{PASSWD}\n/usr/bin/sudo\n/usr/lib/openssh/sftp-server\n"));
        assert!(accounts.contains("ubuntu") && !accounts.contains("broken line"));
        let ubuntu = accounts.login("ubuntu").unwrap();
        assert_eq!((ubuntu.runs_as.as_str(), ubuntu.shell.as_str(), ubuntu.home.as_str()), ("ubuntu", "/bin/sh", "/home/ubuntu"));
        assert_eq!(ubuntu.words(&What::Sftp).unwrap(), ["/usr/lib/openssh/sftp-server"]);
    }

    #[test]
    fn users_run_as_root_where_there_is_only_the_stand_in() {
        let accounts = Accounts::read(&format!("{PASSWD}\n{SUDO_STAND_IN}\n"));
        assert_eq!(accounts.login("ubuntu").unwrap().runs_as, "root");
        assert!(accounts.login("ubuntu").unwrap().words(&What::Sftp).unwrap_err().to_string().contains("sftp"));
        assert_eq!(accounts.login("nobody"), None);
    }
}
