//! What builds side by side ask alike is asked once: regions, source images, networks, whether a name is taken.
//!
//! An answer serves whoever asks the same within ten seconds. A failure serves nobody else.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use amibake_ec2::model::{DescribeImages, Filter, Image, SecurityGroup, Snapshot, Subnet, Vpc};
use amibake_ec2::{Ec2, Region, Result, SecurityGroupId, SubnetId, VpcId};
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// How long an answer serves others: builds of a run begin together, and none takes so short that another could miss its image.
const FRESH: Duration = Duration::from_secs(10);
/// How long a question about a name waits for others like it. Shorter than a round trip to EC2.
const GATHER: Duration = Duration::from_millis(10);
/// EC2 takes so many values in one filter.
const VALUES: usize = 200;

/// The shared answers of one region.
pub struct Known {
    ec2: Arc<dyn Ec2>,
    regions: Answers<Vec<Region>>,
    images: Answers<Vec<Image>>,
    vpcs: Answers<Vec<Vpc>>,
    subnets: Answers<Vec<Subnet>>,
    groups: Answers<Vec<SecurityGroup>>,
    snapshots: Answers<Vec<Snapshot>>,
    names: Mutex<Arc<Names>>,
}

/// Questions about names that go in one call.
#[derive(Default)]
struct Names {
    asked: Mutex<Vec<String>>,
    answer: OnceCell<Vec<Image>>,
}

impl Known {
    /// Nothing known yet.
    pub fn new(ec2: Arc<dyn Ec2>) -> Self {
        Self {
            ec2,
            regions: Answers::default(),
            images: Answers::default(),
            vpcs: Answers::default(),
            subnets: Answers::default(),
            groups: Answers::default(),
            snapshots: Answers::default(),
            names: Mutex::default(),
        }
    }

    /// [`Ec2::describe_regions`].
    ///
    /// # Errors
    /// EC2's answer.
    pub async fn regions(&self) -> Result<Vec<Region>> {
        self.regions.get(String::new(), || self.ec2.describe_regions()).await
    }

    /// [`Ec2::describe_images`].
    ///
    /// # Errors
    /// EC2's answer.
    pub async fn images(&self, request: DescribeImages) -> Result<Vec<Image>> {
        self.images.get(format!("{request:?}"), || self.ec2.describe_images(request)).await
    }

    /// [`Ec2::describe_vpcs`].
    ///
    /// # Errors
    /// EC2's answer.
    pub async fn vpcs(&self, ids: &[VpcId], filters: &[Filter]) -> Result<Vec<Vpc>> {
        self.vpcs.get(format!("{ids:?} {filters:?}"), || self.ec2.describe_vpcs(ids, filters)).await
    }

    /// [`Ec2::describe_subnets`].
    ///
    /// # Errors
    /// EC2's answer.
    pub async fn subnets(&self, ids: &[SubnetId], filters: &[Filter]) -> Result<Vec<Subnet>> {
        self.subnets.get(format!("{ids:?} {filters:?}"), || self.ec2.describe_subnets(ids, filters)).await
    }

    /// [`Ec2::describe_security_groups`].
    ///
    /// # Errors
    /// EC2's answer.
    pub async fn security_groups(&self, ids: &[SecurityGroupId], filters: &[Filter]) -> Result<Vec<SecurityGroup>> {
        self.groups.get(format!("{ids:?} {filters:?}"), || self.ec2.describe_security_groups(ids, filters)).await
    }

    /// The account's snapshots that are not complete yet: one answer for all builds that wait for images.
    ///
    /// # Errors
    /// EC2's answer.
    pub async fn pending_snapshots(&self) -> Result<Vec<Snapshot>> {
        let filters = [Filter::new("status", "pending")];
        self.snapshots.get(String::new(), || self.ec2.describe_snapshots(&[], &filters)).await
    }

    /// The account's own image of a name, deprecated ones included. Names that are asked about together go in one call.
    ///
    /// # Errors
    /// EC2's answer.
    pub async fn own_image_named(&self, name: &str) -> Result<Option<Image>> {
        let together = self.ask_with_others(name);
        let found = together.answer.get_or_try_init(|| self.ask_names(&together)).await?;
        Ok(found.iter().find(|image| image.name == name).cloned())
    }

