//! The source instance: type, profile, user data, tags, metadata service.

use std::collections::BTreeMap;

use amibake_ec2::model::MetadataOptions;
use amibake_template::component::{Check, FileKind, Given, Late};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use schemars::JsonSchema;
use serde::Deserialize;

use super::placement::PlacementConfig;
use super::profile::PolicyDocument;
use super::spot::SpotConfig;
use super::tag::KeyValue;

/// The keys about the source instance.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct RunConfig {
    /// Type of the source instance: `t2.micro`. Must be given, unless `spot_instance_types` is.
    #[schemars(extend("examples" = ["t3.micro", "t4g.small"]))]
    pub instance_type: Option<String>,
    /// Existing instance profile that the source instance runs with, by name.
    pub iam_instance_profile: Option<String>,
    /// Accepted for old templates: amibake leaves it to EC2 to refuse an unknown profile. Default: false.
    #[serde(default)]
    pub skip_profile_validation: bool,
    /// What the source instance may do in the account during the build: an IAM policy, for which a temporary role and instance profile are
    /// made and removed again. No effect beside `iam_instance_profile`.
    pub temporary_iam_instance_profile_policy_document: Option<PolicyDocument>,
    /// User data of the source instance. Text; what is Base64 already is sent as it is.
    pub user_data: Option<String>,
    /// File with the user data; its content is not rendered. Not together with `user_data`.
    pub user_data_file: Option<String>,
    /// Tags of the source instance, its network interface, the temporary key pair and security group, and, unless
    /// `skip_ami_run_tags` is set, of the image. Keys and values may hold `{{ .SourceAMI }}` and the other values known during the build.
    #[serde(default)]
    pub run_tags: BTreeMap<String, Late>,
    /// The same as a list of blocks with `key` and `value`.
    #[serde(default)]
    pub run_tag: Vec<KeyValue>,
    /// Tags of the source instance's volumes.
    #[serde(default)]
    pub run_volume_tags: BTreeMap<String, Late>,
    /// Launch the source instance optimised for EBS. Default: false.
    #[serde(default)]
    pub ebs_optimized: bool,
    /// What happens when the source instance shuts itself down: `stop` or `terminate`. Default: stop.
    #[schemars(extend("x-amibake-choices" = ["stop", "terminate"]))]
    pub shutdown_behavior: Option<String>,
    /// Do not stop the source instance; wait until something else has stopped it. Default: false.
    #[serde(default)]
    pub disable_stop_instance: bool,
    /// Let a burstable instance (t2, t3, t3a, t4g) spend CPU credits beyond what it has earned, at a price. Default: false.
    /// Since amazon plugin 1.1.5; before, `enable_t2_unlimited`.
    #[serde(default)]
    pub enable_unlimited_credits: bool,
    /// Old name of `enable_unlimited_credits`.
    #[serde(default)]
    pub enable_t2_unlimited: bool,
    /// Instance metadata service of the source instance. Since Packer 1.7.0.
    pub metadata_options: Option<MetadataConfig>,
    /// Whether it is a spot instance.
    #[serde(flatten)]
    pub spot: SpotConfig,
    /// On what it runs.
    #[serde(flatten)]
    pub placing: PlacementConfig,
}

/// Instance metadata service of the source instance.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct MetadataConfig {
    /// `enabled` or `disabled`. Default: enabled.
    #[schemars(extend("x-amibake-choices" = ["enabled", "disabled"]))]
    pub http_endpoint: Option<String>,
    /// `required` allows only version 2 of the service, `optional` both. Default: optional.
    #[schemars(extend("x-amibake-choices" = ["required", "optional"]))]
    pub http_tokens: Option<String>,
    /// How many network hops an answer of the service may take, 1 to 64. Default: 1.
    pub http_put_response_hop_limit: Option<i32>,
    /// Let the instance read its own tags from the service: `enabled` or `disabled`. Default: disabled. Since amazon plugin 1.0.9.
    #[schemars(extend("x-amibake-choices" = ["enabled", "disabled"]))]
    pub instance_metadata_tags: Option<String>,
}

impl RunConfig {
    /// The types of which the instance may be.
    pub fn instance_types(&self) -> Vec<String> {
        match self.instance_type.given() {
            Some(one) => vec![one.to_owned()],
            None => self.spot.instance_types(),
        }
    }

    /// The policy of the temporary instance profile; None where none is to be made.
    pub fn temporary_policy(&self) -> Option<&PolicyDocument> {
        let policy = self.temporary_iam_instance_profile_policy_document.as_ref();
        policy.filter(|policy| policy.is_given() && !self.iam_instance_profile.is_given())
    }

    /// The instance's type; empty where `spot_instance_types` leaves it to EC2.
    pub fn instance_type(&self) -> &str {
        self.instance_type.given().unwrap_or_default()
    }

