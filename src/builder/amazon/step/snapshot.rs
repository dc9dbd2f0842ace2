//! Makes snapshots of volumes, side by side.

use amibake_ec2::model::{CreateSnapshot, SnapshotChange, Tag};
use amibake_ec2::{Ec2Error, ErrorKind, SnapshotId, VolumeId};
use futures_util::future::try_join_all;
use tokio::time::Instant;

use super::create_failed;
use crate::builder::BuildError;
use crate::builder::amazon::call::{ask_until, fail, go_on, may_exist};
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;
use crate::engine::teardown::{EntryId, Lifetime, Resource};
use crate::engine::watcher::WaitError;

/// Tries of a call whose replies are lost.
const TRIES_WITHOUT_REPLY: u32 = 3;

/// A snapshot to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The volume's device name.
    pub device: String,
    /// The volume.
    pub volume: VolumeId,
    /// Description; None is `Packer: TIME`.
    pub description: Option<String>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Who may make volumes of it.
    pub share: SnapshotChange,
}

/// A finished snapshot.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The volume's device name.
    pub device: String,
    /// Id.
    pub id: SnapshotId,
    /// Its place on the teardown stack.
    pub entry: EntryId,
}

/// Makes all snapshots and waits for them. Each is owned by its volume before it exists.
///
/// # Errors
/// EC2 refuses, a snapshot fails, time is up.
pub async fn take_snapshots(cx: &BuildContext, site: &Site, plans: &[Plan]) -> Result<Vec<Taken>, BuildError> {
    go_on(cx)?;
    for plan in plans {
        cx.report.say("Creating snapshot tags");
        for tag in &plan.tags {
            cx.report.detail(format!("Adding tag: \"{}\": \"{}\"", tag.key, tag.value));
        }
    }
    // All are let come to their end: one that is being made must not be dropped because another one failed.
    let all = futures_util::future::join_all(plans.iter().map(|plan| {
        cx.report.say(format!("Creating snapshot of EBS Volume {}...", plan.volume));
        create(cx, site, plan)
    }))
    .await;
    let all = all.into_iter().collect::<Result<Vec<_>, _>>()?;
    try_join_all(all.iter().zip(plans).map(|(taken, plan)| finish(cx, site, taken, plan))).await?;
    Ok(all)
}

/// Makes one snapshot and waits for it; tells its id.
///
/// # Errors
/// EC2 refuses, the snapshot fails, time is up.
pub async fn take_snapshot(cx: &BuildContext, site: &Site, plan: &Plan) -> Result<Taken, BuildError> {
    go_on(cx)?;
    cx.report.say("Creating snapshot...");
    let taken = create(cx, site, plan).await?;
    cx.report.detail(format!("Snapshot ID: {}", taken.id));
    finish(cx, site, &taken, plan).await?;
    Ok(taken)
}

async fn create(cx: &BuildContext, site: &Site, plan: &Plan) -> Result<Taken, BuildError> {
    let description = plan.description.clone().unwrap_or_else(|| format!("Packer: {}", now(cx)));
    let request = CreateSnapshot { volume: plan.volume.clone(), description, tags: plan.tags.clone() };
    let resource = Resource::volume_snapshot(plan.volume.clone());
    let made = cx.teardown.create(&site.home, resource, Lifetime::Artifact, make(cx, site, &request)).await;
    let (id, entry) = made.map_err(|error| create_failed(cx, "Error creating snapshot", &site.region, error))?;
    Ok(Taken { device: plan.device.clone(), id, entry })
}

/// Makes the snapshot. Where the reply is lost it is looked for by its volume, which nobody else makes snapshots of.
async fn make(cx: &BuildContext, site: &Site, request: &CreateSnapshot) -> amibake_ec2::Result<SnapshotId> {
    let mut lost: Option<Ec2Error> = None;
    for _ in 0..TRIES_WITHOUT_REPLY {
        match site.ec2().create_snapshot(request.clone()).await {
            Err(error) if error.kind == ErrorKind::Unknown => lost = Some(error),
            answer if lost.is_some() => return answer.map_err(may_exist),
            answer => return answer,
        }
        let deadline = Instant::now() + super::create_image::LOOK_FOR;
        let found = cx.teardown.find_snapshots(&site.home, &request.volume, deadline).await;
        if let Some(id) = found.map_err(may_exist)?.into_iter().next() {
            return Ok(id);
        }
    }
    Err(lost.unwrap_or_else(|| Ec2Error::unknown("CreateSnapshot", "no answer")))
}

/// Waits for a snapshot and shares it.
async fn finish(cx: &BuildContext, site: &Site, taken: &Taken, plan: &Plan) -> Result<(), BuildError> {
    let id = &taken.id;
    let deadline = Instant::now() + site.polling.image_limit();
    match site.home.watcher.snapshot(id, deadline, &cx.cancel).await {
        Ok(_) => share(cx, site, id, &plan.share).await,
        Err(WaitError::Cancelled) => Err(BuildError::Cancelled),
        Err(error) => Err(fail(cx, format!("Error waiting for snapshot {id} in {}: {error}", site.region))),
    }
}

async fn share(cx: &BuildContext, site: &Site, id: &SnapshotId, share: &SnapshotChange) -> Result<(), BuildError> {
    if *share == SnapshotChange::default() {
        return Ok(());
    }
    cx.report.say(format!("Modifying attributes on snapshot ({id})..."));
    let groups = ("groups", SnapshotChange { groups: share.groups.clone(), ..SnapshotChange::default() });
    let users = ("users", SnapshotChange { users: share.users.clone(), ..SnapshotChange::default() });
    for (name, change) in [groups, users].into_iter().filter(|(_, change)| *change != SnapshotChange::default()) {
        cx.report.detail(format!("Modifying: {name}"));
        let answer = ask_until(cx, Ec2Error::is_not_found, || site.ec2().modify_snapshot(id, change.clone())).await;
        answer.map_err(|error| error.fail(cx, &format!("Error modify snapshot attributes of {id}"), &site.region))?;
    }
    Ok(())
}

/// The time of this moment, on the run's own clock.
fn now(cx: &BuildContext) -> String {
    let passed = i128::try_from(cx.options.began.elapsed().as_nanos()).unwrap_or_default();
    let now = jiff::Timestamp::from_nanosecond(cx.late.host.started_unix_nanos + passed).unwrap_or_default();
    format!("{now:.0}")
}
