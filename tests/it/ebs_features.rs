//! What a build switches on for its instance and its images: network features, deprecation, protection, fast launch.

use amibake_ec2::lab::{At, Fault, Kind, Lab, Protection, Times};
use amibake_ec2::model::DescribeImages;
use serde_json::{Value, json};

use super::ebs_lab::{Bench, Outcome, REGION, builder, images, lab};

/// A builder that starts from Windows.
fn windows(keys: Value) -> Value {
    let mut config = builder(json!({
        "source_ami_filter": {"filters": {"name": "Windows_Server-2022-English-Full-Base-*"}, "owners": ["amazon"], "most_recent": true},
        "instance_type": "m5.large",
    }));
    config.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    config
}

/// The parameters of all calls of this name, sorted: `REGION: Key=value Key=value`.
fn sent(outcome: &Outcome, operation: &str) -> Vec<String> {
    let calls = outcome.calls.iter().filter(|call| call.operation == operation);
    let shown = calls.map(|call| {
        let parameters: Vec<String> = call
            .parameters
            .iter()
            .filter(|(key, _)| !key.starts_with("ImageId") && *key != "InstanceId")
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        format!("{}: {}", call.region, parameters.join(" "))
    });
    let mut shown: Vec<_> = shown.collect();
    shown.sort();
    shown
}

/// Where a call stands among those that change something.
fn position(outcome: &Outcome, operation: &str) -> usize {
    outcome.changes().iter().position(|name| *name == operation).unwrap_or_else(|| panic!("no {operation} in {:?}", outcome.changes()))
}

#[tokio::test(start_paused = true)]
async fn network_features_are_set_on_the_stopped_instance() {
    let bench = Bench::new(lab());
    let outcome = bench.bake(builder(json!({"ena_support": true, "sriov_support": true}))).await;
    let [id] = &images(outcome.artifact())[..] else { panic!("{}", outcome.text) };
    let network = bench.lab.image(id).unwrap().features.network;
    assert_eq!((network.ena, network.sriov), (Some(true), true), "the image takes them over");
    let changes = outcome.changes();
    let stop = position(&outcome, "StopInstances");
    assert_eq!(changes[stop..stop + 4], ["StopInstances", "ModifyInstanceAttribute", "ModifyInstanceAttribute", "CreateImage"]);
    let lines = "==> Enabling Enhanced Networking (SR-IOV)...\n==> Enabling Enhanced Networking (ENA)...\n";
    assert!(outcome.text.contains(lines), "{}", outcome.text);
}

