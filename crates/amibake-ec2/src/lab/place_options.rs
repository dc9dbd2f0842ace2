//! What a launch asks for beyond the usual: reserved capacity, hosts, enclaves, licences; and whether there is room at all.

use super::calls::Parameters;
use super::instance_type;
use super::launch::well_formed;
use super::record::SubnetRecord;
use super::refusal::{Answer, bad_value, refuse};
use super::world::Place;
use crate::launch::{Capacity, LaunchOptions};
use crate::model::RunInstances;

impl Place<'_> {
    /// Checks the options by their form; a rehearsal notes what it cannot know. The lab has neither hosts nor reservations, and takes
    /// any id for one.
    pub(super) fn check_options(&mut self, request: &RunInstances) -> Answer<()> {
        let options = &request.options;
        match &options.capacity {
            Some(Capacity::Preference(text)) if !matches!(text.as_str(), "open" | "none") => {
                return bad_value(format!("Value ({text}) for parameter capacityReservationPreference is invalid."));
            }
            Some(Capacity::Reservation(id)) => {
                if !id.starts_with("cr-") || !well_formed(id) {
                    return refuse("InvalidCapacityReservationId.Malformed", format!("Invalid id: \"{id}\" (expecting \"cr-...\")"));
                }
                self.take_for_granted("capacity reservation", id);
            }
            Some(Capacity::Group(arn)) => self.take_for_granted("capacity reservation group", arn),
            Some(Capacity::Preference(_)) | None => {}
        }
        self.check_host(request)?;
        if options.enclave && instance_type::is_burstable(&request.instance_type) {
            // The code is EC2's; the wording is a guess.
            let message = format!("The instance type {} does not support Nitro Enclaves.", request.instance_type);
            return refuse("InvalidParameterCombination", message);
        }
        for arn in &options.licenses {
            self.take_for_granted("licence configuration", arn);
        }
        Ok(())
    }

    fn check_host(&mut self, request: &RunInstances) -> Answer<()> {
        let LaunchOptions { host_id, host_resource_group_arn, .. } = &request.options;
        let tenancy = request.tenancy.as_deref();
        if let Some(id) = host_id {
            if !id.starts_with("h-") || !well_formed(id) {
                return refuse("InvalidHostID.Malformed", format!("Invalid id: \"{id}\" (expecting \"h-...\")"));
            }
            if tenancy != Some("host") {
                // The code is EC2's; the wording is a guess.
                return refuse("InvalidParameterCombination", "A host needs the tenancy 'host'.");
            }
            self.take_for_granted("dedicated host", id);
        }
        if let Some(arn) = host_resource_group_arn {
            self.take_for_granted("host resource group", arn);
        }
        Ok(())
    }

    fn take_for_granted(&mut self, kind: &'static str, what: &str) {
        if self.options.assume {
            self.note(kind, what, "it was named");
        }
    }

    /// Whether there is capacity for a type in a subnet's zone.
    pub(super) fn has_room(&self, instance_type: &str, subnet: &SubnetRecord) -> bool {
        let full = &self.options.no_capacity;
        !full.contains(instance_type) && !full.contains(&subnet.availability_zone)
    }

    /// Refuses where there is none.
    pub(super) fn check_room(&self, instance_type: &str, subnet: &SubnetRecord) -> Answer<()> {
        if self.has_room(instance_type, subnet) {
            return Ok(());
        }
        let zone = &subnet.availability_zone;
        refuse(
            "InsufficientInstanceCapacity",
            format!(
                "We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested ({zone}). \
                 Our system will be working on provisioning additional capacity."
            ),
        )
    }
}

/// The options, in EC2's parameter names.
pub(super) fn parameters(parameters: Parameters, options: &LaunchOptions) -> Parameters {
    let capacity = "CapacityReservationSpecification";
    let parameters = match &options.capacity {
        None => parameters,
        Some(Capacity::Preference(text)) => parameters.with(&format!("{capacity}.CapacityReservationPreference"), Some(text)),
        Some(Capacity::Reservation(id)) => {
            parameters.with(&format!("{capacity}.CapacityReservationTarget.CapacityReservationId"), Some(id))
        }
        Some(Capacity::Group(arn)) => {
            parameters.with(&format!("{capacity}.CapacityReservationTarget.CapacityReservationResourceGroupArn"), Some(arn))
        }
    };
    let parameters = parameters
        .with("Placement.HostId", options.host_id.as_ref())
        .with("Placement.HostResourceGroupArn", options.host_resource_group_arn.as_ref())
        .with("EnclaveOptions.Enabled", options.enclave.then_some(true));
    options.licenses.iter().enumerate().fold(parameters, |parameters, (index, arn)| {
        parameters.with(&format!("LicenseSpecification.{}.LicenseConfigurationArn", index + 1), Some(arn))
    })
}
