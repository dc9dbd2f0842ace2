//! `amazon-ebs` on the lab: one build with all of the engine, and a guest that needs no machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use amibake::artifact::Artifact;
use amibake::builder::BuildError;
use amibake::builder::amazon::step::connect::{Connect, Connection};
use amibake::builder::{Adopted, Builder};
use amibake::builder::{amazon_chroot, amazon_ebs, amazon_ebssurrogate, amazon_ebsvolume, amazon_instance};
use amibake::communicator::ssh::{ConnectError, HostSource, NoAddress, SshConfig};
use amibake::communicator::{Communicator, CommunicatorError, Content, Ended};
use amibake::engine::account::Accounts;
use amibake::engine::context::{BuildContext, ContextParts, OnError, Provisioning, RunOptions, Terminal};
use amibake::engine::journal::Journal;
use amibake::engine::late::LateContext;
use amibake::engine::teardown::{Ending, Leftover, Teardown};
use amibake::event::{Event, Reporter, What};
use amibake_ec2::lab::{Call, Inventory, Lab, Options, Times};
use amibake_ec2::model::{DescribeImages, Filter, InstanceState, RunInstances};
use amibake_ec2::{Clouds, ImageId, InstanceId};
use amibake_template::lang::Host;
use async_trait::async_trait;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::chroot_host;

/// The lab's calendar when it opens.
const OPENED_UNIX_SECONDS: i64 = 1_793_606_400;
const OPENED_UNIX_NANOS: i128 = OPENED_UNIX_SECONDS as i128 * 1_000_000_000;

/// The region of the tests.
pub const REGION: &str = "us-east-1";

/// A lab in which things take their time.
pub fn lab() -> Lab {
    Lab::new(Options { times: Times::real(), ..Options::default() })
}

/// An image of the lab to start from.
pub async fn source_ami(lab: &Lab) -> ImageId {
    let request = DescribeImages {
        owners: vec!["amazon".to_owned()],
        filters: vec![Filter::new("name", "al2023-ami-2023*x86_64")],
        ..DescribeImages::default()
    };
    let mut images = lab.region(REGION).describe_images(request).await.unwrap();
    images.sort_by(|a, b| a.creation_date.cmp(&b.creation_date));
    images.pop().unwrap().id
}

/// A template's builder with what every one of them needs; `keys` over it.
pub fn builder(keys: Value) -> Value {
    let mut config = serde_json::json!({
        "region": REGION,
        "instance_type": "t2.micro",
        "source_ami_filter": {
            "filters": {"name": "al2023-ami-2023*x86_64", "root-device-type": "ebs", "virtualization-type": "hvm"},
            "owners": ["amazon"],
            "most_recent": true
        },
        "ami_name": "an-image",
        "ssh_username": "ec2-user"
    });
    if let (Value::Object(config), Value::Object(keys)) = (&mut config, keys) {
        config.extend(keys);
        config.retain(|_, value| !value.is_null());
    }
    config
}

/// One build on a lab.
pub struct Bench {
    pub lab: Lab,
    pub cancel: CancellationToken,
    pub force: bool,
    /// Where the journal is kept; None keeps none.
    pub state_dir: Option<std::path::PathBuf>,
    /// The environment of the build.
    pub env: BTreeMap<String, String>,
    /// How the guest is reached.
    pub by: Arc<dyn Connect>,
    before: Inventory,
    runs: AtomicU32,
    /// The instance that the build runs on, for `amazon-chroot`.
    pub instance: Option<InstanceId>,
    /// What provisioners do, where it is more than one command.
    provision: Option<Provision>,
}

/// Provisioners in a test's place.
pub type Provision = Arc<dyn for<'a> Fn(&'a dyn Communicator) -> BoxFuture<'a, Result<(), BuildError>> + Send + Sync>;

/// How a build ended.
pub struct Outcome {
    pub result: Result<Option<Artifact>, BuildError>,
    pub leftovers: Vec<Leftover>,
    /// What exists beyond the artifact.
    pub remaining: Vec<String>,
    /// What was told, in the shape of the terminal.
    pub text: String,
    /// What was asked of EC2 during the build.
    pub calls: Vec<Call>,
    pub took: Duration,
}

impl Bench {
    pub fn new(lab: Lab) -> Self {
        let before = lab.inventory();
        Self {
            lab,
            cancel: CancellationToken::new(),
            force: false,
            state_dir: None,
            env: BTreeMap::new(),
            by: Arc::new(Guest),
            before,
            runs: AtomicU32::new(1),
            instance: None,
            provision: None,
        }
    }

