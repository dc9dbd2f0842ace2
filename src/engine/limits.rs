//! Client-side request budgets in EC2's published sizes (EC2 developer guide, "Request throttling": token buckets per account, region and
//! kind of call), so that builds side by side never throttle each other or the rest of the account.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use amibake_ec2::model::{
    CopyImage, CreateImage, CreateSecurityGroup, CreatedKeyPair, DescribeImages, Filter, Image, ImageChange, IngressRule, Instance,
    KeyPairRequest, RunInstances, SecurityGroup, Snapshot, SnapshotChange, Subnet, Tag, Volume, Vpc,
};
use amibake_ec2::{Ec2, ImageId, InstanceId, Region, Result, SecurityGroupId, SnapshotId, SubnetId, VolumeId, VpcId};
use async_trait::async_trait;
use tokio::time::Instant;

mod features;

/// A bucket of tokens, one a call, that fills at a steady rate.
pub struct TokenBucket {
    capacity: f64,
    per_second: f64,
    state: Mutex<(f64, Instant)>,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(capacity: u32, per_second: u32) -> Self {
        let capacity = f64::from(capacity);
        Self { capacity, per_second: f64::from(per_second), state: Mutex::new((capacity, Instant::now())) }
    }

    /// Takes a token, waiting for it in the order of asking. Dropped while waiting, its token is lost: the budget errs on EC2's side.
    pub async fn acquire(&self) {
        let wait = self.reserve();
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    fn reserve(&self) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let filled = state.0 + now.duration_since(state.1).as_secs_f64() * self.per_second;
        *state = (filled.min(self.capacity) - 1.0, now);
        if state.0 >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-state.0 / self.per_second) }
    }
}

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
}

#[async_trait]
impl Ec2 for Limited {
    fn region(&self) -> &Region {
        self.inner.region()
    }

    async fn describe_regions(&self) -> Result<Vec<Region>> {
        self.describe.acquire().await;
        self.inner.describe_regions().await
    }

    async fn describe_images(&self, request: DescribeImages) -> Result<Vec<Image>> {
        self.describe.acquire().await;
        self.inner.describe_images(request).await
    }

    async fn describe_vpcs(&self, ids: &[VpcId], filters: &[Filter]) -> Result<Vec<Vpc>> {
        self.describe.acquire().await;
        self.inner.describe_vpcs(ids, filters).await
    }

    async fn describe_subnets(&self, ids: &[SubnetId], filters: &[Filter]) -> Result<Vec<Subnet>> {
        self.describe.acquire().await;
        self.inner.describe_subnets(ids, filters).await
    }

    async fn describe_security_groups(&self, ids: &[SecurityGroupId], filters: &[Filter]) -> Result<Vec<SecurityGroup>> {
        self.describe.acquire().await;
        self.inner.describe_security_groups(ids, filters).await
    }

    async fn describe_instances(&self, ids: &[InstanceId], filters: &[Filter]) -> Result<Vec<Instance>> {
        self.describe.acquire().await;
        self.inner.describe_instances(ids, filters).await
    }

    async fn describe_volumes(&self, ids: &[VolumeId], filters: &[Filter]) -> Result<Vec<Volume>> {
        self.describe.acquire().await;
        self.inner.describe_volumes(ids, filters).await
    }

    async fn describe_snapshots(&self, ids: &[SnapshotId], filters: &[Filter]) -> Result<Vec<Snapshot>> {
        self.describe.acquire().await;
        self.inner.describe_snapshots(ids, filters).await
    }

    async fn create_key_pair(&self, request: KeyPairRequest) -> Result<CreatedKeyPair> {
        self.mutate.acquire().await;
        self.inner.create_key_pair(request).await
    }

    async fn delete_key_pair(&self, name: &str) -> Result<()> {
        self.mutate.acquire().await;
        self.inner.delete_key_pair(name).await
    }

    async fn create_security_group(&self, request: CreateSecurityGroup) -> Result<SecurityGroupId> {
        self.mutate.acquire().await;
        self.inner.create_security_group(request).await
    }

    async fn authorize_ingress(&self, group: &SecurityGroupId, rules: &[IngressRule]) -> Result<()> {
        self.mutate.acquire().await;
        self.inner.authorize_ingress(group, rules).await
    }

    async fn delete_security_group(&self, group: &SecurityGroupId) -> Result<()> {
        self.mutate.acquire().await;
        self.inner.delete_security_group(group).await
    }

    async fn run_instance(&self, request: RunInstances) -> Result<Instance> {
        self.run.acquire().await;
        self.inner.run_instance(request).await
    }

    async fn stop_instance(&self, instance: &InstanceId) -> Result<()> {
        self.mutate.acquire().await;
        self.inner.stop_instance(instance).await
    }

    async fn terminate_instance(&self, instance: &InstanceId) -> Result<()> {
        self.mutate.acquire().await;
        self.inner.terminate_instance(instance).await
    }

    async fn set_instance_groups(&self, instance: &InstanceId, groups: &[SecurityGroupId]) -> Result<()> {
        self.mutate.acquire().await;
        self.inner.set_instance_groups(instance, groups).await
    }

    async fn create_image(&self, request: CreateImage) -> Result<ImageId> {
        self.mutate.acquire().await;
        self.inner.create_image(request).await
    }

    async fn copy_image(&self, request: CopyImage) -> Result<ImageId> {
        self.mutate.acquire().await;
        self.inner.copy_image(request).await
    }

    async fn deregister_image(&self, image: &ImageId) -> Result<()> {
        self.mutate.acquire().await;
        self.inner.deregister_image(image).await
    }

    async fn modify_image(&self, image: &ImageId, change: ImageChange) -> Result<()> {
        self.mutate.acquire().await;
        self.inner.modify_image(image, change).await
    }

    async fn modify_snapshot(&self, snapshot: &SnapshotId, change: SnapshotChange) -> Result<()> {
        self.mutate.acquire().await;
        self.inner.modify_snapshot(snapshot, change).await
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Result<()> {
        self.mutate.acquire().await;
        self.inner.delete_snapshot(snapshot).await
    }

    async fn delete_volume(&self, volume: &VolumeId) -> Result<()> {
        self.mutate.acquire().await;
        self.inner.delete_volume(volume).await
    }

    async fn create_tags(&self, resources: &[String], tags: &[Tag]) -> Result<()> {
        self.tags.acquire().await;
        self.inner.create_tags(resources, tags).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
        let bucket = TokenBucket::new(5, 2);
        let start = Instant::now();
        for _ in 0..5 {
            bucket.acquire().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..4 {
            bucket.acquire().await;
        }
        assert!((start.elapsed().as_secs_f64() - 2.0).abs() < 0.01, "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_callers_are_spread_out_not_released_together() {
        let bucket = TokenBucket::new(1, 2);
        let start = Instant::now();
        let times = futures_util::future::join_all((0..4).map(|_| async {
            bucket.acquire().await;
            start.elapsed().as_millis() / 100
        }))
        .await;
        assert_eq!(times, [0, 5, 10, 15]);
    }
}
