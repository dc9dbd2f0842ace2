//! The keys of `amazon-import`.

use std::collections::BTreeMap;

use amibake_ec2::s3::ObjectEncryption;
use amibake_template::component::{Check, Component, Given, Kind, Late};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::builder::amazon::access::AccessConfig;
use crate::builder::amazon::image::ImageConfig;
use crate::builder::amazon::polling::AwsPolling;

/// Makes an image of the disk file that a builder made: uploads it to S3 and has EC2 import it. Packer's name for this is VM Import.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct AmazonImport {
    /// Account, region.
    #[serde(flatten)]
    pub access: AccessConfig,
    /// How long waits may take. The import itself may take an hour where this says nothing.
    pub aws_polling: Option<AwsPolling>,
    /// Bucket for the upload, in the region of the build. Must be given.
    pub s3_bucket_name: Option<String>,
    /// Key of the object; may hold the build's data. Default: `packer-import-{{timestamp}}.FORMAT`.
    pub s3_key_name: Option<Late>,
    /// How S3 encrypts the object: `AES256` or `aws:kms`. Default: as the bucket says. Since Packer 1.6.2.
    #[schemars(extend("x-amibake-choices" = ["AES256", "aws:kms"]))]
    pub s3_encryption: Option<String>,
    /// KMS key for `s3_encryption` `aws:kms`. Default: the account's key for S3. Since Packer 1.6.2.
    pub s3_encryption_key: Option<String>,
    /// Keep the object in S3 after the import. Default: false.
    #[serde(default)]
    pub skip_clean: bool,
    /// Format of the disk file, which is also the suffix by which it is found among the builder's files. Default: `ova`.
    #[schemars(extend("x-amibake-choices" = ["ova", "raw", "vhd", "vhdx", "vmdk"]))]
    pub format: Option<String>,
    /// Architecture of the image. Default: `x86_64`. Since amazon plugin 1.0.7.
    #[schemars(extend("examples" = ["x86_64", "arm64"]))]
    pub architecture: Option<String>,
    /// Boot mode of the image. Default: `legacy-bios`, with `arm64` `uefi`. Since amazon plugin 1.0.7.
    #[schemars(extend("x-amibake-choices" = ["legacy-bios", "uefi"]))]
    pub boot_mode: Option<String>,
    /// Operating system on the disk; needed with `boot_mode` `uefi`. Default: EC2 looks. Since amazon plugin 1.2.8.
    #[schemars(extend("x-amibake-choices" = ["linux", "windows"]))]
    pub platform: Option<String>,
    /// License of the operating system: `AWS` or `BYOL`. Default: EC2 decides.
    #[schemars(extend("examples" = ["AWS", "BYOL"]))]
    pub license_type: Option<String>,
    /// IAM role by which EC2 reads the object. Default: `vmimport`.
    pub role_name: Option<String>,
    /// Name of the image: the imported image, which EC2 names itself, is copied to this name and removed.
    pub ami_name: Option<String>,
    /// Description of the image.
    pub ami_description: Option<String>,
    /// Encrypt the image. Default: false.
    #[serde(default)]
    pub ami_encrypt: bool,
    /// KMS key for `ami_encrypt`: key id, `alias/NAME` or ARN. Default: the account's key for EBS.
    pub ami_kms_key: Option<String>,
    /// Account ids that may launch the image. Default: only the own account.
    #[serde(default)]
    pub ami_users: Vec<String>,
    /// Groups that may launch the image; EC2 knows only `all`, which makes it public.
    #[serde(default)]
    pub ami_groups: Vec<String>,
    /// ARNs of organisations whose accounts may launch the image. Since amazon plugin 1.0.5.
    #[serde(default)]
    pub ami_org_arns: Vec<String>,
    /// ARNs of organisational units whose accounts may launch the image. Since amazon plugin 1.0.5.
    #[serde(default)]
    pub ami_ou_arns: Vec<String>,
    /// `v2.0` marks the image so that its instances use only version 2 of the instance metadata service. Since amazon plugin 1.3.10.
    #[schemars(extend("x-amibake-choices" = ["v2.0"]))]
    pub imds_support: Option<String>,
    /// Tags of the image and its snapshots.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

const FORMATS: [&str; 5] = ["ova", "raw", "vhd", "vhdx", "vmdk"];

impl AmazonImport {
    /// The disk file's format.
    pub fn format(&self) -> &str {
        self.format.given().unwrap_or("ova")
    }

    /// The image's architecture.
    pub fn architecture(&self) -> &str {
        self.architecture.given().unwrap_or("x86_64")
    }

