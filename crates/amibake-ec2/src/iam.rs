//! IAM, as far as a launch needs it: an instance profile that only lives for a build.

use async_trait::async_trait;

use crate::Result;
use crate::model::Tag;

/// Lets EC2 hand a role's credentials to its instances.
pub const EC2_MAY_ASSUME: &str = concat!(
    r#"{"Version": "2012-10-17","Statement": [{"Effect": "Allow","#,
    r#""Principal": {"Service": "ec2.amazonaws.com"},"Action": "sts:AssumeRole"}]}"#
);

/// A role to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateRole {
    /// Name, unique in the account.
    pub name: String,
    /// Description.
    pub description: String,
    /// Who may assume it: a policy document.
    pub trust: String,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// The calls of IAM. It has no regions, and no client tokens: what a lost reply may have made has the name that was asked for.
#[async_trait]
pub trait Iam: Send + Sync {
    /// Makes an instance profile without a role. `EntityAlreadyExists` where there is one of that name.
    async fn create_instance_profile(&self, name: &str, tags: &[Tag]) -> Result<()>;
    /// Makes a role. `EntityAlreadyExists` where there is one of that name.
    async fn create_role(&self, request: CreateRole) -> Result<()>;
    /// Gives a role an inline policy, or another document to the one of that name.
    async fn put_role_policy(&self, role: &str, policy: &str, document: &str) -> Result<()>;
    /// Puts a role into a profile, which has room for one: `LimitExceeded` where it has one.
    async fn add_role_to_instance_profile(&self, profile: &str, role: &str) -> Result<()>;
    /// Takes a role out of a profile.
    async fn remove_role_from_instance_profile(&self, profile: &str, role: &str) -> Result<()>;
    /// Removes an inline policy.
    async fn delete_role_policy(&self, role: &str, policy: &str) -> Result<()>;
    /// Removes a role that has no policies and is in no profile any more.
    async fn delete_role(&self, role: &str) -> Result<()>;
    /// Removes a profile that holds no role any more.
    async fn delete_instance_profile(&self, profile: &str) -> Result<()>;
}
