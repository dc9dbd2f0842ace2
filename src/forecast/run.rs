//! Builds on the lab, for their calls.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use amibake_ec2::lab::{At, Call, Fault, Kind, Lab, Options, Times, images};
use amibake_ec2::model::Access;
use amibake_ec2::{InstanceId, Region};
use amibake_template::plan::{Build, Plan};
use async_trait::async_trait;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::call::{Known, PlannedCall, planned};
use crate::builder::amazon::access::AccessConfig;
use crate::engine::context::{Guests, RunOptions, Terminal};
use crate::event::{Reporter, Summary};
use crate::parts::Parts;
use crate::scheduler::{self, Interrupt, Run, RunEnd};

/// Builders whose calls can be foretold: all they do outside the guest goes to AWS. The others would mount disks or write files here.
const FORETOLD: [&str; 4] = ["amazon-ebs", "amazon-ebssurrogate", "amazon-ebsvolume", "amazon-instance"];

/// Variables that limit waits. How long AWS takes today is not known beforehand: a forecast waits.
const PATIENCE: [&str; 3] = ["AWS_MAX_ATTEMPTS", "AWS_POLL_DELAY_SECONDS", "AWS_TIMEOUT_SECONDS"];

/// The lab's account.
const ACCOUNT: &str = "123456789012";

/// What is asked of a forecast.
pub struct Question {
    /// The template's plan.
    pub plan: Plan,
    /// The same plan made at another time with another seed: what differs between the two is not known beforehand.
    pub other: Plan,
    /// The parts that it names.
    pub parts: Arc<Parts>,
    /// The command line's decisions.
    pub options: RunOptions,
    /// The region of builds that name none.
    pub region: Region,
}

/// A build's calls.
pub struct BuildForecast {
    /// The build.
    pub name: String,
    /// How it reaches the account.
    pub access: Access,
    /// Its builder's type.
    pub type_name: String,
    /// None where the calls of this builder cannot be foretold.
    pub calls: Option<Vec<PlannedCall>>,
    /// Calls that only a failed or interrupted build makes, each kind once.
    pub after_failure: Vec<PlannedCall>,
    /// Names of the images that stay, by region.
    pub images: Vec<(Region, String)>,
    /// How long AWS takes for it, without provisioning.
    pub took: Duration,
    /// Why the build will not come to its end.
    pub error: Option<String>,
    /// All calls that were seen, of all courses that the build can take; for the policy.
    pub seen: Vec<Call>,
    /// What is known beforehand of their values.
    pub known: Known,
    /// The lab of the smooth run.
    pub lab: Lab,
}

/// Foretells each build of a plan. Needs a runtime whose clock is paused: it takes no time then.
pub async fn forecast(question: &Question) -> Vec<BuildForecast> {
    let mut all = Vec::new();
    for build in &question.plan.builds {
        all.push(foretell(question, build).await);
    }
    all
}

/// What goes wrong in a run.
#[derive(Clone, Copy)]
enum Trouble {
    None,
    /// An interrupt, right after this change.
    Interrupt(usize),
    /// The reply to this change is lost.
    LoseReply(usize),
}

impl Trouble {
    /// How long things take. Where it goes wrong it only matters that they take time at all: states are seen in between.
    fn times(self) -> Times {
        match self {
            Self::None => Times::real(),
            Self::Interrupt(_) | Self::LoseReply(_) => Times::fast(),
        }
    }
}

/// A run that came to its end.
struct Ended {
    lab: Lab,
    calls: Vec<Call>,
    summary: Option<Summary>,
}

async fn foretell(question: &Question, build: &Build) -> BuildForecast {
    let mut forecast = BuildForecast {
        name: build.name.clone(),
        access: serde_json::from_value::<AccessConfig>(build.builder.config.clone()).unwrap_or_default().access(),
        type_name: build.builder.type_name.clone(),
        calls: None,
        after_failure: Vec::new(),
        images: Vec::new(),
        took: Duration::ZERO,
        error: None,
        seen: Vec::new(),
        known: Known::new(&build.builder.config, &[], &[]),
        lab: Lab::default(),
    };
    if !FORETOLD.contains(&build.builder.type_name.as_str()) {
        return forecast;
    }
    let smooth = run(question, &question.plan, build, Trouble::None).await;
    let again = match question.other.builds.iter().find(|other| is_the_same(build, other)) {
        Some(other) => run(question, &question.other, other, Trouble::None).await.calls,
        None => smooth.calls.clone(),
    };
    let known = Known::new(&build.builder.config, &smooth.calls, &again).without_source(&smooth.lab);
    let troubled = in_trouble(question, build, &smooth).await;
    forecast.calls = Some(planned(&smooth.calls, &known));
    forecast.after_failure = only_after_failure(&smooth.calls, &troubled, &known);
    if let Some(summary) = &smooth.summary {
        forecast.took = summary.took;
        forecast.error = summary.errors.first().map(|(_, error)| error.clone());
        forecast.images = kept(summary, &smooth.lab, &known);
    }
    forecast.lab = smooth.lab.clone();
    forecast.seen = smooth.calls.into_iter().chain(troubled).collect();
    forecast.known = known;
    forecast
}

/// The build of the other plan: its name may be rendered from the time.
fn is_the_same(build: &Build, other: &Build) -> bool {
    build.builder.node.span == other.builder.node.span
}

/// Whether a lost reply leaves something to be looked for.
fn makes_something(operation: &str) -> bool {
    ["Create", "Run", "Copy", "Register", "Request"].iter().any(|verb| operation.starts_with(verb))
}

