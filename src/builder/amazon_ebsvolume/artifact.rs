//! What a build of volumes leaves.

use std::collections::BTreeMap;
use std::sync::Arc;

use amibake_ec2::{SnapshotId, VolumeId};
use async_trait::async_trait;

use super::tag_volumes::Volumes;
use crate::artifact::{Artifact, Destroy};
use crate::builder::amazon::call::repeat_without_reply;
use crate::builder::amazon::site::Site;
use crate::builder::amazon::step::snapshot::Taken;
use crate::engine::context::AwsRegion;

/// Packer's name of the builder, as manifests show it.
const BUILDER_ID: &str = "mitchellh.amazon.ebsvolume";

/// The artifact of these volumes and snapshots; it may hold none of either.
pub fn artifact(site: &Site, volumes: &Volumes<'_>, snapshots: &[Taken], build_data: BTreeMap<String, String>) -> Artifact {
    let (volumes, snapshots) = (volumes.kept(), snapshots.iter().map(|taken| taken.id.clone()).collect::<Vec<_>>());
    let ids = volumes.iter().map(VolumeId::as_str).chain(snapshots.iter().map(SnapshotId::as_str));
    let mut ids: Vec<String> = ids.map(|id| format!("{}:{id}", site.region)).collect();
    ids.sort();
    Artifact {
        builder_id: BUILDER_ID,
        id: ids.join(","),
        text: format!("EBS Volumes were created:\n\n{}", ids.join("\n")),
        files: Vec::new(),
        build_data,
        destroy: Some(Arc::new(DestroyVolumes { home: site.home.clone(), volumes, snapshots })),
    }
}

/// Removes volumes and snapshots, where a post-processor does not keep its input. (Packer leaves the snapshots.)
struct DestroyVolumes {
    home: AwsRegion,
    volumes: Vec<VolumeId>,
    snapshots: Vec<SnapshotId>,
}

#[async_trait]
impl Destroy for DestroyVolumes {
    async fn destroy(&self) -> Result<(), String> {
        let (ec2, region, mut errors) = (&self.home.ec2, self.home.name(), Vec::new());
        for id in &self.volumes {
            let answer = repeat_without_reply(|| ec2.delete_volume(id)).await;
            errors.extend(answer.err().filter(|error| !error.is_not_found()).map(|error| format!("volume {id} in {region}: {error}")));
        }
        for id in &self.snapshots {
            let answer = repeat_without_reply(|| ec2.delete_snapshot(id)).await;
            errors.extend(answer.err().filter(|error| !error.is_not_found()).map(|error| format!("snapshot {id} in {region}: {error}")));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
    }
}
