//! The image: name, tags, copies, encryption, and who may use it.

use std::collections::BTreeMap;

use amibake_template::component::{Check, Given, Late, Trilean};
use schemars::JsonSchema;
use serde::Deserialize;

use super::given::given_list;
use super::kms::is_kms_key;
use super::lifespan::Lifespan;
use super::tag::KeyValue;

/// The keys about the image.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct ImageConfig {
    /// Name of the image, unique within account and region: 3 to 128 letters, digits and `()[] ./-'@_`. `{{isotime | clean_resource_name}}`
    /// makes it unique.
    #[serde(default)]
    #[schemars(extend("examples" = ["my-image-{{timestamp}}", "my-image-{{isotime | clean_resource_name}}"]))]
    pub ami_name: String,
    /// Description of the image. May hold `{{ .SourceAMI }}`, `{{ .BuildRegion }}` and the other values known during the build.
    pub ami_description: Option<Late>,
    /// `hvm` or `paravirtual`; accepted for old templates, an image made of an instance has the instance's type.
    #[schemars(extend("examples" = ["hvm", "paravirtual"]))]
    pub ami_virtualization_type: Option<String>,
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
    /// Product codes to attach to the image.
    #[serde(default)]
    pub ami_product_codes: Vec<String>,
    /// Regions that get a copy of the image. The build region may be among them.
    #[serde(default)]
    pub ami_regions: Vec<String>,
    /// Do not ask EC2 whether the regions exist. Default: false.
    #[serde(default)]
    pub skip_region_validation: bool,
    /// Let copies complete within this time, at a price (time based copies). Unit: minutes, multiples of 15. Since amazon plugin 1.3.7.
    pub snapshot_copy_duration_minutes: Option<i64>,
    /// Tags of the image and its snapshots, in every region. Keys and values may hold `{{ .SourceAMI }}` and the other values known during
    /// the build.
    #[serde(default)]
    pub tags: BTreeMap<String, Late>,
    /// The same as a list of blocks with `key` and `value`.
    #[serde(default)]
    pub tag: Vec<KeyValue>,
    /// Tags of the snapshots only; they win over `tags`.
    #[serde(default)]
    pub snapshot_tags: BTreeMap<String, Late>,
    /// The same as a list of blocks with `key` and `value`.
    #[serde(default)]
    pub snapshot_tag: Vec<KeyValue>,
    /// Account ids that may make volumes of the snapshots.
    #[serde(default)]
    pub snapshot_users: Vec<String>,
    /// Groups that may make volumes of the snapshots; EC2 knows only `all`.
    #[serde(default)]
    pub snapshot_groups: Vec<String>,
    /// Remove an own image of the same name, in the build region and in `ami_regions`, just before the new one is made. Default:
    /// false, or true with `-force`.
    #[serde(default)]
    pub force_deregister: bool,
    /// With `force_deregister`, remove the old image's snapshots too. Default: false.
    #[serde(default)]
    pub force_delete_snapshot: bool,
    /// true: the image and its copies are encrypted. false: copies are not. Default: as the source is.
    #[serde(default)]
    pub encrypt_boot: Trilean,
    /// KMS key for `encrypt_boot` in the build region: key id, `alias/NAME` or ARN. Default: the account's key for EBS.
    pub kms_key_id: Option<String>,
    /// KMS keys for `encrypt_boot` in the regions of `ami_regions`; an empty one means the account's key for EBS there.
    #[serde(default)]
    pub region_kms_key_ids: BTreeMap<String, String>,
    /// Keep only the copies in `ami_regions`, not the image in the build region. Default: false.
    #[serde(default)]
    pub skip_save_build_region: bool,
    /// `v2.0` marks the image so that its instances use only version 2 of the instance metadata service. Since amazon plugin 1.2.2.
    #[schemars(extend("x-amibake-choices" = ["v2.0"]))]
    pub imds_support: Option<String>,
    /// Its later life.
    #[serde(flatten)]
    pub lifespan: Lifespan,
}

impl ImageConfig {
    /// Whether the image is made under a passing name first and only its copies are kept.
    pub fn is_temporary(&self) -> bool {
        self.encrypt_boot.is_true() || self.skip_save_build_region
    }

    /// The key for copies into a region; None is the default key there.
    pub fn key_for(&self, region: &str, is_build_region: bool) -> Option<&str> {
        let of_region = self.region_kms_key_ids.get(region).map(String::as_str).filter(|key| !key.is_empty());
        of_region.or_else(|| self.kms_key_id.given().filter(|_| is_build_region))
    }

