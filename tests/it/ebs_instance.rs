//! `amazon-instance` on the lab: what it asks of EC2 and of its guest, what it leaves, and which mistakes it finds.

use std::sync::LazyLock;

use amibake_ec2::lab::{At, Fault, Kind, Lab, Options, Times};
use serde_json::{Value, json};

use super::ebs_config::found_in;
use super::ebs_faults::table;
use super::ebs_lab::{Bench, Outcome, builder, images};

/// A certificate and its key, which nothing here opens.
static FILES: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cert.pem"), "a certificate\n").unwrap();
    std::fs::write(folder.path().join("key.pem"), "the private key of a test\n").unwrap();
    folder
});

fn bench() -> Bench {
    Bench::new(Lab::with_times(Times::fast()))
}

fn bundled(keys: Value) -> Value {
    let file = |name: &str| FILES.path().join(name).display().to_string();
    let mut config = builder(json!({
        "type": "amazon-instance", "account_id": "1111-2222-3333", "s3_bucket": "a-bucket/dir", "bundle_prefix": "image",
        "x509_cert_path": file("cert.pem"), "x509_key_path": file("key.pem"),
    }));
    if let (Value::Object(config), Value::Object(keys)) = (&mut config, keys) {
        config.extend(keys);
        config.retain(|_, value| !value.is_null());
    }
    config
}

/// Commands that the guest was told to run by the builder, in their order.
fn ran(outcome: &Outcome) -> Vec<&str> {
    outcome.text.lines().filter_map(|line| line.trim().strip_prefix("ran: ")).filter(|command| *command != "provision").collect()
}

const REMOVED: &str = "rm -f \"/tmp/cert.pem\" \"/tmp/key.pem\"";

