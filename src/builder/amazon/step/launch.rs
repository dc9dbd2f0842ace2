//! Launches the source instance and waits until it runs.

use amibake_ec2::model::{BlockDevice, Image, Instance, RunInstances, Subnet, Tag};
use amibake_ec2::{Ec2Error, InstanceId};
use amibake_template::component::Given;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::time::Instant;

use super::key_pair::LoginKey;
use super::network::Network;
use super::profile::ProfileInUse;
use super::security_group::GroupsInUse;
use super::spot::{SpotTags, launch_spot, tag_request};
use crate::builder::BuildError;
use crate::builder::amazon::call::{Pauses, TRIES, create_by_token, fail, failed_call, go_on, sleep};
use crate::builder::amazon::capacity::another_subnet_may_do;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::instance::InstanceConfig;
use crate::builder::amazon::name::uuid;
use crate::builder::amazon::run::RunConfig;
use crate::builder::amazon::site::Site;
use crate::builder::amazon::tag::{KeyValue, render_tags};
use crate::engine::context::BuildContext;
use crate::engine::teardown::{CreateError, Lifetime, Resource};
use crate::engine::watcher::{WaitError, Want};

/// Tags of a launch, rendered.
#[derive(Debug, Clone, Default)]
pub struct LaunchTags {
    /// `run_tags`.
    pub run: Vec<Tag>,
    /// `run_volume_tags`.
    pub volume: Vec<Tag>,
    /// `spot_tags`, `fleet_tags`.
    pub spot: SpotTags,
}

impl LaunchTags {
    /// Renders them; `volume_blocks` are `run_volume_tag`.
    ///
    /// # Errors
    /// A tag that cannot be rendered.
    pub fn render(cx: &BuildContext, info: &BuildInfo, run: &RunConfig, volume_blocks: &[KeyValue]) -> Result<Self, BuildError> {
        let tell = |error| super::tell(cx, error);
        Ok(Self {
            run: render_tags(&cx.late, info, &run.run_tags, &run.run_tag).map_err(tell)?,
            volume: render_tags(&cx.late, info, &run.run_volume_tags, volume_blocks).map_err(tell)?,
            spot: SpotTags::render(cx, info, &run.spot)?,
        })
    }
}

/// What a launch builds on: the steps before it.
pub struct Basis<'a> {
    /// Source image.
    pub source: &'a Image,
    /// Network.
    pub network: &'a Network,
    /// Login.
    pub key: &'a LoginKey,
    /// Security groups.
    pub groups: &'a GroupsInUse,
    /// Instance profile.
    pub profile: &'a ProfileInUse,
    /// Tags.
    pub tags: &'a LaunchTags,
    /// Disks that the template names.
    pub devices: &'a [BlockDevice],
    /// What becomes of it.
    pub purpose: Purpose,
}

/// What becomes of the source instance once it is provisioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is stopped.
    Stopped,
    /// Its root is bundled while it runs; it may stand on an instance store, from which no stopped instance comes back.
    Bundled,
}

/// Launches the source instance and waits until it runs.
///
/// # Errors
/// EC2 refuses, or the instance ends while it starts.
pub async fn launch_instance(cx: &BuildContext, site: &Site, config: &InstanceConfig, basis: &Basis<'_>) -> Result<Instance, BuildError> {
    let spot = &config.run.spot;
    let price = spot.price();
    announce(cx, basis, price.is_some());
    let request = request(cx, config, basis)?;
    let launched = match price {
        Some(price) => launch_spot(cx, site, (spot, price), request, basis).await?,
        None => launch(cx, site, request, basis).await?,
    };
    cx.report.detail(format!("Instance ID: {launched}"));
    let instance = wait_until_running(cx, site, &launched).await?;
    own_volumes(cx, site, basis.devices, &instance)?;
    tag_request(cx, site, &instance, &basis.tags.spot.spot).await?;
    Ok(instance)
}

/// Says what is launched, with its tags, in Packer's words.
fn announce(cx: &BuildContext, basis: &Basis<'_>, spot: bool) {
    if spot {
        cx.report.say("Launching a spot AWS instance...");
        cx.report.say("Interpolating tags for spot instance...");
    } else {
        cx.report.say("Launching a source AWS instance...");
        if !basis.tags.run.is_empty() {
            cx.report.say("Adding tags to source instance");
        }
    }
    for tag in basis.tags.run.iter().chain(&basis.tags.volume) {
        cx.report.detail(format!("Adding tag: \"{}\": \"{}\"", tag.key, tag.value));
    }
    if spot {
        cx.report.detail("Loading User Data File...");
    }
}

