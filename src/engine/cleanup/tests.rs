//! What is found, and what is left alone.

use std::path::Path;
use std::time::Duration;

use amibake_ec2::lab::{Lab, Times};
use amibake_ec2::model::{RunInstances, Tag};
use amibake_ec2::{Clouds, Region};

use super::journals::Ways;
use super::*;
use crate::engine::account::{Account, Accounts, AwsRegion, Reach};
use crate::engine::teardown::{BUILD_TAG, ImageOrigin, Lifetime, RUN_TAG, Resource};
use crate::engine::testing::{REGION, group, image, key, launch, texts, with_group};
use crate::event::{Event, Reporter};

/// Began 2025-11-24 17:06:03 UTC.
const OLD_RUN: &str = "019ab6d4-6400-7abc-8def-0123456789ab";
const NOW: i64 = 1_764_003_963 + 3_600;
const LIMIT: Duration = Duration::from_secs(900);

struct Bench {
    lab: Lab,
    accounts: Accounts,
    dir: tempfile::TempDir,
    report: Reporter,
    events: std::sync::mpsc::Receiver<Event>,
}

fn wanted() -> Wanted {
    Wanted { now_unix: NOW, ..Wanted::default() }
}

impl Bench {
    fn new() -> Self {
        Self::on(Lab::with_times(Times::fast()))
    }

    fn on(lab: Lab) -> Self {
        let accounts = Accounts::new(Arc::new(lab.clone()) as Arc<dyn Clouds>);
        let (report, events) = Reporter::new();
        Self { lab, accounts, dir: tempfile::tempdir().unwrap(), report, events }
    }

    async fn account(&self) -> Account {
        let access = amibake_ec2::model::Access { region: Some(REGION.to_owned()), ..Default::default() };
        self.accounts.open(&access).await.unwrap()
    }

    /// Begins a run that makes a key pair, a group, an instance and an image, and still lives.
    async fn run(&self, run_id: &str) -> Teardown {
        let region = self.account().await.region(&Region::new(REGION));
        let journal = Arc::new(Journal::new(Some(self.dir.path()), run_id).about(1_764_003_963, Some("t.json".to_owned())));
        let stack = Teardown::new(run_id, "b", 1_764_003_963_000_000_000, journal, self.report.clone());
        self.make(&stack, &region, run_id).await;
        stack
    }

