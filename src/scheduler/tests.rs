//! Runs of plans made of small parts; what a user sees is in the events.

mod failures;
mod interrupts;
mod parts;
mod post_processors;
mod provisioners;

use std::sync::mpsc::Receiver;
use std::time::Duration;

use amibake_ec2::lab::{Lab, Times};
use amibake_template::component::Kind;
use amibake_template::json::{Node, Value};
use amibake_template::plan::{Part, Plan, PostProcessorPart, ProvisionerPart};
use amibake_template::source::{Sources, Span};
use serde_json::json;

use super::*;
use crate::engine::context::OnError;
use crate::event::Event;

/// A plan in the making, and how to run it.
struct Case {
    builds: Vec<Build>,
    lab: Lab,
    on_error: OnError,
    debug: bool,
    parallel: Option<usize>,
    answers: Vec<&'static str>,
    state_dir: Option<PathBuf>,
}

/// How it went.
struct Ran {
    end: RunEnd,
    /// `NAME: text`, as told.
    lines: Vec<String>,
}

impl Case {
    /// One build by the `test` builder, which makes an instance and an image in the lab.
    fn new(config: serde_json::Value) -> Self {
        let lab = Lab::with_times(Times::fast());
        Self { builds: Vec::new(), lab, on_error: OnError::Cleanup, debug: false, parallel: None, answers: vec![], state_dir: None }
            .build("b", config)
    }

    fn build(mut self, name: &str, config: serde_json::Value) -> Self {
        self.builds.push(Build {
            name: name.to_owned(),
            builder: part(Kind::Builder, "test", config),
            provisioners: Vec::new(),
            error_cleanup_provisioner: None,
            post_processors: Vec::new(),
        });
        self
    }

    /// A provisioner of the last build.
    fn provisioner(mut self, config: serde_json::Value) -> Self {
        self.last().provisioners.push(provisioner(&config));
        self
    }

    fn error_cleanup(mut self, config: serde_json::Value) -> Self {
        self.last().error_cleanup_provisioner = Some(provisioner(&config));
        self
    }

    /// A chain of post-processors of the last build.
    fn chain<const N: usize>(mut self, elements: [serde_json::Value; N]) -> Self {
        let element = |config: serde_json::Value| PostProcessorPart {
            name: config["name"].as_str().unwrap_or("test").to_owned(),
            keep_input_artifact: config["keep_input_artifact"].as_bool(),
            part: part(Kind::PostProcessor, "test", config),
        };
        self.last().post_processors.push(elements.into_iter().map(element).collect());
        self
    }

    fn last(&mut self) -> &mut Build {
        self.builds.last_mut().unwrap()
    }

    async fn run(self) -> Ran {
        let (_interrupts, none) = mpsc::channel(1);
        self.run_with(none).await
    }

    async fn run_with(self, interrupts: mpsc::Receiver<Interrupt>) -> Ran {
        let (report, events) = Reporter::new();
        let end = run(self.into_run(report), interrupts).await;
        Ran { end, lines: lines(&events) }
    }

    fn into_run(self, report: Reporter) -> Run {
        let plan = Plan { builds: self.builds, variables: Default::default(), host: Host::default() };
        Run {
            plan,
            parts: Arc::new(parts::parts()),
            clouds: Arc::new(self.lab),
            guests: None,
            options: RunOptions {
                on_error: self.on_error,
                force: false,
                debug: self.debug,
                run_uuid: "run-1".to_owned(),
                began: tokio::time::Instant::now(),
            },
            parallel: self.parallel,
            terminal: Arc::new(parts::Answers::new(self.answers)),
            state_dir: self.state_dir,
            template: None,
            adopt: None,
            report,
        }
    }
}

impl Ran {
    #[track_caller]
    fn summary(&self) -> &Summary {
        match &self.end {
            RunEnd::Ended(summary) => summary,
            RunEnd::Killed => panic!("the run was killed"),
        }
    }

    /// Build and text of each error.
    #[track_caller]
    fn errors(&self) -> Vec<(&str, &str)> {
        self.summary().errors.iter().map(|(name, error)| (name.as_str(), error.as_str())).collect()
    }

    /// Texts of the artifacts of the first build.
    #[track_caller]
    fn artifacts(&self) -> Vec<&str> {
        self.summary().artifacts.first().map(|(_, made)| made.iter().map(|a| a.text.as_str()).collect()).unwrap_or_default()
    }
}

fn part(kind: Kind, type_name: &str, config: serde_json::Value) -> Part {
    let span = Span::new(Sources::default().add("t.json", "null"), 0, 4);
    Part { kind, type_name: type_name.to_owned(), config, node: Node { span, value: Value::Null } }
}

fn provisioner(config: &serde_json::Value) -> ProvisionerPart {
    let millis = |key: &str| config[key].as_u64().map(Duration::from_millis);
    ProvisionerPart {
        part: part(Kind::Provisioner, "test", config.clone()),
        pause_before: millis("pause_before"),
        max_retries: config["max_retries"].as_u64().and_then(|n| n.try_into().ok()).unwrap_or(0),
        timeout: millis("timeout"),
    }
}

fn lines(events: &Receiver<Event>) -> Vec<String> {
    let line = |event: Event| {
        let speaker = match event.speaker {
            Speaker::Run => "run".to_owned(),
            Speaker::Build(name) => name,
            Speaker::PostProcessor { build, type_name } => format!("{build} ({type_name})"),
        };
        match event.what {
            What::Say(text) | What::Detail(text) | What::Error(text) | What::Question(text) => Some(format!("{speaker}: {text}")),
            What::Output { .. } | What::Hide(_) | What::Step(_) | What::Builds(_) | What::BuildEnded { .. } | What::RunEnded(_) => None,
        }
    };
    events.try_iter().filter_map(line).collect()
}

#[tokio::test(start_paused = true)]
async fn builds_run_side_by_side_and_no_more_at_once_than_wanted() {
    for (parallel, debug, seconds) in
        [(None, false, 10), (Some(0), false, 10), (Some(1), false, 30), (Some(2), false, 20), (None, true, 30)]
    {
        let mut case = Case::new(json!({"sleep": 10})).build("c", json!({"sleep": 10})).build("d", json!({"sleep": 10}));
        (case.parallel, case.debug) = (parallel, debug);
        let ran = case.run().await;
        assert_eq!(ran.summary().took.as_secs(), seconds, "{parallel:?} {debug}");
        assert_eq!(ran.summary().artifacts.len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn builds_of_one_account_share_it() {
    let config = json!({"aws": true});
    let case = Case::new(config.clone()).build("c", config.clone()).build("d", config);
    let lab = case.lab.clone();
    let before = lab.inventory();
    let ran = case.run().await;
    assert_eq!(ran.errors(), []);
    let describes = lab.calls().iter().filter(|call| call.operation == "DescribeInstances").count() as u64;
    assert!(describes <= ran.summary().took.as_secs() + 1, "{describes} in {:?}", ran.summary().took);
    let images: Vec<_> = ran.summary().artifacts.iter().flat_map(|(_, made)| made).map(|a| a.id.clone().try_into().unwrap()).collect();
    assert_eq!(lab.remaining(&before, &images), [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_build_without_an_artifact_is_no_failure() {
    let ran = Case::new(json!({"nothing": true})).run().await;
    assert_eq!((ran.errors(), ran.summary().artifacts.len()), (vec![], 0));
}