fn request(cx: &BuildContext, config: &InstanceConfig, basis: &Basis<'_>) -> Result<RunInstances, BuildError> {
    let run = &config.run;
    let ours = cx.teardown.tags();
    let with_ours = |tags: &[Tag]| tags.iter().chain(&ours).cloned().collect();
    let subnet = basis.network.subnet.clone();
    let stopped = basis.purpose == Purpose::Stopped;
    Ok(RunInstances {
        client_token: String::new(),
        image: basis.source.id.to_string(),
        instance_type: run.instance_type().to_owned(),
        key_name: basis.key.key_pair.clone(),
        user_data: user_data(run).map_err(|error| fail(cx, error))?,
        iam_instance_profile: basis.profile.name.clone(),
        availability_zone: basis.network.zone.clone(),
        tenancy: run.placing.tenancy().map(str::to_owned),
        associate_public_ip_address: config.network.associate_public_ip_address.0.filter(|_| subnet.is_some()),
        subnet,
        security_groups: basis.groups.ids.clone(),
        ebs_optimized: run.ebs_optimized,
        shutdown_behavior: stopped.then(|| run.shutdown_behavior.given().unwrap_or("stop").to_owned()),
        cpu_credits: run.cpu_credits().map(str::to_owned),
        // Packer's amazon-instance never sends them; where the template gives them, they are meant.
        metadata_options: (stopped || run.metadata_options.is_some()).then(|| run.metadata_options()),
        options: run.placing.options(run.spot.is_spot()),
        block_devices: basis.devices.to_vec(),
        instance_tags: with_ours(&basis.tags.run),
        volume_tags: with_ours(&basis.tags.volume),
    })
}

/// User data in Base64. What is Base64 already is sent as it is, even a short word that only happens to be: templates rely on it.
fn user_data(run: &RunConfig) -> Result<Option<String>, String> {
    let bytes = match (run.user_data.given(), run.user_data_file.given()) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (None, Some(path)) => std::fs::read(path).map_err(|error| format!("cannot read user_data_file {path}: {error}"))?,
        (None, None) => return Ok(None),
    };
    if bytes.is_empty() {
        return Ok(None);
    }
    match String::from_utf8(bytes) {
        Ok(text) if BASE64.decode(text.replace(['\n', '\r'], "")).is_ok() => Ok(Some(text)),
        Ok(text) => Ok(Some(BASE64.encode(text))),
        Err(error) => Ok(Some(BASE64.encode(error.into_bytes()))),
    }
}

/// Launches, again while EC2 does not know the instance profile, or what was just made, everywhere yet; and where the template leaves
/// the subnet to us, in the next one as long as there is no room.
async fn launch(cx: &BuildContext, site: &Site, mut request: RunInstances, basis: &Basis<'_>) -> Result<InstanceId, BuildError> {
    const WHAT: &str = "Error launching source instance";
    let mut pauses = Pauses::usual(TRIES);
    let mut others = basis.network.others.iter();
    for attempt in 1.. {
        go_on(cx)?;
        // A refused launch has used its token up; the same launch with a lost reply repeats it, and never starts a second instance.
        request.client_token = uuid(cx, &format!("launch {attempt}"));
        let resource = Resource::instance(request.client_token.clone());
        let call = create_by_token(|| site.ec2().run_instance(request.clone()));
        match cx.teardown.create(&site.home, resource, Lifetime::Build, call).await {
            Ok((instance, _)) => return Ok(instance.id),
            Err(CreateError::Ec2(error)) if is_not_known_yet(&error, basis) => match pauses.next() {
                Some(pause) => sleep(cx, pause).await.map_err(|error| error.fail(cx, WHAT, &site.region))?,
                None => return Err(failed_call(cx, WHAT, &site.region, &error)),
            },
            Err(CreateError::Ec2(error)) if another_subnet_may_do(&error) && !others.as_slice().is_empty() => {
                let Some(next) = next_subnet(&mut others, &request, &error) else {
                    return Err(super::create_failed(cx, WHAT, &site.region, CreateError::Ec2(error)));
                };
                move_to(cx, &mut request, next, &error);
            }
            Err(CreateError::Ec2(error)) if error.is("VPCIdNotSpecified") && request.subnet.is_none() => {
                let help = "a valid Subnet Id was not specified";
                return Err(fail(cx, format!("{WHAT} in {}: {help}: {error}", site.region)));
            }
            Err(error) => return Err(super::create_failed(cx, WHAT, &site.region, error)),
        }
    }
    Err(BuildError::Cancelled)
}

