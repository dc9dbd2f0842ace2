//! Failures, panics and `-on-error`.

use amibake_ec2::lab::{At, Fault, Kind};
use serde_json::json;

use super::parts::operations;
use super::{Case, OnError};

const FAILING: &str = "Provisioning step had errors: Running the cleanup provisioner, if present...";

#[tokio::test(start_paused = true)]
async fn one_of_two_fails_and_the_other_is_made() {
    let ran = Case::new(json!({"fail": true})).build("good", json!({})).run().await;
    assert_eq!(ran.errors(), [("b", "the end failed")]);
    assert_eq!(ran.summary().artifacts[0].0, "good");
}

#[tokio::test(start_paused = true)]
async fn failures_and_panics_leave_nothing_in_aws() {
    for config in [json!({"aws": true, "fail": true}), json!({"aws": true, "panic": true})] {
        let case = Case::new(config.clone()).build("good", json!({}));
        let lab = case.lab.clone();
        let before = lab.inventory();
        let ran = case.run().await;
        assert_eq!(lab.remaining(&before, &[]), [] as [String; 0], "{config}");
        assert_eq!((ran.errors().len(), ran.summary().artifacts.len()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_build_lost_is_looked_for_without_touching_the_others() {
    for kind in [Kind::LoseReply, Kind::LoseRequest] {
        let config = json!({"aws": true, "sleep": 60});
        let case = Case::new(config.clone()).build("good", config);
        let lab = case.lab.clone();
        lab.fault(Fault::new(At::Operation("RunInstances", 1), kind));
        let before = lab.inventory();
        let ran = case.run().await;
        let made: Vec<_> = ran.summary().artifacts.iter().flat_map(|(_, made)| made).map(|a| a.id.clone().try_into().unwrap()).collect();
        assert_eq!((ran.errors().len(), made.len()), (1, 1), "{:?}", ran.errors());
        assert_eq!(lab.remaining(&before, &made), [] as [String; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_told_as_a_defect() {
    let ran = Case::new(json!({"panic": true})).run().await;
    assert_eq!(ran.errors(), [("b", "a defect of amibake ended the build: on purpose; please report it")]);
}

#[tokio::test(start_paused = true)]
async fn abort_names_the_steps_and_what_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let mut case = Case::new(json!({"aws": true})).provisioner(json!({"say": "p", "fail": "e"}));
    (case.on_error, case.state_dir) = (OnError::Abort, Some(dir.path().to_owned()));
    let lab = case.lab.clone();
    let ran = case.run().await;
    let expected = [
        "b: p",
        "b: e1",
        "b: Step \"StepProvision\" failed, aborting...",
        "b: aborted: skipping cleanup of step \"StepConnect\"",
        "b: aborted: skipping cleanup of step \"StepKeyPair\"",
    ];
    assert_eq!(ran.lines[..5], expected);
    let left: Vec<_> = ran.lines[5..].iter().map(|line| line.split(' ').take(4).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(left, ["b: Left behind: image", "b: Left behind: instance", "b: Left behind: key", "b: The journal of", "b: To remove all"]);
    assert!(!operations(&lab).contains(&"TerminateInstances"));
    let journal = crate::engine::journal::read(&dir.path().join("runs/run-1.jsonl")).unwrap();
    assert_eq!(journal.entries.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn run_cleanup_provisioner_runs_it_and_leaves_the_rest() {
    let mut case = Case::new(json!({})).provisioner(json!({"say": "p", "fail": "e"})).error_cleanup(json!({"say": "cleanup"}));
    case.on_error = OnError::RunCleanupProvisioner;
    let ran = case.run().await;
    let expected = [
        "b: p",
        &format!("b: {FAILING}"),
        "b: cleanup",
        "b: e1",
        "b: Step \"StepConnect\" failed, aborting...",
        "b: aborted: skipping cleanup of step \"StepKeyPair\"",
    ];
    assert_eq!(ran.lines, expected);
}

#[track_caller]
fn told(lines: &[String], expected: &[&str]) {
    let lines: Vec<_> = lines.iter().map(|line| line.trim_start_matches("b: ")).collect();
    assert_eq!(lines, expected);
}

fn asked(answers: &[&'static str]) -> Case {
    let mut case = Case::new(json!({})).provisioner(json!({"say": "p", "fail": "e", "times": 1}));
    (case.on_error, case.answers) = (OnError::Ask, answers.to_vec());
    case
}

#[tokio::test(start_paused = true)]
async fn ask_cleans_up_aborts_or_retries() {
    let failed = "Step \"StepProvision\" failed";
    told(&asked(&[]).run().await.lines, &["p", "e1", failed, FAILING]);
    told(&asked(&[""]).run().await.lines, &["p", "e1", failed, FAILING]);
    told(&asked(&["x", "Clean"]).run().await.lines, &["p", "e1", failed, "Incorrect input: \"x\"", FAILING]);
    let abort = ["p", "e1", failed, "Step \"StepProvision\" failed, aborting...", "aborted: skipping cleanup of step \"StepConnect\""];
    told(&asked(&["a"]).run().await.lines[..5], &abort);
    let retried = asked(&["r"]).run().await;
    told(&retried.lines, &["p", "e1", failed, "p"]);
    assert_eq!(retried.artifacts(), ["made by the builder"]);
}

#[tokio::test(start_paused = true)]
async fn ask_offers_no_retry_of_what_may_have_happened_half() {
    let mut case = Case::new(json!({"fail": true}));
    (case.on_error, case.answers) = (OnError::Ask, vec!["r", "c"]);
    told(&case.run().await.lines, &["the end failed", "Step \"StepEnd\" failed", "Incorrect input: \"r\""]);
}

#[tokio::test(start_paused = true)]
async fn a_finished_run_leaves_no_journal() {
    let dir = tempfile::tempdir().unwrap();
    for config in [json!({"aws": true}), json!({"aws": true, "fail": true})] {
        let mut case = Case::new(config);
        case.state_dir = Some(dir.path().to_owned());
        case.run().await;
        assert_eq!(std::fs::read_dir(dir.path().join("runs")).unwrap().count(), 0);
    }
}
