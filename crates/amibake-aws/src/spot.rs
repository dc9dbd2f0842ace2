//! Launch templates and fleets, from amibake's words to the SDK's and back.

use amibake_ec2::launch::{CreateFleet, CreateLaunchTemplate, Fleet, FleetError, Override};
use amibake_ec2::model::{BlockDevice, BlockDeviceTarget, EbsDevice, MetadataOptions, RunInstances, Tag};
use amibake_ec2::{Ec2Error, InstanceId};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::create_fleet::CreateFleetOutput;
use aws_sdk_ec2::operation::create_fleet::builders::CreateFleetFluentBuilder;
use aws_sdk_ec2::operation::create_launch_template::builders::CreateLaunchTemplateFluentBuilder;
use aws_sdk_ec2::types::builders::RequestLaunchTemplateDataBuilder;
use aws_sdk_ec2::types::{
    self as sdk, CreditSpecificationRequest, DefaultTargetCapacityType, FleetLaunchTemplateConfigRequest,
    FleetLaunchTemplateOverridesRequest, FleetLaunchTemplateSpecificationRequest, FleetType, LaunchTemplateBlockDeviceMappingRequest,
    LaunchTemplateEbsBlockDeviceRequest, LaunchTemplateEnclaveOptionsRequest, LaunchTemplateIamInstanceProfileSpecificationRequest,
    LaunchTemplateInstanceMarketOptionsRequest, LaunchTemplateInstanceMetadataOptionsRequest,
    LaunchTemplateInstanceNetworkInterfaceSpecificationRequest, LaunchTemplateLicenseConfigurationRequest, LaunchTemplatePlacementRequest,
    LaunchTemplateSpotMarketOptionsRequest, LaunchTemplateTagSpecificationRequest, MarketType, RequestLaunchTemplateData, ResourceType,
    SpotOptionsRequest, TargetCapacitySpecificationRequest,
};

use crate::describe;
use crate::request::{list, tag, tag_specifications, text};

/// CreateLaunchTemplate.
pub(crate) fn create_template(client: &Client, request: &CreateLaunchTemplate) -> CreateLaunchTemplateFluentBuilder {
    client
        .create_launch_template()
        .client_token(&request.client_token)
        .launch_template_name(&request.name)
        .version_description(&request.description)
        .launch_template_data(data(&request.launch, request.max_price.as_deref()))
        .set_tag_specifications(tag_specifications(&[(ResourceType::LaunchTemplate, &request.tags)]))
}

/// What stands in the template. The SDK has a second set of types for what RunInstances takes as well.
fn data(launch: &RunInstances, max_price: Option<&str>) -> RequestLaunchTemplateData {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let spot = LaunchTemplateSpotMarketOptionsRequest::builder().set_max_price(max_price.map(str::to_owned)).build();
    let market = LaunchTemplateInstanceMarketOptionsRequest::builder().market_type(MarketType::Spot).spot_options(spot).build();
    let builder = RequestLaunchTemplateData::builder()
        .image_id(&launch.image)
        .set_instance_type(given(&launch.instance_type).map(|text| text.as_str().into()))
        .set_key_name(text(&launch.key_name))
        .set_user_data(text(&launch.user_data))
        .set_iam_instance_profile(text(&launch.iam_instance_profile).map(profile))
        .set_placement(placement(launch))
        .set_ebs_optimized(launch.ebs_optimized.then_some(true))
        .set_credit_specification(
            text(&launch.cpu_credits).map(|credits| CreditSpecificationRequest::builder().cpu_credits(credits).build()),
        )
        .set_metadata_options(launch.metadata_options.as_ref().map(metadata_options))
        .set_block_device_mappings(list(&launch.block_devices, block_device))
        .set_enclave_options(launch.options.enclave.then(|| LaunchTemplateEnclaveOptionsRequest::builder().enabled(true).build()))
        .set_license_specifications(list(&launch.options.licenses, |arn| {
            LaunchTemplateLicenseConfigurationRequest::builder().license_configuration_arn(arn).build()
        }))
        .instance_market_options(market)
        .set_tag_specifications(tags(launch));
    network(builder, launch).build()
}

fn profile(name: String) -> LaunchTemplateIamInstanceProfileSpecificationRequest {
    LaunchTemplateIamInstanceProfileSpecificationRequest::builder().name(name).build()
}

fn placement(launch: &RunInstances) -> Option<LaunchTemplatePlacementRequest> {
    let (zone, tenancy) = (text(&launch.availability_zone), text(&launch.tenancy));
    if zone.is_none() && tenancy.is_none() {
        return None;
    }
    let tenancy = tenancy.map(|tenancy| tenancy.as_str().into());
    Some(LaunchTemplatePlacementRequest::builder().set_availability_zone(zone).set_tenancy(tenancy).build())
}

