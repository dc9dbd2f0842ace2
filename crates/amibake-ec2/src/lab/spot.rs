//! Launch templates and fleets: spot instances.

use std::collections::BTreeMap;

use super::calls::{Parameters, launch_data};
use super::launch::mismatch;
use super::record::SpotRecord;
use super::refusal::{Answer, Refusal, bad_value, refuse};
use super::tags;
use super::world::{Place, State};
use crate::features::LaunchTemplate;
use crate::launch::{CreateFleet, CreateLaunchTemplate, Fleet, FleetError, Override};
use crate::model::{RunInstances, Tag};

/// What a spot instance of any type costs here, dollars an hour.
const PRICE: &str = "0.0031";
/// The strategies that EC2 knows ("CreateFleet", `SpotOptionsRequest`).
const STRATEGIES: &[&str] =
    &["lowest-price", "diversified", "capacity-optimized", "capacity-optimized-prioritized", "price-capacity-optimized"];
/// The longest name of a launch template.
const LONGEST_NAME: usize = 128;

/// Launch templates and fleets of a region.
#[derive(Debug, Default)]
pub(super) struct Spot {
    /// By name.
    templates: BTreeMap<String, LaunchTemplateRecord>,
    /// CreateFleet by client token.
    fleets: BTreeMap<String, (CreateFleet, Fleet)>,
}

/// A launch template.
#[derive(Debug, Clone)]
struct LaunchTemplateRecord {
    /// `lt-…`.
    id: String,
    /// How it began: version 1, the only one that is kept.
    request: CreateLaunchTemplate,
    latest_version: i64,
}

impl Spot {
    /// Adds a template that somebody else has made.
    pub(super) fn prepare(&mut self, template: LaunchTemplate) {
        let LaunchTemplate { id, name, latest_version } = template;
        let request = CreateLaunchTemplate {
            client_token: String::new(),
            name: name.clone(),
            description: String::new(),
            launch: RunInstances::default(),
            max_price: None,
            tags: Vec::new(),
        };
        self.templates.insert(name, LaunchTemplateRecord { id, request, latest_version });
    }

    /// All templates.
    pub(super) fn described(&self) -> impl Iterator<Item = LaunchTemplate> {
        self.templates.iter().map(|(name, template)| LaunchTemplate {
            id: template.id.clone(),
            name: name.clone(),
            latest_version: template.latest_version,
        })
    }
}

impl Place<'_> {
    /// CreateLaunchTemplate. EC2 looks at the form of it alone: what it names is looked for by the launch.
    pub(super) fn create_launch_template(&mut self, request: CreateLaunchTemplate) -> Answer<()> {
        let name = request.name.clone();
        match self.state.spot.templates.get(&name) {
            Some(earlier) if !request.client_token.is_empty() && earlier.request.client_token == request.client_token => {
                return if earlier.request == request { Ok(()) } else { mismatch() };
            }
            Some(_) => {
                let message = "Launch template name already in use.";
                return refuse("InvalidLaunchTemplateName.AlreadyExistsException", message);
            }
            None => {}
        }
        let letter = |c: char| c.is_ascii_alphanumeric() || "()./_-".contains(c);
        if !(3..=LONGEST_NAME).contains(&name.len()) || !name.chars().all(letter) {
            let message = format!("The launch template name '{name}' is not valid.");
            return refuse("InvalidLaunchTemplateName.MalformedException", message);
        }
        for list in [&request.tags, &request.launch.instance_tags, &request.launch.volume_tags] {
            tags::check(list)?;
        }
        let id = format!("lt-{}", self.ids.hex());
        self.state.spot.templates.insert(name, LaunchTemplateRecord { id, request, latest_version: 1 });
        Ok(())
    }

    /// DeleteLaunchTemplate.
    pub(super) fn delete_launch_template(&mut self, name: &str) -> Answer<()> {
        match self.state.spot.templates.remove(name) {
            Some(_) => Ok(()),
            None => unknown_template(name),
        }
    }

    /// CreateFleet of type `instant` with a capacity of one.
    pub(super) fn create_fleet(&mut self, request: CreateFleet) -> Answer<Fleet> {
        match self.state.spot.fleets.get(&request.client_token) {
            Some((earlier, fleet)) if *earlier == request => return Ok(fleet.clone()),
            Some(_) => return mismatch(),
            None => {}
        }
        let Some(template) = self.state.spot.templates.get(&request.template) else { return unknown_template(&request.template) };
        let template = template.request.clone();
        if let Some(bad) = request.allocation_strategy.as_ref().filter(|given| !STRATEGIES.contains(&given.as_str())) {
            return bad_value(format!("Value ({bad}) for parameter SpotOptions.AllocationStrategy is invalid."));
        }
        tags::check(&request.tags)?;
        let mut fleet = Fleet { id: format!("fleet-{}", self.ids.hex()), ..Fleet::default() };
        let as_template_says = [Override::default()];
        let ways = if request.overrides.is_empty() { &as_template_says[..] } else { &request.overrides[..] };
        for way in ways {
            match self.launch_spot(&template, way) {
                Ok(id) => {
                    fleet.instances.push(id);
                    break;
                }
                Err(refusal) => fleet.errors.push(told(refusal, &template.launch, way)),
            }
        }
        if !request.client_token.is_empty() {
            self.state.spot.fleets.insert(request.client_token.clone(), (request, fleet.clone()));
        }
        Ok(fleet)
    }

    fn launch_spot(&mut self, template: &CreateLaunchTemplate, way: &Override) -> Answer<crate::InstanceId> {
        let mut launch = template.launch.clone();
        launch.client_token = String::new();
        if let Some(instance_type) = &way.instance_type {
            launch.instance_type.clone_from(instance_type);
        }
        if way.subnet.is_some() {
            launch.subnet.clone_from(&way.subnet);
        }
        if let Some(price) = template.max_price.as_ref().filter(|price| too_low(price)) {
            let message =
                format!("Your Spot request price of {price} is lower than the minimum required Spot request fulfillment price of {PRICE}.");
            return refuse("SpotMaxPriceTooLow", message);
        }
        let instance = self.run_instance(launch)?.id;
        let request = format!("sir-{}", &self.ids.hex()[..8]);
        self.state.instance_mut(&instance)?.spot = Some(SpotRecord { request, tags: Vec::new() });
        Ok(instance)
    }
}

