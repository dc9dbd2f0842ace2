//! Own images by template, tag or name.

use std::collections::BTreeSet;

use amibake_ec2::model::{Access, DescribeImages, Filter, Image, Tag};
use amibake_ec2::{Ec2Error, Region};
use amibake_template::plan::Plan;
use futures_util::future::try_join_all;
use serde_json::Value;

use crate::builder::amazon::access::AccessConfig;
use crate::engine::account::{Account, Accounts, AwsRegion};
use crate::engine::vary::Varying;

/// How much of a name has to stay the same in each build for the name to tell a template's images from others.
const TELLING: usize = 3;

/// Which images, where.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Who is meant, for people: the build's name, or what was asked for.
    pub title: String,
    /// How to reach the account.
    pub access: Access,
    /// Where to look; empty: in the build region.
    pub regions: BTreeSet<Region>,
    /// What names look like; None: any name.
    pub name: Option<Name>,
    /// All of these tags.
    pub tags: Vec<Tag>,
}

/// What names look like.
#[derive(Debug, Clone)]
pub enum Name {
    /// As a template makes them.
    Made(Varying),
    /// With EC2's wildcards.
    Pattern(String),
}

/// An image that was found.
#[derive(Clone)]
pub struct Found {
    /// Where.
    pub region: AwsRegion,
    /// The image.
    pub image: Image,
}

/// Why a template's images cannot be told from others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTelling {
    /// Nothing of the name stays the same.
    #[error("`{0}`: the name of its images is new in each build, so it does not tell them from others")]
    Name(String),
    /// No builder of the template makes images.
    #[error("no builder of this template makes images of EC2")]
    NoImages,
}

/// What the builds of a template make. `other` is the same plan at another time.
///
/// # Errors
/// Names that tell nothing, unless `by_tag`.
pub fn of_template(plan: &Plan, other: &Plan, by_tag: bool) -> Result<Vec<Wanted>, NotTelling> {
    let mut all = Vec::new();
    for build in &plan.builds {
        let config = &build.builder.config;
        let Some(name) = config["ami_name"].as_str().filter(|name| !name.is_empty()) else { continue };
        let again = other.builds.iter().find(|other| other.builder.node.span == build.builder.node.span);
        let again = again.and_then(|other| other.builder.config["ami_name"].as_str()).unwrap_or(name);
        let name = Varying::of(name, again);
        if name.fixed_letters() < TELLING && !by_tag {
            return Err(NotTelling::Name(build.name.clone()));
        }
        let access = serde_json::from_value::<AccessConfig>(config.clone()).unwrap_or_default().access();
        let copies = config["ami_regions"].as_array().into_iter().flatten().filter_map(Value::as_str).filter(|region| !region.is_empty());
        all.push(Wanted {
            title: build.name.clone(),
            access,
            regions: copies.map(Region::new).collect(),
            name: Some(Name::Made(name)),
            tags: Vec::new(),
        });
    }
    if all.is_empty() { Err(NotTelling::NoImages) } else { Ok(all) }
}

impl Wanted {
    /// Opens the account and looks in all regions at once. Newest first, by region.
    ///
    /// # Errors
    /// No account, or what EC2 answered.
    pub async fn find(&self, accounts: &Accounts) -> Result<(Account, Vec<Found>), Ec2Error> {
        let account = accounts.open(&self.access).await?;
        let mut regions = self.regions.clone();
        // The regions of a template are those of its copies; without any, and in a template, the build region is one too.
        if regions.is_empty() || matches!(self.name, Some(Name::Made(_))) {
            regions.insert(account.build_region().clone());
        }
        let found = try_join_all(regions.iter().map(|region| self.find_in(account.region(region)))).await?;
        Ok((account, found.into_iter().flatten().collect()))
    }

    async fn find_in(&self, region: AwsRegion) -> Result<Vec<Found>, Ec2Error> {
        let mut images = region.ec2.describe_images(self.request()).await?;
        images.retain(|image| match &self.name {
            Some(Name::Made(name)) => name.fits(&image.name),
            Some(Name::Pattern(_)) | None => true,
        });
        images.sort_by(|a, b| b.creation_date.cmp(&a.creation_date).then(a.id.cmp(&b.id)));
        Ok(images.into_iter().map(|image| Found { region: region.clone(), image }).collect())
    }

    fn request(&self) -> DescribeImages {
        let name = self.name.as_ref().map(|name| match name {
            Name::Made(name) => name.glob(),
            Name::Pattern(pattern) => pattern.clone(),
        });
        let tags = self.tags.iter().map(|tag| Filter::new(format!("tag:{}", tag.key), tag.value.clone()));
        DescribeImages {
            owners: vec!["self".to_owned()],
            filters: name.map(|name| Filter::new("name", name)).into_iter().chain(tags).collect(),
            include_deprecated: true,
            ..DescribeImages::default()
        }
    }

    /// What names look like, for people.
    pub fn shown(&self) -> String {
        let tags = self.tags.iter().map(|tag| format!("tag {}={}", tag.key, tag.value));
        let name = self.name.as_ref().map(|name| match name {
            Name::Made(name) => name.shown(),
            Name::Pattern(pattern) => pattern.clone(),
        });
        name.into_iter().chain(tags).collect::<Vec<_>>().join(", ")
    }
}

impl Found {
    /// Ids of its snapshots.
    pub fn snapshots(&self) -> Vec<String> {
        self.image.block_devices.iter().filter_map(|device| device.snapshot.as_ref()).map(ToString::to_string).collect()
    }
}
