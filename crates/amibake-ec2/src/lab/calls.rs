//! What was asked of the lab, in the parameter names of EC2's query API, so that it compares with recorded traffic.

use std::collections::BTreeMap;

use super::fault::Position;
use crate::error::{Ec2Error, ErrorKind};
use crate::id::{ImageId, Region};
use crate::model::{BlockDevice, BlockDeviceTarget, CopyImage, Filter, ImageChange, MetadataOptions, RunInstances, Tag};

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// 1 for the first call after the lab was opened.
    pub number: usize,
    /// Where.
    pub region: Region,
    /// EC2's name: `RunInstances`.
    pub operation: &'static str,
    /// Whether it changes something.
    pub changes: bool,
    /// `ImageId` and so on; absent where nothing is sent.
    pub parameters: BTreeMap<String, String>,
    /// EC2's code where it was refused; `lost` where the caller heard nothing.
    pub failed: Option<String>,
}

/// Parameters of a call.
#[derive(Debug, Clone, Default)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// One value; None is not sent.
    pub fn with(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.to_string());
        }
        self
    }

    /// All of another call's, with a prefix.
    pub(super) fn below(mut self, prefix: &str, other: Self) -> Self {
        self.0.extend(other.0.into_iter().map(|(name, value)| (format!("{prefix}{name}"), value)));
        self
    }

    /// Without those that begin so.
    pub(super) fn without(mut self, prefix: &str) -> Self {
        self.0.retain(|name, _| !name.starts_with(prefix));
        self
    }

    /// `Name.1`, `Name.2`, ...
    pub fn list(mut self, name: &str, values: impl IntoIterator<Item = impl ToString>) -> Self {
        for (index, value) in values.into_iter().enumerate() {
            self.0.insert(format!("{name}.{}", index + 1), value.to_string());
        }
        self
    }

    /// `Filter.1.Name`, `Filter.1.Value.1`, ...
    pub fn filters(mut self, filters: &[Filter]) -> Self {
        for (index, filter) in filters.iter().enumerate() {
            let prefix = format!("Filter.{}", index + 1);
            self = self.with(&format!("{prefix}.Name"), Some(&filter.name)).list(&format!("{prefix}.Value"), &filter.values);
        }
        self
    }

    /// `Tag.1.Key`, `Tag.1.Value`, ... below `prefix`.
    pub fn tags(mut self, prefix: &str, tags: &[Tag]) -> Self {
        for (index, tag) in tags.iter().enumerate() {
            let prefix = format!("{prefix}Tag.{}", index + 1);
            self = self.with(&format!("{prefix}.Key"), Some(&tag.key)).with(&format!("{prefix}.Value"), Some(&tag.value));
        }
        self
    }

    /// `TagSpecification.N` for each kind that has tags.
    pub fn tag_specifications(mut self, specifications: &[(&str, &[Tag])]) -> Self {
        let with_tags = specifications.iter().filter(|(_, tags)| !tags.is_empty());
        for (index, (kind, tags)) in with_tags.enumerate() {
            let prefix = format!("TagSpecification.{}", index + 1);
            self = self.with(&format!("{prefix}.ResourceType"), Some(kind)).tags(&format!("{prefix}."), tags);
        }
        self
    }

    /// `BlockDeviceMapping.N`.
    pub fn block_devices(mut self, devices: &[BlockDevice]) -> Self {
        for (index, device) in devices.iter().enumerate() {
            let prefix = format!("BlockDeviceMapping.{}", index + 1);
            self = self.with(&format!("{prefix}.DeviceName"), Some(&device.device_name));
            self = match &device.target {
                BlockDeviceTarget::NoDevice => self.with(&format!("{prefix}.NoDevice"), Some("")),
                BlockDeviceTarget::Virtual(name) => self.with(&format!("{prefix}.VirtualName"), Some(name)),
                BlockDeviceTarget::Ebs(ebs) => self
                    .with(&format!("{prefix}.Ebs.DeleteOnTermination"), Some(ebs.delete_on_termination))
                    .with(&format!("{prefix}.Ebs.VolumeType"), ebs.volume_type.as_ref())
                    .with(&format!("{prefix}.Ebs.VolumeSize"), ebs.volume_size)
                    .with(&format!("{prefix}.Ebs.Iops"), ebs.iops)
                    .with(&format!("{prefix}.Ebs.Throughput"), ebs.throughput)
                    .with(&format!("{prefix}.Ebs.SnapshotId"), ebs.snapshot_id.as_ref())
                    .with(&format!("{prefix}.Ebs.Encrypted"), ebs.encrypted)
                    .with(&format!("{prefix}.Ebs.KmsKeyId"), ebs.kms_key_id.as_ref()),
            };
        }
        self
    }
}

/// The calls so far.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub(super) all: Vec<Call>,
    changes: usize,
    by_operation: BTreeMap<&'static str, usize>,
}

