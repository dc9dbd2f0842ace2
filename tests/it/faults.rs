//! The fault matrix on the lab: each call of a build with copies and sharing is refused, throttled, loses its reply or its request, is
//! where the build is interrupted, is where it is killed and `cleanup` runs afterwards. Nothing is left behind (an image is, where the
//! build did not succeed), nothing of anybody else's is touched, and the message names the cause. The same against the program itself
//! and an EC2 over HTTP: tests/faults/run.

use std::sync::Arc;
use std::time::Duration;

use amibake::engine::account::Accounts;
use amibake::engine::cleanup::{Wanted, journals};
use amibake::event::Reporter;
use amibake_ec2::Clouds;
use amibake_ec2::lab::{At, Call, Fault, Inventory, Kind, Lab, Times};
use amibake_ec2::model::{CreateImage, CreateSecurityGroup, KeyPairRequest, KeyType, RunInstances, Tag};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::ebs_lab::{Bench, Outcome, REGION, builder, source_ami};

/// A build with all that makes calls: tags, a copy, sharing.
pub fn everything() -> Value {
    builder(json!({
        "ami_regions": ["us-west-2"],
        "tags": {"Name": "x"}, "snapshot_tags": {"Snap": "y"}, "run_tags": {"creator": "me"}, "run_volume_tags": {"Vol": "z"},
        "ami_users": ["111122223333"], "snapshot_users": ["111122223333"], "ami_description": "described",
    }))
}

/// A build whose image is the encrypted copy of a passing one.
fn encrypted() -> Value {
    builder(json!({"encrypt_boot": true, "ami_regions": ["us-west-2"], "tags": {"Name": "x"}}))
}

/// A lab where somebody else has things that look like ours: the names that we use, the tags that we use, of another run.
pub async fn inhabited() -> Lab {
    let lab = Lab::with_times(Times::fast());
    let ec2 = lab.region(REGION);
    let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
    let tags = vec![tag("amibake:run-id", "another-run"), tag("amibake:build", "amazon-ebs"), tag("creator", "me")];
    let key = KeyPairRequest { name: "packer_foreign".to_owned(), key_type: KeyType::Ed25519, tags: tags.clone() };
    ec2.create_key_pair(key).await.unwrap();
    let (name, description) = ("packer_foreign".to_owned(), "Temporary group for Packer".to_owned());
    let group = ec2.create_security_group(CreateSecurityGroup { name, description, vpc: None, tags: tags.clone() }).await.unwrap();
    let request = RunInstances {
        image: source_ami(&lab).await.to_string(),
        instance_type: "t2.micro".to_owned(),
        security_groups: vec![group],
        instance_tags: tags.clone(),
        volume_tags: tags.clone(),
        ..RunInstances::default()
    };
    let instance = ec2.run_instance(request).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let image = CreateImage { instance: instance.id, name: "an-image-of-mine".to_owned(), block_devices: vec![], image_tags: tags };
    ec2.create_image(image).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    lab
}

/// The calls of a build without faults, counted from the opening of the lab.
async fn calls_of(config: Value) -> Vec<Call> {
    let clean = Bench::new(inhabited().await).bake(config).await;
    clean.artifact();
    clean.calls
}

fn at(call: &Call) -> String {
    format!("call {} ({} in {})", call.number, call.operation, call.region)
}

/// Builds with a fault at each call in turn.
async fn at_each_call(config: fn() -> Value, kind: Kind, check: impl Fn(&str, &Outcome)) {
    for call in calls_of(config()).await {
        let bench = Bench::new(inhabited().await);
        let before = bench.lab.inventory();
        bench.lab.fault(Fault::new(At::Call(call.number), kind.clone()));
        let outcome = bench.bake(config()).await;
        let at = at(&call);
        left_alone(&at, &before, &bench.lab, &outcome);
        check(&at, &outcome);
    }
}

/// What was there before is there, and what came is the artifact of a build that succeeded.
#[track_caller]
fn left_alone(at: &str, before: &Inventory, lab: &Lab, outcome: &Outcome) {
    assert_eq!(outcome.leftovers, [], "{at}");
    assert_eq!(outcome.remaining, [] as [String; 0], "left behind at {at}:\n{}", outcome.text);
    match &outcome.result {
        Ok(artifact) => assert!(artifact.is_some(), "success without an image at {at}"),
        Err(_) => assert_eq!(&lab.inventory(), before, "somebody else's things at {at}"),
    }
}

#[track_caller]
fn succeeds(at: &str, outcome: &Outcome) {
    assert!(outcome.result.is_ok(), "{at}: {}", outcome.error());
}

