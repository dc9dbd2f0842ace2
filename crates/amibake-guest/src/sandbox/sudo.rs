//! What a guest has for `sudo`: everybody may do everything without a password, as on cloud images.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, getgid, getppid, getuid, setgroups, setresgid, setresuid};

use super::account::{Account, Group, groups_of, here};

/// Where programs are looked for: `secure_path` of Debian's and Amazon Linux's sudoers.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What passes from the caller's environment without `-E`: sudo's own list (`sudo -V` as root shows it).
const PASSES: [&str; 10] =
    ["COLORTERM", "DISPLAY", "LANG", "LANGUAGE", "LINGUAS", "LS_COLORS", "TERM", "TZ", "XAUTHORITY", "XDG_CURRENT_DESKTOP"];

/// A command line of sudo.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    user: Option<String>,
    group: Option<String>,
    login: bool,
    shell: bool,
    keep_all: bool,
    keep: Vec<String>,
    home: bool,
    background: bool,
    directory: Option<PathBuf>,
    /// `-k`, `-K`, `-v`, `-l`, `-V`, which ask for nothing that a guest has.
    nothing: bool,
    set: Vec<(OsString, OsString)>,
    command: Vec<OsString>,
}

/// Runs as `sudo WORDS`.
pub(super) fn run(words: &[OsString]) -> u8 {
    match parse(words).and_then(|asked| act(&asked)) {
        Ok(status) => status,
        Err(why) => {
            let _ = writeln!(io::stderr(), "sudo: {why}");
            1
        }
    }
}

fn parse(words: &[OsString]) -> Result<Asked, String> {
    let mut asked = Asked::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let bytes = word.as_bytes();
        if bytes == b"--" {
            asked.command.extend(words.by_ref().cloned());
        } else if bytes.starts_with(b"--") {
            long(&mut asked, &word.to_string_lossy(), &mut words)?;
        } else if bytes.starts_with(b"-") && bytes.len() > 1 {
            short(&mut asked, &word.to_string_lossy(), &mut words)?;
        } else if let Some(at) = assignment(bytes) {
            asked.set.push((OsString::from_vec(bytes[..at].to_vec()), OsString::from_vec(bytes[at + 1..].to_vec())));
        } else {
            asked.command.push(word.clone());
            asked.command.extend(words.by_ref().cloned());
        }
    }
    // `sudo -- VAR=value command` sets the variable too.
    while let Some(at) = asked.command.first().and_then(|word| assignment(word.as_bytes())) {
        let bytes = asked.command.remove(0).into_vec();
        asked.set.push((OsString::from_vec(bytes[..at].to_vec()), OsString::from_vec(bytes[at + 1..].to_vec())));
    }
    Ok(asked)
}

/// Where the `=` of `VAR=value` is.
fn assignment(word: &[u8]) -> Option<usize> {
    let at = word.iter().position(|byte| *byte == b'=')?;
    (at > 0 && word[..at].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')).then_some(at)
}

fn short<'a>(asked: &mut Asked, word: &str, rest: &mut impl Iterator<Item = &'a OsString>) -> Result<(), String> {
    for (at, letter) in word[1..].char_indices() {
        if !"aCcDghpRrTtUu".contains(letter) || (letter == 'h' && word.len() == 2) {
            flag(asked, letter)?;
            continue;
        }
        let attached = &word[1 + at + letter.len_utf8()..];
        let value = if attached.is_empty() {
            rest.next()
                .map(|word| word.to_string_lossy().into_owned())
                .ok_or_else(|| format!("option requires an argument -- '{letter}'"))?
        } else {
            attached.to_owned()
        };
        valued(asked, letter, value);
        return Ok(());
    }
    Ok(())
}

fn flag(asked: &mut Asked, letter: char) -> Result<(), String> {
    match letter {
        'E' => asked.keep_all = true,
        'H' => asked.home = true,
        'i' => asked.login = true,
        's' => asked.shell = true,
        'b' => asked.background = true,
        'k' | 'K' | 'v' | 'l' | 'V' | 'h' => asked.nothing = true,
        'n' | 'S' | 'A' | 'B' | 'N' | 'P' => {}
        'e' => return Err("a rehearsal has no sudoedit".to_owned()),
        other => return Err(format!("invalid option -- '{other}'")),
    }
    Ok(())
}

fn valued(asked: &mut Asked, letter: char, value: String) {
    match letter {
        'u' => asked.user = Some(value),
        'g' => asked.group = Some(value),
        'D' => asked.directory = Some(value.into()),
        // Prompts, limits, other hosts, roles: no matter here.
        _ => {}
    }
}

