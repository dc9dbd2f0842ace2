//! What is done with the images when all of them are there, as a build does and as adopting does.
//!
//! Attributes, tags, deprecation, fast launch, protection: in this order, because what was protected cannot be removed any more when
//! something else fails.

use super::copy::Images;
use super::fast_launch::Templates;
use super::tags::ImageTags;
use super::{attributes, deprecate, fast_launch, protect, tags};
use crate::builder::BuildError;
use crate::builder::amazon::fast_launch::FastLaunchConfig;
use crate::builder::amazon::image::ImageConfig;
use crate::builder::amazon::info::BuildInfo;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;

/// What the images get.
#[derive(Debug, Clone, Copy)]
pub struct Wishes<'a> {
    /// The template's keys.
    pub config: &'a ImageConfig,
    /// Tags, rendered.
    pub tags: &'a ImageTags,
    /// Fast launch and its launch templates; None for a builder that does not know it.
    pub fast_launch: Option<(&'a FastLaunchConfig, &'a Templates)>,
}

/// Does it.
///
/// # Errors
/// The first step that fails.
pub async fn finish(cx: &mut BuildContext, site: &Site, wishes: Wishes<'_>, info: &BuildInfo, images: &Images) -> Result<(), BuildError> {
    cx.step("StepModifyAMIAttributes").await;
    attributes::modify_attributes(cx, site, wishes.config, info, images).await?;
    cx.step("StepCreateTags").await;
    tags::create_tags(cx, site, wishes.tags, images).await?;
    cx.step("StepEnableDeprecation").await;
    deprecate::deprecate(cx, site, &wishes.config.lifespan, images).await?;
    if let Some((config, templates)) = wishes.fast_launch {
        cx.step("stepEnableFastLaunch").await;
        fast_launch::enable(cx, site, config, templates, images).await?;
    }
    cx.step("StepEnableDeregistrationProtection").await;
    protect::protect(cx, site, &wishes.config.lifespan, images).await
}
