//! `amazon-ebsvolume`: launches an instance with volumes, provisions it, stops it, keeps the volumes and makes snapshots of them.
//!
//! [`steps`] is the table of contents. The volumes belong to the build until it succeeds: they go with it when it fails, other than in
//! Packer. Sources: the behaviour of Packer 1.6.6, and the requests of its amazon plugin up to 1.8.

mod artifact;
pub mod config;
mod tag_volumes;

use amibake_ec2::Region;
use amibake_ec2::model::{Access, Instance};
use async_trait::async_trait;

pub use self::config::AmazonEbsVolume;
use self::tag_volumes::Volumes;
use crate::artifact::Artifact;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::site::Site;
use crate::builder::amazon::step;
use crate::builder::amazon::step::connect::{BySsh, Connect};
use crate::builder::amazon::step::launch::{Basis, LaunchTags, Purpose};
use crate::builder::amazon::step::snapshot::{Plan, Taken};
use crate::builder::amazon::step::volumes::volume_at;
use crate::builder::amazon::tag::render_tags;
use crate::builder::{BuildError, Builder};
use crate::engine::context::BuildContext;

#[async_trait]
impl Builder for AmazonEbsVolume {
    async fn build(&self, cx: &mut BuildContext) -> Result<Option<Artifact>, BuildError> {
        steps(cx, self, &BySsh).await
    }

    fn place(&self) -> Option<(Access, Vec<Region>)> {
        Some((self.access.access(), Vec::new()))
    }
}

/// All of a build, in its order. `by` is how the guest is reached.
///
/// # Errors
/// The first step that fails.
pub async fn steps(cx: &mut BuildContext, config: &AmazonEbsVolume, by: &dyn Connect) -> Result<Option<Artifact>, BuildError> {
    let site = Site::open(cx, &config.access, config.instance.aws_polling.as_ref()).await?;
    cx.step("StepSourceAMIInfo").await;
    let (info, source, network) = step::look_around::look_around(cx, &site, &config.instance, None).await?;
    let tags = LaunchTags::render(cx, &info, &config.instance.run, &config.run_volume_tag)?;
    cx.step("StepKeyPair").await;
    let (mut key, groups, profile) = step::let_in::let_in(cx, &site, &config.instance, (&source, &network), &tags.run).await?;
    cx.step("StepRunSourceInstance").await;
    let devices = config.launch_devices();
    let basis = Basis {
        source: &source,
        network: &network,
        key: &key,
        groups: &groups,
        profile: &profile,
        tags: &tags,
        devices: &devices,
        purpose: Purpose::Stopped,
    };
    let instance = step::volumes::launch_with_volumes(cx, &site, &config.instance, &basis).await?;
    cx.step("stepTagEBSVolumes").await;
    let volumes = Volumes::of(config, &instance);
    tag_volumes::tag_volumes(cx, &site, &info, &volumes, &tags.volume).await?;
    let stopped = step::work::work(cx, &site, &config.instance, &info, (instance, &mut key, by)).await?;
    cx.step("stepSnapshotEBSVolumes").await;
    let plans = snapshot_plans(cx, config, &info, &stopped.instance)?;
    let in_use = (&stopped.instance, &key, &groups);
    let snapshots = step::let_go::meanwhile(cx, &site, in_use, take(cx, &site, &plans)).await?;
    tag_volumes::hand_over(cx, &site, &volumes).await?;
    let artifact = artifact::artifact(&site, &volumes, &snapshots, cx.late.build_data.clone());
    cx.report.say(format!("Created Volumes: {}", artifact.text));
    Ok(Some(artifact))
}

async fn take(cx: &BuildContext, site: &Site, plans: &[Plan]) -> Result<Vec<Taken>, BuildError> {
    if plans.is_empty() { Ok(Vec::new()) } else { step::snapshot::take_snapshots(cx, site, plans).await }
}

fn snapshot_plans(cx: &BuildContext, config: &AmazonEbsVolume, info: &BuildInfo, instance: &Instance) -> Result<Vec<Plan>, BuildError> {
    let wanted = config.ebs_volumes.iter().filter(|volume| volume.snapshot_volume);
    let plan = |volume: &config::EbsVolume| {
        let device = volume.device.device_name.clone().unwrap_or_default();
        let tags = render_tags(&cx.late, info, &volume.snapshot_tags, &volume.snapshot_tag).map_err(|error| step::tell(cx, error))?;
        Ok(Plan {
            volume: volume_at(cx, instance, &device)?.volume.clone(),
            device,
            description: volume.snapshot_description.clone().filter(|text| !text.is_empty()),
            tags,
            share: volume.share(),
        })
    };
    wanted.map(plan).collect()
}
