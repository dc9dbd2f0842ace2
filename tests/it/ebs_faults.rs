//! Each call of a build fails, loses its request, its reply, or is where the build is cancelled: nothing is left behind, and the outcome
//! is an error unless there is an image.

use amibake_ec2::lab::{At, Fault, Kind, Lab, Times};
use serde_json::{Value, json};

use super::ebs_lab::{Bench, Outcome, builder};

/// Seconds for each state: every wait is there, with few looks.
fn lab() -> Lab {
    Lab::with_times(Times::fast())
}

/// A build with all that makes calls: tags, a copy, sharing.
fn everything() -> Value {
    builder(json!({
        "ami_regions": ["us-west-2"],
        "tags": {"Name": "x"}, "snapshot_tags": {"Snap": "y"}, "run_tags": {"creator": "me"}, "run_volume_tags": {"Vol": "z"},
        "ami_users": ["111122223333"], "snapshot_users": ["111122223333"], "ami_description": "described",
    }))
}

/// Builds with a fault at each call in turn.
pub(crate) async fn at_each_call(config: fn() -> Value, kind: impl Fn() -> Kind, check: impl Fn(&str, &Outcome)) {
    let clean = Bench::of(lab(), &config()).await.bake(config()).await;
    clean.artifact();
    for call in &clean.calls {
        let bench = Bench::of(lab(), &config()).await;
        bench.lab.fault(Fault::new(At::Call(call.number), kind()));
        let outcome = bench.bake(config()).await;
        let at = format!("call {} ({} in {})", call.number, call.operation, call.region);
        nothing_unsaid(&at, &outcome);
        check(&at, &outcome);
    }
}

/// Nothing exists beyond the artifact, but for what EC2 refused to remove: that is told, with the command that removes it.
#[track_caller]
fn nothing_unsaid(at: &str, outcome: &Outcome) {
    if outcome.leftovers.is_empty() {
        assert_eq!(outcome.remaining, Vec::<String>::new(), "left behind at {at}:\n{}", outcome.text);
    }
    for leftover in &outcome.leftovers {
        assert!(leftover.why.contains("UnauthorizedOperation") || leftover.why.contains("InternalError"), "{at}: {leftover:?}");
        assert!(!outcome.remaining.is_empty(), "{at}: told to be left, but gone: {leftover:?}");
    }
}

