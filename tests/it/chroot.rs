//! `amazon-chroot` on the lab: what it asks of EC2 and of this machine, what it leaves, and which mistakes it finds. Nothing is mounted
//! here: a wrapper takes the commands.

use std::path::{Path, PathBuf};

use amibake_ec2::lab::{At, Fault, Kind, Lab, Times};
use serde_json::{Value, json};

use super::ebs_config::found_in;
use super::ebs_faults::table;
use super::ebs_lab::{Bench, Outcome, REGION, images};

fn config(keys: Value) -> Value {
    let mut config = json!({
        "type": "amazon-chroot", "region": REGION, "ami_name": "an-image",
        "source_ami_filter": {"filters": {"name": "al2023-ami-2023*x86_64"}, "owners": ["amazon"], "most_recent": true},
        "device_path": "/dev/xvdzz",
        "command_wrapper": "true {{.Command}}",
    });
    if let (Value::Object(config), Value::Object(keys)) = (&mut config, keys) {
        config.extend(keys);
        config.retain(|_, value| !value.is_null());
    }
    config
}

fn scratch(keys: Value) -> Value {
    let mut config = config(json!({
        "source_ami_filter": null, "from_scratch": true, "root_volume_size": 8, "ami_virtualization_type": "hvm",
        "root_device_name": "/dev/xvda", "pre_mount_commands": ["mkfs {{.Device}}"],
        "ami_block_device_mappings": [
            {"device_name": "/dev/xvda", "delete_on_termination": true},
            {"device_name": "/dev/xvdb", "volume_size": 5, "encrypted": true},
        ],
    }));
    if let (Value::Object(config), Value::Object(keys)) = (&mut config, keys) {
        config.extend(keys);
        config.retain(|_, value| !value.is_null());
    }
    config
}

/// Builds with a log of all local commands; that log.
async fn bake(mut config: Value, fault: Option<Fault>) -> (Bench, Outcome, String) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    config["command_wrapper"] = json!(format!("cat >> {} <<'END'\n{{{{.Command}}}}\nEND", log.display()));
    config["mount_path"] = json!(format!("{}/deep/{{{{.Device}}}}", folder.path().display()));
    let bench = Bench::of(Lab::with_times(Times::fast()), &config).await;
    if let Some(fault) = fault {
        bench.lab.fault(fault);
    }
    let outcome = bench.bake(config).await;
    assert!(!folder.path().join("deep").exists(), "a directory is left");
    assert_eq!(outcome.remaining, [] as [String; 0], "{}", outcome.text);
    let log = std::fs::read_to_string(log).unwrap_or_default();
    (bench, outcome, log.replace(&folder.path().display().to_string(), ""))
}

/// A folder that no other run of the tests uses, and that nothing has made yet.
fn place(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("amibake-chroot-{name}-{}", std::process::id()))
}

fn parameters(outcome: &Outcome, operation: &str) -> Vec<String> {
    let own = |key: &&String| !key.starts_with("TagSpecification") && *key != "ClientToken";
    let all = &outcome.call(operation).parameters;
    all.keys().filter(own).map(|key| format!("{key}={}", all[key])).collect()
}

#[tokio::test(start_paused = true)]
async fn an_image_of_a_source_image() {
    let keys = json!({"root_volume_size": 30, "root_volume_tags": {"In": "{{ .BuildRegion }}"}, "tags": {"Of": "{{ .SourceAMI }}"}});
    let (bench, outcome, log) = bake(config(keys), None).await;
    let artifact = outcome.artifact();
    assert_eq!(artifact.builder_id, "mitchellh.amazon.chroot");
    let image = bench.lab.image(&images(artifact)[0]).unwrap();
    assert_eq!((image.name.as_str(), image.architecture.as_str()), ("an-image", "x86_64"));
    assert!(image.tags.iter().any(|tag| tag.key == "Of" && tag.value.starts_with("ami-")), "{:?}", image.tags);
    let made = parameters(&outcome, "CreateVolume");
    assert!(made.contains(&"Size=30".to_owned()) && made.iter().any(|line| line.starts_with("SnapshotId=snap-")), "{made:?}");
    let registered = parameters(&outcome, "RegisterImage");
    assert!(registered.contains(&"BlockDeviceMapping.1.Ebs.VolumeSize=30".to_owned()), "{registered:?}");
    assert!(!registered.iter().any(|line| line.contains("Encrypted")), "{registered:?}");
    let attached = parameters(&outcome, "AttachVolume");
    assert!(attached.contains(&"Device=/dev/sdzz".to_owned()), "EC2 knows no xvd: {attached:?}");
    assert!(log.starts_with("mount  /dev/xvdzz1 /deep/xvdzz\nmount -t proc proc /deep/xvdzz/proc\n"), "{log}");
    assert!(log.ends_with("umount /deep/xvdzz/proc\ngrep -qF ' /deep/xvdzz ' /proc/mounts\numount /deep/xvdzz\n"), "{log}");
    assert!(log.contains("chroot /deep/xvdzz /bin/sh -c \"provision\"\nrm -f /deep/xvdzz/etc/resolv.conf\n"), "{log}");
    for (name, value) in [("Device", "/dev/xvdzz"), ("ID", "ERR_ID_NOT_IMPLEMENTED_BY_BUILDER")] {
        assert_eq!(artifact.build_data[name], value);
    }
    assert!(artifact.build_data["MountPath"].ends_with("/deep/xvdzz"));
}