    async fn make(&self, stack: &Teardown, region: &AwsRegion, name: &str) {
        let (ec2, tags) = (&region.ec2, stack.tags());
        let request = amibake_ec2::model::KeyPairRequest { tags: tags.clone(), ..key(name) };
        stack.create(region, Resource::key_pair(name), Lifetime::Build, ec2.create_key_pair(request)).await.unwrap();
        let request = amibake_ec2::model::CreateSecurityGroup { tags: tags.clone(), ..group(name) };
        let (sg, _) =
            stack.create(region, Resource::security_group(name), Lifetime::Build, ec2.create_security_group(request)).await.unwrap();
        let request = with_group(launch(&**ec2, name, Some(stack)).await, &sg);
        let request = RunInstances { volume_tags: tags, ..request };
        let (instance, _) = stack.create(region, Resource::instance(name), Lifetime::Build, ec2.run_instance(request)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
        let planned = Resource::image(name, ImageOrigin::Instance(instance.id.clone()));
        stack.create(region, planned, Lifetime::Artifact, ec2.create_image(image(&instance.id, name))).await.unwrap();
    }

    async fn by_journal(&self, wanted: &Wanted) -> Found {
        let ways = Ways { accounts: &self.accounts, given: &[] };
        journals::find(self.dir.path(), wanted, &ways, &self.report).await
    }

    async fn by_tag(&self, wanted: &Wanted, found: &mut Found) {
        tags::find(&self.account().await, &[Region::new(REGION)], wanted, &self.report, found).await;
    }

    fn journals(&self) -> usize {
        crate::engine::journal::list(self.dir.path()).unwrap().len()
    }
}

async fn remove(found: &Found) -> Vec<Leftover> {
    let mut left = Vec::new();
    for run in &found.dead {
        left.extend(run.remove(Instant::now() + LIMIT).await);
    }
    left
}

/// What a run left, without the ids.
fn kinds(found: &Found) -> Vec<String> {
    let what = found.dead.iter().flat_map(DeadRun::left).map(|left| left.what);
    let mut kinds: Vec<String> = what.map(|what| what.split([' ', '-']).next().unwrap().to_owned()).collect();
    kinds.sort();
    kinds
}

#[tokio::test(start_paused = true)]
async fn a_dead_run_is_removed_by_its_journal_and_a_living_one_is_left_alone() {
    let bench = Bench::new();
    let before = bench.lab.inventory();
    let dead = bench.run("dead").await;
    let only_dead = bench.lab.inventory();
    drop(dead);
    let alive = bench.run("alive").await;
    let found = bench.by_journal(&wanted()).await;
    assert_eq!(kinds(&found), ["image", "instance", "key", "security"]);
    assert_eq!(found.alive.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(), ["alive"]);
    assert_eq!(remove(&found).await, []);
    let left = bench.lab.remaining(&before, &[]);
    assert_eq!(left.len(), bench.lab.remaining(&only_dead, &[]).len(), "nothing of the dead run: {left:?}");
    assert!(!left.is_empty(), "the living run keeps what it has");
    drop(found);
    assert_eq!(bench.journals(), 1);
    drop(alive);
    assert_eq!(remove(&bench.by_journal(&wanted()).await).await, []);
    assert_eq!(bench.lab.remaining(&before, &[]), [] as [String; 0]);
    assert_eq!(bench.journals(), 0);
    assert!(bench.by_journal(&wanted()).await.dead.is_empty(), "done once is done");
}

#[tokio::test(start_paused = true)]
async fn sessions_are_ended_also_one_whose_reply_was_lost() {
    use amibake_ec2::lab::{At, Fault, Kind, Options};
    let profiles = ["p".to_owned()].into();
    let bench = Bench::on(Lab::new(Options { instance_profiles: profiles, ..Options::new(Times::fast()) }));
    let before = bench.lab.inventory();
    let region = bench.account().await.region(&Region::new(REGION));
    let stack = bench.run("dead").await;
    let request = RunInstances { iam_instance_profile: Some("p".to_owned()), ..launch(&*region.ec2, "s", Some(&stack)).await };
    let created = stack.create(&region, Resource::instance("s"), Lifetime::Build, region.ec2.run_instance(request)).await;
    let target = created.unwrap().0.id;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let request = amibake_ec2::session::ForwardPort { target: target.clone(), port: 22, local_port: 8000 };
    let sessions = region.ec2.sessions();
    bench.lab.fault(Fault::new(At::Operation("StartSession", 2), Kind::LoseReply));
    for lost in [false, true] {
        let started = stack.create(&region, Resource::session(target.clone()), Lifetime::Build, sessions.start(&request)).await;
        assert_eq!(started.is_err(), lost);
    }
    drop(stack);
    let found = bench.by_journal(&wanted()).await;
    assert_eq!(kinds(&found), ["image", "instance", "instance", "key", "possibly", "security", "session"]);
    assert_eq!(remove(&found).await, []);
    assert_eq!(bench.lab.remaining(&before, &[]), [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn listing_changes_nothing() {
    let bench = Bench::new();
    drop(bench.run("dead").await);
    let calls = bench.lab.changes();
    assert_eq!(bench.by_journal(&wanted()).await.dead.len(), 1);
    assert_eq!(bench.by_journal(&wanted()).await.dead.len(), 1);
    assert_eq!((bench.lab.changes(), bench.journals()), (calls, 1));
}

#[tokio::test(start_paused = true)]
async fn what_ec2_refuses_stays_in_the_journal_for_the_next_time() {
    use amibake_ec2::lab::{At, Fault, Kind};
    let bench = Bench::new();
    let before = bench.lab.inventory();
    drop(bench.run("dead").await);
    for nth in 1..=4 {
        bench.lab.fault(Fault::new(At::Operation("DeleteKeyPair", nth), Kind::Refuse("UnauthorizedOperation", "not you")));
    }
    let left = remove(&bench.by_journal(&wanted()).await).await;
    assert_eq!(left.iter().map(|left| left.what.as_str()).collect::<Vec<_>>(), ["key pair dead in us-east-2"]);
    let found = bench.by_journal(&wanted()).await;
    assert_eq!(kinds(&found), ["key"]);
    assert_eq!(remove(&found).await, []);
    assert_eq!(bench.lab.remaining(&before, &[]), [] as [String; 0]);
    assert_eq!(bench.journals(), 0);
}

#[tokio::test(start_paused = true)]
async fn another_account_is_not_mistaken_for_an_empty_one() {
    let bench = Bench::new();
    let journal = Arc::new(Journal::new(Some(bench.dir.path()), "dead"));
    let stack = Teardown::new("dead", "b", 0, journal, bench.report.clone());
    let elsewhere = AwsRegion::new(bench.lab.region(REGION), Reach { key: "somebody".into(), ..Reach::default() });
    stack.own(Some(&elsewhere), Resource::key_pair("k"), Lifetime::Build).unwrap();
    drop(stack);
    let found = bench.by_journal(&wanted()).await;
    let notes = &found.dead[0].notes;
    assert!(notes[0].starts_with("key pair of build `b` in us-east-2: the credentials at hand are not those of that run"), "{notes:?}");
    assert_eq!(remove(&found).await, []);
    drop(found);
    assert_eq!(bench.journals(), 1, "its journal stays");
}

#[tokio::test(start_paused = true)]
async fn which_runs_are_wanted() {
    let bench = Bench::new();
    drop(bench.run("dead").await);
    let other = Wanted { run_id: Some("other".to_owned()), ..wanted() };
    let young = Wanted { older_than: Some(86_400), ..wanted() };
    let named = Wanted { run_id: Some("dead".to_owned()), ..young.clone() };
    let old = Wanted { older_than: Some(3_600), ..wanted() };
    for (wanted, count) in [(other, 0), (young, 0), (named, 1), (old, 1)] {
        let found = bench.by_journal(&wanted).await;
        assert_eq!(found.dead.len(), count, "{wanted:?}");
        assert_eq!(found.spared.len(), 1 - count);
    }
}

#[tokio::test(start_paused = true)]
async fn tags_find_what_no_journal_knows() {
    let bench = Bench::new();
    let before = bench.lab.inventory();
    drop(bench.run(OLD_RUN).await);
    std::fs::remove_dir_all(bench.dir.path().join("runs")).unwrap();
    let mut young = Found::default();
    bench.by_tag(&Wanted { older_than: Some(86_400), ..wanted() }, &mut young).await;
    assert!(young.dead.is_empty(), "it may run on another machine");

    let mut found = Found::default();
    bench.by_tag(&Wanted { older_than: Some(3_600), ..wanted() }, &mut found).await;
    assert_eq!(kinds(&found), ["instance", "key", "security"]);
    let notes = &found.dead[0].notes;
    assert!(notes[0].contains("was made of that instance, and is left alone: `amibake adopt ami-"), "{notes:?}");
    assert_eq!(remove(&found).await, []);
    let left = bench.lab.remaining(&before, &[]);
    assert!(left.iter().all(|line| line.contains(" image ") || line.contains(" snapshot ")), "{left:?}");
    assert!(texts(&bench.events).iter().any(|line| line == "Terminating the source AWS instance..."));
}

#[tokio::test(start_paused = true)]
async fn tags_do_not_repeat_what_the_journal_says_nor_touch_a_living_run() {
    let bench = Bench::new();
    let alive = bench.run(OLD_RUN).await;
    let mut found = bench.by_journal(&wanted()).await;
    bench.by_tag(&wanted(), &mut found).await;
    assert!(found.dead.is_empty());
    drop(alive);
    let mut found = bench.by_journal(&wanted()).await;
    bench.by_tag(&wanted(), &mut found).await;
    assert_eq!(kinds(&found), ["image", "instance", "key", "security"]);
    assert_eq!(found.dead[0].notes, [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_made_is_left_alone() {
    let bench = Bench::new();
    let region = bench.account().await.region(&Region::new(REGION));
    let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
    // Untagged; with one of our tags; with both, of a run whose age nothing tells.
    for (name, tags) in [("a", vec![]), ("b", vec![tag(RUN_TAG, OLD_RUN)]), ("c", vec![tag(RUN_TAG, "x"), tag(BUILD_TAG, "b")])] {
        let request = amibake_ec2::model::CreateSecurityGroup { tags: tags.clone(), ..group(name) };
        region.ec2.create_security_group(request).await.unwrap();
        let request = RunInstances { instance_tags: tags, ..launch(&*region.ec2, name, None).await };
        region.ec2.run_instance(request).await.unwrap();
    }
    let mut found = Found::default();
    bench.by_tag(&Wanted { older_than: Some(0), ..wanted() }, &mut found).await;
    assert!(found.dead.is_empty());
    assert_eq!(found.spared, ["run x: nothing says when it began; `-run-id` takes it"]);
    let named = Wanted { run_id: Some("x".to_owned()), ..wanted() };
    bench.by_tag(&named, &mut found).await;
    assert_eq!(kinds(&found), ["instance", "security"]);
}

#[test]
fn journals_are_looked_for_where_there_are_none() {
    assert_eq!(crate::engine::journal::list(Path::new("/nonexistent")).unwrap().len(), 0);
}
