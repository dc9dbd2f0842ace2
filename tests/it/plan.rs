//! `amibake plan`: the policy that it prints allows what builds really ask of EC2, and nothing else.
//!
//! The builds are those of the recorded traces, played on the lab as in `traces`; `checks` says what EC2 asks IAM about each of their
//! calls, by AWS's reference; `simulator` answers as IAM does.

mod checks;
mod simulator;

use std::collections::BTreeSet;
use std::sync::Arc;

use amibake::engine::context::{OnError, RunOptions};
use amibake::forecast::{BuildForecast, Question, forecast, policy};
use amibake_ec2::Region;
use amibake_ec2::lab::Call;
use amibake_template::plan::Plan;
use serde_json::Value;
use tokio::time::Instant;

use crate::traces::replay::{Played, parts, play};
use crate::traces::trace::Trace;
use checks::{Things, requests};
use simulator::{Pair, allowing, pairs};

/// What `plan` knows about the template of a recorded build.
async fn foretold(played: &Played, force: bool) -> (Vec<BuildForecast>, Value) {
    let options = RunOptions {
        on_error: OnError::Cleanup,
        force,
        debug: false,
        run_uuid: "0b9ac5f2-6f0e-4a5e-9f0a-000000000002".to_owned(),
        began: Instant::now(),
    };
    let (plan, other) = (played.plan.clone(), played.later.clone());
    let question = Question { plan, other, parts: Arc::new(parts()), options, region: Region::new("us-east-1") };
    let builds = forecast(&question).await;
    let written = written(&builds, &played.plan);
    (builds, written)
}

fn written(builds: &[BuildForecast], plan: &Plan) -> Value {
    let pairs: Vec<_> = builds.iter().zip(plan.builds.iter().map(|build| &build.builder.config)).collect();
    policy::policy(&pairs, "*", &[])
}

/// Pairs of the policy that allow what these calls need; fails over a call that is not allowed.
#[track_caller]
fn used(name: &str, policy: &Value, calls: &[Call], things: &Things<'_>) -> BTreeSet<Pair> {
    let (mut used, mut asked) = (BTreeSet::new(), BTreeSet::new());
    for call in calls {
        for request in requests(call, things).into_iter().filter(|request| asked.insert(request.clone())) {
            let allowing = allowing(policy, &request);
            assert!(!allowing.is_empty(), "{name}: the policy does not allow {request:#?}\nof {call:#?}\n{policy:#}");
            used.extend(allowing);
        }
    }
    used
}

/// Templates with what makes a difference to permissions: groups, subnets, copies, keys, sharing, tags, profiles, images in the way.
const TEMPLATES: &[&str] = &[
    "ebs-ami-regions-kms",
    "ebs-block-devices",
    "ebs-encrypt-boot-kms",
    "ebs-filters-network",
    "ebs-force-delete-snapshot",
    "ebs-iam-instance-profile",
    "ebs-run-options",
    "ebs-security-group-ids",
    "ebs-sharing-regions",
    "ebs-simple-source-ami",
    "ebs-skip-create-ami",
    "ebs-skip-save-build-region",
    "ebs-source-ami-filter",
    "ebs-ssh-keypair-name",
    "ebs-tags",
    "ebs-two-builders",
    "ebs-vpc-subnet",
];

/// Builds that end badly: their calls are allowed too.
const FAILURES: &[&str] = &[
    "ebs-copy-fails",
    "ebs-create-image-fails",
    "ebs-delete-sg-retry",
    "ebs-image-failed",
    "ebs-image-timeout",
    "ebs-instance-terminated-on-launch",
    "ebs-provisioner-fails",
    "ebs-sigint-image-wait",
    "ebs-sigint-provisioning",
    "ebs-sigint-ssh-wait",
];

/// Two halves, so that they run side by side.
#[tokio::test(start_paused = true)]
async fn a_policy_allows_what_builds_do_and_nothing_else() {
    exactly(&TEMPLATES[..TEMPLATES.len() / 2]).await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_allows_what_builds_do_and_nothing_else_2() {
    exactly(&TEMPLATES[TEMPLATES.len() / 2..]).await;
}

async fn exactly(names: &[&str]) {
    for name in names {
        let trace = Trace::read(name);
        let played = play(&trace).await.unwrap_or_else(|| panic!("{name}: no build"));
        let (builds, policy) = foretold(&played, trace.has("-force")).await;
        same_changes(name, &builds, &played.calls);
        let things = Things { lab: &played.lab, calls: &played.calls };
        let mut used = used(name, &policy, &played.calls, &things);
        // A build that fails at whatever call uses the rest.
        for build in &builds {
            let things = Things { lab: &build.lab, calls: &build.seen };
            used.extend(self::used(name, &policy, &build.seen, &things));
        }
        let idle: Vec<Pair> = pairs(&policy).difference(&used).cloned().collect();
        assert!(idle.is_empty(), "{name}: no call needs {idle:#?}\n{policy:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_allows_what_failing_builds_do() {
    for name in FAILURES {
        let trace = Trace::read(name);
        let played = play(&trace).await.unwrap_or_else(|| panic!("{name}: no build"));
        let (_, policy) = foretold(&played, trace.has("-force")).await;
        used(name, &policy, &played.calls, &Things { lab: &played.lab, calls: &played.calls });
    }
}

/// What `plan` foretells of a smooth build is what the build changes.
#[track_caller]
fn same_changes(name: &str, builds: &[BuildForecast], calls: &[Call]) {
    let sorted = |calls: &mut dyn Iterator<Item = (String, String)>| {
        let mut all: Vec<(String, String)> = calls.collect();
        all.sort();
        // The plan shows each build as if it were alone; side by side they share their temporary group.
        if builds.len() > 1 {
            all.dedup_by(|a, b| a == b && a.1.contains("SecurityGroup"));
        }
        all
    };
    let planned = builds.iter().flat_map(|build| build.calls.iter().flatten()).filter(|call| call.changes);
    let planned = sorted(&mut planned.map(|call| (call.region.clone(), call.action.clone())));
    let made = calls.iter().filter(|call| call.changes && call.failed.is_none());
    assert_eq!(planned, sorted(&mut made.map(|call| (call.region.to_string(), policy::action(call.operation)))), "{name}");
}
