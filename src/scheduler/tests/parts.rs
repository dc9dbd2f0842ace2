//! Small parts: a builder of the lab, a provisioner and a post-processor that do as they are told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use amibake_ec2::lab::Lab;
use amibake_ec2::model::Access;
use amibake_template::component::{Component, Kind};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;

use crate::artifact::{Artifact, Destroy};
use crate::builder::{BuildError, Builder};
use crate::communicator::{Communicator, CommunicatorError, Content, Ended};
use crate::engine::context::{BuildContext, Terminal};
use crate::engine::teardown::{CreateError, ImageOrigin, Lifetime, Resource};
use crate::engine::testing::{REGION, image, key, launch};
use crate::engine::watcher::{WaitError, Want};
use crate::event::Reporter;
use crate::parts::Parts;
use crate::post_processor::{PostProcessContext, PostProcessor, Processed, Rehearsed};
use crate::provisioner::{ProvisionContext, ProvisionError, Provisioner};

pub(super) fn parts() -> Parts {
    let mut parts = Parts::all();
    parts.builder::<TestBuilder>().provisioner::<TestProvisioner>().post_processor::<TestPostProcessor>();
    parts
}

/// Answers from a list; afterwards there is no terminal.
pub(super) struct Answers(Mutex<VecDeque<&'static str>>);

impl Answers {
    pub fn new(answers: Vec<&'static str>) -> Self {
        Self(Mutex::new(answers.into()))
    }
}

#[async_trait]
impl Terminal for Answers {
    async fn ask(&self, _question: &str) -> Option<String> {
        self.0.lock().unwrap().pop_front().map(str::to_owned)
    }
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
struct TestBuilder {
    sleep: u64,
    aws: bool,
    nothing: bool,
    panic: bool,
    fail: bool,
}

impl Component for TestBuilder {
    const KIND: Kind = Kind::Builder;
    const TYPE: &'static str = "test";
}

#[async_trait]
impl Builder for TestBuilder {
    async fn build(&self, cx: &mut BuildContext) -> Result<Option<Artifact>, BuildError> {
        cx.step("StepKeyPair").await;
        let id = if self.aws { self.in_aws(cx).await? } else { "Test".to_owned() };
        cx.step("StepConnect").await;
        tokio::select! {
            () = cx.cancel.cancelled() => return Err(BuildError::Cancelled),
            () = tokio::time::sleep(Duration::from_secs(self.sleep)) => {}
        }
        cx.provision(&Nobody, BTreeMap::new()).await?;
        cx.step("StepEnd").await;
        assert!(!self.panic, "on purpose");
        if self.fail {
            return Err(BuildError::Failed("the end failed".to_owned()));
        }
        Ok((!self.nothing).then(|| artifact(cx.report.clone(), id, "made by the builder")))
    }
}

impl TestBuilder {
    /// A key pair, an instance, an image of it.
    async fn in_aws(&self, cx: &BuildContext) -> Result<String, BuildError> {
        let account = cx.open(&Access { region: Some(REGION.to_owned()), ..Access::default() }).await.map_err(failed)?;
        let region = account.region(account.build_region());
        let (ec2, stack, name) = (&region.ec2, &cx.teardown, cx.late.build_name.clone());
        stack.create(&region, Resource::key_pair(&name), Lifetime::Build, ec2.create_key_pair(key(&name))).await.map_err(created)?;
        let request = launch(&**ec2, &name, Some(stack)).await;
        let instance = stack.create(&region, Resource::instance(&name), Lifetime::Build, ec2.run_instance(request)).await;
        let id = instance.map_err(created)?.0.id;
        let deadline = Instant::now() + Duration::from_secs(600);
        region.watcher.instance(&id, Want::Running, deadline, &cx.cancel).await.map_err(waited)?;
        let name = format!("image-{name}");
        let planned = Resource::image(&name, ImageOrigin::Instance(id.clone()));
        let (made, _) = stack.create(&region, planned, Lifetime::Artifact, ec2.create_image(image(&id, &name))).await.map_err(created)?;
        region.watcher.image(&made, deadline, &cx.cancel).await.map_err(waited)?;
        Ok(made.to_string())
    }
}

fn failed(error: impl std::fmt::Display) -> BuildError {
    BuildError::Failed(error.to_string())
}

fn created(error: CreateError) -> BuildError {
    failed(error)
}

fn waited(error: WaitError) -> BuildError {
    match error {
        WaitError::Cancelled => BuildError::Cancelled,
        other => failed(other),
    }
}

fn artifact(report: Reporter, id: String, text: &str) -> Artifact {
    Artifact {
        builder_id: "test",
        id,
        text: text.to_owned(),
        files: Vec::new(),
        build_data: BTreeMap::new(),
        destroy: Some(Arc::new(Told { report, text: text.to_owned() })),
    }
}

/// Tells that it was destroyed.
struct Told {
    report: Reporter,
    text: String,
}

#[async_trait]
impl Destroy for Told {
    async fn destroy(&self) -> Result<(), String> {
        self.report.say(format!("destroyed: {}", self.text));
        Ok(())
    }
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
struct TestProvisioner {
    say: String,
    fail: String,
    /// How many times it fails before it succeeds; 0: always.
    times: u32,
    sleep: u64,
    #[serde(skip)]
    runs: AtomicU32,
}

impl Component for TestProvisioner {
    const KIND: Kind = Kind::Provisioner;
    const TYPE: &'static str = "test";
}

#[async_trait]
impl Provisioner for TestProvisioner {
    async fn provision(&self, cx: &ProvisionContext<'_>) -> Result<(), ProvisionError> {
        cx.report.say(&self.say);
        tokio::select! {
            () = cx.cancel.cancelled() => return Err(ProvisionError::Cancelled),
            () = tokio::time::sleep(Duration::from_secs(self.sleep)) => {}
        }
        let run = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
        if self.fail.is_empty() || (self.times > 0 && run > self.times) {
            Ok(())
        } else {
            Err(ProvisionError::Failed(format!("{}{run}", self.fail)))
        }
    }
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
struct TestPostProcessor {
    /// Makes this; empty: passes its input on.
    make: String,
    fail: bool,
    ends: bool,
    panic: bool,
    sleep: u64,
    keep: bool,
    insists: bool,
}

impl Component for TestPostProcessor {
    const KIND: Kind = Kind::PostProcessor;
    const TYPE: &'static str = "test";
}

#[async_trait]
impl PostProcessor for TestPostProcessor {
    async fn process(&self, cx: &PostProcessContext<'_>, input: Artifact) -> Result<Processed, String> {
        assert!(!self.panic, "on purpose");
        tokio::select! {
            () = cx.cancel.cancelled() => return Err("cancelled".to_owned()),
            () = tokio::time::sleep(Duration::from_secs(self.sleep)) => {}
        }
        if self.fail {
            return Err("no".to_owned());
        }
        let made = if self.make.is_empty() { input } else { artifact(cx.report.clone(), String::new(), &self.make) };
        Ok(Processed { artifact: (!self.ends).then_some(made), keep_input: self.keep, insists: self.insists })
    }

    fn rehearsed(&self, _output: &std::path::Path) -> Rehearsed {
        Rehearsed::Runs
    }
}

struct Nobody;

#[async_trait]
impl Communicator for Nobody {
    async fn run(&self, _command: &str, _output: &Reporter) -> Result<Ended, CommunicatorError> {
        Ok(Ended::Status(0))
    }
    async fn upload(&self, _content: Content<'_>, _remote: &str, _mode: Option<u32>) -> Result<(), CommunicatorError> {
        Err(CommunicatorError::Lost)
    }
    async fn upload_dir(&self, _local: &str, _remote: &str) -> Result<(), CommunicatorError> {
        Err(CommunicatorError::Lost)
    }
    async fn download(&self, _remote: &str, _local: &std::path::Path) -> Result<(), CommunicatorError> {
        Err(CommunicatorError::Lost)
    }
    async fn download_dir(&self, _remote: &str, _local: &std::path::Path) -> Result<(), CommunicatorError> {
        Err(CommunicatorError::Lost)
    }
}

/// An empty lab's calls, for tests that count.
pub(super) fn operations(lab: &Lab) -> Vec<&'static str> {
    lab.calls().iter().map(|call| call.operation).collect()
}