fn long<'a>(asked: &mut Asked, word: &str, rest: &mut impl Iterator<Item = &'a OsString>) -> Result<(), String> {
    let (name, value) = match word[2..].split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (&word[2..], None),
    };
    let letter = match name {
        "preserve-env" => {
            match value {
                Some(names) => asked.keep.extend(names.split(',').map(str::to_owned)),
                None => asked.keep_all = true,
            }
            return Ok(());
        }
        "login" => 'i',
        "shell" => 's',
        "set-home" => 'H',
        "background" => 'b',
        "non-interactive" | "stdin" | "askpass" | "bell" | "no-update" | "preserve-groups" => 'n',
        "reset-timestamp" | "remove-timestamp" | "validate" | "list" | "version" | "help" => 'k',
        "user" => 'u',
        "group" => 'g',
        "chdir" => 'D',
        "prompt" | "close-from" | "host" | "role" | "type" | "other-user" | "command-timeout" | "chroot" => 'p',
        _ => return Err(format!("unrecognized option '{word}'")),
    };
    if !"ugDp".contains(letter) {
        return flag(asked, letter);
    }
    let value = value.or_else(|| rest.next().map(|word| word.to_string_lossy().into_owned()));
    valued(asked, letter, value.ok_or_else(|| format!("option '{word}' requires an argument"))?);
    Ok(())
}

fn act(asked: &Asked) -> Result<u8, String> {
    // This file is setuid root. It is sudo in a guest and nowhere else.
    let in_guest = std::fs::symlink_metadata("/run/amibake/program").is_ok_and(|found| found.is_file() && found.uid() == 0);
    if !in_guest || !nix::unistd::geteuid().is_root() {
        return Err("this is a rehearsal's sudo and works in its guests only".to_owned());
    }
    if asked.nothing && asked.command.is_empty() {
        return Ok(0);
    }
    let (accounts, groups) = here();
    let target = find(asked.user.as_deref().unwrap_or("root"), &accounts)?;
    let caller = accounts.iter().find(|account| account.uid == getuid().as_raw());
    let gid = match &asked.group {
        Some(name) => find_group(name, &groups)?,
        None => target.gid,
    };
    let env = environment(asked, caller, &target);
    let mut command = command(asked, &target)?;
    command.env_clear().envs(env);
    if asked.login {
        command.current_dir(&target.home);
    }
    if let Some(directory) = &asked.directory {
        command.current_dir(directory);
    }
    switch(&target, gid, &groups)?;
    start(command, asked.background)
}

fn find(name: &str, accounts: &[Account]) -> Result<Account, String> {
    let wanted = name.strip_prefix('#').and_then(|uid| uid.parse::<u32>().ok());
    let found = accounts.iter().find(|account| account.name == name || Some(account.uid) == wanted);
    found.cloned().ok_or_else(|| format!("unknown user {name}"))
}

fn find_group(name: &str, groups: &[Group]) -> Result<u32, String> {
    if let Some(gid) = name.strip_prefix('#').and_then(|gid| gid.parse().ok()) {
        return Ok(gid);
    }
    groups.iter().find(|group| group.name == name).map(|group| group.gid).ok_or_else(|| format!("unknown group {name}"))
}

/// As `env_reset` and `secure_path` make it.
fn environment(asked: &Asked, caller: Option<&Account>, target: &Account) -> BTreeMap<OsString, OsString> {
    let before: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    let passes = |name: &OsStr| {
        let name = name.to_string_lossy();
        (asked.keep_all || PASSES.contains(&name.as_ref())) && !asked.login
            || name == "TERM"
            || name.starts_with("LC_")
            || asked.keep.iter().any(|kept| *kept == name)
    };
    let mut env: BTreeMap<OsString, OsString> =
        before.iter().filter(|(name, _)| passes(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
    let mut set = |name: &str, value: &str| env.insert(name.into(), value.into());
    set("PATH", PATH);
    set("USER", &target.name);
    set("LOGNAME", &target.name);
    if !asked.keep_all || asked.home || asked.login {
        set("HOME", &target.home);
        set("SHELL", &target.shell);
        set("MAIL", &format!("/var/mail/{}", target.name));
    }
    let command: Vec<String> = asked.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    set("SUDO_COMMAND", &command.join(" "));
    set("SUDO_USER", caller.map_or("root", |account| &account.name));
    set("SUDO_UID", &getuid().to_string());
    set("SUDO_GID", &getgid().to_string());
    for name in ["HOME", "SHELL"] {
        if asked.keep.iter().any(|kept| kept == name)
            && let Some(value) = before.get(OsStr::new(name))
        {
            env.insert(name.into(), value.clone());
        }
    }
    env.extend(asked.set.iter().cloned());
    env
}

fn command(asked: &Asked, target: &Account) -> Result<Command, String> {
    if asked.login || asked.shell {
        #[expect(clippy::disallowed_methods, reason = "`sudo -s` runs the shell that its caller names")]
        let callers = std::env::var("SHELL").ok().filter(|shell| !asked.login && !shell.is_empty());
        let shell = callers.unwrap_or_else(|| target.shell.clone());
        let mut command = Command::new(&shell);
        if asked.login {
            command.arg0(format!("-{}", shell.rsplit('/').next().unwrap_or("sh")));
        }
        if !asked.command.is_empty() {
            command.arg("-c").arg(escaped(&asked.command));
        }
        return Ok(command);
    }
    let Some((name, words)) = asked.command.split_first() else {
        return Err("a command, -i or -s is needed".to_owned());
    };
    let path = if name.as_bytes().contains(&b'/') { PathBuf::from(name) } else { search(name)? };
    if !path.exists() {
        return Err(format!("{}: command not found", name.display()));
    }
    let mut command = Command::new(path);
    command.arg0(name).args(words);
    Ok(command)
}

fn search(name: &OsStr) -> Result<PathBuf, String> {
    let runs = |path: &PathBuf| path.metadata().is_ok_and(|found| found.is_file() && found.mode() & 0o111 != 0);
    PATH.split(':').map(|dir| Path::new(dir).join(name)).find(runs).ok_or_else(|| format!("{}: command not found", name.display()))
}

/// One command line for a shell, as sudo escapes it: all but letters, digits, `_`, `-` and `$`.
fn escaped(words: &[OsString]) -> OsString {
    let mut line = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            line.push(b' ');
        }
        for byte in word.as_bytes() {
            if !byte.is_ascii_alphanumeric() && !b"_-$".contains(byte) {
                line.push(b'\\');
            }
            line.push(*byte);
        }
    }
    OsString::from_vec(line)
}

