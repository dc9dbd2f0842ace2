//! `amazon-ebssurrogate` and `amazon-ebsvolume` on the lab: what they ask of EC2, what they leave, and which mistakes they find.

use amibake_ec2::lab::{At, Fault, Kind, Lab, Times};
use amibake_ec2::model::Tag;
use amibake_ec2::{SnapshotId, VolumeId};
use serde_json::{Value, json};

use super::ebs_lab::{Bench, Outcome, builder, ids, images};

fn bench() -> Bench {
    Bench::new(Lab::with_times(Times::fast()))
}

fn with(base: Value, keys: Value) -> Value {
    let mut config = builder(base);
    if let (Value::Object(config), Value::Object(keys)) = (&mut config, keys) {
        config.extend(keys);
        config.retain(|_, value| !value.is_null());
    }
    config
}

fn volumes(keys: Value) -> Value {
    let base = json!({
        "type": "amazon-ebsvolume",
        "ami_name": null,
        "ebs_volumes": [
            {"device_name": "/dev/xvdf", "volume_size": 4, "tags": {"Name": "data", "Src": "{{ .SourceAMI }}"}},
            {"device_name": "/dev/xvdg", "volume_size": 5},
            {"device_name": "/dev/xvdh", "volume_size": 6, "delete_on_termination": true, "tag": [{"key": "x", "value": "y"}]},
        ],
    });
    with(base, keys)
}

fn surrogate(keys: Value) -> Value {
    let base = json!({
        "type": "amazon-ebssurrogate",
        "ami_virtualization_type": "hvm",
        "launch_block_device_mappings": [
            {"device_name": "/dev/xvdf", "volume_size": 10, "volume_type": "gp3", "delete_on_termination": true},
            {"device_name": "/dev/xvdg", "volume_size": 5, "delete_on_termination": true, "omit_from_artifact": true},
            {"device_name": "/dev/xvdh", "volume_size": 6, "delete_on_termination": true, "encrypted": true},
        ],
        "ami_root_device": {"source_device_name": "/dev/xvdf", "device_name": "/dev/xvda"},
        "ami_block_device_mappings": [{"device_name": "/dev/sdb", "virtual_name": "ephemeral0"}],
    });
    with(base, keys)
}

