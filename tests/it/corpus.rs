//! Templates that people wrote, against what Packer 1.6.6 said of them.
//!
//! They are not part of the project: the folder is read from the variable AMIBAKE_CORPUS (an `index.json` and a folder a template), and
//! without it these tests say that they do nothing. What Packer says and we do not is listed in `DIFFERENCES` by its reason, not by
//! template, so that the list holds for templates that nobody has seen yet.

use std::path::PathBuf;

use regex::Regex;
use serde_json::Value;

use crate::program::{Ran, Sandbox};
use crate::real;

/// Templates that Packer refuses and we accept: what stands in Packer's message, and why. See docs/compatibility.md.
const DIFFERENCES: &[(&str, &str)] = &[
    (r#"unknown configuration key: '"metadata_options"'"#, "a key of newer amazon plugins"),
    (
        r#"unknown configuration key: '"(imds_support|skip_create_ami|ami_org_arns|ami_ou_arns|snapshot_(org|ou)_arns)"'"#,
        "a key of newer amazon plugins",
    ),
    (r"Throughput must be between 125 and 1000", "gp3 without throughput"),
    (
        r"Unknown post-processor (atlas|vagrant-cloud|amazon-ami-management|json-updater)\b",
        "a post-processor of another Packer or of a plugin",
    ),
    (r"Unknown provisioner (goss|windows-update)\b", "a provisioner of a plugin"),
    (r#"Failed to prepare build: "([^"]*)""#, "a builder for another platform, which we do not check"),
];

/// The templates.
pub struct Corpus {
    folder: PathBuf,
    index: Vec<Value>,
}

/// One of them, with what it needs and what Packer said.
pub struct Sample {
    pub id: String,
    pub template: String,
    pub var_files: Vec<String>,
    folder: PathBuf,
    args: Vec<String>,
    exit: i64,
    said: String,
}

impl Corpus {
    /// None, with a word about it, where there is none.
    pub fn find() -> Option<Self> {
        let folder = real::corpus("what Packer said of real templates")?;
        let index = std::fs::read_to_string(folder.join("index.json")).unwrap();
        Some(Self { folder, index: serde_json::from_str(&index).unwrap() })
    }

    pub fn samples(&self) -> Vec<Sample> {
        self.index.iter().map(|entry| self.sample(entry)).collect()
    }

    fn sample(&self, entry: &Value) -> Sample {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| value.as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
        let packer = &entry["packer_1_6_6"];
        Sample {
            id: text(&entry["id"]),
            template: text(&entry["template"]),
            var_files: list(&entry["var_files"]),
            folder: self.folder.join(text(&entry["dir"])).join(text(&entry["cwd"])),
            args: list(&entry["extra_args"]),
            exit: packer["validate_exit"].as_i64().unwrap(),
            said: text(&packer["validate_output"]).split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }
}

impl Sample {
    pub fn folder(&self) -> PathBuf {
        self.folder.clone()
    }

    /// Runs `validate` as Packer's was run when it was recorded.
    pub fn validate(&self, sandbox: &Sandbox) -> Ran {
        let mut args = vec!["validate".to_owned()];
        args.extend(self.args.iter().cloned());
        args.extend(self.var_files.iter().map(|file| format!("-var-file={file}")));
        args.push(self.template.clone());
        let mut command = sandbox.command(&args);
        command.current_dir(&self.folder).env("AWS_ACCESS_KEY_ID", "testing").env("AWS_SECRET_ACCESS_KEY", "testing");
        let output = command.env("AWS_DEFAULT_REGION", "us-east-1").output().unwrap();
        Ran {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            exit: output.status.code().unwrap_or(-1),
        }
    }

    /// Why we may accept what Packer refuses.
    fn excuse(&self, ours: &str) -> Option<&'static str> {
        let mut reasons = DIFFERENCES.iter().filter(|(pattern, _)| Regex::new(pattern).unwrap().is_match(&self.said));
        let (_, reason) = reasons.next()?;
        // Packer's message names the build only; that its builder is none of ours, our own warning says.
        (!reason.starts_with("a builder for") || ours.contains("[foreign-type]: the builder")).then_some(*reason)
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is for whoever runs the test")]
fn validate_says_what_packer_says() {
    let Some(corpus) = Corpus::find() else { return };
    let (mut same, mut excused, mut wrong, sandbox) = ([0, 0], Vec::new(), Vec::new(), Sandbox::new());
    for sample in corpus.samples() {
        let ran = sample.validate(&sandbox);
        let (theirs, ours) = (sample.exit == 0, ran.exit == 0);
        match sample.excuse(&ran.stdout) {
            _ if theirs == ours => same[usize::from(ours)] += 1,
            Some(reason) if ours => excused.push(format!("  {reason:60} {}", sample.id)),
            _ => wrong.push(format!("{}\n  Packer: exit {} {}\n  amibake: {}", sample.id, sample.exit, sample.said, ran.stdout)),
        }
        assert!(ran.exit != 1 || ran.stdout.contains("error"), "{}: refused without a word", sample.id);
    }
    excused.sort();
    println!("both accept {}, both refuse {}, we accept {} more:", same[1], same[0], excused.len());
    excused.iter().for_each(|line| println!("{line}"));
    assert!(wrong.is_empty(), "{} differ\n\n{}", wrong.len(), wrong.join("\n"));
}