fn switch(target: &Account, gid: u32, groups: &[Group]) -> Result<(), String> {
    let failed = |errno: nix::errno::Errno| format!("unable to change to {}: {}", target.name, io::Error::from(errno));
    let all: Vec<Gid> = std::iter::once(gid).chain(groups_of(target, groups)).map(Gid::from_raw).collect();
    // Where a guest has only root there is nobody to change to, and no group may be given up.
    let _ = setgroups(&all);
    let many = setresgid(gid.into(), gid.into(), gid.into());
    let (uid, gone) = (Uid::from_raw(target.uid), nix::errno::Errno::EINVAL);
    match many.and_then(|()| setresuid(uid, uid, uid)) {
        Err(errno) if errno == gone => setresuid(0.into(), 0.into(), 0.into()).map_err(failed)?,
        other => other.map_err(failed)?,
    }
    if getppid().as_raw() == 0 {
        // The session's first process, whose parent is not in the guest: it shall not outlive it. Becoming another user took that away.
        let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    }
    Ok(())
}

fn start(mut command: Command, background: bool) -> Result<u8, String> {
    let program = command.get_program().to_owned();
    if background {
        return command.spawn().map(|_| 0).map_err(|source| format!("{}: {source}", program.display()));
    }
    let mut failed = command.exec();
    const ENOEXEC: i32 = 8;
    if failed.raw_os_error() == Some(ENOEXEC) {
        // A script without its first line: sudo gives it to the shell.
        let words: Vec<OsString> = command.get_args().map(OsStr::to_owned).collect();
        let mut shell = Command::new("/bin/sh");
        shell.arg(&program).args(words);
        let env: Vec<_> = command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
        failed = shell.env_clear().envs(env).exec();
    }
    Err(format!("{}: {failed}", program.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, change: impl FnOnce(&mut Asked), command: &str) {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let mut expected =
            Asked { command: command.split(' ').filter(|word| !word.is_empty()).map(OsString::from).collect(), ..Asked::default() };
        change(&mut expected);
        assert_eq!(parse(&words), Ok(expected), "{line}");
    }

    #[test]
    fn command_lines_are_read_as_sudo_reads_them() {
        check("id -u", |_| {}, "id -u");
        check("-n -E id", |asked| asked.keep_all = true, "id");
        check("-nEH id", |asked| (asked.keep_all, asked.home) = (true, true), "id");
        check("-u ann id", |asked| asked.user = Some("ann".to_owned()), "id");
        check("-nuann id", |asked| asked.user = Some("ann".to_owned()), "id");
        check("--user=ann -- id -x", |asked| asked.user = Some("ann".to_owned()), "id -x");
        check("--user ann id", |asked| asked.user = Some("ann".to_owned()), "id");
        check("-S -p prompt id", |_| {}, "id");
        check("--preserve-env=A,B id", |asked| asked.keep = vec!["A".to_owned(), "B".to_owned()], "id");
        check("A=1 id B=2", |asked| asked.set = vec![("A".into(), "1".into())], "id B=2");
        check("-E A=1 B= id", |asked| (asked.keep_all, asked.set) = (true, vec![("A".into(), "1".into()), ("B".into(), "".into())]), "id");
        check("-i", |asked| asked.login = true, "");
        check("-k", |asked| asked.nothing = true, "");
        assert_eq!(parse(&["-u".into()]), Err("option requires an argument -- 'u'".to_owned()));
        assert_eq!(parse(&["-y".into()]), Err("invalid option -- 'y'".to_owned()));
    }

    #[test]
    fn a_shell_gets_what_was_given() {
        assert_eq!(escaped(&["echo".into(), "a b;$X".into()]), OsString::from("echo a\\ b\\;$X"));
    }
}