/// All calls of runs that are interrupted at any change, or lose the reply to one that makes something.
async fn in_trouble(question: &Question, build: &Build, smooth: &Ended) -> Vec<Call> {
    let changes = (1..).zip(smooth.calls.iter().filter(|call| call.changes));
    let troubles = changes.flat_map(|(nth, call)| {
        let lost = makes_something(call.operation).then_some(Trouble::LoseReply(nth));
        [Trouble::Interrupt(nth)].into_iter().chain(lost)
    });
    let runs = join_all(troubles.map(|trouble| run(question, &question.plan, build, trouble))).await;
    runs.into_iter().flat_map(|run| run.calls).collect()
}

/// One run of one build, on a lab of its own.
async fn run(question: &Question, plan: &Plan, build: &Build, trouble: Trouble) -> Ended {
    let mut plan = plan.clone();
    plan.builds = vec![alone(build)];
    plan.host.env.retain(|name, _| !PATIENCE.contains(&name.as_str()));
    let lab = Lab::new(Options {
        assume: true,
        account: ACCOUNT.to_owned(),
        default_region: Some(question.region.clone()),
        seed: plan.host.seed,
        ..Options::new(trouble.times())
    });
    add_predecessors(&lab, build, question);
    let (interrupts, interrupted) = mpsc::channel(3);
    match trouble {
        Trouble::None => {}
        Trouble::Interrupt(nth) => lab.fault(Fault::after(At::Change(nth), move || {
            let _ = interrupts.try_send(Interrupt::Interrupt);
        })),
        Trouble::LoseReply(nth) => lab.fault(Fault::new(At::Change(nth), Kind::LoseReply)),
    }
    let mut options = question.options.clone();
    options.began = Instant::now();
    // Names are made of the run's id, so the other plan's run needs another one.
    options.run_uuid = run_uuid(plan.host.seed);
    let (report, _events) = Reporter::new();
    let end = scheduler::run(
        Run {
            template: None,
            adopt: None,
            plan,
            parts: Arc::clone(&question.parts),
            clouds: Arc::new(lab.clone()),
            guests: Some(Arc::new(NoGuests)),
            options,
            parallel: None,
            terminal: Arc::new(NoGuests),
            state_dir: None,
            report,
        },
        interrupted,
    )
    .await;
    let summary = match end {
        RunEnd::Ended(summary) => Some(summary),
        RunEnd::Killed => None,
    };
    Ended { calls: lab.calls(), summary, lab }
}

/// The builder alone, with the usual patience. Provisioners work on a guest, or on this machine; post-processors on an image that exists.
fn alone(build: &Build) -> Build {
    let mut build = Build { provisioners: Vec::new(), error_cleanup_provisioner: None, post_processors: Vec::new(), ..build.clone() };
    if let Some(config) = build.builder.config.as_object_mut() {
        config.remove("aws_polling");
    }
    build
}

/// A UUID (version 4) for a seed.
fn run_uuid(seed: u64) -> String {
    let hex = format!("{seed:016x}{:016x}", seed.rotate_left(32) ^ 0x5bd1_e995_9d1b_54a5);
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

/// Where the template makes room for the new image, there is an old one.
fn add_predecessors(lab: &Lab, build: &Build, question: &Question) {
    let config = &build.builder.config;
    let makes_room = question.options.force || config["force_deregister"] == true;
    let Some(name) = config["ami_name"].as_str().filter(|_| makes_room) else { return };
    let copies = config["ami_regions"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let home = config["region"].as_str().filter(|region| !region.is_empty()).unwrap_or(question.region.as_str());
    let regions: BTreeSet<&str> = copies.chain([home]).collect();
    for (nth, region) in regions.into_iter().enumerate() {
        let image = json!([{
            "ImageId": format!("ami-0000000000000{nth:04x}"), "Name": name, "OwnerId": ACCOUNT, "Architecture": "x86_64",
            "CreationDate": "2020-01-01T00:00:00.000Z", "State": "available", "RootDeviceName": "/dev/xvda",
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": format!("snap-0000000000000{nth:04x}")}}],
        }]);
        if let Ok(images) = images::read(&image.to_string()) {
            lab.add_images(Some(&Region::new(region)), images);
        }
    }
}

/// Calls of a kind that a smooth run does not make in the region, each once.
fn only_after_failure(smooth: &[Call], troubled: &[Call], known: &Known) -> Vec<PlannedCall> {
    let mut seen: BTreeSet<(&str, &str)> = smooth.iter().map(|call| (call.region.as_str(), call.operation)).collect();
    let new: Vec<Call> = troubled.iter().filter(|call| seen.insert((call.region.as_str(), call.operation))).cloned().collect();
    planned(&new, known)
}

fn kept(summary: &Summary, lab: &Lab, known: &Known) -> Vec<(Region, String)> {
    let artifacts = summary.artifacts.iter().flat_map(|(_, artifacts)| artifacts);
    let ids = artifacts.flat_map(|artifact| artifact.id.split(',')).filter_map(|pair| pair.split_once(':'));
    ids.filter_map(|(region, id)| {
        let image = lab.image(&amibake_ec2::ImageId::new(id).ok()?)?;
        Some((Region::new(region), known.name_of("Name", &image.name)))
    })
    .collect()
}

/// Nobody: no guest, and no person at the terminal.
struct NoGuests;

impl Guests for NoGuests {
    fn address(&self, _instance: &InstanceId) -> Option<(String, u16)> {
        Some(("guest".to_owned(), 22))
    }

    fn silent(&self) -> bool {
        true
    }
}

#[async_trait]
impl Terminal for NoGuests {
    async fn ask(&self, _question: &str) -> Option<String> {
        None
    }
}
