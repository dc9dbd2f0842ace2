//! Each call of a spot build by each builder, and of one with a temporary instance profile, fails, loses its request, its reply, or is where
//! the build is cancelled: nothing is left behind, launch templates, roles and profiles included.

use amibake_ec2::lab::{At, Fault, Kind, Lab, Times};
use serde_json::{Value, json};

use super::ebs_faults::{at_each_call, cancelled_at_each_call, surrogate, volumes};
use super::ebs_lab::{Bench, Outcome, builder};

fn spot() -> Value {
    builder(json!({
        "spot_price": "0.05", "instance_type": null, "spot_instance_types": ["t3.micro", "t3a.micro"],
        "spot_tags": {"Spot": "s"}, "fleet_tags": {"Fleet": "f"}, "run_tags": {"creator": "me"}, "run_volume_tags": {"Vol": "v"},
    }))
}

fn profile() -> Value {
    let statement = json!({"Effect": "Allow", "Action": ["logs:*"], "Resource": ["*"]});
    builder(json!({"temporary_iam_instance_profile_policy_document": {"Version": "2012-10-17", "Statement": [statement]}}))
}

fn both() -> Value {
    let mut both = spot();
    both["temporary_iam_instance_profile_policy_document"] = profile()["temporary_iam_instance_profile_policy_document"].clone();
    both
}

/// Another builder on a spot instance with such a profile.
fn on_spot(mut config: Value) -> Value {
    config["spot_price"] = json!("auto");
    config["temporary_iam_instance_profile_policy_document"] = profile()["temporary_iam_instance_profile_policy_document"].clone();
    config
}

/// All of them.
const CONFIGS: [fn() -> Value; 5] = [spot, profile, both, || on_spot(volumes()), || on_spot(surrogate())];

/// An image, or an error that says what EC2 or IAM said.
#[track_caller]
fn says_why(at: &str, outcome: &Outcome) {
    match &outcome.result {
        Ok(artifact) => assert!(artifact.is_some(), "success without an image at {at}"),
        Err(error) => assert!(error.to_string().contains("UnauthorizedOperation: You are not authorized"), "{at}: {error}"),
    }
}

#[track_caller]
fn succeeds(at: &str, outcome: &Outcome) {
    assert!(outcome.result.is_ok(), "{at}: {}", outcome.error());
}

fn refused() -> Kind {
    Kind::Refuse("UnauthorizedOperation", "You are not authorized to perform this operation.")
}

#[tokio::test(start_paused = true)]
async fn a_refusal_anywhere_leaves_nothing() {
    for config in CONFIGS {
        at_each_call(config, refused, says_why).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_anywhere_is_survived() {
    for config in CONFIGS {
        at_each_call(config, || Kind::LoseReply, succeeds).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_anywhere_is_survived() {
    for config in CONFIGS {
        at_each_call(config, || Kind::LoseRequest, succeeds).await;
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_before_or_after_any_call() {
    for config in CONFIGS {
        for after in [false, true] {
            cancelled_at_each_call(config, after).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_never_answers_is_found_and_removed() {
    for operation in
        ["CreateLaunchTemplate", "CreateFleet", "CreateInstanceProfile", "CreateRole", "PutRolePolicy", "AddRoleToInstanceProfile"]
    {
        for kind in [Kind::LoseReply, Kind::LoseRequest] {
            let bench = Bench::new(Lab::with_times(Times::fast()));
            bench.lab.fault(Fault::new(At::Every(operation), kind.clone()));
            let outcome = bench.bake(both()).await;
            assert!(outcome.error().contains(&format!("{operation}: no reply arrived")), "{}", outcome.error());
            assert_eq!((outcome.remaining, outcome.leftovers), (Vec::new(), Vec::new()), "{operation} {kind:?}:\n{}", outcome.text);
        }
    }
}