/// The next subnet to try: in another zone, unless it is only addresses that are short.
fn next_subnet<'a>(others: &mut std::slice::Iter<'a, Subnet>, request: &RunInstances, error: &Ec2Error) -> Option<&'a Subnet> {
    let addresses = error.is("InsufficientFreeAddressesInSubnet");
    others.find(|subnet| addresses || request.availability_zone.as_ref() != Some(&subnet.availability_zone))
}

fn move_to(cx: &BuildContext, request: &mut RunInstances, subnet: &Subnet, error: &Ec2Error) {
    let (from, zone) = (request.availability_zone.as_deref().unwrap_or_default(), &subnet.availability_zone);
    let why = error.code.as_deref().unwrap_or_default();
    cx.report.say(format!("No room for {} in {from} ({why}); trying subnet {} in {zone}", request.instance_type, subnet.id));
    request.subnet = Some(subnet.id.clone());
    request.availability_zone = Some(zone.clone());
}

/// IAM takes a while to tell EC2 about a new profile, and EC2 a moment to tell itself about a new key pair or group.
pub(super) fn is_not_known_yet(error: &Ec2Error, basis: &Basis<'_>) -> bool {
    error.is("InvalidParameterValue") && error.message.to_ascii_lowercase().contains("iaminstanceprofile")
        || error.is("InvalidKeyPair.NotFound") && basis.key.temporary.is_some()
        || error.is("InvalidGroup.NotFound") && basis.groups.temporary.is_some()
}

async fn wait_until_running(cx: &BuildContext, site: &Site, id: &InstanceId) -> Result<Instance, BuildError> {
    cx.report.say(format!("Waiting for instance ({id}) to become ready..."));
    let deadline = Instant::now() + site.polling.instance_limit();
    match site.home.watcher.instance(id, Want::Running, deadline, &cx.cancel).await {
        Ok(instance) => {
            if cx.options.debug {
                tell_addresses(cx, &instance);
            }
            Ok(instance)
        }
        Err(WaitError::Cancelled) => Err(BuildError::Cancelled),
        Err(error) => Err(fail(cx, format!("Error waiting for instance ({id}) to become ready in {}: {error}", site.region))),
    }
}

fn tell_addresses(cx: &BuildContext, instance: &Instance) {
    for (what, address) in [("Public DNS", &instance.public_dns), ("Public IP", &instance.public_ip), ("Private IP", &instance.private_ip)]
    {
        if let Some(address) = address.as_deref().filter(|address| !address.is_empty()) {
            cx.report.detail(format!("{what}: {address}"));
        }
    }
}

/// Volumes of the source image that would outlive the instance go with the build. Those that the template maps itself stay: it asked
/// for volumes that are kept.
fn own_volumes(cx: &BuildContext, site: &Site, devices: &[BlockDevice], instance: &Instance) -> Result<(), BuildError> {
    let mapped = |device: &str| devices.iter().any(|one| one.device_name == device);
    for volume in instance.volumes.iter().filter(|volume| !volume.delete_on_termination && !mapped(&volume.device_name)) {
        let resource = Resource::Volume { id: volume.volume.clone() };
        cx.teardown.own(Some(&site.home), resource, Lifetime::Build).map_err(|error| fail(cx, error.to_string()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let run = RunConfig { user_data: Some(text.to_owned()), ..RunConfig::default() };
        assert_eq!(user_data(&run).unwrap().as_deref(), Some(expected), "{text}");
    }

    #[test]
    fn user_data_is_sent_in_base64() {
        check("#!/bin/sh\n", "IyEvYmluL3NoCg==");
        check("IyEvYmluL3NoCg==", "IyEvYmluL3NoCg==");
        check("echo", "echo");
        assert_eq!(user_data(&RunConfig { user_data: Some(String::new()), ..RunConfig::default() }), Ok(None));
    }
}
