//! Descriptions, from the SDK's words to amibake's. What EC2 always says and does not say here is an answer that is none.

use amibake_ec2::model::{
    EbsDevice, Image, ImageBlockDevice, ImageState, Instance, InstanceState, InstanceVolume, KeyPair, SecurityGroup, Snapshot, Subnet, Tag,
    Volume, Vpc,
};
use amibake_ec2::{Ec2Error, VolumeId};
use aws_sdk_ec2::types::{self as sdk, InstanceStateName};

type Read<T> = Result<T, Ec2Error>;

/// An id of any kind out of an answer.
pub(crate) fn id<T: TryFrom<String>>(operation: &'static str, text: Option<&str>) -> Read<T>
where
    T::Error: std::fmt::Display,
{
    match text.map(|text| T::try_from(text.to_owned())) {
        Some(Ok(id)) => Ok(id),
        Some(Err(error)) => Err(Ec2Error::unknown(operation, format!("EC2's answer makes no sense: {error}"))),
        None => Err(Ec2Error::unknown(operation, "EC2's answer lacks an id")),
    }
}

fn some(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn or_empty(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

fn word<T: AsRef<str>>(value: Option<&T>) -> String {
    value.map_or("", |value| value.as_ref()).to_owned()
}

fn tags(tags: &[sdk::Tag]) -> Vec<Tag> {
    tags.iter().map(|tag| Tag { key: or_empty(tag.key()), value: or_empty(tag.value()) }).collect()
}

/// EC2's reason for a state: `CODE: MESSAGE`. Its messages mostly begin with the code already.
fn reason(reason: Option<&sdk::StateReason>) -> Option<String> {
    let reason = reason?;
    match (some(reason.code()), some(reason.message())) {
        (Some(code), Some(message)) if !message.starts_with(&code) => Some(format!("{code}: {message}")),
        (code, message) => message.or(code),
    }
}

pub(crate) fn key_pair(key: &sdk::KeyPairInfo) -> KeyPair {
    KeyPair { name: or_empty(key.key_name()), tags: tags(key.tags()) }
}

pub(crate) fn image(image: &sdk::Image) -> Read<Image> {
    const OPERATION: &str = "DescribeImages";
    let block_devices: Read<Vec<_>> = image.block_device_mappings().iter().map(|device| image_device(OPERATION, device)).collect();
    Ok(Image {
        id: id(OPERATION, image.image_id())?,
        name: or_empty(image.name()),
        owner_id: or_empty(image.owner_id()),
        owner_alias: some(image.image_owner_alias()),
        creation_date: or_empty(image.creation_date()),
        state: image_state(image.state()),
        state_reason: reason(image.state_reason()),
        root_device_type: word(image.root_device_type()),
        root_device_name: some(image.root_device_name()),
        virtualization_type: word(image.virtualization_type()),
        architecture: word(image.architecture()),
        block_devices: block_devices?,
        tags: tags(image.tags()),
        source_instance: match some(image.source_instance_id()) {
            Some(instance) => Some(id(OPERATION, Some(&instance))?),
            None => None,
        },
        // `enabled-with-cooldown`, `enabled-without-cooldown`, `disabled`.
        protected: image.deregistration_protection().is_some_and(|text| text.starts_with("enabled")),
        windows: image.platform() == Some(&sdk::PlatformValues::Windows),
        kernel_id: some(image.kernel_id()),
        ramdisk_id: some(image.ramdisk_id()),
    })
}

fn image_device(operation: &'static str, device: &sdk::BlockDeviceMapping) -> Read<ImageBlockDevice> {
    let ebs = device.ebs();
    let snapshot = match some(ebs.and_then(|ebs| ebs.snapshot_id())) {
        Some(snapshot) => Some(id(operation, Some(&snapshot))?),
        None => None,
    };
    Ok(ImageBlockDevice {
        device_name: or_empty(device.device_name()),
        snapshot,
        delete_on_termination: ebs.and_then(|ebs| ebs.delete_on_termination()),
        ebs: ebs.map(ebs_device),
        virtual_name: some(device.virtual_name()),
    })
}

fn ebs_device(ebs: &sdk::EbsBlockDevice) -> EbsDevice {
    EbsDevice {
        delete_on_termination: ebs.delete_on_termination().unwrap_or_default(),
        volume_type: ebs.volume_type().map(|kind| kind.as_str().to_owned()),
        volume_size: ebs.volume_size(),
        iops: ebs.iops(),
        throughput: ebs.throughput(),
        snapshot_id: some(ebs.snapshot_id()),
        encrypted: ebs.encrypted(),
        kms_key_id: some(ebs.kms_key_id()),
    }
}

fn image_state(state: Option<&sdk::ImageState>) -> ImageState {
    match state {
        Some(sdk::ImageState::Pending) => ImageState::Pending,
        Some(sdk::ImageState::Available) => ImageState::Available,
        Some(sdk::ImageState::Failed | sdk::ImageState::Error | sdk::ImageState::Invalid) => ImageState::Failed,
        _ => ImageState::Gone,
    }
}

pub(crate) fn instance(operation: &'static str, instance: &sdk::Instance) -> Read<Instance> {
    let volumes: Read<Vec<_>> = instance.block_device_mappings().iter().filter_map(|device| instance_volume(operation, device)).collect();
    let groups: Read<Vec<_>> = instance.security_groups().iter().map(|group| id(operation, group.group_id())).collect();
    let ipv6 = instance
        .network_interfaces()
        .iter()
        .flat_map(|interface| interface.ipv6_addresses())
        .find_map(|address| some(address.ipv6_address()));
    Ok(Instance {
        id: id(operation, instance.instance_id())?,
        state: instance_state(operation, instance.state().and_then(|state| state.name()))?,
        state_reason: reason(instance.state_reason()),
        public_ip: some(instance.public_ip_address()),
        private_ip: some(instance.private_ip_address()),
        public_dns: some(instance.public_dns_name()),
        private_dns: some(instance.private_dns_name()),
        ipv6: some(instance.ipv6_address()).or(ipv6),
        vpc: match some(instance.vpc_id()) {
            Some(vpc) => Some(id(operation, Some(&vpc))?),
            None => None,
        },
        security_groups: groups?,
        volumes: volumes?,
        spot_request: some(instance.spot_instance_request_id()),
        availability_zone: some(instance.placement().and_then(|placement| placement.availability_zone())),
        tags: tags(instance.tags()),
    })
}

fn instance_volume(operation: &'static str, device: &sdk::InstanceBlockDeviceMapping) -> Option<Read<InstanceVolume>> {
    let ebs = device.ebs()?;
    Some(id::<VolumeId>(operation, ebs.volume_id()).map(|volume| InstanceVolume {
        device_name: or_empty(device.device_name()),
        volume,
        delete_on_termination: ebs.delete_on_termination().unwrap_or_default(),
    }))
}

fn instance_state(operation: &'static str, state: Option<&InstanceStateName>) -> Read<InstanceState> {
    match state {
        Some(InstanceStateName::Pending) => Ok(InstanceState::Pending),
        Some(InstanceStateName::Running) => Ok(InstanceState::Running),
        Some(InstanceStateName::Stopping) => Ok(InstanceState::Stopping),
        Some(InstanceStateName::Stopped) => Ok(InstanceState::Stopped),
        Some(InstanceStateName::ShuttingDown) => Ok(InstanceState::ShuttingDown),
        Some(InstanceStateName::Terminated) => Ok(InstanceState::Terminated),
        other => {
            Err(Ec2Error::unknown(operation, format!("EC2 gives an instance the state `{}`, which amibake does not know", word(other))))
        }
    }
}

pub(crate) fn vpc(vpc: &sdk::Vpc) -> Read<Vpc> {
    Ok(Vpc { id: id("DescribeVpcs", vpc.vpc_id())?, is_default: vpc.is_default().unwrap_or_default() })
}

pub(crate) fn subnet(subnet: &sdk::Subnet) -> Read<Subnet> {
    const OPERATION: &str = "DescribeSubnets";
    Ok(Subnet {
        id: id(OPERATION, subnet.subnet_id())?,
        vpc: id(OPERATION, subnet.vpc_id())?,
        availability_zone: or_empty(subnet.availability_zone()),
        available_addresses: subnet.available_ip_address_count().and_then(|count| u32::try_from(count).ok()).unwrap_or_default(),
    })
}

pub(crate) fn security_group(group: &sdk::SecurityGroup) -> Read<SecurityGroup> {
    const OPERATION: &str = "DescribeSecurityGroups";
    Ok(SecurityGroup {
        id: id(OPERATION, group.group_id())?,
        name: or_empty(group.group_name()),
        vpc: match some(group.vpc_id()) {
            Some(vpc) => Some(id(OPERATION, Some(&vpc))?),
            None => None,
        },
        tags: tags(group.tags()),
    })
}

pub(crate) fn volume(volume: &sdk::Volume) -> Read<Volume> {
    Ok(Volume { id: id("DescribeVolumes", volume.volume_id())?, state: word(volume.state()), tags: tags(volume.tags()) })
}

pub(crate) fn snapshot(snapshot: &sdk::Snapshot) -> Read<Snapshot> {
    Ok(Snapshot {
        id: id("DescribeSnapshots", snapshot.snapshot_id())?,
        state: word(snapshot.state()),
        progress: some(snapshot.progress()),
        description: or_empty(snapshot.description()),
        tags: tags(snapshot.tags()),
    })
}