#[tokio::test(start_paused = true)]
async fn an_image_from_scratch() {
    let keys = json!({"ami_architecture": "arm64", "mount_partition": "0", "post_mount_commands": ["ls {{.Device}} {{.MountPath}}"], "tags": {"Of": "x{{ .SourceAMI }}"}});
    let (bench, outcome, log) = bake(scratch(keys), None).await;
    let image = bench.lab.image(&images(outcome.artifact())[0]).unwrap();
    assert!(image.tags.iter().any(|tag| tag.value == "x"), "there is no source: {:?}", image.tags);
    assert_eq!(parameters(&outcome, "CreateVolume"), ["AvailabilityZone=us-east-1b", "Size=8", "VolumeType=gp2"]);
    let registered = parameters(&outcome, "RegisterImage");
    for line in ["Architecture=arm64", "BlockDeviceMapping.1.Ebs.VolumeSize=8", "BlockDeviceMapping.2.Ebs.Encrypted=true"] {
        assert!(registered.contains(&line.to_owned()), "{line}: {registered:?}");
    }
    assert!(log.starts_with("mkfs /dev/xvdzz\nmount  /dev/xvdzz /deep/xvdzz\nls /dev/xvdzz /deep/xvdzz\n"), "{log}");
    assert!(!log.contains("resolv.conf"), "nothing is copied: {log}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_command_says_which() {
    let mut keys = config(json!({"post_mount_commands": ["echo {{.MountPath}}"], "command_wrapper": "false {{.Command}}"}));
    keys["mount_path"] = json!(place("fails").join("{{.Device}}"));
    let bench = Bench::of(Lab::with_times(Times::fast()), &keys).await;
    let outcome = bench.bake(keys).await;
    assert_eq!(outcome.error(), "Error mounting root volume: exit status 1");
    assert_eq!(outcome.remaining, [] as [String; 0]);
    assert!(!place("fails").exists());
}

#[tokio::test(start_paused = true)]
async fn what_stays_mounted_keeps_its_volume_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut keys = config(json!({"chroot_mounts": [["proc", "proc", "/proc"]], "copy_files": []}));
    // Nothing can be unmounted.
    keys["command_wrapper"] = json!("case '{{.Command}}' in umount*) echo target is busy >&2; exit 32;; esac");
    keys["mount_path"] = json!(folder.path().join("root"));
    let bench = Bench::of(Lab::with_times(Times::fast()), &keys).await;
    let outcome = bench.bake(keys).await;
    let place = folder.path().join("root/proc");
    assert_eq!(outcome.error(), format!("Error unmounting device: what is mounted at {}: target is busy", place.display()));
    let told: Vec<_> = outcome.leftovers.iter().map(|left| left.command.split(" vol-").next().unwrap()).collect();
    let umount = |path: &Path| format!("umount {}", path.display());
    let expected = [umount(&place), umount(&folder.path().join("root")), "aws --region us-east-1 ec2 detach-volume --volume-id".to_owned()];
    assert_eq!(told, expected);
    assert!(!outcome.changes().contains(&"DetachVolume"), "a volume in use is not pulled out");
}

#[tokio::test(start_paused = true)]
async fn an_instance_of_another_region_and_one_that_is_not_known() {
    let keys = config(json!({"region": "us-west-2"}));
    let bench = Bench::of(Lab::with_times(Times::fast()), &keys).await;
    let error = bench.bake(keys).await.error();
    assert!(error.starts_with("Error getting instance data: this is i-") && error.contains("to be built in us-west-2"), "{error}");
    let refused = Kind::Refuse("InvalidInstanceID.NotFound", "no such instance");
    let (.., outcome, _) = bake(config(json!({})), Some(Fault::new(At::Operation("DescribeInstances", 2), refused))).await;
    assert!(outcome.error().starts_with("Error getting instance data in us-east-1: "), "{}", outcome.error());
}

