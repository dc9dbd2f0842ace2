//! What a launch may say, whatever exists.

use super::instance_type;
use super::record::ImageRecord;
use super::refusal::{Answer, bad_value, refuse};
use crate::model::{MetadataOptions, RunInstances};

/// User data before encoding (EC2 user guide, "Instance user data").
const MOST_USER_DATA: usize = 16_384;
/// Of one network interface, unless AWS raises it ("Amazon VPC quotas").
const MOST_GROUPS: usize = 5;

/// The type exists and can run the image.
pub(super) fn type_fits(instance_type: &str, image: &ImageRecord) -> Answer<()> {
    let Some(architectures) = instance_type::architectures(instance_type) else {
        return bad_value(format!("Invalid value '{instance_type}' for InstanceType."));
    };
    if !architectures.contains(&image.architecture.as_str()) {
        return bad_value(format!(
            "The architecture '{}' of the specified instance type does not match the architecture '{}' of the specified AMI. \
             Specify an instance type and an AMI that have matching architectures, and try again.",
            architectures.join(","),
            image.architecture
        ));
    }
    if instance_type::virtualizations(instance_type).contains(&image.virtualization_type.as_str()) {
        return Ok(());
    }
    if image.virtualization_type == "hvm" {
        let message = "Non-Windows instances with a virtualization type of 'hvm' are currently not supported for this instance type";
        return refuse("InvalidParameterCombination", format!("{message} : {instance_type}"));
    }
    let message = format!(
        "Virtualization type 'hvm' is required for instances of type '{instance_type}'. \
         Ensure that you are using an AMI with virtualization type 'hvm'."
    );
    refuse("InvalidParameterCombination", message)
}

/// All that can be told from the request alone.
pub(super) fn parameters(request: &RunInstances) -> Answer<()> {
    user_data(request.user_data.as_deref().unwrap_or_default())?;
    if let Some(bad) = request.shutdown_behavior.as_ref().filter(|text| !matches!(text.as_str(), "stop" | "terminate")) {
        return bad_value(format!("Value ({bad}) for parameter instanceInitiatedShutdownBehavior is invalid."));
    }
    // The code is EC2's; the wording is a guess by that of other values.
    if let Some(bad) = request.tenancy.as_ref().filter(|text| !matches!(text.as_str(), "default" | "dedicated" | "host")) {
        return bad_value(format!("Value ({bad}) for parameter tenancy is invalid."));
    }
    credits(request)?;
    if request.security_groups.len() > MOST_GROUPS {
        // The code is EC2's; the wording is a guess.
        let message = "You have exceeded the maximum number of security groups allowed per network interface.";
        return refuse("SecurityGroupsPerInterfaceLimitExceeded", message);
    }
    if request.metadata_options.as_ref().is_some_and(|options| !valid_metadata(options)) {
        return bad_value("A value of MetadataOptions is invalid.");
    }
    Ok(())
}

fn user_data(data: &str) -> Answer<()> {
    let data = data.trim_end_matches('=');
    if data.bytes().filter(|byte| !byte.is_ascii_whitespace()).any(|byte| !(byte.is_ascii_alphanumeric() || b"+/".contains(&byte))) {
        return bad_value("Invalid BASE64 encoding of user data.");
    }
    if data.len() * 3 / 4 > MOST_USER_DATA {
        return bad_value("User data is limited to 16384 bytes");
    }
    Ok(())
}

/// CPU credits are for burstable types alone.
fn credits(request: &RunInstances) -> Answer<()> {
    match request.cpu_credits.as_deref() {
        None => Ok(()),
        Some("standard" | "unlimited") if instance_type::is_burstable(&request.instance_type) => Ok(()),
        // EC2 says T2 of every type, and Unlimited of `standard` too.
        Some("standard" | "unlimited") => {
            let message = format!("The {} instance type does not support T2 Unlimited.", request.instance_type);
            refuse("InstanceCreditSpecification.NotSupported", message)
        }
        // The wording is a guess.
        Some(bad) => bad_value(format!("Value ({bad}) for parameter cpuCredits is invalid.")),
    }
}

fn valid_metadata(options: &MetadataOptions) -> bool {
    let switch = |text: &str| matches!(text, "enabled" | "disabled");
    switch(&options.http_endpoint)
        && matches!(options.http_tokens.as_str(), "optional" | "required")
        && (1..=64).contains(&options.http_put_response_hop_limit)
        && options.instance_metadata_tags.as_deref().is_none_or(switch)
}
