//! Client-side request budgets in EC2's published sizes (EC2 developer guide, "Request throttling": token buckets per account, region and
//! kind of call), so that builds side by side never throttle each other or the rest of the account.
//!
//! Where EC2 asks to slow down all the same (others use the account too), the call is made again from here, and nowhere else: its budget
//! is spent then, which holds back the calls of all builds, and no work is lost.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use amibake_ec2::model::{
    CopyImage, CreateImage, CreateSecurityGroup, CreatedKeyPair, DescribeImages, Filter, Image, ImageChange, IngressRule, Instance,
    KeyPair, KeyPairRequest, RunInstances, SecurityGroup, Snapshot, SnapshotChange, Subnet, Tag, Volume, Vpc,
};
use amibake_ec2::{Ec2, ErrorKind, ImageId, InstanceId, Region, Result, SecurityGroupId, SnapshotId, SubnetId, VolumeId, VpcId};
use async_trait::async_trait;
use tokio::time::Instant;

/// How long a call is repeated that EC2 asks to slow down. Less than a creating call may take altogether.
const THROTTLED_LIMIT: Duration = Duration::from_secs(240);
/// First pause after EC2 asked to slow down; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// A bucket of tokens, one a call, that fills at a steady rate. Clones share the tokens.
#[derive(Clone)]
pub struct TokenBucket {
    capacity: f64,
    per_second: f64,
    /// Makes calls again that EC2 asks to slow down.
    patient: bool,
    state: Arc<Mutex<(f64, Instant)>>,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(capacity: u32, per_second: u32) -> Self {
        let capacity = f64::from(capacity);
        let state = Arc::new(Mutex::new((capacity, Instant::now())));
        Self { capacity, per_second: f64::from(per_second), patient: true, state }
    }

    /// Makes a call within the budget; again where EC2 asks to slow down.
    ///
    /// # Errors
    /// EC2's answer.
    pub async fn spend<T, F>(&self, call: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let deadline = Instant::now() + THROTTLED_LIMIT;
        let mut pause = FIRST_PAUSE;
        loop {
            self.acquire().await;
            match call().await {
                Err(error) if error.kind == ErrorKind::Throttled => {
                    self.drain();
                    if !self.patient || Instant::now() + pause >= deadline {
                        return Err(error);
                    }
                }
                answer => return answer,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// EC2's own bucket is empty, whoever emptied it.
    fn drain(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = state.0.min(0.0);
    }

    fn impatient(&self) -> Self {
        Self { patient: false, ..self.clone() }
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
        self.mutate.spend(|| self.inner.delete_key_pair(name)).await
    }

    async fn create_security_group(&self, request: CreateSecurityGroup) -> Result<SecurityGroupId> {
        self.mutate.spend(|| self.inner.create_security_group(request.clone())).await
    }

    async fn authorize_ingress(&self, group: &SecurityGroupId, rules: &[IngressRule]) -> Result<()> {
        self.mutate.spend(|| self.inner.authorize_ingress(group, rules)).await
    }

    async fn delete_security_group(&self, group: &SecurityGroupId) -> Result<()> {
        self.mutate.spend(|| self.inner.delete_security_group(group)).await
    }

    async fn run_instance(&self, request: RunInstances) -> Result<Instance> {
        self.run.spend(|| self.inner.run_instance(request.clone())).await
    }

    async fn stop_instance(&self, instance: &InstanceId) -> Result<()> {
        self.mutate.spend(|| self.inner.stop_instance(instance)).await
    }

    async fn terminate_instance(&self, instance: &InstanceId) -> Result<()> {
        self.mutate.spend(|| self.inner.terminate_instance(instance)).await
    }

    async fn set_instance_groups(&self, instance: &InstanceId, groups: &[SecurityGroupId]) -> Result<()> {
        self.mutate.spend(|| self.inner.set_instance_groups(instance, groups)).await
    }

    async fn create_image(&self, request: CreateImage) -> Result<ImageId> {
        self.mutate.spend(|| self.inner.create_image(request.clone())).await
    }

    async fn copy_image(&self, request: CopyImage) -> Result<ImageId> {
        self.mutate.spend(|| self.inner.copy_image(request.clone())).await
    }

    async fn deregister_image(&self, image: &ImageId) -> Result<()> {
        self.mutate.spend(|| self.inner.deregister_image(image)).await
    }

    async fn modify_image(&self, image: &ImageId, change: ImageChange) -> Result<()> {
        self.mutate.spend(|| self.inner.modify_image(image, change.clone())).await
    }

    async fn modify_snapshot(&self, snapshot: &SnapshotId, change: SnapshotChange) -> Result<()> {
        self.mutate.spend(|| self.inner.modify_snapshot(snapshot, change.clone())).await
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Result<()> {
        self.mutate.spend(|| self.inner.delete_snapshot(snapshot)).await
    }

    async fn delete_volume(&self, volume: &VolumeId) -> Result<()> {
        self.mutate.spend(|| self.inner.delete_volume(volume)).await
    }

    async fn create_tags(&self, resources: &[String], tags: &[Tag]) -> Result<()> {
        self.tags.spend(|| self.inner.create_tags(resources, tags)).await
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
