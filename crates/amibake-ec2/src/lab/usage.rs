//! What uses images in the lab: its instances, and what a test says besides.

use async_trait::async_trait;

use super::calls::Parameters;
use super::refusal::refuse;
use super::service::{Lab, LabRegion};
use crate::Result;
use crate::id::{ImageId, Region};
use crate::model::InstanceState;
use crate::usage::{ImageUse, ImageUses, UsedIn};

impl Lab {
    /// Says that something in a region uses an image: a launch template, a group, a parameter.
    pub fn use_image(&self, region: &str, place: UsedIn, image: &ImageId, by: &str) {
        let used = ImageUse { image: image.clone(), by: by.to_owned() };
        self.lock().uses.push((Region::new(region), place, used));
    }
}

#[async_trait]
impl ImageUses for LabRegion {
    async fn uses(&self, place: UsedIn, images: &[ImageId]) -> Result<Vec<ImageUse>> {
        let operation = match place {
            UsedIn::Instances => "DescribeInstances",
            UsedIn::LaunchTemplates => "DescribeLaunchTemplateVersions",
            UsedIn::AutoScalingGroups => "DescribeAutoScalingGroups",
            UsedIn::Parameters => "GetParametersByPath",
        };
        let told = self.lab.lock().uses.clone();
        let told = told.into_iter().filter(|(region, of, _)| *region == self.region && *of == place).map(|(_, _, used)| used);
        let mut found = self
            .call(operation, Parameters::default(), |region| {
                let live = region.state.instances.values().filter(|_| place == UsedIn::Instances);
                let live = live.filter(|instance| instance.state != InstanceState::Terminated);
                Ok(live.map(|it| ImageUse { image: it.image.clone(), by: format!("instance {}", it.id) }).collect::<Vec<_>>())
            })
            .await?;
        found.extend(told);
        found.retain(|used| images.contains(&used.image));
        Ok(found)
    }
}

impl LabRegion {
    /// Whether a call would be allowed. The lab knows no permissions: what a fault does not refuse is allowed.
    pub(super) async fn would(&self, operation: &'static str, parameters: &std::collections::BTreeMap<String, String>) -> Result<()> {
        let asked = parameters.iter().fold(Parameters::default(), |all, (name, value)| all.with(name, Some(value)));
        let asked = asked.with("DryRun", Some(true));
        self.call(operation, asked, |_| refuse("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")).await
    }
}