    /// `unlimited` where asked for, `standard` for other burstable types (amazon plugin since 1.1.5), nothing for the rest.
    pub fn cpu_credits(&self) -> Option<&'static str> {
        let types = self.instance_types();
        let burstable = !types.is_empty() && types.iter().all(|one| is_burstable(one));
        match (burstable, self.enable_unlimited_credits || self.enable_t2_unlimited) {
            (true, true) => Some("unlimited"),
            (true, false) => Some("standard"),
            (false, _) => None,
        }
    }

    /// The metadata service's options; always sent, as the amazon plugin does since Packer 1.7.0.
    pub fn metadata_options(&self) -> MetadataOptions {
        let given = self.metadata_options.clone().unwrap_or_default();
        MetadataOptions {
            http_endpoint: given.http_endpoint.given().unwrap_or("enabled").to_owned(),
            http_tokens: given.http_tokens.given().unwrap_or("optional").to_owned(),
            http_put_response_hop_limit: given.http_put_response_hop_limit.filter(|limit| *limit != 0).unwrap_or(1),
            instance_metadata_tags: given.instance_metadata_tags.given().map(str::to_owned),
        }
    }

    /// Checks the keys against each other.
    pub fn check(&self, check: &mut Check<'_>) {
        self.spot.check(check, self.instance_type.given());
        self.placing.check(check, self);
        self.check_profile(check);
        self.check_user_data(check);
        one_of(check, "shutdown_behavior", self.shutdown_behavior.given(), &["stop", "terminate"]);
        self.check_metadata(check);
        self.check_credits(check);
    }

    fn check_profile(&self, check: &mut Check<'_>) {
        const KEY: &str = "temporary_iam_instance_profile_policy_document";
        let Some(policy) = self.temporary_iam_instance_profile_policy_document.as_ref().filter(|policy| policy.is_given()) else { return };
        if self.iam_instance_profile.is_given() {
            let message = format!("`{KEY}` has no effect beside `iam_instance_profile`");
            check.warning(KEY, "no-effect", message, Some("remove one of them".to_owned()));
        }
        for (index, statement) in policy.statement.iter().enumerate() {
            let at = format!("{KEY}/Statement/{index}");
            one_of(check, &format!("{at}/Effect"), statement.effect.given(), &["Allow", "Deny"]);
            let missing = [("Effect", statement.effect.is_given()), ("Action", !statement.action.is_empty())];
            for (key, _) in missing.iter().chain(&[("Resource", !statement.resource.is_empty())]).filter(|(_, there)| !there) {
                check.error(&at, "policy", format!("a statement of a policy needs `{key}`"), None);
            }
        }
    }

    fn check_user_data(&self, check: &mut Check<'_>) {
        if self.user_data.given().is_some_and(happens_to_be_base64) {
            check.warning(
                "user_data",
                "user-data-base64",
                "`user_data` happens to be Base64, so it is sent as it is",
                Some("if it is meant as text, begin it with `#!` or a comment".to_owned()),
            );
        }
        let Some(file) = self.user_data_file.given() else { return };
        if self.user_data.is_given() {
            check.error("user_data_file", "exclude-each-other", "only one of `user_data` and `user_data_file` can be given", None);
        }
        match check.files.kind_of(file) {
            FileKind::File => {}
            FileKind::Directory => check.error("user_data_file", "file-missing", format!("`{file}` is a directory"), None),
            FileKind::Missing => check.error("user_data_file", "file-missing", format!("there is no file `{file}`"), None),
        }
    }

    fn check_metadata(&self, check: &mut Check<'_>) {
        let Some(given) = &self.metadata_options else { return };
        let switch = &["enabled", "disabled"];
        one_of(check, "metadata_options/http_endpoint", given.http_endpoint.given(), switch);
        one_of(check, "metadata_options/http_tokens", given.http_tokens.given(), &["optional", "required"]);
        one_of(check, "metadata_options/instance_metadata_tags", given.instance_metadata_tags.given(), switch);
        if given.http_put_response_hop_limit.is_some_and(|limit| limit != 0 && !(1..=64).contains(&limit)) {
            let at = "metadata_options/http_put_response_hop_limit";
            check.error(at, "hop-limit", "`http_put_response_hop_limit` is 1 to 64", None);
        }
    }

    fn check_credits(&self, check: &mut Check<'_>) {
        if self.enable_t2_unlimited {
            let help = "write `enable_unlimited_credits`";
            check.warning("enable_t2_unlimited", "old-name", "`enable_t2_unlimited` is an old name", Some(help.to_owned()));
        }
        for (key, on) in [("enable_unlimited_credits", self.enable_unlimited_credits), ("enable_t2_unlimited", self.enable_t2_unlimited)] {
            let types = self.instance_types();
            if on && self.spot.is_spot() && types.iter().any(|one| one.starts_with("t2.")) {
                check.error(key, "credits", format!("`{key}` is not for spot instances of type t2"), None);
            }
            if let Some(shown) = types.iter().find(|one| on && !is_burstable(one)) {
                check.error(key, "credits", format!("`{key}` is for burstable types (t2, t3, t3a, t4g), not for {shown}"), None);
            }
        }
    }
}

/// Whether a text can be read as Base64 but hardly is: it decodes to neither text nor gzip.
fn happens_to_be_base64(text: &str) -> bool {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    BASE64.decode(text).is_ok_and(|bytes| !bytes.starts_with(&GZIP) && std::str::from_utf8(&bytes).is_err())
}

/// Whether a type earns CPU credits.
pub fn is_burstable(instance_type: &str) -> bool {
    ["t2.", "t3.", "t3a.", "t4g."].iter().any(|family| instance_type.starts_with(family))
}

/// Reports a value that is none of the known ones.
pub fn one_of(check: &mut Check<'_>, pointer: &str, value: Option<&str>, known: &[&str]) {
    let Some(value) = value else { return };
    if !known.contains(&value) {
        let key = pointer.rsplit('/').next().unwrap_or(pointer);
        let known = known.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
        check.error(pointer, "one-of", format!("`{key}` is one of {known}, not `{value}`"), None);
    }
}
