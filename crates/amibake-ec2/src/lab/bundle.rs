//! Images whose root device is an instance store: registered of a bundle in S3, and what cannot be done with them and their instances.

use super::record::ImageRecord;
use super::refusal::{Answer, refuse};
use super::world::State;
use crate::id::InstanceId;
use crate::model::{Keys, RegisterImage, RunInstances};

/// EC2's word for such a root device.
const INSTANCE_STORE: &str = "instance-store";

/// A request with what the bundle's manifest would tell: the lab sees no S3, and takes what EC2 takes for older bundles.
///
/// # Errors
/// The location is no manifest's. The code is EC2's; the wording is ours.
pub(super) fn completed(request: RegisterImage) -> Answer<RegisterImage> {
    let Some(location) = &request.location else { return Ok(request) };
    if !location.split_once('/').is_some_and(|(bucket, key)| !bucket.is_empty() && key.ends_with(".manifest.xml")) {
        return refuse("InvalidManifest", format!("The specified manifest '{location}' could not be found"));
    }
    let or = |value: &str, default: &str| if value.is_empty() { default.to_owned() } else { value.to_owned() };
    Ok(RegisterImage {
        architecture: or(&request.architecture, "x86_64"),
        virtualization_type: or(&request.virtualization_type, "paravirtual"),
        root_device_name: or(&request.root_device_name, "/dev/sda1"),
        ..request
    })
}

/// The kind of root device that a registered image has.
pub(super) fn root_device_type(request: &RegisterImage) -> &'static str {
    if request.location.is_some() { INSTANCE_STORE } else { "ebs" }
}

/// What a launch cannot ask of such an image. The codes are EC2's.
///
/// # Errors
/// A shutdown behaviour: there is nothing to come back to.
pub(super) fn check_launch(request: &RunInstances, image: &ImageRecord) -> Answer<()> {
    if image.root_device_type == INSTANCE_STORE && request.shutdown_behavior.is_some() {
        let message = "The attribute instanceInitiatedShutdownBehavior can only be used for EBS-backed images.";
        return refuse("InvalidParameterCombination", message);
    }
    Ok(())
}

/// What CreateImage asks of its instance.
///
/// # Errors
/// Its root device is no volume.
pub(super) fn check_create_image(state: &State, instance: &InstanceId) -> Answer<()> {
    match state.instances.get(instance) {
        Some(record) if record.root_device_type == INSTANCE_STORE => {
            refuse("InvalidParameterValue", "Instance does not have a volume attached at root (null)")
        }
        Some(_) | None => Ok(()),
    }
}

/// The lab's credentials: those of AWS's examples, which open nothing.
pub(super) fn keys() -> Keys {
    Keys {
        access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned().into(),
        token: None,
    }
}