#[tokio::test(start_paused = true)]
async fn an_image_is_registered_of_the_bundle() {
    let bench = bench();
    let devices = json!([{"device_name": "/dev/sdb", "virtual_name": "ephemeral0"}]);
    let keys = json!({"tags": {"Name": "x"}, "ena_support": true, "ami_virtualization_type": "hvm", "ami_block_device_mappings": devices});
    let outcome = bench.bake(bundled(keys)).await;
    assert_eq!(outcome.artifact().builder_id, "mitchellh.amazon.instance");
    assert_eq!(
        ran(&outcome),
        [
            "sudo -i -n ec2-bundle-vol -k /tmp/key.pem -u 111122223333 -c /tmp/cert.pem -r x86_64 -e /tmp/* -d /tmp -p image --batch --no-filter",
            "sudo -i -n ec2-upload-bundle -b a-bucket/dir -m /tmp/image.manifest.xml -a AKIAIOSFODNN7EXAMPLE \
             -s wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY -d /tmp --batch --region us-east-1 --retry",
            REMOVED,
        ]
    );
    let of = |key: &str| outcome.call("RegisterImage").parameters.get(key).map(String::as_str);
    assert_eq!(
        ["ImageLocation", "VirtualizationType", "EnaSupport", "Architecture", "RootDeviceName"].map(of),
        [Some("a-bucket/dir/image.manifest.xml"), Some("hvm"), Some("true"), None, None]
    );
    let image = bench.lab.image(&images(outcome.artifact())[0]).unwrap();
    assert_eq!((image.root_device_type.as_str(), image.tags.len()), ("instance-store", 1));
    let launch = &outcome.call("RunInstances").parameters;
    assert!(!launch.keys().any(|key| key.starts_with("MetadataOptions") || key.starts_with("InstanceInitiated")), "{launch:?}");
    assert!(!outcome.changes().contains(&"StopInstances"), "bundled while it runs");
    assert_eq!(outcome.remaining, [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_profile_lets_the_guest_into_the_bucket_by_itself() {
    let mut options = Options::new(Times::fast());
    options.instance_profiles.insert("p".to_owned());
    let bench = Bench::new(Lab::new(options));
    let outcome = bench.bake(bundled(json!({"iam_instance_profile": "p", "metadata_options": {"http_tokens": "required"}}))).await;
    let upload = "sudo -i -n ec2-upload-bundle -b a-bucket/dir -m /tmp/image.manifest.xml -d /tmp --batch --region us-east-1 --retry";
    assert_eq!(ran(&outcome).get(1), Some(&upload), "{}", outcome.text);
    assert_eq!(outcome.call("RunInstances").parameters["MetadataOptions.HttpTokens"], "required", "asked for");
}

#[tokio::test(start_paused = true)]
async fn commands_and_places_are_the_templates() {
    let outcome = bench()
        .bake(bundled(json!({
            "bundle_prefix": null, "bundle_destination": "/mnt", "x509_upload_path": "/root/x", "access_key": "AK", "secret_key": "SK", "token": "T",
            "bundle_vol_command": "vol {{.KeyPath}} {{.PrivatePath}} {{.Destination}}",
            "bundle_upload_command": "up {{.BundleDirectory}} {{.ManifestPath}} {{.AccessKey}} {{.SecretKey}} {{.Token}}",
        })))
        .await;
    let prefix = "image-1793606400";
    assert_eq!(
        ran(&outcome),
        [
            "vol /root/x/key.pem /root/x /mnt".to_owned(),
            format!("up /mnt /mnt/{prefix}.manifest.xml AK SK T"),
            "rm -f \"/root/x/cert.pem\" \"/root/x/key.pem\"".to_owned()
        ]
    );
    assert_eq!(outcome.call("RegisterImage").parameters["ImageLocation"], format!("a-bucket/dir/{prefix}.manifest.xml"));
}

/// A step on the guest fails: the key goes all the same, and nothing stays.
#[track_caller]
fn failed(outcome: &Outcome, error: &str) {
    assert_eq!(outcome.error().lines().next(), Some(error));
    assert_eq!(ran(outcome).last().map(|command| command.starts_with("rm -f ")), Some(true), "{}", outcome.text);
    assert!(!outcome.changes().contains(&"RegisterImage"));
    assert_eq!(outcome.remaining, [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_fails_on_the_guest_leaves_no_key_there() {
    let full = bench().bake(bundled(json!({"x509_upload_path": "/full"}))).await;
    failed(&full, "Error uploading X509 cert: /full/cert.pem: no space left on device");
    let bundling = bench().bake(bundled(json!({"bundle_vol_command": "exit 1"}))).await;
    failed(&bundling, "Volume bundling failed. Please see the output above for more");
    let uploading = bench().bake(bundled(json!({"bundle_upload_command": "exit 3"}))).await;
    failed(&uploading, "Bundle upload failed. Please see the output above for more");
    assert!(uploading.text.contains("Please check that the bucket `a-bucket/dir` does not exist"), "{}", uploading.text);
    let unknown = bench().bake(bundled(json!({"bundle_vol_command": "x {{.Nothing}}"}))).await;
    assert!(unknown.error().starts_with("Error processing bundle volume command: "), "{}", unknown.error());
    failed(&unknown, unknown.error().lines().next().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_bundle_without_image_is_told() {
    let bench = bench();
    bench.lab.fault(Fault::new(At::Operation("RegisterImage", 1), Kind::Refuse("InvalidAMIName.Duplicate", "duplicate")));
    let outcome = bench.bake(bundled(json!({}))).await;
    assert_eq!(outcome.error(), "Error registering AMI in us-east-1: RegisterImage: InvalidAMIName.Duplicate: duplicate");
    assert!(outcome.text.contains("The bundle of a-bucket/dir/image.manifest.xml stays in S3"), "{}", outcome.text);
    assert_eq!(outcome.remaining, [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_image_of_an_instance_store_is_a_source() {
    let bench = bench();
    let first = bench.bake(bundled(json!({"ami_virtualization_type": "hvm"}))).await;
    let source = images(first.artifact())[0].to_string();
    let keys = json!({"source_ami_filter": null, "source_ami": source, "ami_name": "the-next"});
    bench.bake(bundled(keys.clone())).await.artifact();
    let mut ebs = builder(keys);
    ebs["ami_name"] = json!("another");
    let refused = bench.bake(ebs).await;
    assert_eq!(refused.error(), "The provided source AMI has an invalid root device type.\nExpected 'ebs', got 'instance-store'.");
}

#[tokio::test(start_paused = true)]
async fn a_nitro_tpm_is_asked_for() {
    // EC2 takes it with the boot mode uefi only, which a bundle's manifest does not tell.
    let outcome = bench().bake(bundled(json!({"tpm_support": "v2.0", "sriov_support": true}))).await;
    let sent = &outcome.call("RegisterImage").parameters;
    assert_eq!((sent["TpmSupport"].as_str(), sent["SriovNetSupport"].as_str()), ("v2.0", "simple"));
}

#[tokio::test(start_paused = true)]
async fn force_makes_room() {
    let mut bench = bench();
    bench.bake(bundled(json!({}))).await.artifact();
    bench.bake(bundled(json!({}))).await.error();
    bench.force = true;
    let outcome = bench.bake(bundled(json!({}))).await;
    outcome.artifact();
    assert!(outcome.text.contains("Deregistered AMI an-image"), "{}", outcome.text);
}

#[tokio::test(start_paused = true)]
async fn a_spot_instance_is_bundled_like_any_other() {
    let outcome = bench().bake(bundled(json!({"spot_price": "auto"}))).await;
    outcome.artifact();
    assert!(outcome.changes().contains(&"CreateFleet"), "{:?}", outcome.changes());
    assert_eq!(outcome.remaining, [] as [String; 0]);
}

/// Copies, tags and sharing.
fn everything() -> Value {
    bundled(json!({
        "ami_regions": ["us-west-2"], "tags": {"Name": "x"}, "run_tags": {"creator": "me"},
        "ami_users": ["111122223333"], "ami_description": "described",
    }))
}

fn only_copies() -> Value {
    bundled(json!({"ami_regions": ["us-west-2"], "skip_save_build_region": true}))
}

#[tokio::test(start_paused = true)]
async fn a_bundled_image_leaves_nothing_behind() {
    table(everything).await;
}

#[tokio::test(start_paused = true)]
async fn a_temporary_bundled_image_leaves_nothing_behind() {
    table(only_copies).await;
}

#[track_caller]
fn check(keys: Value, expected: &[&str]) {
    let mut config = bundled(json!({"x509_cert_path": "here", "x509_key_path": "here"}));
    if let (Value::Object(config), Value::Object(keys)) = (&mut config, keys) {
        config.extend(keys);
        config.retain(|_, value| !value.is_null());
    }
    assert_eq!(found_in(config.clone()), expected, "{config}");
}

#[test]
fn mistakes() {
    check(json!({}), &[]);
    check(
        json!({"account_id": null, "s3_bucket": "", "x509_cert_path": null, "x509_key_path": "/no/such/key.pem"}),
        &[
            "\"amazon-instance\": `account_id` must be given",
            "\"amazon-instance\": `x509_cert_path` must be given",
            "\"\": `s3_bucket` must be given",
            "\"/no/such/key.pem\": there is no file `/no/such/key.pem`",
        ],
    );
    check(json!({"x509_cert_path": "folder"}), &["\"folder\": `folder` is a directory"]);
    check(json!({"tpm_support": "v1"}), &["\"v1\": `tpm_support` is one of `v2.0`, not `v1`"]);
    check(json!({"communicator": "none"}), &["\"none\": the bundle is made on the guest, which the communicator `none` does not reach"]);
    check(json!({"run_volume_tags": {"a": "b"}}), &["{: `amazon-instance` has no `run_volume_tags`"]);
    check(
        json!({"ena_support": true, "spot_price": "auto"}),
        &["true: Spot instances do not support modification, which is required when either `ena_support` or `sriov_support` are set"],
    );
    check(
        json!({"shutdown_behavior": "stop", "disable_stop_instance": true}),
        &[
            "\"stop\": `shutdown_behavior` has no effect: nothing stops the instance",
            "true: `disable_stop_instance` has no effect: nothing stops the instance",
        ],
    );
    check(json!({"encrypt_boot": true}), &["true: EC2 makes no encrypted copy of an image whose root device is an instance store"]);
    check(json!({"launch_block_device_mappings": [{"volume_size": 1}]}), &["{: a block device mapping needs a `device_name`"]);
}
