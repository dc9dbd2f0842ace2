//! `amazon-import` on the lab: a template by plan and scheduler as in the program, with the disk file of a `file` builder.

mod config;
mod faults;
mod run;

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use amibake::cli::load::Disk;
use amibake::engine::context::{OnError, RunOptions, Terminal};
use amibake::event::{Event, Reporter, What};
use amibake::parts::Parts;
use amibake::scheduler::{self, Interrupt, Run, RunEnd};
use amibake_ec2::ImageId;
use amibake_ec2::lab::{Call, Inventory, Lab, Options, Times};
use amibake_template::document;
use amibake_template::finding::{Finding, Severity};
use amibake_template::json::{Dialect, parse};
use amibake_template::lang::Host;
use amibake_template::plan::{Plan, Selection, plan};
use amibake_template::source::Sources;
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// When the run begins, on the lab's calendar: seconds since 1970.
const OPENED: i128 = 1_793_606_400;
pub const BUCKET: &str = "my-bucket";

/// A lab in which things take their time, with the bucket.
pub fn lab() -> Lab {
    Lab::new(Options { times: Times::real(), buckets: [BUCKET.to_owned()].into(), ..Options::default() })
}

/// A run of one template.
pub struct Bench {
    pub lab: Lab,
    folder: tempfile::TempDir,
    before: Inventory,
    /// Interrupts the run.
    interrupt: mpsc::Sender<Interrupt>,
    interrupted: Mutex<Option<mpsc::Receiver<Interrupt>>>,
}

/// How it ended.
pub struct Outcome {
    pub errors: Vec<String>,
    pub cancelled: bool,
    /// Id of the one artifact.
    pub artifact: Option<String>,
    pub builder_id: Option<String>,
    /// What was told, a line each.
    pub text: String,
    pub calls: Vec<Call>,
    /// What exists beyond the artifact.
    pub remaining: Vec<String>,
}

impl Bench {
    pub fn new(lab: Lab) -> Self {
        let (interrupt, interrupted) = mpsc::channel(3);
        let before = lab.inventory();
        Self { lab, folder: tempfile::tempdir().unwrap(), before, interrupt, interrupted: Mutex::new(Some(interrupted)) }
    }

    /// What interrupts the run.
    pub fn interrupter(&self) -> mpsc::Sender<Interrupt> {
        self.interrupt.clone()
    }

    /// The path of a file beside the template.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A template: a disk file, and `amazon-import` with these keys over what it needs.
    pub fn template(&self, keys: Value) -> Value {
        let mut import = json!({"type": "amazon-import", "region": "us-east-1", "s3_bucket_name": BUCKET, "format": "raw"});
        if let (Value::Object(import), Value::Object(keys)) = (&mut import, keys) {
            import.extend(keys);
            import.retain(|_, value| !value.is_null());
        }
        let file = json!({"type": "file", "target": self.path("disk.raw"), "content": "not really a disk"});
        json!({"builders": [file], "post-processors": [import]})
    }

    /// Builds the template of [`Bench::template`].
    pub async fn import(&self, keys: Value) -> Outcome {
        self.build(&self.template(keys)).await
    }

    pub async fn build(&self, template: &Value) -> Outcome {
        let (made, findings) = check(&template.to_string());
        let mistakes: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let (report, events) = Reporter::new();
        let options = RunOptions {
            on_error: OnError::Cleanup,
            force: false,
            debug: false,
            run_uuid: "0b9ac5f2-6f0e-4a5e-9f0a-000000000001".to_owned(),
            began: Instant::now(),
        };
        let run = Run {
            template: None,
            adopt: None,
            plan: made.unwrap(),
            parts: Arc::new(Parts::all()),
            clouds: Arc::new(self.lab.clone()),
            options,
            parallel: None,
            terminal: Arc::new(Nobody),
            state_dir: None,
            guests: None,
            report,
        };
        let first = self.lab.count();
        let interrupted = self.interrupted.lock().unwrap().take().expect("a bench runs once");
        let RunEnd::Ended(summary) = scheduler::run(run, interrupted).await else { panic!("killed") };
        // What goes on by itself comes to its end: an import that nobody cancelled makes its image.
        tokio::time::sleep(Duration::from_secs(24 * 60 * 60)).await;
        let made = summary.artifacts.iter().flat_map(|(_, artifacts)| artifacts).last();
        let artifact = made.map(|artifact| artifact.id.clone());
        let images: Vec<ImageId> =
            artifact.iter().filter_map(|id| id.split_once(':')).filter_map(|(_, id)| ImageId::new(id).ok()).collect();
        Outcome {
            errors: summary.errors.into_iter().map(|(_, error)| error).collect(),
            cancelled: summary.cancelled,
            builder_id: made.map(|artifact| artifact.builder_id.clone()),
            text: text(&events),
            calls: self.lab.calls().split_off(first),
            remaining: self.lab.remaining(&self.before, &images),
            artifact,
        }
    }
}

impl Outcome {
    /// The artifact's image; the test fails where there is none.
    #[track_caller]
    pub fn image(&self) -> ImageId {
        let Some((_, id)) = self.artifact.as_deref().and_then(|id| id.split_once(':')) else { panic!("{:?}\n{}", self.errors, self.text) };
        ImageId::new(id).unwrap()
    }

    /// Names of the changing calls, in their order.
    pub fn changes(&self) -> Vec<&'static str> {
        self.calls.iter().filter(|call| call.changes).map(|call| call.operation).collect()
    }

    /// The first call of this name.
    #[track_caller]
    pub fn call(&self, operation: &str) -> &Call {
        self.calls.iter().find(|call| call.operation == operation).unwrap_or_else(|| panic!("no {operation}"))
    }
}

/// The plan of a template, and what is wrong with it.
pub fn check(text: &str) -> (Option<Plan>, Vec<Finding>) {
    let mut sources = Sources::default();
    let id = sources.add("template.json", text);
    let (root, mut findings) = parse(id, text, Dialect::default());
    let (document, more) = document::read(root.unwrap());
    findings.extend(more);
    let host = Host { started_unix_nanos: OPENED * 1_000_000_000, ..Host::default() };
    let (made, more) = plan(&document.unwrap(), &Parts::all().registry, &[], &Selection::default(), &host, &Disk);
    findings.extend(more);
    (made, findings)
}

fn text(events: &Receiver<Event>) -> String {
    let line = |event: Event| match event.what {
        What::Say(text) | What::Detail(text) | What::Error(text) => format!("{text}\n"),
        _ => String::new(),
    };
    events.try_iter().map(line).collect()
}

struct Nobody;

#[async_trait]
impl Terminal for Nobody {
    async fn ask(&self, _: &str) -> Option<String> {
        None
    }
}
