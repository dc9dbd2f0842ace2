//! What uses images: asked of EC2 by the SDK, of Auto Scaling and Systems Manager by signed requests.

use std::collections::{BTreeMap, BTreeSet};

use amibake_ec2::usage::{ImageUse, ImageUses, UsedIn};
use amibake_ec2::{Ec2Error, ImageId, Result};
use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, LaunchTemplateVersion};

use crate::error;
use crate::signed::Signed;
use crate::wire::{element, plain};

/// Values that one filter takes.
const FILTER_VALUES: usize = 200;
/// Version of Auto Scaling's API.
const AUTO_SCALING: &str = "2011-01-01";
/// Groups or launch configurations of one answer.
const PAGE: &str = "100";

/// One region's services.
pub(crate) struct AwsUses {
    pub(crate) ec2: Client,
    pub(crate) auto_scaling: Signed,
    pub(crate) ssm: Signed,
}

#[async_trait]
impl ImageUses for AwsUses {
    async fn uses(&self, place: UsedIn, images: &[ImageId]) -> Result<Vec<ImageUse>> {
        match place {
            UsedIn::Instances => self.instances(images).await,
            UsedIn::LaunchTemplates => self.launch_templates(images).await,
            UsedIn::AutoScalingGroups => self.groups(images).await,
            UsedIn::Parameters => self.parameters(images).await,
        }
    }
}

/// Filters that name these images, as many as EC2 takes at a time.
fn by_image(images: &[ImageId]) -> impl Iterator<Item = Filter> + '_ {
    images.chunks(FILTER_VALUES).map(|ids| {
        let values = ids.iter().map(ToString::to_string).collect();
        Filter::builder().name("image-id").set_values(Some(values)).build()
    })
}

/// A use, if the image is one of those asked about.
fn used(images: &[ImageId], image: &str, by: impl FnOnce() -> String) -> Option<ImageUse> {
    let image = images.iter().find(|known| known.as_str() == image)?;
    Some(ImageUse { image: image.clone(), by: by() })
}

impl AwsUses {
    async fn instances(&self, images: &[ImageId]) -> Result<Vec<ImageUse>> {
        const OPERATION: &str = "DescribeInstances";
        let mut found = Vec::new();
        for filter in by_image(images) {
            let mut pages = self.ec2.describe_instances().filters(filter).into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| error::translate(OPERATION, &error))?;
                for instance in page.reservations().iter().flat_map(|reservation| reservation.instances()) {
                    let state = instance.state().and_then(|state| state.name()).map_or("", |name| name.as_str());
                    let by = || format!("instance {} ({state})", instance.instance_id().unwrap_or_default());
                    found.extend(used(images, instance.image_id().unwrap_or_default(), by).filter(|_| state != "terminated"));
                }
            }
        }
        Ok(found)
    }

    async fn launch_templates(&self, images: &[ImageId]) -> Result<Vec<ImageUse>> {
        const OPERATION: &str = "DescribeLaunchTemplateVersions";
        let mut found = Vec::new();
        for filter in by_image(images) {
            // Without a template's name EC2 looks at the latest and the default version of all of them.
            let call = self.ec2.describe_launch_template_versions().versions("$Latest").versions("$Default").filters(filter);
            let mut pages = call.into_paginator().items().send();
            while let Some(version) = pages.next().await {
                let version = version.map_err(|error| error::translate(OPERATION, &error))?;
                found.extend(used(images, image_of(&version), || named(&version)));
            }
        }
        Ok(found)
    }

    async fn groups(&self, images: &[ImageId]) -> Result<Vec<ImageUse>> {
        let groups = self.pages("DescribeAutoScalingGroups", "AutoScalingGroups", "AutoScalingGroupName").await?;
        let configurations = self.configurations().await?;
        let mut by_version: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        let mut found = Vec::new();
        for (name, group) in groups {
            let by = || format!("auto-scaling group {name}");
            for configuration in elements(&group, "LaunchConfigurationName") {
                let image = configurations.get(configuration).map(String::as_str).unwrap_or_default();
                found.extend(used(images, image, by));
            }
            for template in elements(&group, "LaunchTemplateId") {
                // The version follows the id in the same specification; without one it is the default.
                let rest = group.split_once(&format!("<LaunchTemplateId>{template}<")).map_or("", |(_, rest)| rest);
                let specification = rest.split_once("<LaunchTemplateId>").map_or(rest, |(own, _)| own);
                let version = element(specification, "Version").unwrap_or("$Default").to_owned();
                by_version.entry((template.to_owned(), version)).or_default().insert(name.clone());
            }
        }
        for ((template, version), groups) in by_version {
            let image = self.image_of_version(&template, &version).await?;
            found.extend(groups.iter().filter_map(|name| used(images, &image, || format!("auto-scaling group {name}"))));
        }
        Ok(found)
    }

    async fn image_of_version(&self, template: &str, version: &str) -> Result<String> {
        const OPERATION: &str = "DescribeLaunchTemplateVersions";
        let call = self.ec2.describe_launch_template_versions().launch_template_id(template).versions(version);
        match call.send().await.map_err(|error| error::translate(OPERATION, &error)) {
            Ok(reply) => Ok(reply.launch_template_versions().first().map(image_of).unwrap_or_default().to_owned()),
            // A group can outlive its template; it launches nothing then.
            Err(error) if error.is_not_found() => Ok(String::new()),
            Err(error) => Err(error),
        }
    }

    /// Images of launch configurations.
    async fn configurations(&self) -> Result<BTreeMap<String, String>> {
        let pages = self.pages("DescribeLaunchConfigurations", "LaunchConfigurations", "LaunchConfigurationName").await?;
        Ok(pages.into_iter().map(|(name, text)| (name, element(&text, "ImageId").unwrap_or_default().to_owned())).collect())
    }

    /// Things of Auto Scaling: their names and what is said about each.
    async fn pages(&self, operation: &'static str, list: &str, name: &str) -> Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let token_field = token.take().map(|token| ("NextToken".to_owned(), token));
            let fields: Vec<_> = [("MaxRecords".to_owned(), PAGE.to_owned())].into_iter().chain(token_field).collect();
            let xml = self.auto_scaling.query(operation, AUTO_SCALING, &fields).await?;
            let named = |member: &str| (element(member, name).map(plain).unwrap_or_default(), member.to_owned());
            found.extend(members(&xml, list).into_iter().map(named));
            match element(&xml, "NextToken").filter(|next| !next.is_empty()) {
                Some(next) => token = Some(plain(next)),
                None => return Ok(found),
            }
        }
    }

    async fn parameters(&self, images: &[ImageId]) -> Result<Vec<ImageUse>> {
        const OPERATION: &str = "GetParametersByPath";
        let mut found = Vec::new();
        let mut token = serde_json::Value::Null;
        loop {
            // Lists of strings hold ids too; what is encrypted is no id.
            let filters = serde_json::json!([{ "Key": "Type", "Option": "Equals", "Values": ["String", "StringList"] }]);
            let mut body = serde_json::json!({ "Path": "/", "Recursive": true, "MaxResults": 10, "ParameterFilters": filters });
            if !token.is_null() {
                body["NextToken"] = token;
            }
            let text = self.ssm.json(OPERATION, "AmazonSSM", &body.to_string()).await?;
            let reply: serde_json::Value =
                serde_json::from_str(&text).map_err(|error| Ec2Error::unknown(OPERATION, format!("the answer is not JSON: {error}")))?;
            for parameter in reply["Parameters"].as_array().into_iter().flatten() {
                let (name, value) = (parameter["Name"].as_str().unwrap_or_default(), parameter["Value"].as_str().unwrap_or_default());
                let by = || format!("parameter {name}");
                found.extend(
                    images.iter().filter(|image| value.contains(image.as_str())).map(|image| ImageUse { image: image.clone(), by: by() }),
                );
            }
            token = reply["NextToken"].clone();
            if token.as_str().is_none_or(str::is_empty) {
                return Ok(found);
            }
        }
    }
}

