//! The program in a folder of its own, with an empty home and nothing of this machine's environment.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regex::Regex;
use tempfile::TempDir;

/// Types of Packer's that the program cannot run yet: recordings and tests that need one of them wait for it. The test
/// `packer::types_that_cannot_be_run_yet` fails as soon as one runs, so that nothing waits longer than it must.
pub const NOT_YET: &[(&str, &str)] = &[("post-processors", "compress")];

/// Whether a test has to wait for one of those types; says so.
#[expect(clippy::print_stderr, reason = "a test that does nothing has to say so")]
pub fn waits_for(test: &str, template: &str) -> bool {
    let template: serde_json::Value = serde_json::from_str(template).unwrap_or_default();
    let missing = NOT_YET.iter().find(|(section, type_name)| template[*section].to_string().contains(&format!("\"{type_name}\"")));
    if let Some((section, type_name)) = missing {
        eprintln!("NOT TESTED: {test} waits for `{type_name}` in `{section}`");
    }
    missing.is_some()
}

/// A working directory and a home for one run.
pub struct Sandbox {
    root: TempDir,
    env: Vec<(String, String)>,
}

/// What a run left behind.
#[derive(Debug)]
pub struct Ran {
    pub stdout: String,
    pub stderr: String,
    pub exit: i32,
}

impl Sandbox {
    pub fn new() -> Self {
        let root = TempDir::new().unwrap();
        for dir in ["work", "home", "tmp"] {
            std::fs::create_dir(root.path().join(dir)).unwrap();
        }
        Self { root, env: Vec::new() }
    }

    /// Where the program runs.
    pub fn work(&self) -> PathBuf {
        // The program prints its current directory as the system tells it, without links.
        self.root.path().join("work").canonicalize().unwrap()
    }

    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// Puts a file into the working directory.
    pub fn file(&self, path: &str, text: &str) -> &Self {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub fn env(&mut self, name: &str, value: &str) -> &mut Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What was put into the environment.
    pub fn environment(&self) -> &[(String, String)] {
        &self.env
    }

    /// The program, ready to be started.
    pub fn command(&self, args: &[impl AsRef<str>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amibake"));
        command.args(args.iter().map(AsRef::as_ref)).current_dir(self.work()).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LANG", "C.UTF-8");
        command.env("HOME", self.home()).env("TMPDIR", self.root.path().join("tmp"));
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[impl AsRef<str>], stdin: &str) -> Ran {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        // A program that does not read its input closes the pipe: nothing to complain about.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            exit: output.status.code().unwrap_or(-1),
        }
    }

    /// Runs the program to its end in a folder that is not the sandbox's.
    pub fn run_in(&self, args: &[impl AsRef<str>], folder: &Path) -> Ran {
        let output = self.command(args).current_dir(folder).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { stdout: text(output.stdout), stderr: text(output.stderr), exit: output.status.code().unwrap_or(-1) }
    }

    /// What differs from run to run, replaced by the words that recordings use.
    pub fn normalise(&self, text: &str) -> String {
        let replacements = [
            // Packer also masks a secret of digits where a duration happens to have them.
            (r"(finished after|errored after|Wait completed after) ((\d|<sensitive>)+ [a-z]+ ?)+", "$1 <DURATION>"),
            (r"(Running local shell script: )[^\n]*?(\x1b|\n|$)", "$1<SCRIPT>$2"),
            (r"(?m)^\d{10},", "<UNIX>,"),
        ];
        let text = text.replace(self.work().to_str().unwrap(), "<TEMPLATE_DIR>");
        replacements.iter().fold(text, |text, (pattern, by)| Regex::new(pattern).unwrap().replace_all(&text, *by).into_owned())
    }
}

/// A word to the tests on how to run.
#[expect(clippy::disallowed_methods, reason = "settings of the tests, not of the program")]
pub fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A folder of this repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The entries of a folder, sorted.
pub fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

/// Where two texts part, for the message of a failed test.
pub fn difference(expected: &str, found: &str) -> String {
    format!("--- expected\n{expected}\n--- found\n{found}\n---")
}
