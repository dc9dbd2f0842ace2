//! On what the source instance runs: reserved capacity, a dedicated host, with enclaves, under a licence.

use amibake_ec2::launch::{Capacity, LaunchOptions};
use amibake_template::component::{Check, Given};
use schemars::JsonSchema;
use serde::Deserialize;

use super::run::{RunConfig, is_burstable, one_of};

/// The values of `tenancy`.
const TENANCIES: &[&str] = &["default", "dedicated", "host"];

/// The keys about what the source instance runs on.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct PlacementConfig {
    /// Where and on which host the source instance runs. Since amazon plugin 1.0.7.
    pub placement: Option<Placement>,
    /// Tenancy of the source instance: `default`, `dedicated` or `host`. Old name of `placement.tenancy`.
    #[schemars(extend("x-amibake-choices" = ["default", "dedicated", "host"]))]
    pub tenancy: Option<String>,
    /// Whether the source instance may use a capacity reservation of the account that is open to all and fits: `open` or `none`. Default:
    /// none. Not for spot instances. Since amazon plugin 1.1.6.
    #[schemars(extend("x-amibake-choices" = ["open", "none"]))]
    pub capacity_reservation_preference: Option<String>,
    /// Launch into this capacity reservation: `cr-...`. Not together with `capacity_reservation_group_arn` or a preference, and not for
    /// spot instances. Since amazon plugin 1.1.6.
    pub capacity_reservation_id: Option<String>,
    /// Launch into a capacity reservation of this resource group, by its ARN. Since amazon plugin 1.1.6.
    pub capacity_reservation_group_arn: Option<String>,
    /// Launch the source instance with Nitro Enclaves; not for burstable types and spot instances. Default: false. Since amazon plugin
    /// 1.1.4.
    #[serde(default)]
    pub enable_nitro_enclave: bool,
    /// License Manager configurations for the source instance. Since amazon plugin 1.0.7.
    #[serde(default)]
    pub license_specifications: Vec<LicenseSpecification>,
}

/// Where and on which host the source instance runs.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Placement {
    /// Tenancy of the source instance: `default`, `dedicated` or `host`.
    #[schemars(extend("x-amibake-choices" = ["default", "dedicated", "host"]))]
    pub tenancy: Option<String>,
    /// Dedicated host to run on: `h-...`; the tenancy is `host` then. Since amazon plugin 1.2.8.
    pub host_id: Option<String>,
    /// Group of dedicated hosts to run on, by its ARN; the tenancy is `host` then.
    pub host_resource_group_arn: Option<String>,
}

/// One License Manager configuration.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct LicenseSpecification {
    /// The configuration.
    pub license_configuration_request: Option<LicenseConfiguration>,
}

/// A License Manager configuration.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct LicenseConfiguration {
    /// Its ARN.
    pub license_configuration_arn: Option<String>,
}

impl PlacementConfig {
    /// Tenancy, by either of its keys; a host needs `host`.
    pub fn tenancy(&self) -> Option<&str> {
        let placement = self.placement.as_ref();
        let given = placement.and_then(|placement| placement.tenancy.given()).or_else(|| self.tenancy.given());
        given.or_else(|| placement.and_then(|placement| placement.host_id.given()).map(|_| "host"))
    }

    /// What the launch asks for; `spot`: without reserved capacity and hosts, which spot instances do not have.
    pub fn options(&self, spot: bool) -> LaunchOptions {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let placement = self.placement.clone().unwrap_or_default();
        LaunchOptions {
            capacity: (!spot).then(|| self.capacity()),
            host_id: text(placement.host_id.given()),
            host_resource_group_arn: text(placement.host_resource_group_arn.given()),
            enclave: self.enable_nitro_enclave,
            licenses: self.licenses().map(str::to_owned).collect(),
        }
    }

    /// EC2 takes a target without a preference only (the amazon plugin 1.8 fails at every target). Without either the plugin says
    /// `none`, so that a build does not use up what was reserved for something else.
    fn capacity(&self) -> Capacity {
        match (self.capacity_reservation_id.given(), self.capacity_reservation_group_arn.given()) {
            (Some(id), _) => Capacity::Reservation(id.to_owned()),
            (None, Some(arn)) => Capacity::Group(arn.to_owned()),
            (None, None) => Capacity::Preference(self.capacity_reservation_preference.given().unwrap_or("none").to_owned()),
        }
    }

    fn licenses(&self) -> impl Iterator<Item = &str> {
        let requests = self.license_specifications.iter().filter_map(|one| one.license_configuration_request.as_ref());
        requests.filter_map(|request| request.license_configuration_arn.given())
    }

