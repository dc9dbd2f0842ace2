//! Client-side request budgets in EC2's published sizes (EC2 developer guide, "Request throttling": token buckets per account, region and
//! kind of call), so that builds side by side never throttle each other. What a build waits for goes before what it only gives back.
//!
//! Where EC2 asks to slow down all the same (others use the account too), the call is made again from here, and nowhere else: its budget
//! is spent then, which holds back the calls of all builds, and no work is lost.

mod bucket;
mod features;

use std::collections::BTreeMap;
use std::sync::Arc;

use amibake_ec2::launch::{CreateFleet, CreateLaunchTemplate, Fleet};
use amibake_ec2::model::{
    CopyImage, CreateImage, CreateSecurityGroup, CreateSnapshot, CreateVolume, CreatedKeyPair, DescribeImages, Filter, Image, ImageChange,
    ImportImage, ImportTask, IngressRule, Instance, KeyPair, KeyPairRequest, RegisterImage, RunInstances, SecurityGroup, Snapshot,
    SnapshotChange, Subnet, Tag, Volume, Vpc,
};
use amibake_ec2::{
    Ec2, Iam, ImageId, ImportTaskId, InstanceId, Region, Result, S3, SecurityGroupId, Sessions, SnapshotId, SubnetId, VolumeId, VpcId,
};
use async_trait::async_trait;

pub use bucket::TokenBucket;

/// An [`Ec2`] whose calls wait for their budget first.
pub struct Limited {
    inner: Arc<dyn Ec2>,
    describe: TokenBucket,
    mutate: TokenBucket,
    run: TokenBucket,
    tags: TokenBucket,
}

impl Limited {
    /// Puts EC2's published budgets in front of a region.
    pub fn new(inner: Arc<dyn Ec2>) -> Self {
        Self {
            inner,
            describe: TokenBucket::new(100, 20),
            mutate: TokenBucket::new(50, 5),
            run: TokenBucket::new(5, 2),
            tags: TokenBucket::new(100, 10),
        }
    }

    /// The same budgets for who has better to do than to ask the same again: the watcher asks about another thing meanwhile.
    #[must_use]
    pub fn impatient(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            describe: self.describe.impatient(),
            mutate: self.mutate.impatient(),
            run: self.run.impatient(),
            tags: self.tags.impatient(),
        }
    }
}

#[async_trait]
impl Ec2 for Limited {
    fn region(&self) -> &Region {
        self.inner.region()
    }

    fn iam(&self) -> Arc<dyn Iam> {
        self.inner.iam()
    }

    fn s3(&self) -> Arc<dyn S3> {
        self.inner.s3()
    }

    async fn import_image(&self, request: ImportImage) -> Result<ImportTask> {
        self.mutate.spend(|| self.inner.import_image(request.clone())).await
    }

    async fn describe_import_tasks(&self, ids: &[ImportTaskId]) -> Result<Vec<ImportTask>> {
        self.describe.spend(|| self.inner.describe_import_tasks(ids)).await
    }

    async fn cancel_import_task(&self, task: &ImportTaskId) -> Result<()> {
        self.mutate.spend(|| self.inner.cancel_import_task(task)).await
    }

    fn sessions(&self) -> Arc<dyn Sessions> {
        self.inner.sessions()
    }

    async fn describe_regions(&self) -> Result<Vec<Region>> {
        self.describe.spend(|| self.inner.describe_regions()).await
    }

    async fn describe_images(&self, request: DescribeImages) -> Result<Vec<Image>> {
        self.describe.spend(|| self.inner.describe_images(request.clone())).await
    }

    async fn describe_vpcs(&self, ids: &[VpcId], filters: &[Filter]) -> Result<Vec<Vpc>> {
        self.describe.spend(|| self.inner.describe_vpcs(ids, filters)).await
    }

    async fn describe_subnets(&self, ids: &[SubnetId], filters: &[Filter]) -> Result<Vec<Subnet>> {
        self.describe.spend(|| self.inner.describe_subnets(ids, filters)).await
    }

    async fn describe_security_groups(&self, ids: &[SecurityGroupId], filters: &[Filter]) -> Result<Vec<SecurityGroup>> {
        self.describe.spend(|| self.inner.describe_security_groups(ids, filters)).await
    }

    async fn describe_instances(&self, ids: &[InstanceId], filters: &[Filter]) -> Result<Vec<Instance>> {
        self.describe.spend(|| self.inner.describe_instances(ids, filters)).await
    }

    async fn describe_volumes(&self, ids: &[VolumeId], filters: &[Filter]) -> Result<Vec<Volume>> {
        self.describe.spend(|| self.inner.describe_volumes(ids, filters)).await
    }

    async fn describe_snapshots(&self, ids: &[SnapshotId], filters: &[Filter]) -> Result<Vec<Snapshot>> {
        self.describe.spend(|| self.inner.describe_snapshots(ids, filters)).await
    }