impl Calls {
    /// Records that a call has arrived.
    pub(super) fn arrive(&mut self, region: &Region, operation: &'static str, parameters: Parameters) -> Position {
        let changes = !["Describe", "Get", "Decode", "List", "Head"].iter().any(|verb| operation.starts_with(verb));
        self.changes += usize::from(changes);
        let nth = self.by_operation.entry(operation).or_default();
        *nth += 1;
        let number = self.all.len() + 1;
        let position = Position { call: number, change: changes.then_some(self.changes), operation: (operation, *nth) };
        self.all.push(Call { number, region: region.clone(), operation, changes, parameters: parameters.0, failed: None });
        position
    }

    /// Records how the call ended.
    pub(super) fn end(&mut self, position: Position, error: &Ec2Error) {
        let text = match (error.kind, &error.code) {
            (ErrorKind::Unknown, _) => "lost".to_owned(),
            (_, Some(code)) => code.clone(),
            (_, None) => error.message.clone(),
        };
        if let Some(call) = self.all.get_mut(position.call - 1) {
            call.failed = Some(text);
        }
    }
}

/// RunInstances.
pub(super) fn run_instances(request: &RunInstances) -> Parameters {
    launch_data(request).with("MinCount", Some(1)).with("MaxCount", Some(1)).with("ClientToken", Some(&request.client_token))
}

/// What a launch and a launch template have in common.
pub(super) fn launch_data(request: &RunInstances) -> Parameters {
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let mut parameters = Parameters::default()
        .with("ImageId", Some(&request.image))
        .with("InstanceType", given(&request.instance_type))
        .with("KeyName", request.key_name.as_ref())
        .with("UserData", request.user_data.as_ref())
        .with("IamInstanceProfile.Name", request.iam_instance_profile.as_ref())
        .with("Placement.AvailabilityZone", request.availability_zone.as_ref())
        .with("Placement.Tenancy", request.tenancy.as_ref())
        .with("EbsOptimized", request.ebs_optimized.then_some(true))
        .with("InstanceInitiatedShutdownBehavior", request.shutdown_behavior.as_ref())
        .with("CreditSpecification.CpuCredits", request.cpu_credits.as_ref())
        .block_devices(&request.block_devices);
    parameters = match request.associate_public_ip_address {
        Some(public) => parameters
            .with("NetworkInterface.1.DeviceIndex", Some(0))
            .with("NetworkInterface.1.DeleteOnTermination", Some(true))
            .with("NetworkInterface.1.AssociatePublicIpAddress", Some(public))
            .with("NetworkInterface.1.SubnetId", request.subnet.as_ref())
            .list("NetworkInterface.1.SecurityGroupId", &request.security_groups),
        None => parameters.with("SubnetId", request.subnet.as_ref()).list("SecurityGroupId", &request.security_groups),
    };
    if let Some(options) = &request.metadata_options {
        parameters = metadata(parameters, options);
    }
    parameters = super::place_options::parameters(parameters, &request.options);
    parameters.tag_specifications(&[
        ("instance", &request.instance_tags),
        ("network-interface", &request.instance_tags),
        ("volume", &request.volume_tags),
    ])
}

fn metadata(parameters: Parameters, options: &MetadataOptions) -> Parameters {
    parameters
        .with("MetadataOptions.HttpEndpoint", Some(&options.http_endpoint))
        .with("MetadataOptions.HttpTokens", Some(&options.http_tokens))
        .with("MetadataOptions.HttpPutResponseHopLimit", Some(options.http_put_response_hop_limit))
        .with("MetadataOptions.InstanceMetadataTags", options.instance_metadata_tags.as_ref())
}

/// CopyImage.
pub(super) fn copy_image(request: &CopyImage) -> Parameters {
    Parameters::default()
        .with("ClientToken", Some(&request.client_token))
        .with("SourceRegion", Some(&request.source_region))
        .with("SourceImageId", Some(&request.source_image))
        .with("Name", Some(&request.name))
        .with("Encrypted", request.encrypted)
        .with("KmsKeyId", request.kms_key_id.as_ref())
        .with("CopyImageTags", request.copy_tags.then_some(true))
        .with("SnapshotCopyCompletionDurationMinutes", request.completion_minutes)
}

/// ModifyImageAttribute.
pub(super) fn image_change(image: &ImageId, change: &ImageChange) -> Parameters {
    let parameters = Parameters::default().with("ImageId", Some(image));
    match change {
        ImageChange::Description(text) => parameters.with("Description.Value", Some(text)),
        ImageChange::Launch { users, groups, organizations, organizational_units } => {
            let kinds =
                [("UserId", users), ("Group", groups), ("OrganizationArn", organizations), ("OrganizationalUnitArn", organizational_units)];
            let all = kinds.iter().flat_map(|(kind, values)| values.iter().map(move |value| (*kind, value)));
            all.enumerate().fold(parameters, |parameters, (index, (kind, value))| {
                parameters.with(&format!("LaunchPermission.Add.{}.{kind}", index + 1), Some(value))
            })
        }
        ImageChange::ProductCodes(codes) => parameters.list("ProductCode", codes),
        ImageChange::ImdsSupport(version) => parameters.with("ImdsSupport.Value", Some(version)),
    }
}