    /// A bench for this builder: for `amazon-chroot` one on an instance that runs already.
    pub async fn of(lab: Lab, config: &Value) -> Self {
        if config["type"] != "amazon-chroot" {
            return Self::new(lab);
        }
        let request = RunInstances {
            client_token: "the host".to_owned(),
            image: source_ami(&lab).await.to_string(),
            instance_type: "t2.micro".to_owned(),
            ..RunInstances::default()
        };
        let instance = lab.region(REGION).run_instance(request).await.unwrap().id;
        while lab.instance(&instance).unwrap().state != InstanceState::Running {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Self { instance: Some(instance), ..Self::new(lab) }
    }

    /// The same bench with other provisioners.
    pub fn with(self, provision: Provision) -> Self {
        Self { provision: Some(provision), ..self }
    }

    /// Builds, and unwinds as the scheduler does.
    pub async fn bake(&self, config: Value) -> Outcome {
        self.work(config, None).await
    }

    /// Adopts an image instead.
    pub async fn adopt(&self, config: Value, image: &Adopted) -> Outcome {
        self.work(config, Some(image)).await
    }

    async fn work(&self, config: Value, adopt: Option<&Adopted>) -> Outcome {
        let (report, events) = Reporter::new();
        let (mut cx, journal) = self.context(report);
        let (begun, first) = (Instant::now(), self.lab.count());
        let result = match adopt {
            Some(image) => serde_json::from_value::<amazon_ebs::AmazonEbs>(config).unwrap().adopt(&mut cx, image).await,
            None => run(&mut cx, config, &*self.by, self.instance.as_ref()).await,
        };
        let ending = if result.is_ok() { Ending::Success } else { Ending::Failure };
        let leftovers = cx.teardown.unwind(ending, Instant::now() + Duration::from_secs(900)).await;
        if result.is_ok() {
            cx.teardown.hand_over_artifact();
        }
        journal.finish();
        drop((cx, journal));
        let artifact = result.as_ref().ok().and_then(Option::as_ref);
        Outcome {
            leftovers,
            remaining: remaining(&self.lab, &self.before, artifact),
            text: text(&events),
            calls: self.lab.calls().split_off(first),
            took: begun.elapsed(),
            result,
        }
    }

    fn context(&self, report: Reporter) -> (BuildContext, Arc<Journal>) {
        let run_uuid = format!("0b9ac5f2-6f0e-4a5e-9f0a-{:012}", self.runs.fetch_add(1, Ordering::Relaxed));
        let host = Host { started_unix_nanos: OPENED_UNIX_NANOS, env: self.env.clone(), ..Host::default() };
        let late = LateContext {
            host: Arc::new(host),
            user: Arc::default(),
            build_name: "amazon-ebs".to_owned(),
            build_type: "amazon-ebs".to_owned(),
            build_data: BTreeMap::new(),
        };
        let clouds: Arc<dyn Clouds> = Arc::new(self.lab.clone());
        let journal = Journal::new(self.state_dir.as_deref(), &run_uuid).about(OPENED_UNIX_SECONDS, Some("template.json".to_owned()));
        let journal = Arc::new(journal);
        let teardown = Teardown::new(&run_uuid, "amazon-ebs", OPENED_UNIX_NANOS, Arc::clone(&journal), report.clone());
        let cx = BuildContext::new(ContextParts {
            report,
            cancel: self.cancel.clone(),
            late,
            options: Arc::new(RunOptions {
                on_error: OnError::Cleanup,
                force: self.force,
                debug: false,
                run_uuid,
                began: tokio::time::Instant::now(),
            }),
            accounts: Arc::new(Accounts::new(clouds.clone())),
            clouds,
            guests: None,
            terminal: Arc::new(Nobody),
            teardown,
            provisioning: Arc::new(OneCommand(self.provision.clone())),
        });
        (cx, journal)
    }
}

impl Outcome {
    /// The error's text; the test fails where there is none.
    #[track_caller]
    pub fn error(&self) -> String {
        match &self.result {
            Ok(_) => panic!("the build was meant to fail:\n{}", self.text),
            Err(error) => error.to_string(),
        }
    }

    /// The artifact; the test fails where there is none.
    #[track_caller]
    pub fn artifact(&self) -> &Artifact {
        match &self.result {
            Ok(Some(artifact)) => artifact,
            Ok(None) => panic!("no artifact:\n{}", self.text),
            Err(error) => panic!("{error}\n{}", self.text),
        }
    }

    /// Names of the changing calls, in their order.
    pub fn changes(&self) -> Vec<&'static str> {
        self.calls.iter().filter(|call| call.changes).map(|call| call.operation).collect()
    }

    /// The only call of this name.
    #[track_caller]
    pub fn call(&self, operation: &str) -> &Call {
        let mut found = self.calls.iter().filter(|call| call.operation == operation);
        let call = found.next().unwrap_or_else(|| panic!("no {operation}"));
        assert!(found.next().is_none(), "more than one {operation}");
        call
    }
}

