//! The [`Ec2`] trait: one call, one function.

use std::collections::BTreeMap;
use std::sync::Arc;

use amibake_ec2::launch::{CreateFleet, CreateLaunchTemplate, Fleet};
use amibake_ec2::model::{
    CopyImage, CreateImage, CreateSecurityGroup, CreateSnapshot, CreateVolume, CreatedKeyPair, DescribeImages, Filter, Image, ImageChange,
    ImportImage, ImportTask, IngressRule, Instance, KeyPair, KeyPairRequest, KeyType, RegisterImage, RunInstances, SecurityGroup, Snapshot,
    SnapshotChange, Subnet, Tag, Volume, Vpc,
};
use amibake_ec2::{
    Ec2, Ec2Error, Iam, ImageId, ImportTaskId, InstanceId, Region, Result, S3, SecurityGroupId, Sessions, SnapshotId, SubnetId, VolumeId,
    VpcId,
};
use async_trait::async_trait;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::ResourceType;
use aws_sdk_ec2::{Client, config};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use secrecy::SecretString;

use crate::request::{self, list, tag_specifications, text};
use crate::retry::Once;
use crate::signed::Signed;
use crate::{describe, disks, error, import, spot};

/// Version of EC2's query API.
const API_VERSION: &str = "2016-11-15";

/// One region.
pub(crate) struct AwsRegion {
    region: Region,
    client: Client,
    services: Services,
}

/// What a region reaches beside the EC2 client.
pub(crate) struct Services {
    /// EC2's calls without a typed client.
    pub raw: Signed,
    pub iam: Arc<dyn Iam>,
    pub s3: Arc<dyn S3>,
    pub sessions: Arc<dyn Sessions>,
}

impl AwsRegion {
    pub(crate) fn new(region: Region, client: Client, services: Services) -> Self {
        Self { region, client, services }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}

/// The settings of a create that takes no client token.
fn once() -> config::Builder {
    config::Builder::new().retry_classifier(Once)
}

/// Names the call in its error.
pub(crate) fn failed<E>(operation: &'static str) -> impl FnOnce(SdkError<E, HttpResponse>) -> Ec2Error
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    move |error| error::translate(operation, &error)
}

fn strings<T: ToString>(items: &[T]) -> Option<Vec<String>> {
    list(items, ToString::to_string)
}

/// All items of all pages.
macro_rules! all {
    ($operation:literal, $request:expr, $describe:expr) => {{
        let mut pages = $request.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            found.push($describe(&item.map_err(failed($operation))?)?);
        }
        Ok(found)
    }};
}

#[async_trait]
impl Ec2 for AwsRegion {
    fn region(&self) -> &Region {
        &self.region
    }

    fn iam(&self) -> Arc<dyn Iam> {
        Arc::clone(&self.services.iam)
    }

    fn s3(&self) -> Arc<dyn S3> {
        Arc::clone(&self.services.s3)
    }

    async fn import_image(&self, request: ImportImage) -> Result<ImportTask> {
        const OPERATION: &str = "ImportImage";
        let reply = import::import_image(&self.client, &request).send().await.map_err(failed(OPERATION))?;
        import::begun(OPERATION, &reply)
    }

    async fn describe_import_tasks(&self, ids: &[ImportTaskId]) -> Result<Vec<ImportTask>> {
        const OPERATION: &str = "DescribeImportImageTasks";
        let call = self.client.describe_import_image_tasks().set_import_task_ids(strings(ids));
        if ids.is_empty() {
            return all!("DescribeImportImageTasks", call, |task| import::described(OPERATION, task));
        }
        let reply = call.send().await.map_err(failed(OPERATION))?;
        reply.import_image_tasks().iter().map(|task| import::described(OPERATION, task)).collect()
    }

    async fn cancel_import_task(&self, task: &ImportTaskId) -> Result<()> {
        self.client.cancel_import_task().import_task_id(task.as_str()).send().await.map(drop).map_err(failed("CancelImportTask"))
    }

    fn sessions(&self) -> Arc<dyn Sessions> {
        Arc::clone(&self.services.sessions)
    }

    async fn describe_regions(&self) -> Result<Vec<Region>> {
        let reply = self.client.describe_regions().send().await.map_err(failed("DescribeRegions"))?;
        Ok(reply.regions().iter().filter_map(|region| region.region_name()).map(Region::new).collect())
    }