#[tokio::test(start_paused = true)]
async fn refused_once() {
    let kind = Kind::Refuse("UnauthorizedOperation", "You are not authorized to perform this operation.");
    at_each_call(everything, kind, |at, outcome| {
        let Err(error) = &outcome.result else { return };
        assert!(error.to_string().contains("UnauthorizedOperation: You are not authorized"), "{at}: {error}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn throttled_once() {
    at_each_call(everything, Kind::Throttle, succeeds).await;
    at_each_call(encrypted, Kind::Throttle, succeeds).await;
}

#[tokio::test(start_paused = true)]
async fn the_reply_is_lost() {
    at_each_call(everything, Kind::LoseReply, succeeds).await;
}

#[tokio::test(start_paused = true)]
async fn the_request_is_lost() {
    at_each_call(everything, Kind::LoseRequest, succeeds).await;
}

/// Runs a build until the hook at a call says stop, as SIGKILL does: the future is dropped where it stands, with all that is in memory.
async fn killed_at(config: fn() -> Value, number: usize, after: bool) -> (Bench, tempfile::TempDir, Inventory) {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(inhabited().await);
    bench.state_dir = Some(dir.path().to_owned());
    let before = bench.lab.inventory();
    let killed = Arc::new(tokio::sync::Notify::new());
    let hook = {
        let killed = Arc::clone(&killed);
        move || killed.notify_one()
    };
    let at = At::Call(number);
    bench.lab.fault(if after { Fault::after(at, hook) } else { Fault::before(at, hook) });
    tokio::select! {
        biased;
        () = killed.notified() => {}
        outcome = bench.bake(config()) => panic!("not killed at {number}: {}", outcome.text),
    }
    (bench, dir, before)
}

/// Another program's cleanup, by what the dead one left on the disk.
pub async fn clean_up(bench: &Bench, dir: &std::path::Path) -> Vec<String> {
    let clouds: Arc<dyn Clouds> = Arc::new(bench.lab.clone());
    let accounts = Accounts::new(clouds);
    let (report, _events) = Reporter::new();
    let ways = journals::Ways { accounts: &accounts, given: &[] };
    let found = journals::find(dir, &Wanted::default(), &ways, &report).await;
    assert!(found.trouble.is_empty() && found.alive.is_empty(), "{:?} {:?}", found.trouble, found.alive);
    let mut left = Vec::new();
    for run in &found.dead {
        assert_eq!(run.notes, [] as [String; 0]);
        left.extend(run.remove(Instant::now() + Duration::from_secs(900)).await.iter().map(ToString::to_string));
    }
    left
}

async fn killed_at_each_call(config: fn() -> Value, after: bool) {
    for call in calls_of(config()).await {
        let (bench, dir, before) = killed_at(config, call.number, after).await;
        let at = at(&call);
        assert_eq!(clean_up(&bench, dir.path()).await, [] as [String; 0], "{at}");
        assert_eq!(bench.lab.remaining(&before, &[]), [] as [String; 0], "left behind when killed at {at}");
        assert_eq!(bench.lab.inventory(), before, "somebody else's things, when killed at {at}");
        assert!(amibake::engine::journal::list(dir.path()).unwrap().is_empty(), "the journal is gone too, at {at}");
    }
}

#[tokio::test(start_paused = true)]
async fn killed_before_the_call_has_its_effect_then_cleaned_up() {
    killed_at_each_call(everything, false).await;
}

#[tokio::test(start_paused = true)]
async fn killed_before_the_reply_then_cleaned_up() {
    killed_at_each_call(everything, true).await;
    killed_at_each_call(encrypted, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_cleanup_that_is_killed_itself_is_taken_up_by_the_next() {
    let last = calls_of(everything()).await.into_iter().rfind(|call| call.operation == "ModifySnapshotAttribute").unwrap();
    for nth in 1.. {
        let (bench, dir, before) = killed_at(everything, last.number, true).await;
        let stop = Arc::new(tokio::sync::Notify::new());
        let hook = {
            let stop = Arc::clone(&stop);
            move || stop.notify_one()
        };
        bench.lab.fault(Fault::after(At::Call(bench.lab.count() + nth), hook));
        let ended = tokio::select! {
            biased;
            () = stop.notified() => false,
            left = clean_up(&bench, dir.path()) => { assert_eq!(left, [] as [String; 0]); true }
        };
        assert_eq!(clean_up(&bench, dir.path()).await, [] as [String; 0], "call {nth}");
        assert_eq!(bench.lab.inventory(), before, "killed at call {nth} of the cleanup");
        if ended {
            return;
        }
    }
}
