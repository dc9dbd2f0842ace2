//! Switches network features of the stopped instance, for the image that is made of it.

use amibake_ec2::features::NetworkFeature;
use amibake_ec2::model::Image;

use super::stop::Stopped;
use crate::builder::BuildError;
use crate::builder::amazon::call::{ask, fail};
use crate::builder::amazon::enhanced_networking::EnhancedNetworking;
use crate::builder::amazon::instance::InstanceConfig;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;

/// Checks that the source image can do what is to be switched on: before anything is made. `virtualization_type` and `source_ami` are the
/// template's keys; the first says better than the image what will come out.
///
/// # Errors
/// It is not HVM.
pub fn check_source(
    cx: &BuildContext,
    config: &EnhancedNetworking,
    source: &Image,
    virtualization_type: Option<&str>,
) -> Result<(), BuildError> {
    if !config.needs_hvm() {
        return Ok(());
    }
    match virtualization_type.filter(|text| !text.is_empty()) {
        Some("hvm") => Ok(()),
        Some(other) => Err(fail(cx, format!("Cannot enable enhanced networking, AMIVirtType '{other}' is not HVM"))),
        None if source.virtualization_type == "hvm" => Ok(()),
        None => Err(fail(cx, format!("Cannot enable enhanced networking, source AMI '{}' is not HVM", source.id))),
    }
}

/// Switches the features, one call each. A spot instance is not stopped, and is left as it is: only a builder whose image says for itself
/// what it has gets here with one.
///
/// # Errors
/// EC2 refuses.
pub async fn enhance(cx: &BuildContext, site: &Site, config: &InstanceConfig, stopped: &Stopped) -> Result<(), BuildError> {
    if config.run.spot.is_spot() {
        return Ok(());
    }
    let instance = &stopped.instance.id;
    for feature in config.enhanced_networking.features() {
        let (doing, what) = match feature {
            NetworkFeature::Sriov => ("Enabling", "Enhanced Networking (SR-IOV)"),
            NetworkFeature::Ena(true) => ("Enabling", "Enhanced Networking (ENA)"),
            NetworkFeature::Ena(false) => ("Disabling", "Enhanced Networking (ENA)"),
        };
        cx.report.say(format!("{doing} {what}..."));
        let answer = ask(cx, || site.ec2().set_network_feature(instance, feature)).await;
        answer.map_err(|error| error.fail(cx, &format!("Error {} {what} on {instance}", doing.to_lowercase()), &site.region))?;
    }
    Ok(())
}