    async fn describe_images(&self, request: DescribeImages) -> Result<Vec<Image>> {
        let call = self
            .client
            .describe_images()
            .set_image_ids(strings(&request.ids))
            .set_owners(strings(&request.owners))
            .set_filters(list(&request.filters, request::filter))
            .set_include_deprecated(request.include_deprecated.then_some(true));
        if request.ids.is_empty() {
            return all!("DescribeImages", call, describe::image);
        }
        let reply = call.send().await.map_err(failed("DescribeImages"))?;
        reply.images().iter().map(describe::image).collect()
    }

    async fn describe_vpcs(&self, ids: &[VpcId], filters: &[Filter]) -> Result<Vec<Vpc>> {
        let call = self.client.describe_vpcs().set_vpc_ids(strings(ids)).set_filters(list(filters, request::filter));
        all!("DescribeVpcs", call, describe::vpc)
    }

    async fn describe_subnets(&self, ids: &[SubnetId], filters: &[Filter]) -> Result<Vec<Subnet>> {
        let call = self.client.describe_subnets().set_subnet_ids(strings(ids)).set_filters(list(filters, request::filter));
        all!("DescribeSubnets", call, describe::subnet)
    }

    async fn describe_security_groups(&self, ids: &[SecurityGroupId], filters: &[Filter]) -> Result<Vec<SecurityGroup>> {
        let call = self.client.describe_security_groups().set_group_ids(strings(ids)).set_filters(list(filters, request::filter));
        all!("DescribeSecurityGroups", call, describe::security_group)
    }

