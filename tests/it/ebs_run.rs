//! From a template's text to images in the lab: planning, the scheduler, teardown. The communicator is `none`, so that no machine is
//! needed.

use std::sync::Arc;

use amibake::engine::context::{OnError, RunOptions, Terminal};
use amibake::event::{Reporter, Summary};
use amibake::parts::Parts;
use amibake::scheduler::{Interrupt, Run, RunEnd, run};
use amibake_ec2::ImageId;
use amibake_ec2::lab::{At, Fault, Lab, Options, Times};
use amibake_template::component::{FileKind, Files};
use amibake_template::document;
use amibake_template::json::{Dialect, parse};
use amibake_template::lang::Host;
use amibake_template::plan::{Plan, Selection, plan};
use amibake_template::source::Sources;
use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A template with so many builders that differ by name.
fn template(builders: usize) -> String {
    let builder = |index: usize| {
        format!(
            r#"{{
              "type": "amazon-ebs", "name": "b{index}", "region": "us-east-2", "instance_type": "t2.micro", "communicator": "none",
              "source_ami_filter": {{"filters": {{"name": "{{{{user `name`}}}}"}}, "owners": ["amazon"], "most_recent": "true"}},
              "ami_name": "{{{{build_name}}}}-image", "tags": {{"Base": "{{{{ .SourceAMI }}}}"}}
            }}"#
        )
    };
    let builders: Vec<String> = (0..builders).map(builder).collect();
    format!(r#"{{"variables": {{"name": "al2023-ami-2023*x86_64"}}, "builders": [{}]}}"#, builders.join(","))
}

fn planned(text: &str) -> Plan {
    let mut sources = Sources::default();
    let id = sources.add("template.json", text);
    let (root, _) = parse(id, text, Dialect::default());
    let (document, _) = document::read(root.unwrap());
    let host = Host { started_unix_nanos: 1_793_606_400 * 1_000_000_000, ..Host::default() };
    let (plan, findings) = plan(&document.unwrap(), &Parts::all().registry, &[], &Selection::default(), &host, &NoFiles);
    plan.unwrap_or_else(|| panic!("{findings:?}"))
}

async fn bake(lab: &Lab, text: &str, interrupts: mpsc::Receiver<Interrupt>) -> Summary {
    let (report, _events) = Reporter::new();
    let run_uuid = "6e5a9d0c-53b4-4c6f-9c3e-0d7f2f6a1b44".to_owned();
    let end = run(
        Run {
            plan: planned(text),
            parts: Arc::new(Parts::all()),
            clouds: Arc::new(lab.clone()),
            guests: None,
            options: RunOptions { on_error: OnError::Cleanup, force: false, debug: false, run_uuid, began: tokio::time::Instant::now() },
            parallel: None,
            terminal: Arc::new(Nobody),
            state_dir: None,
            report,
        },
        interrupts,
    );
    match end.await {
        RunEnd::Ended(summary) => summary,
        RunEnd::Killed => panic!("killed"),
    }
}

/// Ids of all images of a run.
fn images(summary: &Summary) -> Vec<ImageId> {
    let artifacts = summary.artifacts.iter().flat_map(|(_, artifacts)| artifacts);
    artifacts.filter_map(|artifact| artifact.id.split_once(':')).map(|(_, id)| ImageId::new(id).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn fifty_builds_share_calls_and_stay_within_the_request_limits() {
    let lab = Lab::new(Options { times: Times::real(), limits: true, ..Options::default() });
    let before = lab.inventory();
    let (_open, interrupts) = mpsc::channel(1);
    let begun = Instant::now();
    let summary = bake(&lab, &template(50), interrupts).await;
    let took = begun.elapsed();
    assert_eq!(summary.errors, []);
    let images = images(&summary);
    assert_eq!(images.len(), 50);
    assert_eq!(lab.remaining(&before, &images), Vec::<String>::new());
    let names: Vec<String> = images.iter().map(|id| lab.image(id).unwrap().name).collect();
    assert!(names.contains(&"b7-image".to_owned()), "{names:?}");
    // Running 6 s, stop 11 s, image 47 s; EC2 lets in five launches at once, then two a second.
    assert!(took.as_secs_f64() < 64.0 + 22.5 + 4.0, "{took:?}");
    let calls = lab.calls();
    // What all ask alike is asked once; beyond that one look a second does for all.
    let looks = calls.iter().filter(|call| call.operation.starts_with("Describe")).count();
    assert!(looks as f64 <= took.as_secs_f64() + 15.0, "{looks} looks in {took:?}");
    // Key pair (two), launch, stop, other group, image, its tags, end; one group for all.
    assert!(calls.len() - looks <= 8 * 50 + 3, "{} changing calls", calls.len() - looks);
    assert!(calls.iter().all(|call| call.failed.is_none()), "throttled, or refused");
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_while_the_image_is_made_leaves_nothing() {
    let lab = Lab::with_times(Times::fast());
    let before = lab.inventory();
    let (send, interrupts) = mpsc::channel(1);
    lab.fault(Fault::after(At::Operation("CreateImage", 2), move || send.try_send(Interrupt::Interrupt).unwrap()));
    let summary = bake(&lab, &template(3), interrupts).await;
    assert!(summary.cancelled);
    assert_eq!(summary.artifacts.iter().map(|(_, made)| made.len()).sum::<usize>(), 0);
    assert_eq!(lab.remaining(&before, &[]), Vec::<String>::new());
}

/// No files.
struct NoFiles;

impl Files for NoFiles {
    fn kind_of(&self, _: &str) -> FileKind {
        FileKind::Missing
    }
}

/// No person at the terminal.
struct Nobody;

#[async_trait]
impl Terminal for Nobody {
    async fn ask(&self, _: &str) -> Option<String> {
        None
    }
}