#[tokio::test(start_paused = true)]
async fn a_network_feature_that_ec2_refuses_is_named() {
    let bench = Bench::new(lab());
    bench.lab.fault(Fault::new(At::Operation("ModifyInstanceAttribute", 1), Kind::Refuse("InvalidParameterCombination", "no")));
    let outcome = bench.bake(builder(json!({"ena_support": false}))).await;
    let error = outcome.error();
    assert!(error.starts_with("Error disabling Enhanced Networking (ENA) on i-"), "{error}");
    assert!(error.ends_with(" in us-east-1: ModifyInstanceAttribute: InvalidParameterCombination: no"), "{error}");
    assert_eq!(outcome.remaining, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn network_features_need_hvm() {
    let bench = Bench::new(lab());
    let outcome = bench.bake(builder(json!({"sriov_support": true, "ami_virtualization_type": "paravirtual"}))).await;
    assert_eq!(outcome.error(), "Cannot enable enhanced networking, AMIVirtType 'paravirtual' is not HVM");
    assert_eq!(outcome.changes(), Vec::<&str>::new());
    // Switching ENA off needs nothing.
    bench.bake(builder(json!({"ena_support": false, "ami_virtualization_type": "paravirtual"}))).await.artifact();
}

#[tokio::test(start_paused = true)]
async fn images_are_deprecated_in_every_region() {
    let bench = Bench::new(lab());
    let keys = json!({"deprecate_at": "2029-12-31T23:30:00-02:00", "ami_regions": ["us-west-2"]});
    let outcome = bench.bake(builder(keys)).await;
    outcome.artifact();
    let at = "DeprecateAt=2030-01-01T01:30:00Z";
    assert_eq!(sent(&outcome, "EnableImageDeprecation"), [format!("us-east-1: {at}"), format!("us-west-2: {at}")]);
    for id in images(outcome.artifact()) {
        assert_eq!(bench.lab.image(&id).unwrap().deprecated_since.as_deref(), Some("2030-01-01T01:30:00.000Z"));
        assert!(outcome.text.contains(&format!("==> Enabling deprecation on AMI ({id}) in region \"us-")), "{}", outcome.text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deprecation_in_the_past_fails_and_leaves_nothing() {
    let outcome = Bench::new(lab()).bake(builder(json!({"deprecate_at": "2020-01-01T00:00:00Z"}))).await;
    assert!(outcome.error().starts_with("Error enable AMI deprecation of ami-"), "{}", outcome.error());
    assert_eq!(outcome.remaining, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn protection_is_the_last_change_of_an_image() {
    for (keys, cooldown) in [(json!({"enabled": true}), false), (json!({"with_cooldown": true}), true)] {
        let bench = Bench::new(lab());
        let keys =
            json!({"deregistration_protection": keys, "ami_regions": ["us-west-2"], "tags": {"a": "b"}, "ami_users": ["111122223333"]});
        let outcome = bench.bake(builder(keys)).await;
        for id in images(outcome.artifact()) {
            assert_eq!(bench.lab.image(&id).unwrap().features.protection, Protection::On { with_cooldown: cooldown });
        }
        let shown = format!("WithCooldown={cooldown}");
        assert_eq!(sent(&outcome, "EnableImageDeregistrationProtection"), [format!("us-east-1: {shown}"), format!("us-west-2: {shown}")]);
        let last = outcome.changes().iter().rposition(|name| *name == "CreateTags" || *name == "ModifyImageAttribute").unwrap();
        assert!(position(&outcome, "EnableImageDeregistrationProtection") > last, "{:?}", outcome.changes());
        assert_eq!(outcome.remaining, Vec::<String>::new());
    }
    let off = Bench::new(lab()).bake(builder(json!({"deregistration_protection": {"enabled": false}}))).await;
    assert_eq!(sent(&off, "EnableImageDeregistrationProtection"), Vec::<String>::new());
}

/// A protected image in one region must not stay because the other region's protection failed.
#[tokio::test(start_paused = true)]
async fn protection_that_fails_in_one_region_is_taken_off_the_other() {
    for nth in [1, 2] {
        let bench = Bench::new(lab());
        bench.lab.fault(Fault::new(At::Operation("EnableImageDeregistrationProtection", nth), Kind::Refuse("UnauthorizedOperation", "no")));
        let keys = json!({"deregistration_protection": {"enabled": true}, "ami_regions": ["us-west-2"]});
        let outcome = bench.bake(builder(keys)).await;
        assert!(outcome.error().starts_with("failed to enable AMI deregistration protection of ami-"), "{}", outcome.error());
        assert_eq!(outcome.remaining, Vec::<String>::new());
        assert_eq!(outcome.leftovers, []);
        assert!(position(&outcome, "DisableImageDeregistrationProtection") < position(&outcome, "DeregisterImage"));
    }
}

/// With a cooldown EC2 keeps such an image for a day, and the build says so.
#[tokio::test(start_paused = true)]
async fn a_cooldown_that_is_in_the_way_is_told() {
    let bench = Bench::new(lab());
    bench.lab.fault(Fault::new(At::Operation("EnableImageDeregistrationProtection", 2), Kind::Refuse("UnauthorizedOperation", "no")));
    let keys = json!({"deregistration_protection": {"with_cooldown": true}, "ami_regions": ["us-west-2"]});
    let outcome = bench.bake(builder(keys)).await;
    outcome.error();
    let [left] = &outcome.leftovers[..] else { panic!("{:?}", outcome.leftovers) };
    assert!(left.what.starts_with("image ami-") && left.why.contains("protected against deregistration"), "{left}");
    assert!(left.command.contains(" ec2 deregister-image --image-id ami-"), "{left}");
}

#[tokio::test(start_paused = true)]
async fn fast_launch_is_switched_on_and_waited_for() {
    let lab = lab();
    let id = lab.add_launch_template("us-west-2", "prepare", 7);
    lab.add_launch_template(REGION, "home", 2);
    let bench = Bench::new(lab);
    let keys = json!({
        "ami_regions": ["us-west-2", "eu-west-1", "eu-west-2"],
        "fast_launch": {
            "enable_fast_launch": true, "template_name": "home", "template_version": 1, "max_parallel_launches": 8, "target_resource_count": 10,
            "region_launch_templates": [
                {"region": "us-west-2", "template_id": id},
                {"region": "eu-west-1", "enable_fast_launch": false},
            ],
        },
    });
    let outcome = bench.bake(windows(keys)).await;
    outcome.artifact();
    let counts = "MaxParallelLaunches=8 SnapshotConfiguration.TargetResourceCount=10";
    assert_eq!(
        sent(&outcome, "EnableFastLaunch"),
        [
            format!("eu-west-2: {counts}"),
            format!("us-east-1: LaunchTemplate.LaunchTemplateName=home LaunchTemplate.Version=1 {counts}"),
            format!("us-west-2: LaunchTemplate.LaunchTemplateId={id} LaunchTemplate.Version=7 {counts}"),
        ]
    );
    assert!(sent(&outcome, "DescribeFastLaunchImages").len() > 3, "it was waited for");
    assert!(
        outcome.text.contains(" in region eu-west-2\n") && outcome.text.contains("==> Enabling fast boot for AMI ami-"),
        "{}",
        outcome.text
    );
    assert_eq!(outcome.remaining, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn fast_launch_that_fails_is_ended_before_its_image_goes() {
    let bench = Bench::new(lab());
    bench.lab.fault(Fault::new(At::Operation("EnableFastLaunch", 1), Kind::Spoil("The launch template has no network.")));
    let outcome = bench.bake(windows(json!({"fast_launch": {"enable_fast_launch": true}}))).await;
    let error = outcome.error();
    assert!(error.starts_with("Failed to enable fast-launch of ami-"), "{error}");
    assert!(error.ends_with(" in us-east-1 because of errors: The launch template has no network."), "{error}");
    assert!(position(&outcome, "DisableFastLaunch") < position(&outcome, "DeregisterImage"));
    assert_eq!(outcome.remaining, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_fast_launch_lacks_is_said_before_anything_is_made() {
    let bench = Bench::new(lab());
    bench.lab.add_launch_template(REGION, "old", 2);
    let linux = bench.bake(builder(json!({"fast_launch": {"enable_fast_launch": true}}))).await;
    assert!(linux.error().starts_with("fast launch is for Windows images only, and the source image ami-"), "{}", linux.error());
    let missing = bench.bake(windows(json!({"fast_launch": {"template_id": "lt-0123456789abcdef0"}}))).await;
    assert!(
        missing.error().contains("lt-0123456789abcdef0 in us-east-1: DescribeLaunchTemplates: InvalidLaunchTemplateId.NotFound"),
        "{}",
        missing.error()
    );
    let version = bench.bake(windows(json!({"fast_launch": {"template_name": "old", "template_version": 3}}))).await;
    let expected = "specified version (3) is higher than the latest launch template version (2) for region \"us-east-1\"";
    assert_eq!(version.error(), expected);
    for outcome in [linux, missing, version] {
        assert_eq!(outcome.changes(), Vec::<&str>::new());
    }
}

/// Each changing call of a build with all features fails, or its reply is lost.
#[tokio::test(start_paused = true)]
async fn a_failure_anywhere_leaves_nothing() {
    let config = || {
        windows(json!({
            "ena_support": true, "sriov_support": true, "deprecate_at": "2030-01-01T00:00:00Z", "ami_regions": ["us-west-2"],
            "deregistration_protection": {"enabled": true}, "fast_launch": {"enable_fast_launch": true},
        }))
    };
    let clean = Bench::new(Lab::with_times(Times::fast())).bake(config()).await;
    clean.artifact();
    for call in clean.calls.iter().filter(|call| call.changes) {
        for lost in [false, true] {
            let bench = Bench::new(Lab::with_times(Times::fast()));
            let kind = if lost { Kind::LoseReply } else { Kind::Refuse("UnauthorizedOperation", "no") };
            bench.lab.fault(Fault::new(At::Call(call.number), kind));
            let outcome = bench.bake(config()).await;
            let at = format!("{} in {}, lost {lost}: {}", call.operation, call.region, outcome.text);
            assert!(!lost || outcome.result.is_ok(), "{at}");
            if outcome.leftovers.is_empty() {
                assert_eq!(outcome.remaining, Vec::<String>::new(), "{at}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn windows_gets_an_rsa_key() {
    let bench = Bench::new(lab());
    for (config, kind) in [(windows(json!({})), "rsa"), (builder(json!({"ami_name": "linux"})), "ed25519")] {
        let outcome = bench.bake(config).await;
        outcome.artifact();
        assert_eq!(outcome.call("CreateKeyPair").parameters["KeyType"], kind);
    }
    let outcome = bench.bake(windows(json!({"temporary_key_pair_type": "ed25519", "ami_name": "other"}))).await;
    assert!(outcome.error().contains("ED25519 key pairs are not supported with Windows"), "{}", outcome.error());
}

/// The source and its architecture decide; nothing but the instance type has to be said.
#[tokio::test(start_paused = true)]
async fn arm_images_are_made_of_arm_sources() {
    let bench = Bench::new(lab());
    let filter = json!({"filters": {"name": "al2023-ami-2023*-kernel-6.1-arm64"}, "owners": ["amazon"], "most_recent": true});
    let outcome = bench.bake(builder(json!({"source_ami_filter": filter, "instance_type": "t4g.micro"}))).await;
    let ids = images(outcome.artifact());
    let found = bench.lab.region(REGION).describe_images(DescribeImages { ids, ..DescribeImages::default() }).await.unwrap();
    assert_eq!(found[0].architecture, "arm64");
    let wrong =
        Bench::new(lab()).bake(builder(json!({"source_ami_filter": filter, "instance_type": "t3.micro", "ami_name": "wrong"}))).await;
    assert!(wrong.error().contains("architecture"), "{}", wrong.error());
    assert_eq!(wrong.remaining, Vec::<String>::new());
}
