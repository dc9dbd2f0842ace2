//! Tags of the volumes, and whose they are.

use amibake_ec2::VolumeId;
use amibake_ec2::model::{Instance, Tag};
use amibake_template::component::Given;

use super::config::{AmazonEbsVolume, EbsVolume};
use crate::builder::BuildError;
use crate::builder::amazon::call::{ask, ask_until};
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::site::Site;
use crate::builder::amazon::step;
use crate::builder::amazon::tag::render_tags;
use crate::engine::context::BuildContext;

/// The volumes that the template names, as the instance has them.
pub struct Volumes<'a> {
    found: Vec<(&'a EbsVolume, VolumeId)>,
}

impl<'a> Volumes<'a> {
    /// Those of an instance. A device without a volume, such as an instance store, is none.
    pub fn of(config: &'a AmazonEbsVolume, instance: &Instance) -> Self {
        let at = |device: &str| instance.volumes.iter().find(|volume| volume.device_name == device).map(|volume| volume.volume.clone());
        let found = config.ebs_volumes.iter().filter_map(|volume| Some((volume, at(volume.device.device_name.given()?)?)));
        Self { found: found.collect() }
    }

    /// What the build leaves: those that outlive the instance.
    pub fn kept(&self) -> Vec<VolumeId> {
        self.found.iter().filter(|(volume, _)| !volume.device.delete_on_termination).map(|(_, id)| id.clone()).collect()
    }
}

/// Takes `run_volume_tags` off the volumes again and puts the volumes' own tags on them.
///
/// # Errors
/// A tag that cannot be rendered; EC2 refuses.
pub async fn tag_volumes(
    cx: &BuildContext,
    site: &Site,
    info: &BuildInfo,
    volumes: &Volumes<'_>,
    run_volume_tags: &[Tag],
) -> Result<(), BuildError> {
    if volumes.found.is_empty() {
        return Ok(());
    }
    take_off(cx, site, volumes, run_volume_tags).await?;
    cx.report.say("Tagging EBS volumes...");
    let mut tagged = Vec::new();
    for (volume, id) in &volumes.found {
        let device = volume.device.device_name.given().unwrap_or_default();
        let tags = render_tags(&cx.late, info, &volume.tags, &volume.tag).map_err(|error| step::tell(cx, error))?;
        if tags.is_empty() {
            cx.report.say(format!("No tags specified for volume on {device}..."));
            continue;
        }
        cx.report.detail(format!("Compiling list of tags to apply to volume on {device}..."));
        tell(cx, &tags);
        tagged.push((id, tags));
    }
    for (id, tags) in &tagged {
        cx.report.detail(format!("Applying tags to EBS Volume: {id}"));
        let ids = [id.to_string()];
        let answer = ask_until(cx, amibake_ec2::Ec2Error::is_not_found, || site.ec2().create_tags(&ids, tags)).await;
        answer.map_err(|error| error.fail(cx, &format!("Error tagging EBS Volume {id}"), &site.region))?;
    }
    Ok(())
}

async fn take_off(cx: &BuildContext, site: &Site, volumes: &Volumes<'_>, tags: &[Tag]) -> Result<(), BuildError> {
    if tags.is_empty() {
        return Ok(());
    }
    cx.report.say("Removing any tags applied to EBS volumes when the source instance was created...");
    cx.report.detail("Compiling list of existing tags to remove...");
    tell(cx, tags);
    let ids: Vec<String> = volumes.found.iter().map(|(_, id)| id.to_string()).collect();
    cx.report.detail(format!("Deleting 'run_volume_tags' on EBS Volumes: {}", ids.join(", ")));
    delete_tags(cx, site, &ids, tags).await
}

/// Takes the run's tags off what is handed over: from here on it is the user's, and nothing that looks for leftovers may find it.
///
/// # Errors
/// EC2 refuses.
pub async fn hand_over(cx: &BuildContext, site: &Site, volumes: &Volumes<'_>) -> Result<(), BuildError> {
    let kept: Vec<String> = volumes.kept().iter().map(ToString::to_string).collect();
    if kept.is_empty() { Ok(()) } else { delete_tags(cx, site, &kept, &cx.teardown.tags()).await }
}

async fn delete_tags(cx: &BuildContext, site: &Site, ids: &[String], tags: &[Tag]) -> Result<(), BuildError> {
    let answer = ask(cx, || site.ec2().delete_tags(ids, tags)).await;
    answer.map_err(|error| error.fail(cx, "Error deleting tags on EBS Volumes", &site.region))
}

fn tell(cx: &BuildContext, tags: &[Tag]) {
    for tag in tags {
        cx.report.detail(format!("Adding tag: \"{}\": \"{}\"", tag.key, tag.value));
    }
}
