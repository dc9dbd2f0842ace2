//! Requests, from amibake's words to the SDK's.

use amibake_ec2::launch::Capacity;
use amibake_ec2::model::{
    BlockDevice, BlockDeviceTarget, EbsDevice, Filter, ImageChange, IngressRule, MetadataOptions, RunInstances, SnapshotChange, Tag,
};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::modify_image_attribute::builders::ModifyImageAttributeFluentBuilder;
use aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder;
use aws_sdk_ec2::types::{
    self as sdk, AttributeValue, CapacityReservationSpecification, CapacityReservationTarget, CreateVolumePermission,
    CreateVolumePermissionModifications, CreditSpecificationRequest, EbsBlockDevice, EnclaveOptionsRequest,
    IamInstanceProfileSpecification, InstanceMetadataOptionsRequest, InstanceNetworkInterfaceSpecification, IpPermission, IpRange,
    Ipv6Range, LaunchPermission, LaunchPermissionModifications, LicenseConfigurationRequest, PermissionGroup, Placement, ResourceType,
    TagSpecification,
};

/// A list, or nothing where it is empty.
pub(crate) fn list<T, U>(items: &[T], convert: impl Fn(&T) -> U) -> Option<Vec<U>> {
    if items.is_empty() { None } else { Some(items.iter().map(convert).collect()) }
}

