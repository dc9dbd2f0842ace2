//! Tags of the images and their snapshots.

use amibake_ec2::Region;
use amibake_ec2::model::{Image, Tag};

use super::attributes::snapshots;
use super::copy::Images;
use crate::builder::BuildError;
use crate::builder::amazon::call::ask_until;
use crate::builder::amazon::image::ImageConfig;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::site::Site;
use crate::builder::amazon::tag::render_tags;
use crate::engine::context::BuildContext;

/// Tags of the finished image and its snapshots, rendered.
#[derive(Debug, Clone, Default)]
pub struct ImageTags {
    /// Of the image and its snapshots: `run_tags` unless they are to stay off the image, with `tags` over them.
    pub image: Vec<Tag>,
    /// Of the snapshots, over those of the image: `snapshot_tags`.
    pub snapshot: Vec<Tag>,
}

impl ImageTags {
    /// Renders them. `run` are the tags that the image inherits from the run.
    ///
    /// # Errors
    /// A tag that cannot be rendered.
    pub fn render(cx: &BuildContext, info: &BuildInfo, config: &ImageConfig, run: &[Tag]) -> Result<Self, BuildError> {
        let render = |map, blocks| render_tags(&cx.late, info, map, blocks).map_err(|error| super::tell(cx, error));
        let (tags, snapshot_tags) = (render(&config.tags, &config.tag)?, render(&config.snapshot_tags, &config.snapshot_tag)?);
        Ok(Self { image: over(run, &tags), snapshot: snapshot_tags })
    }

    fn is_empty(&self) -> bool {
        self.image.is_empty() && self.snapshot.is_empty()
    }
}

/// One list over another: a key that both have takes its value from `top`.
fn over(base: &[Tag], top: &[Tag]) -> Vec<Tag> {
    let mut all: Vec<Tag> = base.iter().filter(|tag| !top.iter().any(|one| one.key == tag.key)).chain(top).cloned().collect();
    all.sort();
    all
}

/// Puts the tags on all images and snapshots, the regions side by side.
///
/// # Errors
/// EC2 refuses.
pub async fn create_tags(cx: &BuildContext, site: &Site, tags: &ImageTags, images: &Images) -> Result<(), BuildError> {
    if tags.is_empty() {
        return Ok(());
    }
    let all = images.iter().map(|(region, image)| tag(cx, site, tags, (region, image)));
    futures_util::future::try_join_all(all).await.map(drop)
}

async fn tag(cx: &BuildContext, site: &Site, tags: &ImageTags, (region, image): (&Region, &Image)) -> Result<(), BuildError> {
    cx.report.say(format!("Adding tags to AMI ({})...", image.id));
    let snapshots: Vec<String> = snapshots(image).map(ToString::to_string).collect();
    for snapshot in &snapshots {
        cx.report.say(format!("Tagging snapshot: {snapshot}"));
    }
    tell(cx, "Creating AMI tags", &tags.image);
    tell(cx, "Creating snapshot tags", &tags.snapshot);
    // The image has its tags from CreateImage already, a copy has them from CopyImage where EC2 is not an imitation that forgets them.
    let of_image = tags.image.iter().any(|tag| !image.tags.contains(tag));
    if of_image {
        put(cx, site, region, std::slice::from_ref(&image.id.to_string()), &tags.image).await?;
    }
    put(cx, site, region, &snapshots, &over(&tags.image, &tags.snapshot)).await
}

fn tell(cx: &BuildContext, headline: &str, tags: &[Tag]) {
    cx.report.say(headline);
    for tag in tags {
        cx.report.detail(format!("Adding tag: \"{}\": \"{}\"", tag.key, tag.value));
    }
}

/// What was just made may not be known everywhere yet.
async fn put(cx: &BuildContext, site: &Site, region: &Region, resources: &[String], tags: &[Tag]) -> Result<(), BuildError> {
    if resources.is_empty() || tags.is_empty() {
        return Ok(());
    }
    let ec2 = site.account.region(region).ec2;
    let answer = ask_until(cx, amibake_ec2::Ec2Error::is_not_found, || ec2.create_tags(resources, tags)).await;
    answer.map_err(|error| error.fail(cx, &format!("Error adding tags to Resources ({})", resources.join(", ")), region))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn the_upper_list_wins() {
        let run = [tag("Name", "builder"), tag("creator", "me")];
        let tags = [tag("Name", "image"), tag("Base", "x")];
        assert_eq!(over(&run, &tags), [tag("Base", "x"), tag("Name", "image"), tag("creator", "me")]);
    }
}
