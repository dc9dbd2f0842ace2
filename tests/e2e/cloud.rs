//! One local EC2 (`ec2.py`) per test, and clients run against it as a user would: own home, cleared environment.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The project's folder: the templates under test are the ones a user finds there.
pub const PROJECT: &str = env!("CARGO_MANIFEST_DIR");

/// A running EC2. It ends with its standard input, so it does not outlive the test whatever happens to that.
pub struct Cloud {
    server: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    ready: Value,
    /// The client's home and working folder.
    pub home: TempDir,
}

/// What one client run left: how it ended and all it printed, both streams in order.
pub struct Finished {
    pub status: ExitStatus,
    pub output: String,
}

impl Cloud {
    /// Starts an EC2 with options of `ec2.py`. `None`, said aloud, where this machine lacks a part of it, unless
    /// `AMIBAKE_E2E=require` makes that a failure.
    pub fn start(options: &[&str]) -> Option<Cloud> {
        let python = setting("AMIBAKE_MOTO_PYTHON").unwrap_or_else(|| "python3".into());
        let mut server = Command::new(python)
            .arg(format!("{PROJECT}/tests/e2e/ec2.py"))
            .args(options)
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = BufReader::new(server.stdout.take().unwrap());
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        if line.is_empty() {
            let status = server.wait().unwrap();
            let what = format!("the local EC2 does not start ({status}, see above); tests/e2e/setup.sh installs its parts");
            assert!(setting("AMIBAKE_E2E").as_deref() != Some("require"), "{what}");
            eprintln!("SKIPPED: {what}");
            return None;
        }
        let ready = serde_json::from_str(&line).unwrap();
        let orders = server.stdin.take().unwrap();
        Some(Cloud { server, orders, answers, ready, home: TempDir::new().unwrap() })
    }

    /// Runs amibake; see [`Cloud::run`].
    pub fn amibake(&mut self, arguments: &[&str]) -> Finished {
        self.run(env!("CARGO_BIN_EXE_amibake"), arguments, |_, _| ())
    }

    /// Runs a program in its home; `watch` gets its process id and each line it prints while it runs.
    pub fn run(&mut self, program: &str, arguments: &[&str], mut watch: impl FnMut(u32, &str)) -> Finished {
        let enter: Vec<&str> = self.ready["enter"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let (reader, writer) = std::io::pipe().unwrap();
        let mut command = Command::new(enter[0]);
        command.args(&enter[1..]).arg(program).args(arguments).current_dir(self.home.path());
        command.env_clear().env("PATH", setting("PATH").unwrap()).env("HOME", self.home.path());
        command.env("CHECKPOINT_DISABLE", "1").env("AWS_POLL_DELAY_SECONDS", "1");
        for (name, value) in self.ready["environment"].as_object().unwrap() {
            command.env(name, value.as_str().unwrap());
        }
        command.stdin(Stdio::null()).stdout(writer.try_clone().unwrap()).stderr(writer).process_group(0);
        let mut child = command.spawn().unwrap();
        drop(command); // its copies of the pipe's end: without them the last line is the end
        self.order(&format!("client {}", child.id()));
        let mut output = String::new();
        for line in BufReader::new(reader).split(b'\n') {
            let line = String::from_utf8_lossy(&line.unwrap()).into_owned();
            watch(child.id(), &line);
            output.push_str(&line);
            output.push('\n');
        }
        Finished { status: child.wait().unwrap(), output }
    }

    /// What EC2 saw and has: calls, images, left, guests.
    pub fn report(&mut self) -> Value {
        self.order("report");
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// A credential that must not be seen anywhere.
    pub fn secret(&self) -> String {
        self.ready["environment"]["AWS_SECRET_ACCESS_KEY"].as_str().unwrap().to_owned()
    }

    /// Writes a template into the client's folder, for arguments relative to it.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.home.path().join(name), text).unwrap();
    }

    fn order(&mut self, line: &str) {
        writeln!(self.orders, "{line}").unwrap();
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = self.server.kill(); // guests and mounts go with it
        let _ = self.server.wait();
    }
}

/// Interrupts a client as a terminal does: its whole process group.
pub fn interrupt(client: u32) {
    let sent = Command::new("sh").args(["-c", &format!("kill -INT -{client}")]).status().unwrap();
    assert!(sent.success());
}

/// The command lines of a process and all below it.
pub fn command_lines(root: u32) -> Vec<String> {
    let mut family = vec![root];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        next += 1;
        for entry in Path::new("/proc").read_dir().unwrap().flatten() {
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let above: Option<u32> = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
            if let (Some(above), Ok(id)) = (above, entry.file_name().to_string_lossy().parse::<u32>())
                && above == parent
            {
                family.push(id);
            }
        }
    }
    let text = |id: &u32| std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    family.iter().map(|id| String::from_utf8_lossy(&text(id)).replace('\0', " ")).collect()
}

#[expect(clippy::disallowed_methods, reason = "a test reads its own switches")]
pub fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
