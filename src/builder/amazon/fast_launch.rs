//! EC2 Fast Launch: snapshots of a Windows image that have been through its first start already.

use amibake_ec2::features::LaunchTemplateRef;
use amibake_template::component::{Check, Given, Trilean};
use schemars::JsonSchema;
use serde::Deserialize;

/// EC2 Fast Launch of Windows images. Any key in it switches it on.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct FastLaunchConfig {
    /// Switch it on with EC2's own settings. Default: false. Since amazon plugin 1.2.2.
    #[serde(default)]
    pub enable_fast_launch: bool,
    /// Launch template that EC2 prepares snapshots with in the build region, by id. Since amazon plugin 1.2.2.
    pub template_id: Option<String>,
    /// The same by name. Since amazon plugin 1.2.2.
    pub template_name: Option<String>,
    /// Version of that launch template. 0: the newest. Since amazon plugin 1.2.2.
    #[serde(default)]
    pub template_version: i64,
    /// Launch templates by region, also for the copies. Since amazon plugin 1.3.0.
    #[serde(default)]
    pub region_launch_templates: Vec<RegionLaunchTemplate>,
    /// How many instances prepare snapshots side by side, at least 6. 0: EC2's default. Since amazon plugin 1.2.2.
    #[serde(default)]
    pub max_parallel_launches: i32,
    /// How many prepared snapshots EC2 keeps. 0: EC2's default. Since amazon plugin 1.2.2.
    #[serde(default)]
    pub target_resource_count: i32,
}

/// A launch template of one region.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct RegionLaunchTemplate {
    /// false: no fast launch in this region. Default: true. Since amazon plugin 1.3.3.
    #[serde(default)]
    pub enable_fast_launch: Trilean,
    /// The region. Must be given. Since amazon plugin 1.3.0.
    pub region: Option<String>,
    /// Launch template by id. Since amazon plugin 1.3.0.
    pub template_id: Option<String>,
    /// Launch template by name, instead of its id. Since amazon plugin 1.3.0.
    pub template_name: Option<String>,
    /// Version of the launch template. 0: the newest. Since amazon plugin 1.3.0.
    #[serde(default)]
    pub template_version: i64,
}

/// A launch template as a template names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedTemplate {
    /// Which.
    pub template: LaunchTemplateRef,
    /// Its version; None: the newest.
    pub version: Option<i64>,
}

impl FastLaunchConfig {
    /// Whether it is asked for.
    pub fn is_on(&self) -> bool {
        self.enable_fast_launch
            || wanted(&self.template_id, &self.template_name, 0).is_some()
            || !self.region_launch_templates.is_empty()
            || [self.template_version, self.max_parallel_launches.into(), self.target_resource_count.into()].iter().any(|n| *n != 0)
    }

    /// Whether images of a region get it.
    pub fn is_on_in(&self, region: &str) -> bool {
        self.is_on() && self.of_region(region).is_none_or(|entry| !entry.enable_fast_launch.is_false())
    }

    /// The launch template for a region.
    pub fn template_for(&self, region: &str, is_build_region: bool) -> Option<WantedTemplate> {
        match self.of_region(region) {
            Some(entry) => wanted(&entry.template_id, &entry.template_name, entry.template_version),
            None if is_build_region => wanted(&self.template_id, &self.template_name, self.template_version),
            None => None,
        }
    }

    fn of_region(&self, region: &str) -> Option<&RegionLaunchTemplate> {
        self.region_launch_templates.iter().find(|entry| entry.region.given() == Some(region))
    }

    /// Checks the keys against each other, and the regions against those that get an image. `build_region` as far as the template
    /// names it.
    pub fn check(&self, check: &mut Check<'_>, build_region: Option<&str>, copies: &[String]) {
        let parallel = self.max_parallel_launches;
        if parallel != 0 && parallel < 6 {
            let message = format!("max_parallel_launches must be >= 6, provided value is {parallel}");
            check.error("fast_launch/max_parallel_launches", "fast-launch", message, None);
        }
        let count = self.target_resource_count;
        if count < 0 {
            let message = format!("target_resource_count must be >= 1, provided value is {count}");
            check.error("fast_launch/target_resource_count", "fast-launch", message, None);
        }
        let template = (&self.template_id, &self.template_name, self.template_version);
        check_template(check, "fast_launch", build_region.unwrap_or_default(), template);
        let mut seen: Vec<&str> = Vec::new();
        seen.extend(build_region.filter(|_| wanted(&self.template_id, &self.template_name, 0).is_some()));
        for (index, entry) in self.region_launch_templates.iter().enumerate() {
            let at = format!("fast_launch/region_launch_templates/{index}");
            let Some(region) = entry.region.given() else {
                check.error(&at, "fast-launch", "region cannot be empty for a regional fast template config", None);
                continue;
            };
            check_template(check, &at, region, (&entry.template_id, &entry.template_name, entry.template_version));
            if seen.contains(&region) {
                let message = format!("fast launch: launch template specified twice for region \"{region}\", only once is supported");
                check.error(&format!("{at}/region"), "fast-launch", message, None);
            }
            seen.push(region);
            // Where the build region comes from the environment, any region may be it.
            let gets_one = build_region.is_none_or(|own| own == region) || copies.iter().any(|copy| copy == region);
            if !gets_one {
                let message = format!(
                    "Launch template specified for enabling fast-launch on region \"{region}\", but the AMI won't be copied there."
                );
                check.error(&format!("{at}/region"), "fast-launch", message, Some(format!("add `{region}` to `ami_regions`")));
            }
        }
    }
}

fn wanted(id: &Option<String>, name: &Option<String>, version: i64) -> Option<WantedTemplate> {
    let id = id.given().map(|id| LaunchTemplateRef::Id(id.to_owned()));
    let template = id.or_else(|| name.given().map(|name| LaunchTemplateRef::Name(name.to_owned())))?;
    Some(WantedTemplate { template, version: Some(version).filter(|version| *version > 0) })
}

fn check_template(check: &mut Check<'_>, at: &str, region: &str, (id, name, version): (&Option<String>, &Option<String>, i64)) {
    let what = format!("fast_launch_template_config region \"{region}\"");
    let mut error = |key: &str, message: String| check.error(&format!("{at}/{key}"), "fast-launch", message, None);
    if id.is_given() && name.is_given() {
        error("template_name", format!("{what}: both template ID and name cannot be specified at the same time"));
    }
    if version < 0 {
        error("template_version", format!("{what}: the launch template version must be >= 1, provided value is {version}"));
    } else if version > 0 && !id.is_given() && !name.is_given() {
        error("template_version", format!("{what}: launch template version specified without an ID or name"));
    }
}