fn image_of(version: &LaunchTemplateVersion) -> &str {
    version.launch_template_data().and_then(|data| data.image_id()).unwrap_or_default()
}

fn named(version: &LaunchTemplateVersion) -> String {
    let (id, name) = (version.launch_template_id().unwrap_or_default(), version.launch_template_name().unwrap_or_default());
    format!("launch template {id} ({name}), version {}", version.version_number().unwrap_or_default())
}

/// Texts of all XML elements of this name.
fn elements<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let opening = format!("<{name}>");
    xml.split(&opening).skip(1).filter_map(|rest| rest.split_once('<').map(|(text, _)| text)).collect()
}

/// The members of a list: their texts, with what is nested in them.
fn members<'a>(xml: &'a str, list: &str) -> Vec<&'a str> {
    let Some((_, xml)) = xml.split_once(&format!("<{list}>")) else { return Vec::new() };
    let (mut depth, mut start, mut found) = (0_usize, 0, Vec::new());
    for (at, _) in xml.match_indices('<') {
        let tag = &xml[at..];
        if tag.starts_with("<member>") {
            depth += 1;
            if depth == 1 {
                start = at;
            }
        } else if tag.starts_with("</member>") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                found.push(&xml[start..at]);
            }
        } else if depth == 0 && tag.starts_with(&format!("</{list}>")) {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_with_all_that_is_said_about_them() {
        let xml = "<r><AutoScalingGroups><member><LaunchTemplate><LaunchTemplateId>lt-1</LaunchTemplateId><Version>3</Version>\
                   </LaunchTemplate><Instances><member><InstanceId>i-1</InstanceId></member></Instances><AutoScalingGroupName>a\
                   </AutoScalingGroupName></member><member><AutoScalingGroupName>b</AutoScalingGroupName></member></AutoScalingGroups>\
                   <Others><member><x>1</x></member></Others></r>";
        let groups = members(xml, "AutoScalingGroups");
        assert_eq!(groups.iter().map(|group| element(group, "AutoScalingGroupName").unwrap_or_default()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(groups.iter().map(|group| elements(group, "LaunchTemplateId")).collect::<Vec<_>>(), [vec!["lt-1"], vec![]]);
        assert_eq!(members(xml, "LaunchConfigurations"), Vec::<&str>::new());
    }
}
