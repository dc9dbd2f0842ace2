//! What an import does.

use amibake_ec2::lab::{At, Fault, Kind};
use amibake_ec2::s3::ObjectName;
use serde_json::json;

use super::{BUCKET, Bench, lab};

const KEY: &str = "packer-import-1793606400.raw";

#[tokio::test(start_paused = true)]
async fn a_disk_becomes_an_image_and_nothing_else_stays() {
    let bench = Bench::new(lab());
    let outcome = bench.import(json!({})).await;
    let image = bench.lab.image(&outcome.image()).unwrap();
    assert!(image.name.starts_with("import-ami-"), "{}", image.name);
    assert_eq!(outcome.changes(), ["PutObject", "ImportImage", "DeleteObject"]);
    assert!(outcome.remaining.is_empty(), "{:?}\n{}", outcome.remaining, outcome.text);
    assert_eq!(outcome.builder_id.as_deref(), Some("packer.post-processor.amazon-import"));
    assert!(!std::path::Path::new(&bench.path("disk.raw")).exists(), "the disk file is not kept, as in Packer");
    let parameters = &outcome.call("ImportImage").parameters;
    for (name, value) in [
        ("DiskContainer.1.Format", "raw"),
        ("DiskContainer.1.UserBucket.S3Bucket", BUCKET),
        ("DiskContainer.1.UserBucket.S3Key", KEY),
        ("Architecture", "x86_64"),
        ("BootMode", "legacy-bios"),
        ("Encrypted", "false"),
        ("TagSpecification.1.ResourceType", "import-image-task"),
    ] {
        assert_eq!(parameters.get(name).map(String::as_str), Some(value), "{name}");
    }
    for absent in ["Platform", "KmsKeyId", "RoleName", "LicenseType"] {
        assert!(!parameters.contains_key(absent), "{absent}");
    }
}

#[tokio::test(start_paused = true)]
async fn progress_is_told() {
    let outcome = Bench::new(lab()).import(json!({})).await;
    assert!(outcome.text.contains("%, converting\n"), "{}", outcome.text);
    assert!(outcome.text.contains("%, preparing ami\n"), "{}", outcome.text);
}

#[tokio::test(start_paused = true)]
async fn a_name_is_given_by_a_copy() {
    let bench = Bench::new(lab());
    let keys = json!({
        "ami_name": "imported", "ami_description": "about it", "tags": {"Name": "imp"}, "ami_users": ["111122223333"],
        "ami_groups": ["all"], "ami_org_arns": ["arn:aws:organizations::111122223333:organization/o-1"], "imds_support": "v2.0"
    });
    let outcome = bench.import(keys).await;
    let image = bench.lab.image(&outcome.image()).unwrap();
    assert_eq!((image.name.as_str(), image.description.as_str(), image.public), ("imported", "about it", true));
    assert_eq!((image.users.len(), image.organizations.len(), image.imds_support.as_deref()), (1, 1, Some("v2.0")));
    assert_eq!(image.tags.iter().map(|tag| tag.value.as_str()).collect::<Vec<_>>(), ["imp"]);
    let snapshot = bench.lab.snapshot(image.snapshots().next().unwrap()).unwrap();
    assert_eq!(snapshot.tags, image.tags);
    assert!(outcome.remaining.is_empty(), "{:?}\n{}", outcome.remaining, outcome.text);
    assert!(!outcome.call("CopyImage").parameters.contains_key("Encrypted"));
}

#[tokio::test(start_paused = true)]
async fn an_encrypted_image_stays_encrypted_when_it_is_named() {
    let bench = Bench::new(lab());
    let outcome = bench.import(json!({"ami_name": "imported", "ami_encrypt": true, "ami_kms_key": "alias/mine"})).await;
    for call in ["ImportImage", "CopyImage"] {
        let parameters = &outcome.call(call).parameters;
        assert_eq!((parameters["Encrypted"].as_str(), parameters["KmsKeyId"].as_str()), ("true", "alias/mine"), "{call}");
    }
    let image = bench.lab.image(&outcome.image()).unwrap();
    assert!(bench.lab.snapshot(image.snapshots().next().unwrap()).unwrap().encrypted);
}

#[tokio::test(start_paused = true)]
async fn what_the_import_is_told_about_the_machine() {
    let keys = json!({
        "architecture": "arm64", "platform": "linux", "license_type": "BYOL", "role_name": "importer",
        "s3_key_name": "dir/{{build_name}}.raw", "s3_encryption": "aws:kms", "s3_encryption_key": "alias/s3"
    });
    let outcome = Bench::new(lab()).import(keys).await;
    let parameters = &outcome.call("ImportImage").parameters;
    let expected = [("Architecture", "arm64"), ("BootMode", "uefi"), ("Platform", "Linux"), ("LicenseType", "BYOL")];
    for (name, value) in expected.into_iter().chain([("RoleName", "importer"), ("DiskContainer.1.UserBucket.S3Key", "dir/file.raw")]) {
        assert_eq!(parameters.get(name).map(String::as_str), Some(value), "{name}");
    }
    let put = &outcome.call("PutObject").parameters;
    assert_eq!((put["ServerSideEncryption"].as_str(), put["SSEKMSKeyId"].as_str()), ("aws:kms", "alias/s3"));
    assert!(outcome.text.contains("Setting license type to 'BYOL'"));
}

