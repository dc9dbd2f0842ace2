//! CreateVolume.

use super::calls::Parameters;
use super::catalogue;
use super::mapping::volume;
use super::record::VolumeRecord;
use super::refusal::{Answer, bad_value, refuse};
use super::tags;
use super::world::Place;
use crate::id::VolumeId;
use crate::model::{CreateVolume, EbsDevice};

impl Place<'_> {
    /// CreateVolume; the same token makes the same volume. It is `available` at once.
    pub(super) fn create_volume(&mut self, request: CreateVolume) -> Answer<VolumeId> {
        match self.state.volume_tokens.get(&request.client_token) {
            Some((before, id)) if *before == request => return Ok(id.clone()),
            Some(_) => {
                let message = "The client token has already been used with other parameters.";
                return refuse("IdempotentParameterMismatch", message);
            }
            None => {}
        }
        tags::check(&request.tags)?;
        let zone = &request.availability_zone;
        let zones = catalogue::zones(self.region, self.options.assume).unwrap_or("a");
        if !zone.strip_prefix(self.region.as_str()).is_some_and(|letter| letter.len() == 1 && zones.contains(letter)) {
            return bad_value(format!("The zone '{zone}' does not exist."));
        }
        let asked = EbsDevice {
            delete_on_termination: false,
            volume_type: request.volume_type.clone(),
            volume_size: request.size,
            iops: request.iops,
            throughput: request.throughput,
            snapshot_id: request.snapshot.as_ref().map(ToString::to_string),
            encrypted: request.encrypted,
            kms_key_id: request.kms_key_id.clone(),
        };
        let ebs = volume(&asked, None, &self.state.snapshots)?;
        let id = VolumeId::with_hex(&self.ids.hex());
        let record = VolumeRecord { id: id.clone(), attached: None, ebs, availability_zone: zone.clone(), tags: request.tags.clone() };
        self.state.volumes.insert(id.clone(), record);
        if !request.client_token.is_empty() {
            self.state.volume_tokens.insert(request.client_token.clone(), (request, id.clone()));
        }
        Ok(id)
    }
}

/// The call's parameters.
pub(super) fn create_volume(request: &CreateVolume) -> Parameters {
    Parameters::default()
        .with("ClientToken", Some(&request.client_token).filter(|token| !token.is_empty()))
        .with("AvailabilityZone", Some(&request.availability_zone))
        .with("SnapshotId", request.snapshot.as_ref())
        .with("Size", request.size)
        .with("VolumeType", request.volume_type.as_ref())
        .with("Iops", request.iops)
        .with("Throughput", request.throughput)
        .with("Encrypted", request.encrypted)
        .with("KmsKeyId", request.kms_key_id.as_ref())
        .tag_specifications(&[("volume", &request.tags)])
}
