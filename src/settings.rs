//! What the environment, the clock and the machine say: read once, here, and passed down.
//!
//! No other module reads a variable, asks for the time or draws a random number for the run's own use.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;

use amibake_template::document::COMPATIBLE_VERSION;
use amibake_template::lang::{Answers, Host, Work};
use jiff::Timestamp;

/// The outside world at the start of the run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The environment. Names and values that are not UTF-8 have their odd bytes replaced.
    pub env: BTreeMap<String, String>,
    /// Current directory; empty where it cannot be told.
    pub cwd: String,
    /// Start of the run.
    pub started: Timestamp,
    /// The time, for output.
    pub clock: fn() -> Timestamp,
    /// Seed of all random names of this run.
    pub seed: u64,
    /// UUID of this run (version 7: it holds the time at which the run began, which `amibake cleanup` reads off tags).
    pub run_uuid: String,
    /// Standard output is a terminal.
    pub terminal: bool,
}

impl Settings {
    /// Reads them from the process.
    pub fn read() -> Self {
        let random = random_bytes();
        let mut seed = [0; 8];
        seed.copy_from_slice(&random[..8]);
        let mut uuid = [0; 16];
        uuid.copy_from_slice(&random[8..]);
        let started = Timestamp::now();
        Self {
            env: std::env::vars_os().map(|(k, v)| (k.to_string_lossy().into_owned(), v.to_string_lossy().into_owned())).collect(),
            cwd: std::env::current_dir().map(|cwd| cwd.to_string_lossy().into_owned()).unwrap_or_default(),
            started,
            clock: Timestamp::now,
            seed: u64::from_le_bytes(seed),
            run_uuid: uuid_v7(started, uuid),
            terminal: std::io::stdout().is_terminal(),
        }
    }

    /// A variable that is set and not empty.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether escape codes may be written. `asked` is `-color`, where given.
    ///
    /// Packer writes them to pipes too, unless told otherwise; here a pipe or file gets them only on request. `NO_COLOR` and
    /// `PACKER_NO_COLOR` switch them off in any case.
    pub fn color(&self, asked: Option<bool>) -> bool {
        let forbidden = self.var("NO_COLOR").is_some() || self.var("PACKER_NO_COLOR").is_some();
        !forbidden && asked.unwrap_or(self.terminal)
    }

    /// Where journals are kept: `$XDG_STATE_HOME/amibake`, or `~/.local/state/amibake`. None without a home directory.
    pub fn state_dir(&self) -> Option<PathBuf> {
        // The XDG specification wants relative paths ignored.
        let state = self.var("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let state = state.or_else(|| self.var("HOME").map(|home| PathBuf::from(home).join(".local/state")));
        state.map(|state| state.join("amibake"))
    }

    /// Where a rehearsal's guests have their files: `$TMPDIR/amibake-UID`, in `/tmp` where the variable is not set.
    pub fn guests_dir(&self) -> PathBuf {
        let temporary = self.var("TMPDIR").map(PathBuf::from).filter(|path| path.is_absolute()).unwrap_or_else(|| PathBuf::from("/tmp"));
        temporary.join(format!("amibake-{}", rustix::process::geteuid().as_raw()))
    }

    /// Where the log goes (`PACKER_LOG`, `PACKER_LOG_PATH`).
    pub fn log(&self) -> LogTarget {
        let wanted = self.var("PACKER_LOG").is_some_and(|value| value != "0");
        match self.var("PACKER_LOG_PATH") {
            Some(path) => LogTarget::File(PathBuf::from(path)),
            None if wanted => LogTarget::StandardError,
            None => LogTarget::Nowhere,
        }
    }

    /// What templates can see of it. `template_dir` is absolute.
    pub fn host(&self, template_dir: String) -> Host {
        Host {
            env: self.env.clone(),
            cwd: self.cwd.clone(),
            template_dir,
            started_unix_nanos: self.started.as_nanosecond(),
            seed: self.seed,
            answers: Answers::default(),
            uuids: std::sync::Arc::default(),
            packer_version: COMPATIBLE_VERSION.to_owned(),
            work: Work::default(),
        }
    }
}

/// Where a log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTarget {
    /// No log.
    Nowhere,
    /// `PACKER_LOG=1`
    StandardError,
    /// `PACKER_LOG_PATH`; as in Packer 1.16 it suffices alone.
    File(PathBuf),
}

