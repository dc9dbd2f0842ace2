//! What goes wrong at any call of an import: nothing stays behind, nothing of others is touched, and the import goes on where it can.

use amibake::scheduler::Interrupt;
use amibake_ec2::lab::{At, Fault, Kind, Lab};
use amibake_ec2::s3::{NewObject, ObjectName};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{BUCKET, Bench, Outcome, lab};

/// What all calls are made for.
fn keys() -> Value {
    json!({"ami_name": "imported", "tags": {"Name": "imp"}, "ami_users": ["111122223333"]})
}

/// The same with a file that is uploaded in parts.
fn large(bench: &Bench) -> Value {
    std::fs::File::create(bench.path("large.raw")).unwrap().set_len(17 * 1024 * 1024).unwrap();
    let mut template = bench.template(keys());
    template["builders"][0] = json!({"type": "file", "target": bench.path("disk.raw"), "source": bench.path("large.raw")});
    template
}

/// Builds once for each call that a build makes, with a fault there.
async fn at_each_call(make: impl Fn(&Bench) -> Value, spoil: impl Fn(&Lab, &Bench, usize), judge: impl Fn(usize, &Outcome)) {
    let sound = Bench::new(lab());
    let calls = sound.build(&make(&sound)).await.calls.len();
    for nth in 1..=calls {
        let bench = Bench::new(lab());
        let template = make(&bench);
        spoil(&bench.lab, &bench, nth);
        let outcome = bench.build(&template).await;
        judge(nth, &outcome);
    }
}

#[track_caller]
fn nothing_stays(nth: usize, outcome: &Outcome) {
    let operation = outcome.calls.get(nth - 1).map(|call| call.operation);
    assert!(outcome.remaining.is_empty(), "call {nth} ({operation:?}): {:?}\n{}", outcome.remaining, outcome.text);
    let well = outcome.artifact.as_deref().is_some_and(|id| id.contains(":ami-"));
    assert!(well || outcome.cancelled || !outcome.errors.is_empty(), "call {nth}: {}", outcome.text);
}

fn fault(kind: Kind) -> impl Fn(&Lab, &Bench, usize) {
    move |lab, _, nth| lab.fault(Fault::new(At::Call(nth), kind.clone()))
}

#[tokio::test(start_paused = true)]
async fn a_refusal_leaves_nothing() {
    let kind = Kind::Refuse("UnauthorizedOperation", "You are not authorized to perform this operation.");
    at_each_call(|bench| bench.template(keys()), fault(kind.clone()), nothing_stays).await;
    at_each_call(large, fault(kind), nothing_stays).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_leaves_nothing_and_is_survived() {
    for kind in [Kind::LoseReply, Kind::LoseRequest] {
        let judge = |nth: usize, outcome: &Outcome| {
            nothing_stays(nth, outcome);
            assert!(outcome.errors.is_empty(), "call {nth}: {:?}\n{}", outcome.errors, outcome.text);
        };
        at_each_call(|bench| bench.template(keys()), fault(kind.clone()), judge).await;
        at_each_call(large, fault(kind), judge).await;
    }
}

#[tokio::test(start_paused = true)]
async fn replies_that_are_lost_again_and_again_leave_nothing() {
    for operation in ["PutObject", "CreateMultipartUpload", "CompleteMultipartUpload", "ImportImage", "CopyImage"] {
        let bench = Bench::new(lab());
        for nth in 1..=3 {
            bench.lab.fault(Fault::new(At::Operation(operation, nth), Kind::LoseReply));
        }
        let template = if operation == "PutObject" { bench.template(keys()) } else { large(&bench) };
        let outcome = bench.build(&template).await;
        assert!(outcome.remaining.is_empty(), "{operation}: {:?}\n{}", outcome.remaining, outcome.text);
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_leaves_nothing() {
    let interrupt = |lab: &Lab, bench: &Bench, nth: usize| {
        let interrupter = bench.interrupter();
        lab.fault(Fault::after(At::Call(nth), move || {
            let _ = interrupter.try_send(Interrupt::Interrupt);
        }));
    };
    let judge = |nth: usize, outcome: &Outcome| {
        nothing_stays(nth, outcome);
        let ended = outcome.cancelled || !outcome.errors.is_empty();
        assert!(ended || outcome.artifact.is_some(), "call {nth}: {}", outcome.text);
    };
    at_each_call(|bench| bench.template(keys()), interrupt, judge).await;
    at_each_call(large, interrupt, judge).await;
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_object_of_that_name_stays_when_nothing_was_stored() {
    let bench = Bench::new(lab());
    let name = ObjectName { bucket: BUCKET.to_owned(), key: "theirs.raw".to_owned() };
    let theirs = NewObject { name: name.clone(), encryption: None, run_id: "another run".to_owned() };
    bench.lab.region("us-east-1").s3().put_object(&theirs, Bytes::from_static(b"theirs")).await.unwrap();
    for nth in 2..=5 {
        bench.lab.fault(Fault::new(At::Operation("PutObject", nth), Kind::LoseRequest));
    }
    let outcome = bench.import(json!({"s3_key_name": "theirs.raw"})).await;
    assert!(!outcome.errors.is_empty());
    assert_eq!(bench.lab.object(&name).unwrap().object, theirs, "{}", outcome.text);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_removed_is_named_with_the_command() {
    let bench = Bench::new(lab());
    bench.lab.fault(Fault::new(At::Every("DeleteObject"), Kind::Refuse("AccessDenied", "Access Denied")));
    let outcome = bench.import(json!({})).await;
    outcome.image();
    let expected = format!("aws --region us-east-1 s3api delete-object --bucket {BUCKET} --key packer-import-1793606400.raw");
    assert!(outcome.text.contains(&expected), "{}", outcome.text);
}