    /// The image's boot mode.
    pub fn boot_mode(&self) -> &str {
        let default = if self.architecture() == "arm64" { "uefi" } else { "legacy-bios" };
        self.boot_mode.given().unwrap_or(default)
    }

    /// The object's key, not yet rendered.
    pub fn key(&self) -> String {
        let given = self.s3_key_name.as_ref().map(|key| key.0.as_str()).filter(|key| !key.is_empty());
        given.map_or_else(|| format!("packer-import-{{{{timestamp}}}}.{}", self.format()), str::to_owned)
    }

    /// How S3 encrypts the object.
    pub fn encryption(&self) -> Option<ObjectEncryption> {
        match self.s3_encryption.given()? {
            "aws:kms" => Some(ObjectEncryption::Kms(self.s3_encryption_key.given().map(str::to_owned))),
            _ => Some(ObjectEncryption::Aes256),
        }
    }

    /// The key that encrypts the image.
    pub fn image_key(&self) -> Option<String> {
        self.ami_kms_key.given().filter(|_| self.ami_encrypt).map(str::to_owned)
    }

    fn check_upload(&self, check: &mut Check<'_>) {
        if !self.s3_bucket_name.is_given() {
            check.error("s3_bucket_name", "s3-bucket", "s3_bucket_name must be set", None);
        }
        let format = self.format();
        if !FORMATS.contains(&format) {
            let message = format!("invalid format '{format}'. Only 'ova', 'raw', 'vhd', 'vhdx', or 'vmdk' are allowed");
            check.error("format", "import-format", message, None);
        }
        let encryption = self.s3_encryption.given();
        if let Some(other) = encryption.filter(|how| !["AES256", "aws:kms"].contains(how)) {
            let message = format!("invalid s3 encryption format '{other}'. Only 'AES256' and 'aws:kms' are allowed");
            check.error("s3_encryption", "s3-encryption", message, None);
        }
        if self.s3_encryption_key.is_given() && encryption != Some("aws:kms") {
            let help = Some("set `s3_encryption` to `aws:kms`, or remove the key".to_owned());
            check.warning("s3_encryption_key", "no-effect", "`s3_encryption_key` has no effect without `aws:kms`", help);
        }
    }

    fn check_machine(&self, check: &mut Check<'_>) {
        let platform = self.platform.given();
        if let Some(other) = platform.filter(|platform| !["linux", "windows"].contains(platform)) {
            let message = format!("invalid platform '{other}'. Only 'linux' and 'windows' are allowed");
            check.error("platform", "import-platform", message, None);
        }
        let (mode, architecture) = (self.boot_mode(), self.architecture());
        if !["uefi", "legacy-bios"].contains(&mode) {
            let message = format!("invalid boot mode '{mode}'. Only 'uefi' and 'legacy-bios' are allowed");
            check.error("boot_mode", "boot-mode", message, None);
        } else if architecture == "arm64" && mode != "uefi" {
            check.error("boot_mode", "boot-mode", format!("invalid boot mode '{mode}' for 'arm64' architecture"), None);
        } else if mode == "uefi" && platform.is_none() {
            let key = if self.boot_mode.is_given() { "boot_mode" } else { "architecture" };
            let help = Some("add `\"platform\": \"linux\"` or `\"windows\"`".to_owned());
            check.error(key, "import-platform", "invalid platform '', 'platform' must be set for 'uefi' image imports", help);
        }
    }

    fn check_image(&self, check: &mut Check<'_>) {
        // EC2 would refuse a bad name when the import is done, an hour later.
        let ami_name = self.ami_name.given().unwrap_or("none").to_owned();
        ImageConfig { ami_name, imds_support: self.imds_support.clone(), ..ImageConfig::default() }.check(check);
        if self.ami_kms_key.is_given() && !self.ami_encrypt {
            let help = Some("set `ami_encrypt` to true, or remove the key".to_owned());
            check.warning("ami_kms_key", "no-effect", "`ami_kms_key` has no effect without `ami_encrypt`", help);
        }
    }
}

impl Component for AmazonImport {
    const KIND: Kind = Kind::PostProcessor;
    const TYPE: &'static str = "amazon-import";
    const EXAMPLE: &'static str = r#"{
  "type": "amazon-import",
  "region": "us-east-2",
  "s3_bucket_name": "my-bucket",
  "format": "ova",
  "ami_name": "my-image-{{timestamp}}"
}"#;

    fn check(&self, check: &mut Check<'_>) {
        self.access.check(check);
        self.check_upload(check);
        self.check_machine(check);
        self.check_image(check);
    }
}
