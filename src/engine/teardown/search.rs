//! Finding what a lost reply hid: by the names that we chose, by the run's tags, by what EC2 says an image was made of.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use amibake_ec2::model::{DescribeImages, Filter, Image, InstanceState};
use amibake_ec2::{Ec2Error, ImageId, InstanceId, SecurityGroupId, SnapshotId, VolumeId};
use tokio::time::Instant;

use super::{BUILD_TAG, ImageOrigin, RUN_TAG, Teardown};
use crate::engine::account::AwsRegion;

/// What EC2 made may take a moment to show in its lists.
const PAUSES: [Duration; 4] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// How far EC2's clock and ours may be apart.
const CLOCK_SKEW_NANOS: i128 = 5 * 60 * 1_000_000_000;

/// Repeats a search that found nothing: a few times for what may not show yet, until the deadline where EC2 does not answer.
pub(super) async fn until_found<T, F>(deadline: Instant, mut search: impl FnMut() -> F) -> Result<Vec<T>, Ec2Error>
where
    F: Future<Output = amibake_ec2::Result<Vec<T>>>,
{
    let mut last = Ok(Vec::new());
    for pause in PAUSES {
        if Instant::now() + pause >= deadline {
            break;
        }
        tokio::time::sleep(pause).await;
        last = tokio::time::timeout_at(deadline, search()).await.unwrap_or_else(|_| Err(no_answer()));
        if last.as_ref().is_ok_and(|found| !found.is_empty()) {
            break;
        }
    }
    last
}

fn no_answer() -> Ec2Error {
    Ec2Error::unknown("Describe", "no answer before the time for cleaning up was over")
}

impl Teardown {
    /// Instances of this build that still cost money, other than the `known` ones.
    pub(super) async fn find_instances(
        &self,
        region: &AwsRegion,
        known: &[InstanceId],
        deadline: Instant,
    ) -> Result<Vec<InstanceId>, Ec2Error> {
        let filters: Vec<Filter> = self.tags().into_iter().map(|tag| Filter::new(format!("tag:{}", tag.key), tag.value)).collect();
        debug_assert!(filters.iter().any(|f| f.name.ends_with(RUN_TAG)) && filters.iter().any(|f| f.name.ends_with(BUILD_TAG)));
        until_found(deadline, || async {
            let found = region.ec2.describe_instances(&[], &filters).await?;
            let live = found.into_iter().filter(|i| !matches!(i.state, InstanceState::ShuttingDown | InstanceState::Terminated));
            Ok(live.map(|i| i.id).filter(|id| !known.contains(id)).collect())
        })
        .await
    }

    /// The group of this name, which no one else has: it holds a UUID.
    pub(super) async fn find_groups(&self, region: &AwsRegion, name: &str, deadline: Instant) -> Result<Vec<SecurityGroupId>, Ec2Error> {
        until_found(deadline, || async {
            let found = region.ec2.describe_security_groups(&[], &[Filter::new("group-name", name)]).await?;
            Ok(found.into_iter().map(|group| group.id).collect())
        })
        .await
    }

    /// Snapshots of a volume, which this build made, so that nobody else has made any.
    ///
    /// # Errors
    /// EC2's last answer.
    pub async fn find_snapshots(&self, region: &AwsRegion, volume: &VolumeId, deadline: Instant) -> Result<Vec<SnapshotId>, Ec2Error> {
        until_found(deadline, || async {
            let found = region.ec2.describe_snapshots(&[], &[Filter::new("volume-id", volume.as_str())]).await?;
            Ok(found.into_iter().map(|snapshot| snapshot.id).collect())
        })
        .await
    }

    /// Volumes with the tags of this build, whose making nobody answered for.
    pub(super) async fn find_new_volumes(&self, region: &AwsRegion, deadline: Instant) -> Result<Vec<VolumeId>, Ec2Error> {
        let filters: Vec<Filter> = self.tags().into_iter().map(|tag| Filter::new(format!("tag:{}", tag.key), tag.value)).collect();
        until_found(deadline, || async {
            let found = region.ec2.describe_volumes(&[], &filters).await?;
            Ok(found.into_iter().map(|volume| volume.id).collect())
        })
        .await
    }

    /// Volumes with the tags of this build. Asked once its instances are gone: what is to show shows by then.
    pub(super) async fn find_volumes(&self, region: &AwsRegion, deadline: Instant) -> Result<Vec<VolumeId>, Ec2Error> {
        let filters: Vec<Filter> = self.tags().into_iter().map(|tag| Filter::new(format!("tag:{}", tag.key), tag.value)).collect();
        let mut pauses = PAUSES.into_iter();
        loop {
            let found = tokio::time::timeout_at(deadline, region.ec2.describe_volumes(&[], &filters)).await;
            match found.unwrap_or_else(|_| Err(no_answer())) {
                Ok(found) => return Ok(found.into_iter().map(|volume| volume.id).collect()),
                Err(error) => match pauses.next() {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(error),
                },
            }
        }
    }

    /// The image of this name, if this build made it; looked for until the deadline.
    ///
    /// # Errors
    /// EC2's last answer.
    pub async fn find_images(
        &self,
        region: &AwsRegion,
        name: &str,
        origin: &ImageOrigin,
        deadline: Instant,
    ) -> Result<Vec<ImageId>, Ec2Error> {
        let request = DescribeImages { owners: vec!["self".to_owned()], filters: filters(name, origin), ..DescribeImages::default() };
        until_found(deadline, || async {
            let mut ours = Vec::new();
            for image in region.ec2.describe_images(request.clone()).await? {
                if image.name == name && self.is_ours(region, &image, origin).await? {
                    ours.push(image.id);
                }
            }
            Ok(ours)
        })
        .await
    }