/// Subnet and groups stand either at the instance or at an explicit interface, never at both; a template has no other place for a subnet.
fn network(builder: RequestLaunchTemplateDataBuilder, launch: &RunInstances) -> RequestLaunchTemplateDataBuilder {
    let groups = list(&launch.security_groups, ToString::to_string);
    if launch.associate_public_ip_address.is_none() && launch.subnet.is_none() {
        return builder.set_security_group_ids(groups);
    }
    let interface = LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
        .device_index(0)
        .delete_on_termination(true)
        .set_associate_public_ip_address(launch.associate_public_ip_address)
        .set_subnet_id(launch.subnet.as_ref().map(ToString::to_string))
        .set_groups(groups)
        .build();
    builder.network_interfaces(interface)
}

fn metadata_options(options: &MetadataOptions) -> LaunchTemplateInstanceMetadataOptionsRequest {
    LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_endpoint(options.http_endpoint.as_str().into())
        .http_tokens(options.http_tokens.as_str().into())
        .http_put_response_hop_limit(options.http_put_response_hop_limit)
        .set_instance_metadata_tags(text(&options.instance_metadata_tags).map(|tags| tags.as_str().into()))
        .build()
}

fn block_device(device: &BlockDevice) -> LaunchTemplateBlockDeviceMappingRequest {
    let builder = LaunchTemplateBlockDeviceMappingRequest::builder().device_name(&device.device_name);
    match &device.target {
        // An empty value is how EC2 wants this one.
        BlockDeviceTarget::NoDevice => builder.no_device(""),
        BlockDeviceTarget::Virtual(name) => builder.virtual_name(name),
        BlockDeviceTarget::Ebs(device) => builder.ebs(ebs(device)),
    }
    .build()
}

fn ebs(device: &EbsDevice) -> LaunchTemplateEbsBlockDeviceRequest {
    LaunchTemplateEbsBlockDeviceRequest::builder()
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

fn tags(launch: &RunInstances) -> Option<Vec<LaunchTemplateTagSpecificationRequest>> {
    let kinds: [(ResourceType, &[Tag]); 3] = [
        (ResourceType::Instance, &launch.instance_tags),
        (ResourceType::NetworkInterface, &launch.instance_tags),
        (ResourceType::Volume, &launch.volume_tags),
    ];
    let tagged = kinds.into_iter().filter(|(_, tags)| !tags.is_empty());
    let specifications: Vec<_> = tagged
        .map(|(kind, tags)| LaunchTemplateTagSpecificationRequest::builder().resource_type(kind).set_tags(list(tags, tag)).build())
        .collect();
    if specifications.is_empty() { None } else { Some(specifications) }
}

/// CreateFleet for one spot instance.
pub(crate) fn create_fleet(client: &Client, request: &CreateFleet) -> CreateFleetFluentBuilder {
    let template = FleetLaunchTemplateSpecificationRequest::builder().launch_template_name(&request.template).version("1").build();
    let config = FleetLaunchTemplateConfigRequest::builder()
        .launch_template_specification(template)
        .set_overrides(list(&request.overrides, way))
        .build();
    let capacity = TargetCapacitySpecificationRequest::builder()
        .total_target_capacity(1)
        .default_target_capacity_type(DefaultTargetCapacityType::Spot)
        .build();
    let strategy = text(&request.allocation_strategy)
        .map(|strategy| SpotOptionsRequest::builder().allocation_strategy(strategy.as_str().into()).build());
    client
        .create_fleet()
        .client_token(&request.client_token)
        .r#type(FleetType::Instant)
        .launch_template_configs(config)
        .target_capacity_specification(capacity)
        .set_spot_options(strategy)
        .set_tag_specifications(tag_specifications(&[(ResourceType::Fleet, &request.tags)]))
}

fn way(way: &Override) -> FleetLaunchTemplateOverridesRequest {
    FleetLaunchTemplateOverridesRequest::builder()
        .set_instance_type(text(&way.instance_type).map(|text| text.as_str().into()))
        .set_subnet_id(way.subnet.as_ref().map(ToString::to_string))
        .build()
}

/// What a fleet came to.
pub(crate) fn fleet(operation: &'static str, reply: &CreateFleetOutput) -> Result<Fleet, Ec2Error> {
    let ids = reply.instances().iter().flat_map(|launched| launched.instance_ids());
    let instances: Result<Vec<InstanceId>, Ec2Error> = ids.map(|id| describe::id(operation, Some(id))).collect();
    Ok(Fleet {
        id: reply.fleet_id().unwrap_or_default().to_owned(),
        instances: instances?,
        errors: reply.errors().iter().map(fleet_error).collect(),
    })
}

fn fleet_error(error: &sdk::CreateFleetError) -> FleetError {
    let way = error.launch_template_and_overrides().and_then(|way| way.overrides());
    FleetError {
        code: error.error_code().unwrap_or_default().to_owned(),
        message: error.error_message().unwrap_or_default().to_owned(),
        instance_type: way.and_then(|way| way.instance_type()).map(|kind| kind.as_str().to_owned()),
    }
}
