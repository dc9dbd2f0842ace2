//! A recorded run, as its file has it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// A recorded run of Packer 1.6.6 on moto (the README beside the recordings has the format).
#[derive(Debug, Deserialize)]
pub struct Trace {
    /// The words after `packer`.
    pub command: Vec<String>,
    /// Beyond the standard environment; `<unset>` removes.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Files beside the template: name and text.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    pub signal: Option<Signal>,
    /// By action.
    #[serde(default)]
    pub faults: BTreeMap<String, Scripted>,
    /// With placeholders for what differs from run to run.
    pub template: Value,
    /// The calls that change something.
    pub changes: Vec<Change>,
    /// Files that the run left: name and text.
    #[serde(default)]
    pub output_files: BTreeMap<String, String>,
    /// None where the run had to be ended.
    pub exit: Option<i32>,
    /// Lines of the terminal.
    pub stdout: Vec<String>,
}

/// SIGINT, one second after a text was seen; further ones each half a second.
#[derive(Debug, Clone, Deserialize)]
pub struct Signal {
    pub when_output_contains: String,
    pub count: u32,
}

/// An answer that was given in the mock's place.
#[derive(Debug, Deserialize)]
pub struct Scripted {
    /// Calls that pass before.
    #[serde(default)]
    pub skip: usize,
    pub times: usize,
    pub status: u16,
    pub body: String,
}

/// A call that changes something.
#[derive(Debug, Deserialize)]
pub struct Change {
    pub region: String,
    pub action: String,
    pub params: BTreeMap<String, Value>,
    /// EC2's code where it was refused.
    pub error: Option<String>,
    /// Absent for EC2.
    pub service: Option<String>,
}

impl Trace {
    /// The recording of this name.
    pub fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(recorded().join(format!("{name}.json"))).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Whether the command line has this word.
    pub fn has(&self, word: &str) -> bool {
        self.command.iter().any(|given| given == word)
    }
}

impl Scripted {
    /// The text of the first XML element of this name.
    pub fn element(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
    }
}

/// Where the recordings are.
pub fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/traces/recorded")
}