    async fn describe_instances(&self, ids: &[InstanceId], filters: &[Filter]) -> Result<Vec<Instance>> {
        const OPERATION: &str = "DescribeInstances";
        let call = self.client.describe_instances().set_instance_ids(strings(ids)).set_filters(list(filters, request::filter));
        let mut pages = call.into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failed(OPERATION))?;
            for instance in page.reservations().iter().flat_map(|reservation| reservation.instances()) {
                found.push(describe::instance(OPERATION, instance)?);
            }
        }
        Ok(found)
    }

    async fn describe_volumes(&self, ids: &[VolumeId], filters: &[Filter]) -> Result<Vec<Volume>> {
        let call = self.client.describe_volumes().set_volume_ids(strings(ids)).set_filters(list(filters, request::filter));
        all!("DescribeVolumes", call, describe::volume)
    }

    async fn describe_snapshots(&self, ids: &[SnapshotId], filters: &[Filter]) -> Result<Vec<Snapshot>> {
        let call =
            self.client.describe_snapshots().owner_ids("self").set_snapshot_ids(strings(ids)).set_filters(list(filters, request::filter));
        all!("DescribeSnapshots", call, describe::snapshot)
    }

    async fn describe_key_pairs(&self, filters: &[Filter]) -> Result<Vec<KeyPair>> {
        let call = self.client.describe_key_pairs().set_filters(list(filters, request::filter));
        let reply = call.send().await.map_err(failed("DescribeKeyPairs"))?;
        Ok(reply.key_pairs().iter().map(describe::key_pair).collect())
    }

    async fn create_key_pair(&self, request: KeyPairRequest) -> Result<CreatedKeyPair> {
        const OPERATION: &str = "CreateKeyPair";
        let kind = match request.key_type {
            KeyType::Ed25519 => aws_sdk_ec2::types::KeyType::Ed25519,
            KeyType::Rsa => aws_sdk_ec2::types::KeyType::Rsa,
        };
        let call = self
            .client
            .create_key_pair()
            .key_name(&request.name)
            .key_type(kind)
            .set_tag_specifications(tag_specifications(&[(ResourceType::KeyPair, &request.tags)]));
        let mut reply = call.customize().config_override(once()).send().await.map_err(failed(OPERATION))?;
        match reply.key_material.take() {
            Some(key) => Ok(CreatedKeyPair { name: request.name, private_key: SecretString::from(key) }),
            None => Err(Ec2Error::unknown(OPERATION, "EC2's answer holds no private key")),
        }
    }

    async fn delete_key_pair(&self, name: &str) -> Result<()> {
        match self.client.delete_key_pair().key_name(name).send().await.map_err(failed("DeleteKeyPair")) {
            Err(error) if !error.is_not_found() => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn create_security_group(&self, request: CreateSecurityGroup) -> Result<SecurityGroupId> {
        const OPERATION: &str = "CreateSecurityGroup";
        let call = self
            .client
            .create_security_group()
            .group_name(&request.name)
            .description(&request.description)
            .set_vpc_id(request.vpc.as_ref().map(ToString::to_string))
            .set_tag_specifications(tag_specifications(&[(ResourceType::SecurityGroup, &request.tags)]));
        let reply = call.customize().config_override(once()).send().await.map_err(failed(OPERATION))?;
        describe::id(OPERATION, reply.group_id())
    }

    async fn authorize_ingress(&self, group: &SecurityGroupId, rules: &[IngressRule]) -> Result<()> {
        let call =
            self.client.authorize_security_group_ingress().group_id(group.as_str()).set_ip_permissions(list(rules, request::permission));
        call.customize().config_override(once()).send().await.map(drop).map_err(failed("AuthorizeSecurityGroupIngress"))
    }

    async fn delete_security_group(&self, group: &SecurityGroupId) -> Result<()> {
        self.client.delete_security_group().group_id(group.as_str()).send().await.map(drop).map_err(failed("DeleteSecurityGroup"))
    }

    async fn run_instance(&self, request: RunInstances) -> Result<Instance> {
        const OPERATION: &str = "RunInstances";
        let reply = request::run_instances(&self.client, &request).send().await.map_err(failed(OPERATION))?;
        match reply.instances().first() {
            Some(instance) => describe::instance(OPERATION, instance),
            None => Err(Ec2Error::unknown(OPERATION, "EC2's answer names no instance")),
        }
    }

    async fn create_launch_template(&self, request: CreateLaunchTemplate) -> Result<()> {
        spot::create_template(&self.client, &request).send().await.map(drop).map_err(failed("CreateLaunchTemplate"))
    }

    async fn delete_launch_template(&self, name: &str) -> Result<()> {
        let call = self.client.delete_launch_template().launch_template_name(name);
        call.send().await.map(drop).map_err(failed("DeleteLaunchTemplate"))
    }

    async fn create_fleet(&self, request: CreateFleet) -> Result<Fleet> {
        const OPERATION: &str = "CreateFleet";
        let reply = spot::create_fleet(&self.client, &request).send().await.map_err(failed(OPERATION))?;
        spot::fleet(OPERATION, &reply)
    }

    async fn stop_instance(&self, instance: &InstanceId) -> Result<()> {
        self.client.stop_instances().instance_ids(instance.as_str()).send().await.map(drop).map_err(failed("StopInstances"))
    }

    async fn terminate_instance(&self, instance: &InstanceId) -> Result<()> {
        self.client.terminate_instances().instance_ids(instance.as_str()).send().await.map(drop).map_err(failed("TerminateInstances"))
    }

    async fn set_instance_groups(&self, instance: &InstanceId, groups: &[SecurityGroupId]) -> Result<()> {
        let call = self.client.modify_instance_attribute().instance_id(instance.as_str()).set_groups(strings(groups));
        call.send().await.map(drop).map_err(failed("ModifyInstanceAttribute"))
    }

    async fn create_image(&self, request: CreateImage) -> Result<ImageId> {
        const OPERATION: &str = "CreateImage";
        let call = self
            .client
            .create_image()
            .instance_id(request.instance.as_str())
            .name(&request.name)
            .set_block_device_mappings(list(&request.block_devices, request::block_device))
            .set_tag_specifications(tag_specifications(&[(ResourceType::Image, &request.image_tags)]));
        let reply = call.customize().config_override(once()).send().await.map_err(failed(OPERATION))?;
        describe::id(OPERATION, reply.image_id())
    }

    async fn copy_image(&self, request: CopyImage) -> Result<ImageId> {
        const OPERATION: &str = "CopyImage";
        let call = self
            .client
            .copy_image()
            .set_client_token(Some(request.client_token.clone()).filter(|token| !token.is_empty()))
            .source_region(request.source_region.as_str())
            .source_image_id(request.source_image.as_str())
            .name(&request.name)
            .set_encrypted(request.encrypted)
            .set_kms_key_id(text(&request.kms_key_id))
            .set_copy_image_tags(request.copy_tags.then_some(true))
            .set_snapshot_copy_completion_duration_minutes(request.completion_minutes);
        let reply = call.send().await.map_err(failed(OPERATION))?;
        describe::id(OPERATION, reply.image_id())
    }

    async fn deregister_image(&self, image: &ImageId) -> Result<()> {
        self.client.deregister_image().image_id(image.as_str()).send().await.map(drop).map_err(failed("DeregisterImage"))
    }

    async fn modify_image(&self, image: &ImageId, change: ImageChange) -> Result<()> {
        let call = request::image_change(self.client.modify_image_attribute().image_id(image.as_str()), &change);
        call.send().await.map(drop).map_err(failed("ModifyImageAttribute"))
    }

    async fn modify_snapshot(&self, snapshot: &SnapshotId, change: SnapshotChange) -> Result<()> {
        let call = self
            .client
            .modify_snapshot_attribute()
            .snapshot_id(snapshot.as_str())
            .attribute(aws_sdk_ec2::types::SnapshotAttributeName::CreateVolumePermission)
            .create_volume_permission(request::snapshot_permissions(&change));
        call.send().await.map(drop).map_err(failed("ModifySnapshotAttribute"))
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Result<()> {
        self.client.delete_snapshot().snapshot_id(snapshot.as_str()).send().await.map(drop).map_err(failed("DeleteSnapshot"))
    }

    async fn delete_volume(&self, volume: &VolumeId) -> Result<()> {
        self.client.delete_volume().volume_id(volume.as_str()).send().await.map(drop).map_err(failed("DeleteVolume"))
    }

    async fn create_tags(&self, resources: &[String], tags: &[Tag]) -> Result<()> {
        let call = self.client.create_tags().set_resources(strings(resources)).set_tags(list(tags, request::tag));
        call.send().await.map(drop).map_err(failed("CreateTags"))
    }

    async fn delete_tags(&self, resources: &[String], tags: &[Tag]) -> Result<()> {
        let call = self.client.delete_tags().set_resources(strings(resources)).set_tags(list(tags, request::tag));
        call.send().await.map(drop).map_err(failed("DeleteTags"))
    }

    async fn create_volume(&self, request: CreateVolume) -> Result<VolumeId> {
        const OPERATION: &str = "CreateVolume";
        let reply = disks::create_volume(&self.client, &request).send().await.map_err(failed(OPERATION))?;
        describe::id(OPERATION, reply.volume_id())
    }

    async fn create_snapshot(&self, request: CreateSnapshot) -> Result<SnapshotId> {
        const OPERATION: &str = "CreateSnapshot";
        let call = disks::create_snapshot(&self.client, &request).customize().config_override(once());
        let reply = call.send().await.map_err(failed(OPERATION))?;
        describe::id(OPERATION, reply.snapshot_id())
    }

    async fn register_image(&self, request: RegisterImage) -> Result<ImageId> {
        const OPERATION: &str = "RegisterImage";
        let call = disks::register_image(&self.client, &request).customize().config_override(once());
        let reply = call.send().await.map_err(failed(OPERATION))?;
        describe::id(OPERATION, reply.image_id())
    }

    async fn attach_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Result<()> {
        let call = self.client.attach_volume().volume_id(volume.as_str()).instance_id(instance.as_str()).device(device);
        call.send().await.map(drop).map_err(failed("AttachVolume"))
    }

    async fn detach_volume(&self, volume: &VolumeId) -> Result<()> {
        self.client.detach_volume().volume_id(volume.as_str()).send().await.map(drop).map_err(failed("DetachVolume"))
    }

    async fn set_delete_on_termination(&self, instance: &InstanceId, device: &str, on: bool) -> Result<()> {
        let call = self.client.modify_instance_attribute().instance_id(instance.as_str());
        let call = call.block_device_mappings(disks::delete_on_termination(device, on));
        call.send().await.map(drop).map_err(failed("ModifyInstanceAttribute"))
    }

    async fn dry_run(&self, operation: &'static str, parameters: &BTreeMap<String, String>) -> Result<()> {
        let asked = parameters.iter().map(|(name, value)| (name.clone(), value.clone()));
        let asked: Vec<_> = asked.chain([("DryRun".to_owned(), "true".to_owned())]).collect();
        self.services.raw.query(operation, API_VERSION, &asked).await.map(drop)
    }
}