fn too_low(price: &str) -> bool {
    let dollars = |text: &str| text.parse::<f64>().unwrap_or_default();
    dollars(price) < dollars(PRICE)
}

fn told(refusal: Refusal, launch: &RunInstances, way: &Override) -> FleetError {
    let instance_type = way.instance_type.clone().unwrap_or_else(|| launch.instance_type.clone());
    FleetError { code: refusal.code.to_owned(), message: refusal.message, instance_type: Some(instance_type) }
}

fn unknown_template<T>(name: &str) -> Answer<T> {
    let message = format!("The specified launch template, with template name {name}, does not exist.");
    refuse("InvalidLaunchTemplateName.NotFoundException", message)
}

impl State {
    /// Launch templates: ids and names.
    pub(super) fn launch_templates(&self) -> impl Iterator<Item = (&str, &str)> {
        self.spot.templates.values().map(|template| (template.id.as_str(), template.request.name.as_str()))
    }

    /// The tags of a launch template.
    pub(super) fn launch_template_tags(&mut self, id: &str) -> Option<&mut Vec<Tag>> {
        self.spot.templates.values_mut().find(|template| template.id == id).map(|template| &mut template.request.tags)
    }
}

/// CreateLaunchTemplate, in EC2's parameter names.
pub(super) fn template_parameters(request: &CreateLaunchTemplate) -> Parameters {
    let launch = RunInstances { client_token: String::new(), shutdown_behavior: None, ..request.launch.clone() };
    let data = in_interface(launch_data(&launch), &launch)
        .with("InstanceMarketOptions.MarketType", Some("spot"))
        .with("InstanceMarketOptions.SpotOptions.MaxPrice", request.max_price.as_ref());
    Parameters::default()
        .with("ClientToken", Some(&request.client_token))
        .with("LaunchTemplateName", Some(&request.name))
        .with("VersionDescription", Some(&request.description))
        .tag_specifications(&[("launch-template", &request.tags)])
        .below("LaunchTemplateData.", data)
}

/// A launch template has no place for a subnet but an explicit network interface.
fn in_interface(data: Parameters, launch: &RunInstances) -> Parameters {
    let Some(subnet) = launch.subnet.as_ref().filter(|_| launch.associate_public_ip_address.is_none()) else { return data };
    data.without("SubnetId")
        .without("SecurityGroupId.")
        .with("NetworkInterface.1.DeviceIndex", Some(0))
        .with("NetworkInterface.1.DeleteOnTermination", Some(true))
        .with("NetworkInterface.1.SubnetId", Some(subnet))
        .list("NetworkInterface.1.SecurityGroupId", &launch.security_groups)
}

/// CreateFleet, in EC2's parameter names.
pub(super) fn fleet_parameters(request: &CreateFleet) -> Parameters {
    let config = "LaunchTemplateConfigs.1";
    let mut parameters = Parameters::default()
        .with("ClientToken", Some(&request.client_token))
        .with("Type", Some("instant"))
        .with(&format!("{config}.LaunchTemplateSpecification.LaunchTemplateName"), Some(&request.template))
        .with(&format!("{config}.LaunchTemplateSpecification.Version"), Some("1"))
        .with("TargetCapacitySpecification.TotalTargetCapacity", Some(1))
        .with("TargetCapacitySpecification.DefaultTargetCapacityType", Some("spot"))
        .with("SpotOptions.AllocationStrategy", request.allocation_strategy.as_ref())
        .tag_specifications(&[("fleet", &request.tags)]);
    for (index, way) in request.overrides.iter().enumerate() {
        let prefix = format!("{config}.Overrides.{}", index + 1);
        parameters = parameters
            .with(&format!("{prefix}.InstanceType"), way.instance_type.as_ref())
            .with(&format!("{prefix}.SubnetId"), way.subnet.as_ref());
    }
    parameters
}