/// Random bytes of the operating system. Where it has none, the clock and the process id: names must differ between runs, they need
/// not be secret.
fn random_bytes() -> [u8; 24] {
    let mut bytes = [0; 24];
    if getrandom::fill(&mut bytes).is_err() {
        let now = Timestamp::now().as_nanosecond().to_le_bytes();
        bytes[..16].copy_from_slice(&now);
        bytes[8..16].copy_from_slice(&now[..8]);
        bytes[16..20].copy_from_slice(&std::process::id().to_le_bytes());
    }
    bytes
}

/// RFC 9562, version 7: 48 bits of milliseconds since 1970, then random ones.
fn uuid_v7(time: Timestamp, mut bytes: [u8; 16]) -> String {
    bytes[..6].copy_from_slice(&time.as_millisecond().to_be_bytes()[2..]);
    bytes[6] = bytes[6] & 0x0f | 0x70;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(env: &[(&str, &str)], terminal: bool) -> Settings {
        Settings {
            env: env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            cwd: "/w".into(),
            started: Timestamp::UNIX_EPOCH,
            clock: || Timestamp::UNIX_EPOCH,
            seed: 0,
            run_uuid: String::new(),
            terminal,
        }
    }

    #[track_caller]
    fn color(env: &[(&str, &str)], terminal: bool, asked: Option<bool>, expected: bool) {
        assert_eq!(settings(env, terminal).color(asked), expected, "{env:?}, terminal {terminal}, asked {asked:?}");
    }

    #[test]
    fn colours_go_to_terminals_unless_forbidden() {
        color(&[], true, None, true);
        color(&[], false, None, false);
        color(&[], false, Some(true), true);
        color(&[], true, Some(false), false);
        color(&[("NO_COLOR", "1")], true, Some(true), false);
        color(&[("PACKER_NO_COLOR", "1")], true, None, false);
        color(&[("NO_COLOR", "")], true, None, true);
    }

    #[track_caller]
    fn state_dir(env: &[(&str, &str)], expected: Option<&str>) {
        assert_eq!(settings(env, false).state_dir(), expected.map(PathBuf::from), "{env:?}");
    }

    #[test]
    fn journals_follow_xdg() {
        state_dir(&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")], Some("/s/amibake"));
        state_dir(&[("XDG_STATE_HOME", "relative"), ("HOME", "/h")], Some("/h/.local/state/amibake"));
        state_dir(&[("HOME", "/h")], Some("/h/.local/state/amibake"));
        state_dir(&[], None);
    }

    #[track_caller]
    fn log(env: &[(&str, &str)], expected: &LogTarget) {
        assert_eq!(&settings(env, false).log(), expected, "{env:?}");
    }

    #[test]
    fn logs_as_packer_is_told_to() {
        log(&[], &LogTarget::Nowhere);
        log(&[("PACKER_LOG", "0")], &LogTarget::Nowhere);
        log(&[("PACKER_LOG", "1")], &LogTarget::StandardError);
        log(&[("PACKER_LOG", "1"), ("PACKER_LOG_PATH", "l")], &LogTarget::File("l".into()));
        log(&[("PACKER_LOG_PATH", "l")], &LogTarget::File("l".into()));
    }

    #[test]
    fn run_ids_are_uuids() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        assert_eq!(uuid_v7(at(0), [0xff; 16]), "00000000-0000-7fff-bfff-ffffffffffff");
        let id = uuid_v7(at(1_795_515_345), [0; 16]);
        assert_eq!(id, "01a20d0d-e868-7000-8000-000000000000");
        assert_eq!(crate::engine::cleanup::began_unix(&id), Some(1_795_515_345));
    }
}
