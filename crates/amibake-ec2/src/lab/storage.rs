//! Volumes and snapshots.

use super::filter::{Filtered, Filters, one, select};
use super::machines::Progress;
use super::record::{SnapshotRecord, VolumeRecord};
use super::refusal::{Answer, refuse};
use super::tags::unknown;
use super::world::{Place, State};
use crate::id::{SnapshotId, VolumeId};
use crate::model::{Filter, ImageState, Snapshot, Tag, Volume};

impl Place<'_> {
    /// DescribeSnapshots, owner self.
    pub(super) fn describe_snapshots(&self, ids: &[SnapshotId], filters: &[Filter]) -> Answer<Vec<Snapshot>> {
        let own = |snapshot: &&SnapshotRecord| snapshot.owner == self.options.account;
        if let Some(id) = ids.iter().find(|id| !self.state.snapshots.get(id).is_some_and(|snapshot| own(&snapshot))) {
            return unknown("snap", id.as_str());
        }
        let snapshots = self.state.snapshots.values().filter(own);
        let found = select(snapshots, filters, |snapshot| ids.is_empty() || ids.contains(&snapshot.id))?;
        let describe = |snapshot: &SnapshotRecord| Snapshot {
            id: snapshot.id.clone(),
            state: state(snapshot).to_owned(),
            progress: Some(self.progress(snapshot)),
            description: snapshot.description.clone(),
            tags: snapshot.tags.clone(),
        };
        Ok(found.into_iter().map(describe).collect())
    }

    fn progress(&self, snapshot: &SnapshotRecord) -> String {
        let (began, ends) = snapshot.during;
        let all = ends.saturating_duration_since(began).as_millis();
        let passed = self.now.saturating_duration_since(began).as_millis();
        // Ends at 99 % as long as it is not complete, as EC2 shows it.
        let percent = if snapshot.completed { 100 } else { (passed * 100).checked_div(all).unwrap_or_default().min(99) };
        format!("{percent}%")
    }
}

impl State {
    /// DescribeVolumes.
    pub(super) fn describe_volumes(&self, ids: &[VolumeId], filters: &[Filter]) -> Answer<Vec<Volume>> {
        if let Some(id) = ids.iter().find(|id| !self.volumes.contains_key(id)) {
            return unknown("vol", id.as_str());
        }
        let found = select(self.volumes.values(), filters, |volume| ids.is_empty() || ids.contains(&volume.id))?;
        let describe =
            |volume: &VolumeRecord| Volume { id: volume.id.clone(), state: volume.state().to_owned(), tags: volume.tags.clone() };
        Ok(found.into_iter().map(describe).collect())
    }

    /// DeleteVolume.
    pub(super) fn delete_volume(&mut self, id: &VolumeId) -> Answer<()> {
        match self.volumes.get(id) {
            None => unknown("vol", id.as_str()),
            Some(VolumeRecord { attached: Some((instance, _)), .. }) => {
                refuse("VolumeInUse", format!("Volume {id} is currently attached to {instance}"))
            }
            Some(VolumeRecord { attached: None, .. }) => {
                self.volumes.remove(id);
                Ok(())
            }
        }
    }

    /// DeleteSnapshot: not while an image uses it. A pending one can go.
    pub(super) fn delete_snapshot(&mut self, id: &SnapshotId, account: &str) -> Answer<()> {
        match self.snapshots.get(id) {
            None => return unknown("snap", id.as_str()),
            Some(snapshot) if snapshot.owner != account => return refuse("AuthFailure", format!("Not authorized for snapshot:{id}")),
            Some(_) => {}
        }
        let user = self.images.values().find(|image| image.state != ImageState::Gone && image.snapshots().any(|used| used == id));
        if let Some(image) = user {
            return refuse("InvalidSnapshot.InUse", format!("The snapshot {id} is currently in use by {}", image.id));
        }
        self.snapshots.remove(id);
        self.assumed.removed.insert(id.to_string());
        Ok(())
    }
}

fn state(snapshot: &SnapshotRecord) -> &'static str {
    match snapshot.progress.as_ref().and_then(Progress::end) {
        _ if snapshot.completed => "completed",
        Some(Err(_)) => "error",
        Some(Ok(())) | None => "pending",
    }
}

impl VolumeRecord {
    /// EC2's word for its state.
    pub fn state(&self) -> &'static str {
        if self.attached.is_some() { "in-use" } else { "available" }
    }
}

impl Filtered for VolumeRecord {
    const FILTERS: Filters<Self> = &[
        ("volume-id", |it| one(&it.id)),
        ("status", |it| one(it.state())),
        ("size", |it| one(it.ebs.size)),
        ("volume-type", |it| one(&it.ebs.volume_type)),
        ("encrypted", |it| one(it.ebs.encrypted)),
        ("availability-zone", |it| one(&it.availability_zone)),
        ("snapshot-id", |it| it.ebs.snapshot.iter().map(ToString::to_string).collect()),
        ("attachment.instance-id", |it| it.attached.iter().map(|(instance, _)| instance.to_string()).collect()),
        ("attachment.device", |it| it.attached.iter().map(|(_, device)| device.clone()).collect()),
        ("attachment.delete-on-termination", |it| it.attached.iter().map(|_| it.ebs.delete_on_termination.to_string()).collect()),
        ("attachment.status", |it| it.attached.iter().map(|_| "attached".to_owned()).collect()),
        ("create-time", |_| Vec::new()),
    ];

    fn tags(&self) -> &[Tag] {
        &self.tags
    }
}

impl Filtered for SnapshotRecord {
    const FILTERS: Filters<Self> = &[
        ("snapshot-id", |it| one(&it.id)),
        ("status", |it| one(state(it))),
        ("description", |it| one(&it.description)),
        ("volume-id", |it| it.volume.iter().map(ToString::to_string).collect()),
        ("volume-size", |it| one(it.size)),
        ("encrypted", |it| one(it.encrypted)),
        ("owner-id", |it| one(&it.owner)),
        ("progress", |_| Vec::new()),
        ("start-time", |_| Vec::new()),
        ("owner-alias", |_| Vec::new()),
    ];

    fn tags(&self) -> &[Tag] {
        &self.tags
    }
}