/// A text, or nothing where it is empty: EC2 reads an empty parameter as a value.
pub(crate) fn text(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

pub(crate) fn filter(filter: &Filter) -> sdk::Filter {
    sdk::Filter::builder().name(&filter.name).set_values(Some(filter.values.clone())).build()
}

pub(crate) fn tag(tag: &Tag) -> sdk::Tag {
    sdk::Tag::builder().key(&tag.key).value(&tag.value).build()
}

/// Tags by kind of resource; kinds without tags are left out.
pub(crate) fn tag_specifications(kinds: &[(ResourceType, &[Tag])]) -> Option<Vec<TagSpecification>> {
    let tagged = kinds.iter().filter(|(_, tags)| !tags.is_empty());
    let specifications: Vec<_> =
        tagged.map(|(kind, tags)| TagSpecification::builder().resource_type(kind.clone()).set_tags(list(tags, tag)).build()).collect();
    if specifications.is_empty() { None } else { Some(specifications) }
}

pub(crate) fn block_device(device: &BlockDevice) -> sdk::BlockDeviceMapping {
    let builder = sdk::BlockDeviceMapping::builder().device_name(&device.device_name);
    match &device.target {
        // An empty value is how EC2 wants this one.
        BlockDeviceTarget::NoDevice => builder.no_device(""),
        BlockDeviceTarget::Virtual(name) => builder.virtual_name(name),
        BlockDeviceTarget::Ebs(device) => builder.ebs(ebs(device)),
    }
    .build()
}

fn ebs(device: &EbsDevice) -> EbsBlockDevice {
    EbsBlockDevice::builder()
        .delete_on_termination(device.delete_on_termination)
        .set_volume_type(text(&device.volume_type).map(|kind| kind.as_str().into()))
        .set_volume_size(device.volume_size)
        .set_iops(device.iops)
        .set_throughput(device.throughput)
        .set_snapshot_id(text(&device.snapshot_id))
        .set_encrypted(device.encrypted)
        .set_kms_key_id(text(&device.kms_key_id))
        .build()
}

pub(crate) fn permission(rule: &IngressRule) -> IpPermission {
    let (v6, v4): (Vec<&String>, Vec<_>) = rule.cidrs.iter().partition(|cidr| cidr.contains(':'));
    IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(i32::from(rule.port))
        .to_port(i32::from(rule.port))
        .set_ip_ranges(list(&v4, |cidr| IpRange::builder().cidr_ip(*cidr).build()))
        .set_ipv6_ranges(list(&v6, |cidr| Ipv6Range::builder().cidr_ipv6(*cidr).build()))
        .build()
}

/// RunInstances for one instance.
pub(crate) fn run_instances(client: &Client, request: &RunInstances) -> RunInstancesFluentBuilder {
    let builder = client
        .run_instances()
        .min_count(1)
        .max_count(1)
        .image_id(&request.image)
        .instance_type(request.instance_type.as_str().into())
        .set_client_token(Some(request.client_token.clone()).filter(|token| !token.is_empty()))
        .set_key_name(text(&request.key_name))
        .set_user_data(text(&request.user_data))
        .set_iam_instance_profile(
            text(&request.iam_instance_profile).map(|name| IamInstanceProfileSpecification::builder().name(name).build()),
        )
        .set_placement(placement(request))
        .set_ebs_optimized(request.ebs_optimized.then_some(true))
        .set_instance_initiated_shutdown_behavior(text(&request.shutdown_behavior).map(|text| text.as_str().into()))
        .set_credit_specification(
            text(&request.cpu_credits).map(|credits| CreditSpecificationRequest::builder().cpu_credits(credits).build()),
        )
        .set_metadata_options(request.metadata_options.as_ref().map(metadata_options))
        .set_capacity_reservation_specification(request.options.capacity.as_ref().map(capacity))
        .set_enclave_options(request.options.enclave.then(|| EnclaveOptionsRequest::builder().enabled(true).build()))
        .set_license_specifications(list(&request.options.licenses, |arn| {
            LicenseConfigurationRequest::builder().license_configuration_arn(arn).build()
        }))
        .set_block_device_mappings(list(&request.block_devices, block_device))
        .set_tag_specifications(tag_specifications(&[
            (ResourceType::Instance, &request.instance_tags),
            (ResourceType::Volume, &request.volume_tags),
            (ResourceType::NetworkInterface, &request.instance_tags),
        ]));
    network(builder, request)
}

fn placement(request: &RunInstances) -> Option<Placement> {
    let (zone, tenancy) = (text(&request.availability_zone), text(&request.tenancy));
    let (host, group) = (text(&request.options.host_id), text(&request.options.host_resource_group_arn));
    if [&zone, &tenancy, &host, &group].iter().all(|given| given.is_none()) {
        return None;
    }
    let placement = Placement::builder().set_availability_zone(zone).set_host_id(host).set_host_resource_group_arn(group);
    Some(placement.set_tenancy(tenancy.map(|tenancy| tenancy.as_str().into())).build())
}

fn capacity(capacity: &Capacity) -> CapacityReservationSpecification {
    let builder = CapacityReservationSpecification::builder();
    let target = CapacityReservationTarget::builder();
    match capacity {
        Capacity::Preference(preference) => builder.capacity_reservation_preference(preference.as_str().into()),
        Capacity::Reservation(id) => builder.capacity_reservation_target(target.capacity_reservation_id(id).build()),
        Capacity::Group(arn) => builder.capacity_reservation_target(target.capacity_reservation_resource_group_arn(arn).build()),
    }
    .build()
}

/// Subnet and groups stand either at the instance or at an explicit interface, never at both.
fn network(builder: RunInstancesFluentBuilder, request: &RunInstances) -> RunInstancesFluentBuilder {
    let subnet = request.subnet.as_ref().map(ToString::to_string);
    let groups = list(&request.security_groups, ToString::to_string);
    let Some(public) = request.associate_public_ip_address else {
        return builder.set_subnet_id(subnet).set_security_group_ids(groups);
    };
    let interface = InstanceNetworkInterfaceSpecification::builder()
        .device_index(0)
        .delete_on_termination(true)
        .associate_public_ip_address(public)
        .set_subnet_id(subnet)
        .set_groups(groups)
        .build();
    builder.network_interfaces(interface)
}

fn metadata_options(options: &MetadataOptions) -> InstanceMetadataOptionsRequest {
    InstanceMetadataOptionsRequest::builder()
        .http_endpoint(options.http_endpoint.as_str().into())
        .http_tokens(options.http_tokens.as_str().into())
        .http_put_response_hop_limit(options.http_put_response_hop_limit)
        .set_instance_metadata_tags(text(&options.instance_metadata_tags).map(|tags| tags.as_str().into()))
        .build()
}

/// The change into a ModifyImageAttribute.
pub(crate) fn image_change(builder: ModifyImageAttributeFluentBuilder, change: &ImageChange) -> ModifyImageAttributeFluentBuilder {
    match change {
        ImageChange::Description(text) => builder.description(AttributeValue::builder().value(text).build()),
        ImageChange::Launch { users, groups, organizations, organizational_units } => {
            let permission = LaunchPermission::builder;
            let add = users
                .iter()
                .map(|user| permission().user_id(user).build())
                .chain(groups.iter().map(|group| permission().group(PermissionGroup::from(group.as_str())).build()))
                .chain(organizations.iter().map(|arn| permission().organization_arn(arn).build()))
                .chain(organizational_units.iter().map(|arn| permission().organizational_unit_arn(arn).build()));
            builder.launch_permission(LaunchPermissionModifications::builder().set_add(Some(add.collect())).build())
        }
        ImageChange::ProductCodes(codes) => builder.attribute("productCodes").set_product_codes(Some(codes.clone())),
        ImageChange::ImdsSupport(version) => builder.imds_support(AttributeValue::builder().value(version).build()),
    }
}

/// Who may make volumes of a snapshot.
pub(crate) fn snapshot_permissions(change: &SnapshotChange) -> CreateVolumePermissionModifications {
    let permission = CreateVolumePermission::builder;
    let add = change
        .users
        .iter()
        .map(|user| permission().user_id(user).build())
        .chain(change.groups.iter().map(|group| permission().group(PermissionGroup::from(group.as_str())).build()));
    CreateVolumePermissionModifications::builder().set_add(Some(add.collect())).build()
}