fn parameters<'a>(outcome: &'a Outcome, operation: &str, prefix: &str) -> Vec<(&'a str, &'a str)> {
    let all = &outcome.call(operation).parameters;
    all.iter().filter(|(key, _)| key.starts_with(prefix)).map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

fn count(outcome: &Outcome, operation: &str) -> usize {
    outcome.calls.iter().filter(|call| call.operation == operation).count()
}

#[tokio::test(start_paused = true)]
async fn volumes_that_outlive_the_instance_are_the_artifact() {
    let bench = bench();
    let outcome = bench.bake(volumes(json!({}))).await;
    let artifact = outcome.artifact();
    assert_eq!(artifact.builder_id, "mitchellh.amazon.ebsvolume");
    let kept: Vec<_> = ids(artifact).into_iter().map(|id| bench.lab.volume(&VolumeId::new(id).unwrap()).unwrap()).collect();
    let mut sizes: Vec<_> = kept.iter().map(|volume| (volume.ebs.size, volume.tags.len(), volume.attached.is_some())).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [(4, 2, false), (5, 0, false)], "their own tags, and no trace of the run");
    let source = kept.iter().flat_map(|volume| &volume.tags).find(|tag| tag.key == "Src").unwrap();
    assert!(source.value.starts_with("ami-") && !source.value.ends_with(' '), "{source:?}");
    assert_eq!(artifact.text, format!("EBS Volumes were created:\n\n{}", artifact.id.replace(',', "\n")));
    assert!(outcome.text.contains("==> Created Volumes: EBS Volumes were created:"), "{}", outcome.text);
    assert_eq!(outcome.remaining, [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn run_volume_tags_are_taken_off_again() {
    let outcome = bench().bake(volumes(json!({"run_volume_tags": {"Tmp": "{{ .BuildRegion }}"}}))).await;
    let taken: Vec<_> = outcome.calls.iter().filter(|call| call.operation == "DeleteTags").map(|call| &call.parameters).collect();
    assert_eq!((taken[0]["Tag.1.Key"].as_str(), taken[0]["Tag.1.Value"].as_str()), ("Tmp", "us-east-1"));
    assert!(
        taken[0].contains_key("ResourceId.3") && !taken[1].contains_key("ResourceId.3"),
        "all volumes, then those that are handed over"
    );
}

#[tokio::test(start_paused = true)]
async fn snapshots_of_volumes_are_made_side_by_side_and_shared() {
    let bench = bench();
    let volume = |device: &str, more: Value| {
        let mut volume = json!({"device_name": device, "volume_size": 4, "snapshot_volume": true});
        volume.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        volume
    };
    let outcome = bench
        .bake(volumes(json!({"ebs_volumes": [
            volume("/dev/xvdf", json!({"snapshot_description": "mine", "snapshot_tags": {"S": "1"}, "snapshot_users": ["111122223333"]})),
            volume("/dev/xvdg", json!({"snapshot_groups": ["all"]})),
        ]})))
        .await;
    let snapshots = ids(outcome.artifact()).into_iter().filter_map(|id| SnapshotId::new(id).ok());
    let mut seen: Vec<_> = snapshots.map(|id| bench.lab.snapshot(&id).unwrap()).collect();
    seen.sort_by(|a, b| b.description.cmp(&a.description));
    assert_eq!(seen[0].description, "mine");
    assert_eq!((seen[0].users.as_slice(), seen[0].tags.len()), (&["111122223333".to_owned()][..], 1));
    assert!(seen[1].description.starts_with("Packer: 2026-"), "{}", seen[1].description);
    assert_eq!(seen[1].groups, ["all"]);
    assert_eq!(seen[0].during.0, seen[1].during.0, "side by side");
    assert_eq!(outcome.remaining, [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_image_is_registered_of_the_snapshots() {
    let bench = bench();
    let keys = json!({"ami_architecture": "arm64", "boot_mode": "uefi", "uefi_data": "AAAA", "tpm_support": "v2.0", "tags": {"Name": "x"}, "snapshot_tags": {"S": "1"}});
    let outcome = bench.bake(surrogate(keys)).await;
    assert_eq!(outcome.artifact().builder_id, "mitchellh.amazon.ebssurrogate");
    assert_eq!(count(&outcome, "CreateSnapshot"), 2, "not of what is left out");
    let of = |key: &str| outcome.call("RegisterImage").parameters[key].clone();
    assert_eq!(
        ["Architecture", "BootMode", "UefiData", "TpmSupport", "RootDeviceName", "VirtualizationType"].map(of),
        ["arm64", "uefi", "AAAA", "v2.0", "/dev/xvda", "hvm"]
    );
    let devices = parameters(&outcome, "RegisterImage", "BlockDeviceMapping");
    let names: Vec<_> = devices.iter().filter(|(key, _)| key.ends_with("DeviceName")).map(|(_, name)| *name).collect();
    assert_eq!(names, ["/dev/sdb", "/dev/xvda", "/dev/xvdh"]);
    assert!(!devices.iter().any(|(key, _)| key.ends_with("Encrypted")), "a snapshot says itself: {devices:?}");
    let image = bench.lab.image(&images(outcome.artifact())[0]).unwrap();
    assert_eq!(image.snapshots().count(), 2);
    assert_eq!(image.tags.len(), 1);
    assert_eq!(outcome.remaining, [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_temporary_image_goes_with_its_snapshots() {
    let outcome = bench().bake(surrogate(json!({"encrypt_boot": true, "ami_regions": ["us-west-2"]}))).await;
    assert_eq!(images(outcome.artifact()).len(), 2);
    assert_eq!(count(&outcome, "CopyImage"), 2);
    assert_eq!(outcome.call("RegisterImage").parameters["Name"].len(), 7);
    assert_eq!(outcome.remaining, [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn with_use_create_image_the_root_is_swapped() {
    let bench = bench();
    let outcome = bench.bake(surrogate(json!({"use_create_image": true, "run_tags": {"creator": "me"}}))).await;
    let changes = outcome.changes();
    let at = |operation: &str| changes.iter().position(|one| *one == operation).unwrap_or_else(|| panic!("no {operation}: {changes:?}"));
    assert!(at("DetachVolume") < at("AttachVolume") && at("AttachVolume") < at("CreateImage"), "{changes:?}");
    assert_eq!(count(&outcome, "DetachVolume"), 3, "the old root, the new one, and what is left out");
    assert_eq!(outcome.call("AttachVolume").parameters["Device"], "/dev/xvda");
    let image = bench.lab.image(&images(outcome.artifact())[0]).unwrap();
    let mut names: Vec<_> = image.devices.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["/dev/sdb", "/dev/xvda", "/dev/xvdh"]);
    assert!(image.tags.iter().any(|tag| tag.key == "creator"), "made of the instance, it has the run's tags");
    assert_eq!(outcome.remaining, [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn spot_instances_are_not_stopped() {
    for config in [volumes(json!({"spot_price": "auto"})), surrogate(json!({"spot_price": "auto"}))] {
        let outcome = bench().bake(config).await;
        outcome.artifact();
        let changes = outcome.changes();
        assert!(changes.contains(&"CreateFleet"), "{changes:?}");
        assert!(!changes.contains(&"RunInstances") && !changes.contains(&"StopInstances"), "{changes:?}");
        assert_eq!(outcome.remaining, [] as [String; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_taken_name_removes_the_snapshots() {
    let bench = bench();
    bench.lab.fault(Fault::new(At::Operation("RegisterImage", 1), Kind::Refuse("InvalidAMIName.Duplicate", "duplicate")));
    let outcome = bench.bake(surrogate(json!({}))).await;
    assert_eq!(outcome.error(), "Error registering AMI in us-east-1: RegisterImage: InvalidAMIName.Duplicate: duplicate");
    assert!(outcome.text.contains("Removing snapshots since we cancelled or halted..."), "{}", outcome.text);
    assert_eq!(outcome.remaining, [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_fails_takes_all_along() {
    for config in
        [surrogate(json!({})), volumes(json!({"ebs_volumes": [{"device_name": "/dev/xvdf", "volume_size": 4, "snapshot_volume": true}]}))]
    {
        let bench = bench();
        bench.lab.fault(Fault::new(At::Operation("CreateSnapshot", 1), Kind::Spoil("no space")));
        let outcome = bench.bake(config).await;
        assert!(outcome.error().contains("it is now `error"), "{}", outcome.error());
        assert_eq!(outcome.remaining, [] as [String; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn force_makes_room() {
    let mut bench = bench();
    bench.bake(surrogate(json!({}))).await.artifact();
    bench.bake(surrogate(json!({}))).await.error();
    bench.force = true;
    let outcome = bench.bake(surrogate(json!({"force_delete_snapshot": true}))).await;
    outcome.artifact();
    assert!(outcome.text.contains("Deregistered AMI an-image"), "{}", outcome.text);
}

/// The examples of both builders, baked as they stand.
#[tokio::test(start_paused = true)]
async fn the_examples_bake() {
    for (example, left) in [("data-volume", 2), ("surrogate-image", 1)] {
        let path = crate::program::repository("examples").join(example).join("template.json");
        let text = std::fs::read_to_string(path).unwrap().replace("{{timestamp}}", "1");
        let mut config = serde_json::from_str::<Value>(&text).unwrap()["builders"][0].take();
        check(config.clone(), &[]);
        config["region"] = json!("us-east-1");
        let outcome = bench().bake(config).await;
        assert_eq!(ids(outcome.artifact()).len(), left, "{example}");
        assert_eq!(outcome.remaining, [] as [String; 0], "{example}");
    }
}

#[track_caller]
fn check(config: Value, expected: &[&str]) {
    assert_eq!(super::ebs_config::found_in(config.clone()), expected, "{config}");
}

#[test]
fn mistakes_of_volumes() {
    check(volumes(json!({})), &[]);
    let volume = |more: Value| {
        let mut volume = json!({"device_name": "/dev/xvdf"});
        volume.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        volumes(json!({"ebs_volumes": [volume]}))
    };
    check(volume(json!({"snapshot_description": "x"})), &["\"x\": `snapshot_description` is set without `snapshot_volume`"]);
    check(volume(json!({"volume_type": "gp3", "iops": 100})), &["100: `iops` of a gp3 volume is 3000 to 16000, not 100"]);
    check(volumes(json!({"ebs_volumes": [{"volume_size": 1}]})), &["{: a block device mapping needs a `device_name`"]);
    check(volumes(json!({"ami_name": "x"})), &["\"ami_name\": unknown key `ami_name` in the builder `amazon-ebsvolume`"]);
}

#[test]
fn mistakes_of_surrogates() {
    check(surrogate(json!({})), &[]);
    check(surrogate(json!({"ami_virtualization_type": ""})), &["\"\": `ami_virtualization_type` must be given"]);
    check(
        surrogate(json!({"ami_root_device": {"source_device_name": "/dev/xvdz", "device_name": "/dev/xvda"}})),
        &["\"/dev/xvdz\": `launch_block_device_mappings` has no volume `/dev/xvdz`"],
    );
    check(
        surrogate(json!({"ami_root_device": {"source_device_name": "/dev/xvdg", "device_name": "/dev/xvda"}})),
        &["true: the image cannot do without its root volume: `omit_from_artifact` must not be true for it"],
    );
    check(
        surrogate(
            json!({"ami_root_device": {"source_device_name": "/dev/xvdf", "device_name": "", "volume_type": "gp2", "iops": 1, "volume_size": -1}}),
        ),
        &[
            "{: `ami_root_device` needs a `device_name`",
            "1: a gp2 volume takes no `iops`",
            "-1: `volume_size` is a positive number, not -1",
        ],
    );
    check(
        surrogate(json!({"ami_architecture": "sparc"})),
        &["\"sparc\": `ami_architecture` is one of `arm64`, `arm64_mac`, `i386`, `x86_64`, `x86_64_mac`, not `sparc`"],
    );
    check(surrogate(json!({"tpm_support": "v1"})), &["\"v1\": `tpm_support` is one of `v2.0`, not `v1`"]);
    check(
        surrogate(json!({"boot_mode": "floppy"})),
        &["\"floppy\": `boot_mode` is one of `uefi`, `legacy-bios`, `uefi-preferred`, not `floppy`"],
    );
    check(
        surrogate(json!({"uefi_data": "x", "boot_mode": "legacy-bios"})),
        &["\"x\": `uefi_data` needs `boot_mode` uefi, not `legacy-bios`"],
    );
    check(
        surrogate(json!({"uefi_data": "x"})),
        &["\"x\": `uefi_data` needs `boot_mode` uefi, and x86_64 boots by `legacy-bios` unless told otherwise"],
    );
    check(surrogate(json!({"uefi_data": "x", "ami_architecture": "arm64"})), &[]);
    check(
        surrogate(json!({"use_create_image": true, "spot_price": "auto"})),
        &["true: `use_create_image` is not for spot instances, which cannot be stopped, and `spot_price` asks for one"],
    );
    check(
        surrogate(json!({"use_create_image": true, "boot_mode": "uefi"})),
        &["\"uefi\": `boot_mode` has no effect beside `use_create_image`"],
    );
}

#[tokio::test(start_paused = true)]
async fn tags_of_volumes_as_blocks() {
    let bench = bench();
    let tags = |name: &str| json!([{"key": name, "value": "1"}]);
    let volume =
        json!({"device_name": "/dev/xvdf", "volume_size": 4, "snapshot_volume": true, "tag": tags("V"), "snapshot_tag": tags("S")});
    let outcome = bench.bake(volumes(json!({"ebs_volumes": [volume]}))).await;
    let snapshot = ids(outcome.artifact()).into_iter().find_map(|id| SnapshotId::new(id).ok()).unwrap();
    assert_eq!(bench.lab.snapshot(&snapshot).unwrap().tags, [Tag { key: "S".to_owned(), value: "1".to_owned() }]);
    assert_eq!(parameters(&outcome, "CreateTags", "Tag"), [("Tag.1.Key", "V"), ("Tag.1.Value", "1")]);
}
