//! What a build of an image leaves: images by region.

use std::collections::BTreeMap;
use std::sync::Arc;

use amibake_ec2::model::DescribeImages;
use amibake_ec2::{Ec2, Ec2Error, ImageId, Region};
use async_trait::async_trait;

use crate::artifact::{Artifact, Destroy};
use crate::builder::amazon::call::repeat_without_reply;
use crate::builder::amazon::step::copy::Images;
use crate::engine::context::Account;

/// The artifact of these images, where there are any; `builder_id` is Packer's name of the builder, as manifests show it.
pub fn artifact(builder_id: &'static str, account: Account, images: &Images, build_data: BTreeMap<String, String>) -> Option<Artifact> {
    if images.is_empty() {
        return None;
    }
    let ids: BTreeMap<Region, ImageId> = images.iter().map(|(region, image)| (region.clone(), image.id.clone())).collect();
    let id: Vec<String> = ids.iter().map(|(region, id)| format!("{region}:{id}")).collect();
    let lines: String = ids.iter().map(|(region, id)| format!("{region}: {id}\n")).collect();
    Some(Artifact {
        builder_id,
        id: id.join(","),
        text: format!("AMIs were created:\n{lines}"),
        files: Vec::new(),
        build_data,
        destroy: Some(Arc::new(DestroyImages { account, ids })),
    })
}

/// Removes images and their snapshots, where a post-processor does not keep its input.
struct DestroyImages {
    account: Account,
    ids: BTreeMap<Region, ImageId>,
}

#[async_trait]
impl Destroy for DestroyImages {
    async fn destroy(&self) -> Result<(), String> {
        let mut errors = Vec::new();
        for (region, id) in &self.ids {
            let ec2 = self.account.region(region).ec2;
            if let Err(error) = remove(&*ec2, id).await {
                errors.push(format!("image {id} in {region}: {error}"));
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
    }
}

async fn remove(ec2: &dyn Ec2, id: &ImageId) -> amibake_ec2::Result<()> {
    let request = DescribeImages { ids: vec![id.clone()], ..DescribeImages::default() };
    let found = match repeat_without_reply(|| ec2.describe_images(request.clone())).await {
        Err(error) if error.is_not_found() => return Ok(()),
        answer => answer?,
    };
    gone_is_fine(repeat_without_reply(|| ec2.deregister_image(id)).await)?;
    for snapshot in found.iter().flat_map(|image| &image.block_devices).filter_map(|device| device.snapshot.as_ref()) {
        gone_is_fine(repeat_without_reply(|| ec2.delete_snapshot(snapshot)).await)?;
    }
    Ok(())
}

fn gone_is_fine(answer: Result<(), Ec2Error>) -> Result<(), Ec2Error> {
    match answer {
        Err(error) if error.is_not_found() => Ok(()),
        answer => answer,
    }
}