/// Builds as the builder does that the configuration names by its `type`; `amazon-ebs` where it names none.
async fn run(
    cx: &mut BuildContext,
    config: Value,
    by: &dyn Connect,
    instance: Option<&InstanceId>,
) -> Result<Option<Artifact>, BuildError> {
    match config["type"].as_str() {
        Some("amazon-chroot") => {
            let host = chroot_host::Host::of(instance.unwrap());
            amazon_chroot::steps(cx, &serde_json::from_value(config).unwrap(), &host).await
        }
        Some("amazon-ebssurrogate") => amazon_ebssurrogate::steps(cx, &serde_json::from_value(config).unwrap(), by).await,
        Some("amazon-instance") => amazon_instance::steps(cx, &serde_json::from_value(config).unwrap(), by).await,
        Some("amazon-ebsvolume") => amazon_ebsvolume::steps(cx, &serde_json::from_value(config).unwrap(), by).await,
        Some(_) | None => amazon_ebs::steps(cx, &serde_json::from_value(config).unwrap(), by).await,
    }
}

/// What exists beyond an artifact.
fn remaining(lab: &Lab, before: &Inventory, artifact: Option<&Artifact>) -> Vec<String> {
    let ids: Vec<&str> = artifact.map(ids).unwrap_or_default();
    let mut lines = lab.remaining(before, &artifact.map(images).unwrap_or_default());
    lines.retain(|line| !ids.iter().any(|id| line.split(' ').any(|word| word == *id)));
    lines
}

/// Ids that an artifact names.
pub fn ids(artifact: &Artifact) -> Vec<&str> {
    artifact.id.split(',').filter_map(|pair| pair.split_once(':')).map(|(_, id)| id).collect()
}

/// Images of an artifact.
pub fn images(artifact: &Artifact) -> Vec<ImageId> {
    ids(artifact).into_iter().filter_map(|id| ImageId::new(id).ok()).collect()
}

fn text(events: &mpsc::Receiver<Event>) -> String {
    let line = |event: Event| match event.what {
        What::Say(text) | What::Error(text) => format!("==> {text}\n"),
        What::Detail(text) => format!("    {text}\n"),
        What::Output { text, .. } => format!("    {text}\n"),
        What::Hide(hidden) => format!("hidden: {} characters\n", hidden.expose().map(str::len).sum::<usize>()),
        What::Question(_) | What::Step(_) | What::Builds(_) | What::BuildEnded { .. } | What::RunEnded(_) => String::new(),
    };
    events.try_iter().map(line).collect()
}

/// A guest that can be reached as soon as it has an address.
struct Guest;

#[async_trait]
impl Connect for Guest {
    async fn connect(
        &self,
        _config: &SshConfig,
        source: &dyn HostSource,
        report: &Reporter,
        cancel: &CancellationToken,
    ) -> Result<Box<dyn Connection>, ConnectError> {
        for _ in 0..60 {
            if cancel.is_cancelled() {
                return Err(ConnectError::Cancelled);
            }
            match source.address().await {
                Ok(_) => {
                    report.say("Connected to SSH!");
                    return Ok(Box::new(Guest));
                }
                Err(NoAddress::Yet(_) | NoAddress::Closed { .. }) => tokio::time::sleep(Duration::from_secs(1)).await,
                Err(error) => return Err(ConnectError::Fatal(error.to_string())),
            }
        }
        Err(ConnectError::Timeout)
    }
}

#[async_trait]
impl Connection for Guest {
    fn communicator(&self) -> &dyn Communicator {
        self
    }

    async fn close(self: Box<Self>) {}
}

#[async_trait]
impl Communicator for Guest {
    async fn run(&self, command: &str, output: &Reporter) -> Result<Ended, CommunicatorError> {
        output.detail(format!("ran: {command}"));
        Ok(Ended::Status(command.strip_prefix("exit ").map_or(0, |status| status.parse().unwrap())))
    }

    async fn upload(&self, _: Content<'_>, remote: &str, _: Option<u32>) -> Result<(), CommunicatorError> {
        if remote.starts_with("/full/") {
            return Err(CommunicatorError::Refused("no space left on device".to_owned()));
        }
        Ok(())
    }

    async fn upload_dir(&self, _: &str, _: &str) -> Result<(), CommunicatorError> {
        Ok(())
    }

    async fn download(&self, _: &str, _: &Path) -> Result<(), CommunicatorError> {
        Ok(())
    }

    async fn download_dir(&self, _: &str, _: &Path) -> Result<(), CommunicatorError> {
        Ok(())
    }
}

/// Provisioners: one command.
struct OneCommand(Option<Provision>);

#[async_trait]
impl Provisioning for OneCommand {
    async fn provision(&self, cx: &mut BuildContext, communicator: &dyn Communicator) -> Result<(), BuildError> {
        if let Some(provision) = &self.0 {
            return provision(communicator).await;
        }
        communicator.run("provision", &cx.report).await.map(drop).map_err(|error| BuildError::Failed(error.to_string()))
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
