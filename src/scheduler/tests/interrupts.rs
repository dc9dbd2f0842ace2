//! Signals at every moment of a build.

use std::time::Duration;

use amibake_ec2::lab::{At, Fault};
use serde_json::json;
use tokio::sync::mpsc;

use super::{Case, Interrupt, RunEnd};

/// Runs and sends interrupts at these seconds.
async fn interrupted(case: Case, at: &[u64]) -> super::Ran {
    let (send, receive) = mpsc::channel(4);
    let at = at.to_vec();
    let sending = async move {
        let mut before = 0;
        for second in at {
            tokio::time::sleep(Duration::from_secs(second - before)).await;
            before = second;
            let _ = send.send(Interrupt::Interrupt).await;
        }
        // The program's sender lives as long as the run.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ran = case.run_with(receive) => ran,
        () = sending => panic!("ends with the run"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_build_without_an_error_and_starts_no_other() {
    let mut case = Case::new(json!({"sleep": 60})).build("later", json!({}));
    case.parallel = Some(1);
    let ran = interrupted(case, &[5]).await;
    assert_eq!(ran.lines, ["run: Cancelling build after receiving interrupt"]);
    assert!(ran.summary().cancelled);
    assert_eq!((ran.errors(), ran.summary().artifacts.len(), ran.summary().took.as_secs()), (vec![], 0, 5));
}

#[tokio::test(start_paused = true)]
async fn no_cleanup_provisioner_runs_for_a_cancelled_one() {
    let case = Case::new(json!({})).provisioner(json!({"say": "p", "sleep": 60, "max_retries": 3})).error_cleanup(json!({"say": "c"}));
    assert_eq!(interrupted(case, &[5]).await.lines, ["b: p", "run: Cancelling build after receiving interrupt"]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_at_any_call_leaves_nothing() {
    let clean = Case::new(json!({"aws": true}));
    let lab = clean.lab.clone();
    clean.run().await;
    let calls = lab.count();
    assert!(calls > 6, "{calls}");
    for call in 1..=calls {
        for after in [false, true] {
            let case = Case::new(json!({"aws": true}));
            let (lab, (send, receive)) = (case.lab.clone(), mpsc::channel(4));
            let hook = move || {
                let _ = send.try_send(Interrupt::Terminated);
            };
            lab.fault(if after { Fault::after(At::Call(call), hook) } else { Fault::before(At::Call(call), hook) });
            let before = lab.inventory();
            let ran = case.run_with(receive).await;
            assert_eq!(lab.remaining(&before, &[]), [] as [String; 0], "left behind after call {call} {after}");
            assert!(ran.summary().cancelled && ran.summary().artifacts.is_empty(), "call {call} {after}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_interrupt_tells_what_is_left_and_the_third_ends_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let mut case = Case::new(json!({"aws": true, "sleep": 600}));
    case.state_dir = Some(dir.path().to_owned());
    case.lab.fault(Fault::new(At::Every("TerminateInstances"), amibake_ec2::lab::Kind::Throttle));
    let ran = interrupted(case, &[20, 22, 30]).await;
    assert!(matches!(ran.end, RunEnd::Killed));
    let at = ran.lines.iter().position(|line| line.starts_with("run: Still cleaning up.")).unwrap();
    let instance = &ran.lines[at + 1];
    assert!(instance.starts_with("run:   instance i-") && instance.contains("terminate-instances --instance-ids i-"), "{instance}");
    assert!(ran.lines.last().unwrap().ends_with("runs/run-1.jsonl"), "{:?}", ran.lines);
    let journal = crate::engine::journal::read(&dir.path().join("runs/run-1.jsonl")).unwrap();
    assert_eq!(journal.entries.len(), 1, "only the instance is left: {:?}", journal.entries);
}

#[tokio::test(start_paused = true)]
async fn a_finished_artifact_outlives_the_interrupt_of_its_post_processor_and_is_told() {
    let case = Case::new(json!({})).chain([json!({"sleep": 60, "make": "1"})]).chain([json!({"name": "never"})]);
    let expected = [
        "b: Running post-processor: test",
        "run: Cancelling build after receiving interrupt",
        "b: Finished before the interrupt, and kept: made by the builder",
    ];
    assert_eq!(interrupted(case, &[5]).await.lines, expected);
}
