//! The rarer calls: [`ImageFeatures`] and [`InstanceFeatures`].

use amibake_ec2::features::{
    FastLaunch, FastLaunchState, ImageFeatures, InstanceFeatures, LaunchTemplate, LaunchTemplateRef, NetworkFeature,
};
use amibake_ec2::{Ec2Error, ImageId, InstanceId, Result};
use async_trait::async_trait;
use aws_sdk_ec2::primitives::{DateTime, DateTimeFormat};
use aws_sdk_ec2::types::{
    AttributeBooleanValue, AttributeValue, FastLaunchLaunchTemplateSpecificationRequest, FastLaunchSnapshotConfigurationRequest,
    FastLaunchStateCode,
};

use crate::region::{AwsRegion, failed};

#[async_trait]
impl ImageFeatures for AwsRegion {
    async fn enable_image_deprecation(&self, image: &ImageId, at: &str) -> Result<()> {
        const OPERATION: &str = "EnableImageDeprecation";
        let at = DateTime::from_str(at, DateTimeFormat::DateTimeWithOffset)
            .map_err(|_| Ec2Error::refused(OPERATION, "InvalidParameterValue", format!("{at} is no RFC 3339 time")))?;
        let call = self.client().enable_image_deprecation().image_id(image.as_str()).deprecate_at(at);
        call.send().await.map(drop).map_err(failed(OPERATION))
    }

    async fn protect_image(&self, image: &ImageId, with_cooldown: bool) -> Result<()> {
        let call = self.client().enable_image_deregistration_protection().image_id(image.as_str()).with_cooldown(with_cooldown);
        call.send().await.map(drop).map_err(failed("EnableImageDeregistrationProtection"))
    }

    async fn unprotect_image(&self, image: &ImageId) -> Result<()> {
        let call = self.client().disable_image_deregistration_protection().image_id(image.as_str());
        call.send().await.map(drop).map_err(failed("DisableImageDeregistrationProtection"))
    }

    async fn enable_fast_launch(&self, request: FastLaunch) -> Result<()> {
        let template = request.template.map(|template| {
            let builder = FastLaunchLaunchTemplateSpecificationRequest::builder().version(template.version.to_string());
            match template.template {
                LaunchTemplateRef::Id(id) => builder.launch_template_id(id),
                LaunchTemplateRef::Name(name) => builder.launch_template_name(name),
            }
            .build()
        });
        let count = request
            .target_resource_count
            .map(|count| FastLaunchSnapshotConfigurationRequest::builder().target_resource_count(count).build());
        let call = self
            .client()
            .enable_fast_launch()
            .image_id(request.image.as_str())
            .set_max_parallel_launches(request.max_parallel_launches)
            .set_snapshot_configuration(count)
            .set_launch_template(template);
        call.send().await.map(drop).map_err(failed("EnableFastLaunch"))
    }

    async fn disable_fast_launch(&self, image: &ImageId) -> Result<()> {
        let call = self.client().disable_fast_launch().image_id(image.as_str()).force(true);
        call.send().await.map(drop).map_err(failed("DisableFastLaunch"))
    }

    async fn fast_launch_state(&self, image: &ImageId) -> Result<Option<FastLaunchState>> {
        let call = self.client().describe_fast_launch_images().image_ids(image.as_str());
        let reply = call.send().await.map_err(failed("DescribeFastLaunchImages"))?;
        let found = reply.fast_launch_images().first().and_then(|found| Some((found.state()?, found.state_transition_reason())));
        Ok(found.map(|(state, reason)| match state {
            FastLaunchStateCode::Enabled => FastLaunchState::Enabled,
            FastLaunchStateCode::EnablingFailed
            | FastLaunchStateCode::DisablingFailed
            | FastLaunchStateCode::EnabledFailed
            | FastLaunchStateCode::Disabling => FastLaunchState::Failed(reason.filter(|it| !it.is_empty()).map(str::to_owned)),
            _ => FastLaunchState::Changing,
        }))
    }

    async fn describe_launch_templates(&self, template: &LaunchTemplateRef) -> Result<Vec<LaunchTemplate>> {
        let call = self.client().describe_launch_templates();
        let call = match template {
            LaunchTemplateRef::Id(id) => call.launch_template_ids(id),
            LaunchTemplateRef::Name(name) => call.launch_template_names(name),
        };
        let reply = call.send().await.map_err(failed("DescribeLaunchTemplates"))?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let found = reply.launch_templates().iter().map(|found| LaunchTemplate {
            id: text(found.launch_template_id()),
            name: text(found.launch_template_name()),
            latest_version: found.latest_version_number().unwrap_or_default(),
        });
        Ok(found.collect())
    }
}

#[async_trait]
impl InstanceFeatures for AwsRegion {
    async fn set_network_feature(&self, instance: &InstanceId, feature: NetworkFeature) -> Result<()> {
        let call = self.client().modify_instance_attribute().instance_id(instance.as_str());
        let call = match feature {
            NetworkFeature::Ena(on) => call.ena_support(AttributeBooleanValue::builder().value(on).build()),
            NetworkFeature::Sriov => call.sriov_net_support(AttributeValue::builder().value("simple").build()),
        };
        call.send().await.map(drop).map_err(failed("ModifyInstanceAttribute"))
    }

    async fn password_data(&self, instance: &InstanceId) -> Result<Option<String>> {
        let call = self.client().get_password_data().instance_id(instance.as_str());
        let reply = call.send().await.map_err(failed("GetPasswordData"))?;
        Ok(reply.password_data().map(str::trim).filter(|data| !data.is_empty()).map(str::to_owned))
    }
}
