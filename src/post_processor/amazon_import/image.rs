//! What becomes of the imported image: its name by a copy, its tags, its attributes.

use amibake_ec2::Ec2Error;
use amibake_ec2::model::{CopyImage, Image, ImageChange, Tag};
use amibake_template::component::Given as _;
use tokio::time::Instant;

use super::config::AmazonImport;
use super::task::Imported;
use super::{failed, not_made};
use crate::builder::amazon::call::ask_until;
use crate::builder::amazon::given::given_list;
use crate::builder::amazon::name::uuid;
use crate::builder::amazon::site::Site;
use crate::builder::amazon::step::{copy, progress};
use crate::engine::context::BuildContext;
use crate::engine::teardown::{ImageOrigin, Lifetime, Resource, remove_image_of};

/// Gives the image the name, the tags and the attributes that the template wants.
///
/// # Errors
/// EC2 refuses, time is up, the build is cancelled.
pub async fn finish(cx: &BuildContext, site: &Site, config: &AmazonImport, imported: Imported) -> Result<Image, String> {
    let image = match config.ami_name.given() {
        Some(name) => rename(cx, site, config, imported, name).await?,
        None => wait(cx, site, &imported.image).await?,
    };
    tag(cx, site, config, &image).await?;
    modify(cx, site, config, &image).await?;
    Ok(image)
}

/// Copies the image to its name, and removes what was copied.
async fn rename(cx: &BuildContext, site: &Site, config: &AmazonImport, imported: Imported, name: &str) -> Result<Image, String> {
    let from = &imported.image;
    cx.report.detail(format!("Starting rename of AMI ({from})"));
    let request = CopyImage {
        client_token: uuid(cx, &format!("copy of {from} to {name}")),
        source_region: site.region.clone(),
        source_image: from.clone(),
        name: name.to_owned(),
        encrypted: config.ami_encrypt.then_some(true),
        kms_key_id: config.image_key(),
        copy_tags: false,
        completion_minutes: None,
    };
    let origin = ImageOrigin::Copy { region: site.region.clone(), image: from.clone() };
    let call = copy::make(cx, &site.home, &request, &origin);
    let made = cx.teardown.create(&site.home, Resource::image(name, origin.clone()), Lifetime::Artifact, call).await;
    let (id, _) = made.map_err(not_made(format!("Error Copying AMI ({from}) to {name}")))?;
    cx.report.detail("Waiting for AMI rename to complete (may take a while)");
    let image = wait(cx, site, &id).await?;
    cx.report.detail("Destroying intermediary AMI...");
    // What stays is tried again when the stack is unwound, and told then.
    if remove_image_of(&site.home, from, &imported.snapshots, &cx.report).await.is_ok() {
        cx.teardown.release(imported.entry);
    }
    cx.report.detail("AMI rename completed");
    Ok(image)
}

async fn wait(cx: &BuildContext, site: &Site, id: &amibake_ec2::ImageId) -> Result<Image, String> {
    let deadline = Instant::now() + site.polling.image_limit();
    let wait = site.home.watcher.image(id, deadline, &cx.cancel);
    let image = progress::telling_progress(cx, &site.home, id, wait).await;
    image.map_err(|error| format!("Error waiting for AMI ({id}): {error}"))
}

async fn tag(cx: &BuildContext, site: &Site, config: &AmazonImport, image: &Image) -> Result<(), String> {
    if config.tags.is_empty() {
        return Ok(());
    }
    let tags: Vec<Tag> = config.tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect();
    for tag in &tags {
        cx.report.detail(format!("Adding tag \"{}\": \"{}\"", tag.key, tag.value));
    }
    let snapshots: Vec<String> =
        image.block_devices.iter().filter_map(|device| device.snapshot.as_ref()).map(ToString::to_string).collect();
    for snapshot in &snapshots {
        cx.report.detail(format!("Tagging snapshot {snapshot}"));
    }
    cx.report.detail(format!("Tagging AMI {}", image.id));
    let resources: Vec<String> = std::iter::once(image.id.to_string()).chain(snapshots).collect();
    let answer = ask_until(cx, Ec2Error::is_not_found, || site.ec2().create_tags(&resources, &tags)).await;
    answer.map_err(failed(format!("Failed to add tags to resources {}", resources.join(", "))))
}

async fn modify(cx: &BuildContext, site: &Site, config: &AmazonImport, image: &Image) -> Result<(), String> {
    for (name, change) in changes(config) {
        cx.report.detail(format!("Modifying: {name}"));
        let answer = ask_until(cx, Ec2Error::is_not_found, || site.ec2().modify_image(&image.id, change.clone())).await;
        answer.map_err(failed(format!("Error modifying {name} of AMI {}", image.id)))?;
    }
    Ok(())
}

/// What is changed, by the word that is shown for it, in Packer's order.
fn changes(config: &AmazonImport) -> Vec<(&'static str, ImageChange)> {
    let none = Vec::new;
    let launch =
        |users, groups, organizations, organizational_units| ImageChange::Launch { users, groups, organizations, organizational_units };
    let lists = [&config.ami_groups, &config.ami_users, &config.ami_org_arns, &config.ami_ou_arns].map(|list| given_list(list));
    let asked = lists.each_ref().map(|list| !list.is_empty());
    let [groups, users, organizations, units] = lists;
    let description = config.ami_description.given().map(|text| ("description", ImageChange::Description(text.to_owned())));
    let shared = [
        ("groups", launch(none(), groups, none(), none())),
        ("users", launch(users, none(), none(), none())),
        ("ami org arns", launch(none(), none(), organizations, none())),
        ("ami ou arns", launch(none(), none(), none(), units)),
    ];
    let shared = shared.into_iter().zip(asked).filter(|(_, asked)| *asked).map(|(change, _)| change);
    let imds = config.imds_support.given().map(|version| ("imds_support", ImageChange::ImdsSupport(version.to_owned())));
    description.into_iter().chain(shared).chain(imds).collect()
}
