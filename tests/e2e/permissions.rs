//! The policy that `plan` prints, against what the local EC2 was really asked: by a build that succeeds, and by one that is interrupted
//! while its image is made. Nothing is missing, and there is nothing that neither of them needs.

use std::collections::BTreeSet;

use amibake_ec2::Region;
use amibake_ec2::lab::{Call, Lab, images};
use serde_json::{Value, json};

use crate::build_flagship;
use crate::checks::{Things, requests};
use crate::cloud::{Cloud, PROJECT};
use crate::simulator::{Pair, allowing, pairs};

/// A recorded call, in the lab's form.
fn call(record: &Value) -> Call {
    let operation: &'static str = String::leak(record["action"].as_str().unwrap().to_owned());
    let parameters = record["params"].as_object().unwrap().iter();
    Call {
        number: 0,
        region: Region::new(record["region"].as_str().unwrap()),
        operation,
        changes: !operation.starts_with("Describe"),
        parameters: parameters.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect(),
        failed: None,
    }
}

/// A lab that knows whose the source image is.
fn knows_source(calls: &[Call]) -> Lab {
    let lab = Lab::default();
    for id in calls.iter().filter(|call| call.operation == "RunInstances").filter_map(|call| call.parameters.get("ImageId")) {
        let image = json!([{
            "ImageId": id, "Name": "al2023", "OwnerId": "137112412989", "ImageOwnerAlias": "amazon", "Architecture": "x86_64",
            "CreationDate": "2026-01-01T00:00:00.000Z",
        }]);
        lab.add_images(Some(&Region::new("us-east-1")), images::read(&image.to_string()).unwrap());
    }
    lab
}

#[track_caller]
fn used(policy: &Value, report: &Value) -> BTreeSet<Pair> {
    let calls: Vec<Call> = report["calls"].as_array().unwrap().iter().map(call).collect();
    assert!(calls.len() > 10, "{calls:?}");
    let lab = knows_source(&calls);
    let things = Things { lab: &lab, calls: &calls };
    let mut used = BTreeSet::new();
    for request in calls.iter().flat_map(|call| requests(call, &things)) {
        let allowing = allowing(policy, &request);
        assert!(!allowing.is_empty(), "the policy does not allow {request:#?}\n{policy:#}");
        used.extend(allowing);
    }
    used
}

#[test]
fn the_policy_of_the_flagship_allows_what_it_asks_for_and_nothing_else() {
    let Some(mut cloud) = Cloud::start(&[]) else { return };
    let (vars, template) = (format!("-var-file={PROJECT}/packer-vars.json"), format!("{PROJECT}/packer-template.json"));
    let planned = cloud.amibake(&["plan", "-format", "iam-policy", &vars, &template]);
    let policy: Value = serde_json::from_str(&planned.output).unwrap_or_else(|error| panic!("{error}: {}", planned.output));
    let built = build_flagship(&mut cloud);
    assert!(built.status.success(), "{}", built.output);
    let mut used = used(&policy, &cloud.report());
    let Some(mut cloud) = Cloud::start(&["--fault", "CreateImage#1=SIGINT"]) else { return };
    let interrupted = build_flagship(&mut cloud);
    assert!(!interrupted.status.success(), "{}", interrupted.output);
    used.extend(self::used(&policy, &cloud.report()));
    let idle: Vec<Pair> = pairs(&policy).difference(&used).cloned().collect();
    assert!(idle.is_empty(), "no call needs {idle:#?}\n{policy:#}");
}
