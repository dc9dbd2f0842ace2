//! The real Packer 1.6.6, where this machine has it: tests that compare with it skip aloud elsewhere, unless AMIBAKE_PACKER=require.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::program::Ran;

/// The program, run as the recordings were made.
pub struct RealPacker {
    path: PathBuf,
    home: tempfile::TempDir,
}

impl RealPacker {
    /// Finds it on PATH; None says that the test `what` does nothing.
    #[expect(clippy::print_stderr, reason = "a test that does nothing has to say so")]
    pub fn find(what: &str) -> Option<Self> {
        let paths = variable("PATH").unwrap_or_default();
        let found = std::env::split_paths(&paths).map(|folder| folder.join("packer")).find(|path| path.is_file());
        let packer = found.map(|path| Self { path, home: tempfile::TempDir::new().unwrap() });
        let packer = packer.filter(|packer| packer.run(&["version"], Path::new("/"), "").stdout.starts_with("Packer v1.6.6"));
        if packer.is_none() {
            assert!(variable("AMIBAKE_PACKER").is_none_or(|word| word != "require"), "{what} needs Packer 1.6.6 on PATH");
            eprintln!("NOT TESTED: {what} needs Packer 1.6.6 on PATH");
        }
        packer
    }

    /// Runs it in a folder.
    pub fn run(&self, args: &[impl AsRef<str>], folder: &Path, stdin: &str) -> Ran {
        self.run_with(args, folder, stdin, &[])
    }

    /// Runs it with more in its environment.
    pub fn run_with(&self, args: &[impl AsRef<str>], folder: &Path, stdin: &str, env: &[(&str, &str)]) -> Ran {
        let mut command = Command::new(&self.path);
        command.args(args.iter().map(AsRef::as_ref)).current_dir(folder).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LANG", "C.UTF-8").env("HOME", self.home.path());
        command.env("CHECKPOINT_DISABLE", "1").env("PACKER_NO_COLOR", "1");
        command.envs(env.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { stdout: text(output.stdout), stderr: text(output.stderr), exit: output.status.code().unwrap_or(-1) }
    }
}

/// The folder of real templates; None says that the test `what` does nothing.
#[expect(clippy::print_stderr, reason = "a test that does nothing has to say so")]
pub fn corpus(what: &str) -> Option<PathBuf> {
    let corpus = variable("AMIBAKE_CORPUS").map(PathBuf::from);
    if corpus.is_none() {
        eprintln!("NOT TESTED: {what} needs AMIBAKE_CORPUS, the folder of real templates");
    }
    corpus
}

#[expect(clippy::disallowed_methods, reason = "what this machine offers to tests")]
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}
