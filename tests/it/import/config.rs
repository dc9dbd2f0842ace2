//! Mistakes in an `amazon-import`.

use amibake_template::finding::Severity;
use serde_json::{Value, json};

use super::{Bench, check, lab};

/// Messages about these keys.
#[track_caller]
fn mistakes(keys: Value, severity: Severity, expected: &[&str]) {
    let bench = Bench::new(lab());
    let (_, findings) = check(&bench.template(keys.clone()).to_string());
    let found: Vec<_> = findings.iter().filter(|finding| finding.severity == severity).collect();
    assert_eq!(found.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>(), expected, "{keys}");
    assert!(found.iter().all(|finding| finding.labels.iter().all(|label| label.span.end > label.span.start)), "{found:?}");
}

#[test]
fn errors_are_packers() {
    let error = |keys, expected: &[&str]| mistakes(keys, Severity::Error, expected);
    error(json!({}), &[]);
    error(json!({"s3_bucket_name": ""}), &["s3_bucket_name must be set"]);
    error(json!({"format": "qcow2"}), &["invalid format 'qcow2'. Only 'ova', 'raw', 'vhd', 'vhdx', or 'vmdk' are allowed"]);
    error(json!({"s3_encryption": "x"}), &["invalid s3 encryption format 'x'. Only 'AES256' and 'aws:kms' are allowed"]);
    error(json!({"platform": "bsd"}), &["invalid platform 'bsd'. Only 'linux' and 'windows' are allowed"]);
    error(json!({"boot_mode": "uefi-preferred"}), &["invalid boot mode 'uefi-preferred'. Only 'uefi' and 'legacy-bios' are allowed"]);
    error(json!({"boot_mode": "uefi"}), &["invalid platform '', 'platform' must be set for 'uefi' image imports"]);
    error(json!({"boot_mode": "uefi", "platform": "linux"}), &[]);
    error(json!({"architecture": "arm64", "boot_mode": "legacy-bios"}), &["invalid boot mode 'legacy-bios' for 'arm64' architecture"]);
    error(json!({"architecture": "arm64"}), &["invalid platform '', 'platform' must be set for 'uefi' image imports"]);
    error(json!({"imds_support": "v1"}), &["`imds_support` can only be `v2.0`"]);
    error(json!({"ami_name": "a"}), &["an image's name has 3 to 128 characters, this one 1"]);
    error(json!({"access_key": "AKIA"}), &["`access_key` is set without `secret_key`"]);
}

#[test]
fn keys_without_effect_are_warned_of() {
    let warning = |keys, expected: &[&str]| mistakes(keys, Severity::Warning, expected);
    warning(json!({}), &[]);
    warning(json!({"s3_encryption_key": "k"}), &["`s3_encryption_key` has no effect without `aws:kms`"]);
    warning(json!({"ami_kms_key": "k"}), &["`ami_kms_key` has no effect without `ami_encrypt`"]);
    warning(json!({"mfa_code": "", "decode_authorization_messages": false}), &[]);
}