#[tokio::test(start_paused = true)]
async fn the_object_is_kept_on_request() {
    let bench = Bench::new(lab());
    let outcome = bench.import(json!({"skip_clean": true})).await;
    assert_eq!(outcome.remaining, [format!("object s3://{BUCKET}/{KEY}")]);
    let object = bench.lab.object(&ObjectName { bucket: BUCKET.to_owned(), key: KEY.to_owned() }).unwrap();
    assert_eq!(object.size, 17);
}

#[tokio::test(start_paused = true)]
async fn what_is_large_goes_in_parts() {
    let bench = Bench::new(lab());
    let size = 3 * 8 * 1024 * 1024 + 5;
    std::fs::File::create(bench.path("large.raw")).unwrap().set_len(size).unwrap();
    let mut template = bench.template(json!({"skip_clean": true}));
    template["builders"][0] = json!({"type": "file", "target": bench.path("disk.raw"), "source": bench.path("large.raw")});
    let outcome = bench.build(&template).await;
    outcome.image();
    let uploads = ["CreateMultipartUpload", "UploadPart", "UploadPart", "UploadPart", "UploadPart", "CompleteMultipartUpload"];
    assert_eq!(outcome.changes()[..6], uploads);
    assert_eq!(bench.lab.object(&ObjectName { bucket: BUCKET.to_owned(), key: KEY.to_owned() }).unwrap().size, size);
    assert!(outcome.text.contains("disk.raw: 30% (8 of 24 MiB)"), "{}", outcome.text);
}

#[tokio::test(start_paused = true)]
async fn a_failed_task_says_why_and_leaves_nothing() {
    let bench = Bench::new(lab());
    bench.lab.fault(Fault::new(At::Operation("ImportImage", 1), Kind::Spoil("Unsupported kernel version 9.9")));
    let outcome = bench.import(json!({"ami_name": "imported"})).await;
    let expected = "failed with status message: ClientError: Unsupported kernel version 9.9, error: the task is deleted";
    assert!(outcome.errors[0].contains(expected), "{:?}", outcome.errors);
    assert!(outcome.remaining.is_empty(), "{:?}", outcome.remaining);
}

#[tokio::test(start_paused = true)]
async fn the_wait_has_a_limit_and_the_task_is_cancelled() {
    let bench = Bench::new(lab());
    let outcome = bench.import(json!({"aws_polling": {"max_attempts": 10, "delay_seconds": 30}})).await;
    assert!(outcome.errors[0].contains("it is not completed after 300 seconds"), "{:?}", outcome.errors);
    assert!(outcome.changes().contains(&"CancelImportTask"), "{}", outcome.text);
    assert!(outcome.remaining.is_empty(), "{:?}", outcome.remaining);
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_not_known_everywhere_yet_is_waited_for() {
    let bench = Bench::new(lab());
    for nth in 1..=3 {
        let refusal = Kind::Refuse("InvalidParameter", "The service role vmimport provided does not exist");
        bench.lab.fault(Fault::new(At::Operation("ImportImage", nth), refusal));
    }
    let outcome = bench.import(json!({})).await;
    outcome.image();
    assert!(outcome.text.contains("trying again: ImportImage: InvalidParameter: The service role"), "{}", outcome.text);
}

#[tokio::test(start_paused = true)]
async fn an_artifact_without_such_a_file_is_refused_before_any_call() {
    let outcome = Bench::new(lab()).import(json!({"format": "vmdk"})).await;
    assert!(outcome.errors[0].contains("Post-processor failed: No vmdk image file found in artifact from builder"), "{:?}", outcome.errors);
    assert!(outcome.calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_does_not_exist_is_named() {
    let outcome = Bench::new(lab()).import(json!({"s3_bucket_name": "nobodys"})).await;
    let expected = format!("to s3://nobodys/{KEY}: PutObject: NoSuchBucket: The specified bucket does not exist");
    assert!(outcome.errors[0].contains(&expected), "{:?}", outcome.errors);
}

/// The example as it stands, but for its paths.
#[tokio::test(start_paused = true)]
async fn the_example_imports() {
    let bench = Bench::new(lab());
    std::fs::write(bench.path("source.raw"), "not really a disk").unwrap();
    let path = crate::program::repository("examples/disk-image/template.json");
    let mut template: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    template["builders"][0]["source"] = bench.path("source.raw").into();
    template["builders"][0]["target"] = bench.path("build/disk.raw").into();
    let outcome = bench.build(&template).await;
    assert_eq!(bench.lab.image(&outcome.image()).unwrap().name, "disk-image-1793606400");
    assert!(outcome.remaining.is_empty(), "{:?}", outcome.remaining);
}