    /// Checks all that concerns the image alone.
    pub fn check(&self, check: &mut Check<'_>) {
        self.check_name(check);
        self.check_regions(check);
        self.check_keys(check);
        self.check_sharing(check);
        self.lifespan.check(check);
        if self.imds_support.given().is_some_and(|version| version != "v2.0") {
            check.error("imds_support", "imds-support", "`imds_support` can only be `v2.0`", None);
        }
    }

    fn check_name(&self, check: &mut Check<'_>) {
        const ALLOWED: &str = "()[] ./-'@_";
        let name = &self.ami_name;
        if name.is_empty() {
            check.error("ami_name", "ami-name", "`ami_name` must be given", None);
            return;
        }
        let length = name.chars().count();
        if !(3..=128).contains(&length) {
            check.error("ami_name", "ami-name", format!("an image's name has 3 to 128 characters, this one {length}"), None);
        }
        if let Some(bad) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !ALLOWED.contains(*c)) {
            check.error(
                "ami_name",
                "ami-name",
                format!("an image's name cannot hold `{bad}`: only letters, digits and {ALLOWED}"),
                Some("the template filter `clean_resource_name` replaces such characters: `{{isotime | clean_resource_name}}`".to_owned()),
            );
        }
    }

    fn check_regions(&self, check: &mut Check<'_>) {
        let regions = given_list(&self.ami_regions);
        if self.skip_save_build_region && regions.is_empty() {
            let message = "`skip_save_build_region` without `ami_regions` keeps no image at all";
            check.warning(
                "skip_save_build_region",
                "no-image",
                message,
                Some("name the regions that are to have it in `ami_regions`".to_owned()),
            );
        }
        for region in self.region_kms_key_ids.keys().filter(|region| !regions.contains(region)) {
            check.error(
                &format!("region_kms_key_ids/{region}"),
                "region-keys",
                format!("region {region} has a key, but is not among `ami_regions`"),
                None,
            );
        }
        if self.region_kms_key_ids.is_empty() {
            return;
        }
        for region in regions.iter().filter(|region| !self.region_kms_key_ids.contains_key(*region)) {
            check.error(
                "ami_regions",
                "region-keys",
                format!("region {region} gets a copy, but has no entry in `region_kms_key_ids`"),
                Some(format!("add `\"{region}\": \"\"` for the default key of that region")),
            );
        }
    }

    fn check_keys(&self, check: &mut Check<'_>) {
        let region_keys = self.region_kms_key_ids.iter().map(|(region, key)| (format!("region_kms_key_ids/{region}"), key.as_str()));
        let keys: Vec<(String, &str)> =
            self.kms_key_id.given().map(|key| ("kms_key_id".to_owned(), key)).into_iter().chain(region_keys).collect();
        for (at, key) in keys.iter().filter(|(_, key)| !key.is_empty()) {
            if !self.encrypt_boot.is_true() {
                check.error(at, "kms-without-encryption", "a KMS key is given, but `encrypt_boot` is not true", None);
            }
            if !is_kms_key(key) {
                check.error(
                    at,
                    "kms-key",
                    format!("`{key}` is not a KMS key"),
                    Some("write a key id, `alias/NAME`, or the ARN of either".to_owned()),
                );
            }
        }
    }

    /// Nobody else can use what is encrypted with an account's default key.
    fn check_sharing(&self, check: &mut Check<'_>) {
        if !self.encrypt_boot.is_true() {
            return;
        }
        let no_key = !self.kms_key_id.is_given() && self.region_kms_key_ids.values().all(String::is_empty);
        let some_default = self.region_kms_key_ids.values().any(String::is_empty);
        let shared = [
            ("ami_users", &self.ami_users),
            ("ami_org_arns", &self.ami_org_arns),
            ("ami_ou_arns", &self.ami_ou_arns),
            ("snapshot_users", &self.snapshot_users),
        ];
        for (key, _) in shared.iter().filter(|(_, users)| !given_list(users).is_empty()) {
            let message = match (no_key, some_default) {
                (true, _) => format!("`{key}` shares what is encrypted with the account's default key, which others cannot use"),
                (false, true) => format!("`{key}` shares copies that are encrypted with a region's default key, which others cannot use"),
                (false, false) => continue,
            };
            check.error(
                key,
                "shared-default-key",
                message,
                Some("give a key of your own in `kms_key_id` and `region_kms_key_ids`".to_owned()),
            );
        }
    }
}