    /// Checks the keys against each other and against the rest of the launch.
    pub fn check(&self, check: &mut Check<'_>, run: &RunConfig) {
        self.check_tenancy(check, run.spot.is_spot());
        self.check_capacity(check, run.spot.is_spot());
        self.check_enclave(check, run);
        for (index, specification) in self.license_specifications.iter().enumerate() {
            let request = specification.license_configuration_request.as_ref();
            if !request.is_some_and(|request| request.license_configuration_arn.is_given()) {
                let at = format!("license_specifications/{index}");
                check.error(&at, "license", "a licence needs its `license_configuration_request.license_configuration_arn`", None);
            }
        }
    }

    fn check_tenancy(&self, check: &mut Check<'_>, spot: bool) {
        one_of(check, "tenancy", self.tenancy.given(), TENANCIES);
        let placement = self.placement.clone().unwrap_or_default();
        one_of(check, "placement/tenancy", placement.tenancy.given(), TENANCIES);
        if placement.tenancy.is_given() && self.tenancy.is_given() {
            check.error("tenancy", "exclude-each-other", "only one of `tenancy` and `placement.tenancy` can be given", None);
        }
        if placement.host_id.is_given() && placement.host_resource_group_arn.is_given() {
            let message = "only one of `host_id` and `host_resource_group_arn` can be given";
            check.error("placement/host_id", "exclude-each-other", message, None);
        }
        let tenancy = self.tenancy();
        let host = ["host_id", "host_resource_group_arn"].into_iter().zip([&placement.host_id, &placement.host_resource_group_arn]);
        for (key, _) in host.filter(|(_, value)| value.is_given()) {
            let at = format!("placement/{key}");
            if let Some(other) = tenancy.filter(|tenancy| *tenancy != "host") {
                let help = Some("set `placement.tenancy` to `host`, or remove it".to_owned());
                check.error(&at, "host-tenancy", format!("`{key}` needs the tenancy `host`, not `{other}`"), help);
            }
            if spot {
                check.error(&at, "not-for-spot", format!("`{key}` is not for spot instances, and `spot_price` asks for one"), None);
            }
        }
        if spot && tenancy == Some("host") && !placement.host_id.is_given() {
            let at = if self.tenancy.is_given() { "tenancy" } else { "placement/tenancy" };
            check.error(at, "not-for-spot", "the tenancy `host` is not for spot instances, and `spot_price` asks for one", None);
        }
    }

    fn check_capacity(&self, check: &mut Check<'_>, spot: bool) {
        const PREFERENCE: &str = "capacity_reservation_preference";
        let (id, group) = (&self.capacity_reservation_id, &self.capacity_reservation_group_arn);
        one_of(check, PREFERENCE, self.capacity_reservation_preference.given(), &["none", "open"]);
        if id.is_given() && group.is_given() {
            let message = "only one of `capacity_reservation_id` and `capacity_reservation_group_arn` can be given";
            check.error("capacity_reservation_group_arn", "exclude-each-other", message, None);
        }
        let target = [("capacity_reservation_id", id), ("capacity_reservation_group_arn", group)].into_iter().find(|(_, it)| it.is_given());
        if let (Some((key, _)), true) = (target, self.capacity_reservation_preference.is_given()) {
            let help = Some(format!("remove `{PREFERENCE}`: with `{key}` nothing else is used"));
            check.error(PREFERENCE, "exclude-each-other", format!("only one of `{key}` and `{PREFERENCE}` can be given"), help);
        }
        let open = (PREFERENCE, self.capacity_reservation_preference.given() == Some("open"));
        for (key, _) in target.map(|(key, _)| (key, true)).into_iter().chain([open]).filter(|(_, asks)| *asks && spot) {
            let message = format!("`{key}` has no effect on a spot instance, which `spot_price` asks for");
            check.warning(key, "no-effect", message, Some("remove it, or `spot_price`".to_owned()));
        }
    }

    fn check_enclave(&self, check: &mut Check<'_>, run: &RunConfig) {
        if !self.enable_nitro_enclave {
            return;
        }
        const KEY: &str = "enable_nitro_enclave";
        if run.spot.is_spot() {
            check.error(KEY, "not-for-spot", "Nitro Enclaves are not for spot instances, and `spot_price` asks for one", None);
        }
        if let Some(burstable) = run.instance_types().iter().find(|one| is_burstable(one)) {
            check.error(KEY, "enclave-type", format!("Nitro Enclaves are not for burstable types such as {burstable}"), None);
        }
    }
}
