//! The [`Iam`] trait on the rules. Its calls are recorded among EC2's, in the region from which they are made.

use async_trait::async_trait;

use super::calls::Parameters;
use super::identities::Identities;
use super::refusal::Answer;
use super::service::LabRegion;
use crate::Result;
use crate::iam::{CreateRole, Iam};
use crate::model::Tag;

impl LabRegion {
    async fn identities(
        &self,
        operation: &'static str,
        parameters: Parameters,
        rule: impl FnOnce(&mut Identities) -> Answer<()> + Send,
    ) -> Result<()> {
        self.call_world(operation, parameters, |world, _, _| rule(&mut world.identities)).await
    }
}

fn of_role(role: &str) -> Parameters {
    Parameters::default().with("RoleName", Some(role))
}

fn of_profile(profile: &str) -> Parameters {
    Parameters::default().with("InstanceProfileName", Some(profile))
}

/// `Tags.member.N`, as IAM counts them.
fn tagged(parameters: Parameters, tags: &[Tag]) -> Parameters {
    tags.iter().enumerate().fold(parameters, |parameters, (index, tag)| {
        let prefix = format!("Tags.member.{}", index + 1);
        parameters.with(&format!("{prefix}.Key"), Some(&tag.key)).with(&format!("{prefix}.Value"), Some(&tag.value))
    })
}

#[async_trait]
impl Iam for LabRegion {
    async fn create_instance_profile(&self, name: &str, tags: &[Tag]) -> Result<()> {
        let parameters = tagged(of_profile(name), tags);
        self.identities("CreateInstanceProfile", parameters, |iam| iam.create_instance_profile(name, tags)).await
    }

    async fn create_role(&self, request: CreateRole) -> Result<()> {
        let parameters =
            of_role(&request.name).with("Description", Some(&request.description)).with("AssumeRolePolicyDocument", Some(&request.trust));
        let parameters = tagged(parameters, &request.tags);
        self.identities("CreateRole", parameters, |iam| iam.create_role(request)).await
    }

    async fn put_role_policy(&self, role: &str, policy: &str, document: &str) -> Result<()> {
        let parameters = of_role(role).with("PolicyName", Some(policy)).with("PolicyDocument", Some(document));
        self.identities("PutRolePolicy", parameters, |iam| iam.put_role_policy(role, policy, document)).await
    }

    async fn add_role_to_instance_profile(&self, profile: &str, role: &str) -> Result<()> {
        let parameters = of_profile(profile).with("RoleName", Some(role));
        self.call_world("AddRoleToInstanceProfile", parameters, |world, now, _| {
            let after = world.options.times.profile;
            world.identities.add_role(profile, role, now, after)
        })
        .await
    }

    async fn remove_role_from_instance_profile(&self, profile: &str, role: &str) -> Result<()> {
        let parameters = of_profile(profile).with("RoleName", Some(role));
        self.identities("RemoveRoleFromInstanceProfile", parameters, |iam| iam.remove_role(profile, role)).await
    }

    async fn delete_role_policy(&self, role: &str, policy: &str) -> Result<()> {
        let parameters = of_role(role).with("PolicyName", Some(policy));
        self.identities("DeleteRolePolicy", parameters, |iam| iam.delete_role_policy(role, policy)).await
    }

    async fn delete_role(&self, role: &str) -> Result<()> {
        self.identities("DeleteRole", of_role(role), |iam| iam.delete_role(role)).await
    }

    async fn delete_instance_profile(&self, profile: &str) -> Result<()> {
        self.identities("DeleteInstanceProfile", of_profile(profile), |iam| iam.delete_instance_profile(profile)).await
    }
}