    async fn describe_key_pairs(&self, filters: &[Filter]) -> Result<Vec<KeyPair>> {
        self.describe.spend(|| self.inner.describe_key_pairs(filters)).await
    }

    async fn create_key_pair(&self, request: KeyPairRequest) -> Result<CreatedKeyPair> {
        self.mutate.spend(|| self.inner.create_key_pair(request.clone())).await
    }

    async fn delete_key_pair(&self, name: &str) -> Result<()> {
        self.mutate.spend_later(|| self.inner.delete_key_pair(name)).await
    }

    async fn create_security_group(&self, request: CreateSecurityGroup) -> Result<SecurityGroupId> {
        self.mutate.spend(|| self.inner.create_security_group(request.clone())).await
    }

    async fn authorize_ingress(&self, group: &SecurityGroupId, rules: &[IngressRule]) -> Result<()> {
        self.mutate.spend(|| self.inner.authorize_ingress(group, rules)).await
    }

    async fn delete_security_group(&self, group: &SecurityGroupId) -> Result<()> {
        self.mutate.spend_later(|| self.inner.delete_security_group(group)).await
    }

    async fn run_instance(&self, request: RunInstances) -> Result<Instance> {
        self.run.spend(|| self.inner.run_instance(request.clone())).await
    }

    async fn create_launch_template(&self, request: CreateLaunchTemplate) -> Result<()> {
        self.mutate.spend(|| self.inner.create_launch_template(request.clone())).await
    }

    async fn delete_launch_template(&self, name: &str) -> Result<()> {
        self.mutate.spend_later(|| self.inner.delete_launch_template(name)).await
    }

    async fn create_fleet(&self, request: CreateFleet) -> Result<Fleet> {
        self.mutate.spend(|| self.inner.create_fleet(request.clone())).await
    }

    async fn stop_instance(&self, instance: &InstanceId) -> Result<()> {
        self.mutate.spend(|| self.inner.stop_instance(instance)).await
    }

    async fn terminate_instance(&self, instance: &InstanceId) -> Result<()> {
        self.mutate.spend(|| self.inner.terminate_instance(instance)).await
    }

    async fn set_instance_groups(&self, instance: &InstanceId, groups: &[SecurityGroupId]) -> Result<()> {
        self.mutate.spend_later(|| self.inner.set_instance_groups(instance, groups)).await
    }

    async fn create_image(&self, request: CreateImage) -> Result<ImageId> {
        self.mutate.spend(|| self.inner.create_image(request.clone())).await
    }

    async fn copy_image(&self, request: CopyImage) -> Result<ImageId> {
        self.mutate.spend(|| self.inner.copy_image(request.clone())).await
    }

    async fn deregister_image(&self, image: &ImageId) -> Result<()> {
        self.mutate.spend_later(|| self.inner.deregister_image(image)).await
    }

    async fn modify_image(&self, image: &ImageId, change: ImageChange) -> Result<()> {
        self.mutate.spend(|| self.inner.modify_image(image, change.clone())).await
    }

    async fn modify_snapshot(&self, snapshot: &SnapshotId, change: SnapshotChange) -> Result<()> {
        self.mutate.spend(|| self.inner.modify_snapshot(snapshot, change.clone())).await
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Result<()> {
        self.mutate.spend_later(|| self.inner.delete_snapshot(snapshot)).await
    }

    async fn delete_volume(&self, volume: &VolumeId) -> Result<()> {
        self.mutate.spend_later(|| self.inner.delete_volume(volume)).await
    }

    async fn create_tags(&self, resources: &[String], tags: &[Tag]) -> Result<()> {
        self.tags.spend(|| self.inner.create_tags(resources, tags)).await
    }

    async fn delete_tags(&self, resources: &[String], tags: &[Tag]) -> Result<()> {
        self.tags.spend(|| self.inner.delete_tags(resources, tags)).await
    }

    async fn create_volume(&self, request: CreateVolume) -> Result<VolumeId> {
        self.mutate.spend(|| self.inner.create_volume(request.clone())).await
    }

    async fn create_snapshot(&self, request: CreateSnapshot) -> Result<SnapshotId> {
        self.mutate.spend(|| self.inner.create_snapshot(request.clone())).await
    }

    async fn register_image(&self, request: RegisterImage) -> Result<ImageId> {
        self.mutate.spend(|| self.inner.register_image(request.clone())).await
    }

    async fn attach_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Result<()> {
        self.mutate.spend(|| self.inner.attach_volume(volume, instance, device)).await
    }

    async fn detach_volume(&self, volume: &VolumeId) -> Result<()> {
        self.mutate.spend(|| self.inner.detach_volume(volume)).await
    }

    async fn set_delete_on_termination(&self, instance: &InstanceId, device: &str, on: bool) -> Result<()> {
        self.mutate.spend(|| self.inner.set_delete_on_termination(instance, device, on)).await
    }

    async fn dry_run(&self, operation: &'static str, parameters: &BTreeMap<String, String>) -> Result<()> {
        self.mutate.spend(|| self.inner.dry_run(operation, parameters)).await
    }
}