#[tokio::test(start_paused = true)]
async fn a_device_in_use_is_found_before_anything_is_made() {
    let keys = json!({"device_path": "/dev/xvda"});
    let (.., outcome, _) = bake(config(keys), None).await;
    assert_eq!(outcome.error(), "Device is in use: /dev/xvda");
    assert_eq!(outcome.changes(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_appear_is_told() {
    let (.., outcome, _) = bake(config(json!({"device_path": null})), None).await;
    assert!(outcome.error().starts_with("Error waiting for the device of volume vol-"), "{}", outcome.error());
    assert!(outcome.error().contains("there is neither /dev/xvdf nor an NVMe disk"), "{}", outcome.error());
}

fn everything() -> Value {
    config(json!({
        "mount_path": place("table").join("{{.Device}}"),
        "pre_mount_commands": ["x"], "post_mount_commands": ["y"], "root_volume_tags": {"V": "w"},
        "ami_regions": ["us-west-2"], "tags": {"Name": "x"}, "snapshot_tags": {"Snap": "y"}, "ami_users": ["111122223333"],
        "ami_description": "described", "encrypt_boot": false,
    }))
}

fn encrypted() -> Value {
    scratch(json!({"mount_path": place("encrypted").join("{{.Device}}"), "encrypt_boot": true, "tags": {"a": "b"}}))
}

#[tokio::test(start_paused = true)]
async fn a_chroot_leaves_nothing_behind() {
    table(everything).await;
    assert!(!place("table").exists());
}

#[tokio::test(start_paused = true)]
async fn an_encrypted_chroot_leaves_nothing_behind() {
    table(encrypted).await;
    assert!(!place("encrypted").exists());
}

#[track_caller]
fn check(config: Value, expected: &[&str]) {
    assert_eq!(found_in(config.clone()), expected, "{config}");
}

#[test]
fn mistakes_of_chroots() {
    let none: &[&str] = &[];
    check(config(json!({})), none);
    check(scratch(json!({})), none);
    check(config(json!({"chroot_mounts": [], "copy_files": [], "mount_partition": 2})), none);
    check(config(json!({"chroot_mounts": [["a", "b"]]})), &["[\"a\",\"b\"]: each `chroot_mounts` entry has three elements, not 2"]);
    check(
        config(json!({"source_ami_filter": null, "root_device_name": "xvda"})),
        &[
            "\"amazon-chroot\": `source_ami` or `source_ami_filter` is required",
            "\"xvda\": if `root_device_name` is specified, `ami_block_device_mappings` must be specified",
        ],
    );
    check(
        config(json!({"ami_block_device_mappings": [{"device_name": "/dev/xvda"}]})),
        &[
            "[{\"device_name\":\"/dev/xvda\"}]: `root_volume_size` is required if `ami_block_device_mappings` is specified",
            "[{\"device_name\":\"/dev/xvda\"}]: the source image's devices are completely overwritten by `ami_block_device_mappings`",
            "[{\"device_name\":\"/dev/xvda\"}]: if `ami_block_device_mappings` is specified, `root_device_name` must be specified",
        ],
    );
    check(
        config(json!({"root_volume_kms_key_id": "alias/a", "root_volume_size": -1})),
        &[
            "\"alias/a\": `root_volume_kms_key_id` is set, but `root_volume_encrypt_boot` is not true",
            "-1: `root_volume_size` is a positive number, not -1",
        ],
    );
    check(config(json!({"tpm_support": "v1"})), &["\"v1\": `tpm_support` is one of `v2.0`, not `v1`"]);
    check(config(json!({"boot_mode": "x"})), &["\"x\": `boot_mode` is one of `uefi`, `legacy-bios`, `uefi-preferred`, not `x`"]);
    check(config(json!({"instance_type": "x"})), &["\"instance_type\": unknown key `instance_type` in the builder `amazon-chroot`"]);
}

#[test]
fn the_example_has_no_mistakes() {
    let path = crate::program::repository("examples/chroot-image/template.json");
    let text = std::fs::read_to_string(path).unwrap().replace("{{timestamp}}", "1");
    check(serde_json::from_str::<Value>(&text).unwrap()["builders"][0].take(), &[]);
}

#[test]
fn mistakes_from_scratch() {
    check(
        json!({"type": "amazon-chroot", "ami_name": "abc", "from_scratch": true, "source_ami": "ami-1"}),
        &[
            "true: `root_volume_size` is required with `from_scratch`",
            "true: `pre_mount_commands` is required with `from_scratch`",
            "true: `ami_virtualization_type` is required with `from_scratch`",
            "true: `root_device_name` is required with `from_scratch`",
            "true: `ami_block_device_mappings` is required with `from_scratch`",
            "\"ami-1\": `source_ami` is unused when `from_scratch` is true",
        ],
    );
    check(
        scratch(json!({"root_volume_type": "io1"})),
        &["\"io1\": an io1 volume cannot be made with `from_scratch`: there is no key for its `iops`"],
    );
    check(scratch(json!({"root_device_name": "/dev/sda1"})), &["\"/dev/sda1\": `ami_block_device_mappings` has no device `/dev/sda1`"]);
}