    /// Snapshots of an image of this origin that is gone itself. Those of a copy are not searched for: what they name as their source
    /// may have been copied by others too.
    pub(super) async fn find_orphans(
        &self,
        region: &AwsRegion,
        origin: &ImageOrigin,
        deadline: Instant,
    ) -> Result<BTreeSet<SnapshotId>, Ec2Error> {
        let ImageOrigin::Instance(instance) = origin else { return Ok(BTreeSet::new()) };
        let filters = [Filter::new("description", format!("*{instance}*"))];
        let search = region.ec2.describe_snapshots(&[], &filters);
        let found = tokio::time::timeout_at(deadline, search).await.unwrap_or_else(|_| Err(no_answer()))?;
        let ours = found.into_iter().filter(|s| source_named(&s.description, origin) == Some(instance.as_str()));
        Ok(ours.map(|snapshot| snapshot.id).collect())
    }

    /// Whether this build made an image of the right name. EC2 may name the source instance in the image, or in the description of its
    /// snapshots; where it names neither, an image made since this run began is taken for ours, since names are unique.
    async fn is_ours(&self, region: &AwsRegion, image: &Image, origin: &ImageOrigin) -> Result<bool, Ec2Error> {
        if let (Some(source), ImageOrigin::Instance(instance)) = (&image.source_instance, origin) {
            return Ok(source == instance);
        }
        if let ImageOrigin::Snapshots(snapshots) = origin {
            return Ok(image.block_devices.iter().filter_map(|device| device.snapshot.as_ref()).any(|used| snapshots.contains(used)));
        }
        if let ImageOrigin::Bundle { .. } = origin {
            return Ok(self.made_since_start(image));
        }
        let snapshots = region.ec2.describe_snapshots(&[], &[Filter::new("description", format!("*{}*", image.id))]).await?;
        let mut named = snapshots.iter().filter_map(|snapshot| source_named(&snapshot.description, origin));
        Ok(match (named.next(), origin) {
            (Some(source), ImageOrigin::Instance(instance)) => source == instance.as_str(),
            (Some(source), ImageOrigin::Copy { image, .. }) => source == image.as_str(),
            (Some(_), ImageOrigin::Snapshots(_) | ImageOrigin::Bundle { .. }) => false,
            (None, _) => self.made_since_start(image),
        })
    }

    fn made_since_start(&self, image: &Image) -> bool {
        self.since_start(&image.creation_date)
    }

    /// Whether a date of AWS's (RFC 3339) is not before the run's start.
    pub(super) fn since_start(&self, date: &str) -> bool {
        let made = date.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_nanosecond);
        made.is_ok_and(|made| made >= self.inner.started_unix_nanos.saturating_sub(CLOCK_SKEW_NANOS))
    }
}

/// What an image of this name and origin is asked for by.
fn filters(name: &str, origin: &ImageOrigin) -> Vec<Filter> {
    let name = Filter::new("name", escape_wildcards(name));
    match origin {
        ImageOrigin::Bundle { manifest } => vec![name, Filter::new("manifest-location", escape_wildcards(manifest))],
        ImageOrigin::Instance(_) | ImageOrigin::Snapshots(_) | ImageOrigin::Copy { .. } => vec![name],
    }
}

/// In a filter `*` and `?` mean more than themselves.
fn escape_wildcards(name: &str) -> String {
    name.replace('\\', r"\\").replace('*', r"\*").replace('?', r"\?")
}

/// What a snapshot's description says it was made of: the instance of `Created by CreateImage(i-…) for ami-…`, the image of
/// `Copied for DestinationAmi ami-… from SourceAmi ami-… …`.
fn source_named<'a>(description: &'a str, origin: &ImageOrigin) -> Option<&'a str> {
    let mut words = description.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    match origin {
        ImageOrigin::Instance(_) => words.find(|word| word.starts_with("i-")),
        ImageOrigin::Snapshots(_) | ImageOrigin::Bundle { .. } => None,
        ImageOrigin::Copy { .. } => words.find(|word| *word == "SourceAmi").and_then(|_| words.next()),
    }
}

#[cfg(test)]
mod tests {
    use amibake_ec2::Region;

    use super::*;

    #[track_caller]
    fn check(description: &str, instance: Option<&str>, image: Option<&str>) {
        let copy = ImageOrigin::Copy { region: Region::new("us-east-1"), image: ImageId::new("ami-0").unwrap() };
        let own = ImageOrigin::Instance(InstanceId::new("i-0").unwrap());
        assert_eq!((source_named(description, &own), source_named(description, &copy)), (instance, image), "{description}");
    }

    #[test]
    fn sources_in_descriptions_of_snapshots() {
        check("Created by CreateImage(i-1) for ami-1", Some("i-1"), None);
        check("Copied for DestinationAmi ami-1 from SourceAmi ami-2 for SourceSnapshot snap-1. Task created on 1.", None, Some("ami-2"));
        check("Auto-created snapshot for AMI ami-1", None, None);
        check("", None, None);
    }

    #[test]
    fn names_are_searched_for_literally() {
        assert_eq!(escape_wildcards("a*b?c"), r"a\*b\?c");
    }
}