/// An error, or an image.
#[track_caller]
fn fails_or_has_an_image(at: &str, outcome: &Outcome) {
    match &outcome.result {
        Ok(artifact) => assert!(artifact.is_some(), "success without an image at {at}"),
        Err(error) => assert!(error.to_string().contains("us-"), "{at}: {error} names no region"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_anywhere_leaves_nothing() {
    at_each_call(
        everything,
        || Kind::Refuse("UnauthorizedOperation", "You are not authorized to perform this operation."),
        |at, outcome| {
            fails_or_has_an_image(at, outcome);
            if let Err(error) = &outcome.result {
                assert!(error.to_string().contains("UnauthorizedOperation: You are not authorized"), "{at}: {error}");
            }
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_anywhere_is_survived() {
    at_each_call(everything, || Kind::LoseReply, |at, outcome| assert!(outcome.result.is_ok(), "{at}: {}", outcome.error())).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_anywhere_is_survived() {
    at_each_call(everything, || Kind::LoseRequest, |at, outcome| assert!(outcome.result.is_ok(), "{at}: {}", outcome.error())).await;
}

#[tokio::test(start_paused = true)]
async fn an_encrypted_build_survives_lost_replies() {
    fn encrypted() -> Value {
        builder(json!({"encrypt_boot": true, "ami_regions": ["us-west-2"], "tags": {"Name": "x"}}))
    }
    at_each_call(encrypted, || Kind::LoseReply, |at, outcome| assert!(outcome.result.is_ok(), "{at}: {}", outcome.error())).await;
    at_each_call(encrypted, || Kind::Refuse("InternalError", "An internal error has occurred"), fails_or_has_an_image).await;
}

/// Cancels the build at each call in turn.
pub(crate) async fn cancelled_at_each_call(config: fn() -> Value, after: bool) {
    let clean = Bench::of(lab(), &config()).await.bake(config()).await;
    clean.artifact();
    for call in &clean.calls {
        let bench = Bench::of(lab(), &config()).await;
        let (cancel, at) = (bench.cancel.clone(), At::Call(call.number));
        let hook = move || cancel.cancel();
        bench.lab.fault(if after { Fault::after(at, hook) } else { Fault::before(at, hook) });
        let outcome = bench.bake(config()).await;
        let at = format!("call {} ({} in {})", call.number, call.operation, call.region);
        assert_eq!(outcome.remaining, Vec::<String>::new(), "left behind when cancelled at {at}:\n{}", outcome.text);
        assert_eq!(outcome.leftovers, [], "at {at}");
        // The last calls of a build are its teardown: there is an image by then.
        match &outcome.result {
            Ok(artifact) => assert!(artifact.is_some(), "at {at}"),
            Err(error) => assert_eq!(error.to_string(), "cancelled", "at {at}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_before_any_call() {
    cancelled_at_each_call(everything, false).await;
}

#[tokio::test(start_paused = true)]
async fn cancelled_after_any_call() {
    cancelled_at_each_call(everything, true).await;
}

/// Volumes with all that makes calls: tags, snapshots, sharing, a volume that goes with the instance.
pub(crate) fn volumes() -> Value {
    builder(json!({
        "type": "amazon-ebsvolume", "ami_name": null,
        "run_volume_tags": {"Vol": "z"},
        "ebs_volumes": [
            {"device_name": "/dev/xvdf", "volume_size": 4, "tags": {"Name": "data"}, "snapshot_volume": true, "snapshot_users": ["111122223333"]},
            {"device_name": "/dev/xvdg", "volume_size": 5, "snapshot_volume": true, "snapshot_tags": {"Snap": "y"}},
            {"device_name": "/dev/xvdh", "volume_size": 6, "delete_on_termination": true, "tags": {"Name": "scratch"}},
        ],
    }))
}

/// An image of surrogate volumes, one of which outlives its instance, with a copy and sharing.
pub(crate) fn surrogate() -> Value {
    builder(json!({
        "type": "amazon-ebssurrogate", "ami_virtualization_type": "hvm", "ami_regions": ["us-west-2"],
        "launch_block_device_mappings": [
            {"device_name": "/dev/xvdf", "volume_size": 8, "delete_on_termination": true},
            {"device_name": "/dev/xvdg", "volume_size": 5, "delete_on_termination": true, "omit_from_artifact": true},
            {"device_name": "/dev/xvdh", "volume_size": 6, "delete_on_termination": true},
        ],
        "ami_root_device": {"source_device_name": "/dev/xvdf", "device_name": "/dev/xvda"},
        "tags": {"Name": "x"}, "snapshot_tags": {"Snap": "y"}, "ami_users": ["111122223333"], "ami_description": "described",
    }))
}

fn encrypted_surrogate() -> Value {
    let mut config = surrogate();
    config["encrypt_boot"] = json!(true);
    config["ami_users"] = json!([]);
    config
}

fn swapped() -> Value {
    let mut config = surrogate();
    config["use_create_image"] = json!(true);
    config["run_tags"] = json!({"creator": "me"});
    config
}

/// The whole table for one builder: each call refused, its request lost, its reply lost, cancelled before and after.
pub(crate) async fn table(config: fn() -> Value) {
    let refused = || Kind::Refuse("UnauthorizedOperation", "You are not authorized to perform this operation.");
    at_each_call(config, refused, fails_or_has_an_image).await;
    at_each_call(config, || Kind::LoseReply, |at, outcome| assert!(outcome.result.is_ok(), "{at}: {}", outcome.error())).await;
    at_each_call(config, || Kind::LoseRequest, |at, outcome| assert!(outcome.result.is_ok(), "{at}: {}", outcome.error())).await;
    cancelled_at_each_call(config, false).await;
    cancelled_at_each_call(config, true).await;
}

#[tokio::test(start_paused = true)]
async fn volumes_leave_nothing_behind() {
    table(volumes).await;
}

#[tokio::test(start_paused = true)]
async fn a_surrogate_leaves_nothing_behind() {
    table(surrogate).await;
}

#[tokio::test(start_paused = true)]
async fn an_encrypted_surrogate_leaves_nothing_behind() {
    table(encrypted_surrogate).await;
}

#[tokio::test(start_paused = true)]
async fn a_swapped_root_leaves_nothing_behind() {
    table(swapped).await;
}

/// What is begun fails later.
#[track_caller]
fn spoilt(operation: &'static str) -> Bench {
    let bench = Bench::new(lab());
    bench.lab.fault(Fault::new(At::Operation(operation, 1), Kind::Spoil("Server.InternalError: Internal error on launch")));
    bench
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_ends_while_it_starts() {
    let outcome = spoilt("RunInstances").bake(everything()).await;
    assert!(outcome.error().starts_with("Error waiting for instance (i-"), "{}", outcome.error());
    assert!(outcome.error().contains("Server.InternalError: Internal error on launch"), "{}", outcome.error());
    assert_eq!(outcome.remaining, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_image_that_fails() {
    let outcome = spoilt("CreateImage").bake(everything()).await;
    assert!(outcome.error().starts_with("Error waiting for AMI ami-"), "{}", outcome.error());
    assert!(outcome.error().contains("Internal error"), "{}", outcome.error());
    assert_eq!(outcome.remaining, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_fails_takes_the_others_along() {
    let outcome = spoilt("CopyImage").bake(everything()).await;
    assert!(outcome.error().starts_with("1 error(s) occurred:\n\n* Error waiting for AMI (ami-"), "{}", outcome.error());
    assert_eq!(outcome.remaining, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_image_slower_than_the_limit() {
    let outcome = Bench::new(lab()).bake(builder(json!({"aws_polling": {"delay_seconds": 1, "max_attempts": 3}}))).await;
    assert!(outcome.error().contains("timed out; the last state was `pending`"), "{}", outcome.error());
    // See `trouble`: it stays, and can be adopted.
    assert_eq!(outcome.remaining.iter().filter(|line| !line.contains(" image ") && !line.contains(" snapshot ")).count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_instance_profile_that_ec2_learns_of_late() {
    let bench = Bench::new(lab());
    for nth in 1..=3 {
        let refusal = Kind::Refuse("InvalidParameterValue", "Value (p) for parameter iamInstanceProfile.name is invalid.");
        bench.lab.fault(Fault::new(At::Operation("RunInstances", nth), refusal));
    }
    let outcome = bench.bake(builder(json!({}))).await;
    outcome.artifact();
    let tokens: Vec<_> =
        outcome.calls.iter().filter(|call| call.operation == "RunInstances").map(|call| call.parameters.get("ClientToken")).collect();
    assert_eq!(tokens.len(), 4);
    assert!(tokens.windows(2).all(|pair| pair[0] != pair[1]), "a refused token is used up: {tokens:?}");
    assert_eq!(outcome.remaining, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_key_pair_and_a_group_that_are_not_known_everywhere_yet() {
    let bench = Bench::new(lab());
    for (nth, code) in [(1, "InvalidGroup.NotFound"), (2, "InvalidKeyPair.NotFound")] {
        bench.lab.fault(Fault::new(At::Operation("RunInstances", nth), Kind::Refuse(code, "does not exist")));
    }
    bench.lab.fault(Fault::new(At::Operation("AuthorizeSecurityGroupIngress", 1), Kind::Refuse("InvalidGroup.NotFound", "does not exist")));
    bench.bake(builder(json!({}))).await.artifact();
}

#[tokio::test(start_paused = true)]
async fn a_group_that_stays_in_use_goes_with_the_instance() {
    let bench = Bench::new(lab());
    for nth in 1..=8 {
        bench
            .lab
            .fault(Fault::new(At::Operation("DeleteSecurityGroup", nth), Kind::Refuse("DependencyViolation", "has a dependent object")));
    }
    let outcome = bench.bake(builder(json!({}))).await;
    outcome.artifact();
    assert_eq!(outcome.remaining, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_not_in_state_yet() {
    let bench = Bench::new(lab());
    for nth in 1..=5 {
        bench.lab.fault(Fault::new(
            At::Operation("CreateImage", nth),
            Kind::Refuse("InvalidParameterValue", "Instance is not in state 'running' or 'stopped'"),
        ));
    }
    bench.bake(builder(json!({}))).await.artifact();
}
