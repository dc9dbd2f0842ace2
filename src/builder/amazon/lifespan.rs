//! How long an image is meant to live: from when on it counts as deprecated, and whether it can be deregistered by mistake.

use amibake_template::component::{Check, Given};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;

/// The keys about an image's later life.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Lifespan {
    /// Time from which the image counts as deprecated, in every region: RFC 3339, `2030-01-01T00:00:00Z`. EC2 rounds it to the minute and
    /// takes at most ten years (two for a public image). Default: never. Since amazon plugin 1.0.1.
    #[schemars(extend("examples" = ["2030-01-01T00:00:00Z"]))]
    pub deprecate_at: Option<String>,
    /// Protection of the image against deregistration, in every region. Since amazon plugin 1.3.4.
    pub deregistration_protection: Option<DeregistrationProtection>,
}

/// Protection against deregistration.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct DeregistrationProtection {
    /// Switch it on. Default: false, or true where `with_cooldown` is set. Since amazon plugin 1.3.4.
    #[serde(default)]
    pub enabled: bool,
    /// Keep it for 24 hours after somebody switches it off. Default: false. Since amazon plugin 1.3.4.
    #[serde(default)]
    pub with_cooldown: bool,
}

impl Lifespan {
    /// The time of deprecation as EC2 takes it: UTC.
    pub fn deprecated_from(&self) -> Option<String> {
        let time = self.deprecate_at.given()?.parse::<Timestamp>().ok()?;
        Some(time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    /// Whether the image is to be protected, and if so, whether with a cooldown.
    pub fn protected(&self) -> Option<bool> {
        let protection = self.deregistration_protection.as_ref()?;
        (protection.enabled || protection.with_cooldown).then_some(protection.with_cooldown)
    }

    /// Checks the time.
    pub fn check(&self, check: &mut Check<'_>) {
        if let Some(text) = self.deprecate_at.given().filter(|text| text.parse::<Timestamp>().is_err()) {
            check.error(
                "deprecate_at",
                "deprecate-at",
                format!("deprecate_at is not a valid time: \"{text}\". Expect time format: YYYY-MM-DDTHH:MM:SSZ"),
                None,
            );
        }
    }
}