    fn ask_with_others(&self, name: &str) -> Arc<Names> {
        let mut current = lock(&self.names);
        if lock(&current.asked).len() >= VALUES {
            *current = Arc::default();
        }
        lock(&current.asked).push(name.to_owned());
        Arc::clone(&current)
    }

    /// Lets no further name in.
    fn close(&self, together: &Arc<Names>) {
        let mut current = lock(&self.names);
        if Arc::ptr_eq(&current, together) {
            *current = Arc::default();
        }
    }

    async fn ask_names(&self, together: &Arc<Names>) -> Result<Vec<Image>> {
        if !self.ec2.unlimited() {
            tokio::time::sleep(GATHER).await;
        }
        self.close(together);
        let values = lock(&together.asked).clone();
        let request = DescribeImages {
            owners: vec!["self".to_owned()],
            filters: vec![Filter { name: "name".to_owned(), values }],
            include_deprecated: true,
            ..DescribeImages::default()
        };
        self.ec2.describe_images(request).await
    }
}

/// Answers by question.
struct Answers<T> {
    asked: Mutex<BTreeMap<String, Asked<T>>>,
}

type Asked<T> = (Instant, Arc<OnceCell<T>>);

impl<T> Default for Answers<T> {
    fn default() -> Self {
        Self { asked: Mutex::default() }
    }
}

impl<T: Clone> Answers<T> {
    /// The answer to a question: one that is fresh or on its way, else a new one. Whoever asks for all may be cancelled meanwhile; the
    /// next one asks then.
    async fn get<F>(&self, question: String, ask: impl FnOnce() -> F + Send) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        self.cell(question).get_or_try_init(ask).await.cloned()
    }

    fn cell(&self, question: String) -> Arc<OnceCell<T>> {
        let now = Instant::now();
        let mut asked = lock(&self.asked);
        asked.retain(|_, (since, _)| now.duration_since(*since) < FRESH);
        Arc::clone(&asked.entry(question).or_insert_with(|| (now, Arc::default())).1)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use amibake_ec2::lab::{At, Fault, Kind, Lab, Options};
    use amibake_ec2::model::Access;
    use amibake_ec2::{Cloud, Clouds};
    use futures_util::future::join_all;

    use super::*;

    async fn known() -> (Lab, Known) {
        let lab = Lab::new(Options::default());
        let access = Access { region: Some("us-east-1".to_owned()), ..Access::default() };
        let cloud: Arc<dyn Cloud> = lab.open(&access).await.unwrap();
        let ec2 = cloud.ec2(cloud.build_region());
        (lab, Known::new(ec2))
    }

    #[tokio::test(start_paused = true)]
    async fn what_many_ask_is_asked_once_and_again_when_it_is_old() {
        let (lab, known) = known().await;
        join_all((0..50).map(|_| known.regions())).await;
        assert_eq!(lab.count(), 1);
        tokio::time::sleep(FRESH).await;
        known.regions().await.unwrap();
        assert_eq!(lab.count(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn names_go_together_and_each_gets_its_own_answer() {
        let (lab, known) = known().await;
        let names: Vec<String> = (0..450).map(|n| format!("image-{n}")).collect();
        let found = join_all(names.iter().map(|name| known.own_image_named(name))).await;
        assert!(found.iter().all(|found| matches!(found, Ok(None))), "{found:?}");
        assert_eq!(lab.count(), 3, "EC2 takes 200 values in a filter");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_nobody_elses() {
        let (lab, known) = known().await;
        lab.fault(Fault::new(At::Call(1), Kind::Refuse("UnauthorizedOperation", "no")));
        assert!(known.regions().await.is_err());
        assert!(known.regions().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_stops_asking_takes_no_answer_from_the_others() {
        let (_lab, known) = known().await;
        let (first, second) =
            futures_util::join!(tokio::time::timeout(Duration::from_millis(1), known.own_image_named("a")), known.own_image_named("b"),);
        assert!(first.is_err() || first.is_ok_and(|answer| answer.is_ok()));
        assert!(second.is_ok());
    }
}
