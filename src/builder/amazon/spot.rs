//! Spot instances: spare capacity of EC2's at a lower price, which it may take back.

use std::collections::BTreeMap;

use amibake_template::component::{Check, Given, Late};
use schemars::JsonSchema;
use serde::Deserialize;

use super::given::given_list;
use super::run::one_of;
use super::tag::KeyValue;

/// The keys about spot instances.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct SpotConfig {
    /// Launch a spot instance and pay at most this. Unit: US dollars an hour. `auto`: up to the on-demand price. Default, also for `0` and
    /// an empty text: an instance on demand.
    #[schemars(extend("examples" = ["auto", "0.05"]))]
    pub spot_price: Option<String>,
    /// Instance types of which EC2 may take whichever has spot capacity, instead of `instance_type`. Needs `spot_price`.
    #[schemars(extend("examples" = [["t3.micro", "t3a.micro"]]))]
    #[serde(default)]
    pub spot_instance_types: Vec<String>,
    /// How EC2 picks among the instance types and subnets that are allowed. Default: lowest-price. Since amazon plugin 1.3.8.
    #[schemars(extend("x-amibake-choices" = [
        "lowest-price", "diversified", "capacity-optimized", "capacity-optimized-prioritized", "price-capacity-optimized"
    ]))]
    pub spot_allocation_strategy: Option<String>,
    /// Tags of the spot request and of the temporary launch template. Needs `spot_price`. Keys and values may hold `{{ .SourceAMI }}` and
    /// the other values known during the build.
    #[serde(default)]
    pub spot_tags: BTreeMap<String, Late>,
    /// The same as a list of blocks with `key` and `value`.
    #[serde(default)]
    pub spot_tag: Vec<KeyValue>,
    /// Tags of the fleet request that launches the spot instance. Needs `spot_price`. Keys and values may hold `{{ .SourceAMI }}` and the
    /// other values known during the build. Since amazon plugin 1.0.0.
    #[serde(default)]
    pub fleet_tags: BTreeMap<String, Late>,
    /// The same as a list of blocks with `key` and `value`. Since amazon plugin 1.0.0.
    #[serde(default)]
    pub fleet_tag: Vec<KeyValue>,
    /// Length of a spot block. Retired by AWS: it has no effect. Unit: minutes, a multiple of 60. Default: 0.
    #[serde(default)]
    pub block_duration_minutes: i64,
    /// No longer used by Packer.
    pub spot_price_auto_product: Option<String>,
}

/// What to pay for a spot instance at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpotPrice<'a> {
    /// The on-demand price.
    OnDemand,
    /// US dollars an hour.
    Dollars(&'a str),
}

impl SpotConfig {
    /// What a spot instance may cost; None: an instance on demand.
    pub fn price(&self) -> Option<SpotPrice<'_>> {
        match self.spot_price.given()? {
            "0" => None,
            "auto" => Some(SpotPrice::OnDemand),
            dollars => Some(SpotPrice::Dollars(dollars)),
        }
    }

    /// Whether the source instance is a spot instance.
    pub fn is_spot(&self) -> bool {
        self.price().is_some()
    }

    /// `spot_instance_types`, without empty ones.
    pub fn instance_types(&self) -> Vec<String> {
        given_list(&self.spot_instance_types)
    }

    /// Checks the keys; `instance_type` is the builder's.
    pub fn check(&self, check: &mut Check<'_>, instance_type: Option<&str>) {
        self.check_price(check);
        self.check_types(check, instance_type);
        let known = ["lowest-price", "diversified", "capacity-optimized", "capacity-optimized-prioritized", "price-capacity-optimized"];
        one_of(check, "spot_allocation_strategy", self.spot_allocation_strategy.given(), &known);
        for (key, given) in [
            ("fleet_tags", !self.fleet_tags.is_empty()),
            ("fleet_tag", !self.fleet_tag.is_empty()),
            ("spot_tags", !self.spot_tags.is_empty()),
            ("spot_tag", !self.spot_tag.is_empty()),
        ] {
            if given && !self.is_spot() {
                needs_spot(check, key);
            }
        }
        self.check_retired(check);
    }

    fn check_price(&self, check: &mut Check<'_>) {
        let Some(SpotPrice::Dollars(text)) = self.price() else { return };
        if text.parse::<f64>().is_ok_and(|dollars| dollars.is_finite() && dollars > 0.0) {
            return;
        }
        let help =
            "write dollars an hour, such as `0.05`, or `auto` for at most the on-demand price; leave it out for an instance on demand";
        check.error("spot_price", "spot-price", format!("`{text}` is not a price"), Some(help.to_owned()));
    }

    fn check_types(&self, check: &mut Check<'_>, instance_type: Option<&str>) {
        match (instance_type, self.instance_types().is_empty()) {
            (Some(_), true) => {}
            (None, true) => check.error(
                "instance_type",
                "instance-type",
                "`instance_type` must be given, or `spot_instance_types` for a spot instance",
                Some("add `\"instance_type\": \"t3.micro\"`, say".to_owned()),
            ),
            (Some(_), false) => check.error(
                "spot_instance_types",
                "exclude-each-other",
                "only one of `instance_type` and `spot_instance_types` can be given",
                Some("put the type into `spot_instance_types`".to_owned()),
            ),
            (None, false) if !self.is_spot() => needs_spot(check, "spot_instance_types"),
            (None, false) => {}
        }
    }

    fn check_retired(&self, check: &mut Check<'_>) {
        if self.spot_price_auto_product.is_some() {
            let message = "`spot_price_auto_product` has no effect";
            check.warning("spot_price_auto_product", "no-effect", message, Some("remove it".to_owned()));
        }
        if self.block_duration_minutes % 60 != 0 {
            let message = format!("`block_duration_minutes` is a multiple of 60, not {}", self.block_duration_minutes);
            check.error("block_duration_minutes", "block-duration", message, Some("remove it: AWS has retired spot blocks".to_owned()));
        } else if self.block_duration_minutes != 0 {
            let message = "`block_duration_minutes` has no effect: AWS has retired spot blocks";
            check.warning("block_duration_minutes", "no-effect", message, Some("remove it".to_owned()));
        }
    }
}

fn needs_spot(check: &mut Check<'_>, key: &str) {
    let help = "set `spot_price` to `auto`, or remove the key";
    check.error(key, "spot-only", format!("`{key}` is for spot instances, and `spot_price` asks for none"), Some(help.to_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(price: Option<&str>, expected: Option<SpotPrice<'_>>) {
        let config = SpotConfig { spot_price: price.map(str::to_owned), ..SpotConfig::default() };
        assert_eq!(config.price(), expected, "{price:?}");
    }

    #[test]
    fn prices() {
        check(None, None);
        check(Some(""), None);
        check(Some("0"), None);
        check(Some("auto"), Some(SpotPrice::OnDemand));
        check(Some("0.05"), Some(SpotPrice::Dollars("0.05")));
    }
}
