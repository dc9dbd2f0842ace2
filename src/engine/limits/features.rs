//! The rarer calls, within the same budgets.

use amibake_ec2::features::{FastLaunch, FastLaunchState, LaunchTemplate, LaunchTemplateRef, NetworkFeature};
use amibake_ec2::{ImageFeatures, ImageId, InstanceFeatures, InstanceId, Result};
use async_trait::async_trait;

use super::Limited;

#[async_trait]
impl ImageFeatures for Limited {
    async fn enable_image_deprecation(&self, image: &ImageId, at: &str) -> Result<()> {
        self.mutate.spend(|| self.inner.enable_image_deprecation(image, at)).await
    }

    async fn protect_image(&self, image: &ImageId, with_cooldown: bool) -> Result<()> {
        self.mutate.spend(|| self.inner.protect_image(image, with_cooldown)).await
    }

    async fn unprotect_image(&self, image: &ImageId) -> Result<()> {
        self.mutate.spend_later(|| self.inner.unprotect_image(image)).await
    }

    async fn enable_fast_launch(&self, request: FastLaunch) -> Result<()> {
        self.mutate.spend(|| self.inner.enable_fast_launch(request.clone())).await
    }

    async fn disable_fast_launch(&self, image: &ImageId) -> Result<()> {
        self.mutate.spend_later(|| self.inner.disable_fast_launch(image)).await
    }

    async fn fast_launch_state(&self, image: &ImageId) -> Result<Option<FastLaunchState>> {
        self.describe.spend(|| self.inner.fast_launch_state(image)).await
    }

    async fn describe_launch_templates(&self, template: &LaunchTemplateRef) -> Result<Vec<LaunchTemplate>> {
        self.describe.spend(|| self.inner.describe_launch_templates(template)).await
    }
}

#[async_trait]
impl InstanceFeatures for Limited {
    async fn set_network_feature(&self, instance: &InstanceId, feature: NetworkFeature) -> Result<()> {
        self.mutate.spend(|| self.inner.set_network_feature(instance, feature)).await
    }

    async fn password_data(&self, instance: &InstanceId) -> Result<Option<String>> {
        self.describe.spend(|| self.inner.password_data(instance)).await
    }
}
