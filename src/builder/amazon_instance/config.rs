//! The keys of `amazon-instance`, and the checks between its groups.

use amibake_template::component::{Check, Component, FileKind, Given, Kind, Late};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::builder::amazon::access::AccessConfig;
use crate::builder::amazon::device::DeviceConfig;
use crate::builder::amazon::image::ImageConfig;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::instance::InstanceConfig;
use crate::builder::amazon::run::one_of;
use crate::builder::communicator::Speaks;

/// Makes an image whose root device is an instance store: launches an instance, provisions it, lets Amazon's AMI tools bundle its root
/// volume and upload the bundle to S3, and registers the image of it. The AMI tools must be on the guest.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct AmazonInstance {
    /// Account, region, login.
    #[serde(flatten)]
    pub access: AccessConfig,
    /// The source instance.
    #[serde(flatten)]
    pub instance: InstanceConfig,
    /// The image.
    #[serde(flatten)]
    pub image: ImageConfig,
    /// Disks.
    #[serde(flatten)]
    pub devices: DeviceConfig,
    /// Id of the AWS account that the bundle is for; dashes in it do not matter. Must be given.
    pub account_id: Option<String>,
    /// Bucket that the bundle is uploaded to, with a folder where one is wanted: `my-bucket/images`. The upload makes the bucket where
    /// there is none. The bundle stays there as long as the image is to live: nothing removes it but its owner. Must be given.
    pub s3_bucket: Option<String>,
    /// X.509 certificate with which the bundle is encrypted: a file of this machine. Must be given.
    pub x509_cert_path: Option<String>,
    /// Private key of the certificate, with which the bundle is signed: a file of this machine. Must be given.
    pub x509_key_path: Option<String>,
    /// Directory of the guest where certificate (`cert.pem`) and key (`key.pem`) are put for the time of the bundling. Best one that is not
    /// on the volume, such as `/dev/shm`: the guest's shell, not the tool, expands the `*` by which the default command leaves it out.
    /// Default: /tmp.
    pub x509_upload_path: Option<String>,
    /// Directory of the guest where the bundle is made. It needs room for the whole of the root volume. Default: /tmp.
    pub bundle_destination: Option<String>,
    /// What the names of the bundle's files begin with. Default: `image-{{timestamp}}`.
    pub bundle_prefix: Option<String>,
    /// Command that bundles the root volume, run on the guest. Sees `{{.KeyPath}}`, `{{.CertPath}}`, `{{.AccountId}}`, `{{.Architecture}}`,
    /// `{{.PrivatePath}}` (to be left out of the bundle), `{{.Destination}}` and `{{.Prefix}}`. Default: `ec2-bundle-vol` by `sudo`.
    pub bundle_vol_command: Option<Late>,
    /// Command that uploads the bundle, run on the guest. Sees `{{.BucketName}}`, `{{.ManifestPath}}`, `{{.BundleDirectory}}`, `{{.Region}}`,
    /// `{{.AccessKey}}`, `{{.SecretKey}}` and `{{.Token}}`. Default: `ec2-upload-bundle` by `sudo`, with the keys of the build, or without
    /// keys where there is an `iam_instance_profile`.
    pub bundle_upload_command: Option<Late>,
    /// `v2.0` gives instances of the image a NitroTPM. Since amazon plugin 1.2.6.
    #[schemars(extend("x-amibake-choices" = ["v2.0"]))]
    pub tpm_support: Option<String>,
}

impl AmazonInstance {
    /// `account_id` without dashes.
    pub fn account_id(&self) -> String {
        self.account_id.given().unwrap_or_default().replace('-', "")
    }

    /// Bucket, and folder in it.
    pub fn bucket(&self) -> &str {
        self.s3_bucket.given().unwrap_or_default()
    }

    /// Where certificate and key are on the guest.
    pub fn upload_path(&self) -> &str {
        self.x509_upload_path.given().unwrap_or("/tmp")
    }

    /// Where the bundle is made on the guest.
    pub fn destination(&self) -> &str {
        self.bundle_destination.given().unwrap_or("/tmp")
    }

    fn check_bundle(&self, check: &mut Check<'_>) {
        for (key, value) in [("account_id", &self.account_id), ("s3_bucket", &self.s3_bucket)] {
            if !value.is_given() {
                check.error(key, "missing-key", format!("`{key}` must be given"), None);
            }
        }
        for (key, file) in [("x509_cert_path", &self.x509_cert_path), ("x509_key_path", &self.x509_key_path)] {
            let why = match file.given().map(|file| (file, check.files.kind_of(file))) {
                None => {
                    check.error(key, "missing-key", format!("`{key}` must be given"), None);
                    continue;
                }
                Some((_, FileKind::File)) => continue,
                Some((file, FileKind::Directory)) => format!("`{file}` is a directory"),
                Some((file, FileKind::Missing)) => format!("there is no file `{file}`"),
            };
            check.error(key, "file-missing", why, None);
        }
        one_of(check, "tpm_support", self.tpm_support.given(), &["v2.0"]);
    }

    fn check_launch(&self, check: &mut Check<'_>) {
        let run = &self.instance.run;
        if self.instance.communicator.speaks() == Speaks::Nothing {
            let message = "the bundle is made on the guest, which the communicator `none` does not reach";
            check.error("communicator", "no-guest", message, None);
        }
        if !run.run_volume_tags.is_empty() {
            let message = "`amazon-instance` has no `run_volume_tags`";
            check.error("run_volume_tags", "unknown-key", message, Some("remove it".to_owned()));
        }
        self.instance.check_changed_when_stopped(check);
        for (key, given) in [("shutdown_behavior", run.shutdown_behavior.is_given()), ("disable_stop_instance", run.disable_stop_instance)]
        {
            if given {
                let help = "the instance is bundled while it runs; remove the key";
                check.warning(key, "no-effect", format!("`{key}` has no effect: nothing stops the instance"), Some(help.to_owned()));
            }
        }
    }

    /// EC2 keeps no image of an instance store encrypted: only volumes are.
    fn check_encryption(&self, check: &mut Check<'_>) {
        if self.image.encrypt_boot.is_true() {
            let message = "EC2 makes no encrypted copy of an image whose root device is an instance store";
            let help = "remove `encrypt_boot`, or build with `amazon-ebs`";
            check.warning("encrypt_boot", "not-encryptable", message, Some(help.to_owned()));
        }
    }
}

impl Component for AmazonInstance {
    const KIND: Kind = Kind::Builder;
    const TYPE: &'static str = "amazon-instance";
    const BUILD_DATA: &'static [&'static str] = BuildInfo::NAMES;
    const EXAMPLE: &'static str = r#"{
  "type": "amazon-instance",
  "region": "us-east-1",
  "instance_type": "m3.medium",
  "source_ami": "ami-0123456789abcdef0",
  "ssh_username": "ec2-user",
  "account_id": "1234-5678-9012",
  "s3_bucket": "my-bucket/images",
  "x509_cert_path": "cert.pem",
  "x509_key_path": "key.pem",
  "ami_virtualization_type": "hvm",
  "ami_name": "my-image-{{timestamp}}"
}"#;

    fn check(&self, check: &mut Check<'_>) {
        self.access.check(check);
        self.devices.check(check);
        self.image.check(check);
        self.instance.check(check);
        self.check_bundle(check);
        self.check_launch(check);
        self.check_encryption(check);
    }
}
