//! A temporary instance profile with a role and a policy, for what the source instance needs during the build.

use std::future::Future;
use std::time::Duration;

use amibake_ec2::iam::{CreateRole, EC2_MAY_ASSUME};
use amibake_ec2::model::Tag;
use amibake_ec2::{Ec2Error, ErrorKind};
use amibake_template::component::Given;

use crate::builder::BuildError;
use crate::builder::amazon::call::{CallError, ask_until, fail, go_on, repeat_without_reply};
use crate::builder::amazon::name::uuid;
use crate::builder::amazon::profile::PolicyDocument;
use crate::builder::amazon::run::RunConfig;
use crate::builder::amazon::site::Site;
use crate::engine::context::BuildContext;
use crate::engine::teardown::{EntryId, Lifetime, Resource};

/// Pause before a call is repeated whose reply was lost.
const PAUSE: Duration = Duration::from_secs(1);

/// The instance profile to launch with.
#[derive(Debug, Clone, Default)]
pub struct ProfileInUse {
    /// Its name; None where the instance has none.
    pub name: Option<String>,
    /// Whether it was made just now, so that EC2 may not know it yet.
    pub temporary: bool,
}

/// Makes a temporary instance profile where the template has a policy for one; else names that of the template.
///
/// # Errors
/// IAM refuses profile, role or policy.
pub async fn choose_profile(cx: &BuildContext, site: &Site, config: &RunConfig, tags: &[Tag]) -> Result<ProfileInUse, BuildError> {
    match config.temporary_policy() {
        Some(policy) => create(cx, site, policy, tags).await,
        None => Ok(ProfileInUse { name: config.iam_instance_profile.given().map(str::to_owned), temporary: false }),
    }
}

/// Profile, role and policy have one name, and one place on the teardown stack, which is taken before the first of them is made.
async fn create(cx: &BuildContext, site: &Site, policy: &PolicyDocument, tags: &[Tag]) -> Result<ProfileInUse, BuildError> {
    go_on(cx)?;
    let name = format!("packer-{}", uuid(cx, "instance profile"));
    let resource = Resource::InstanceProfile { name: name.clone() };
    let entry = cx.teardown.own(Some(&site.home), resource, Lifetime::Build).map_err(|error| fail(cx, error.to_string()))?;
    create_profile(cx, site, &name, tags, entry).await?;
    create_role(cx, site, &name, tags).await?;
    attach(cx, site, &name, &policy.text()).await?;
    Ok(ProfileInUse { name: Some(name), temporary: true })
}

async fn create_profile(cx: &BuildContext, site: &Site, name: &str, tags: &[Tag], entry: EntryId) -> Result<(), BuildError> {
    cx.report.say(format!("Creating temporary instance profile for this instance: {name}"));
    let iam = site.ec2().iam();
    let made = once_named(|| iam.create_instance_profile(name, tags)).await;
    made.map_err(|error| {
        // Refused, so there is nothing to remove.
        if error.kind != ErrorKind::Unknown {
            cx.teardown.release(entry);
        }
        failed(cx, "instance profile", name, error)
    })
}

async fn create_role(cx: &BuildContext, site: &Site, name: &str, tags: &[Tag]) -> Result<(), BuildError> {
    go_on(cx)?;
    cx.report.say(format!("Creating temporary role for this instance: {name}"));
    let request = CreateRole {
        name: name.to_owned(),
        description: "Temporary role for Packer".to_owned(),
        trust: EC2_MAY_ASSUME.to_owned(),
        tags: tags.to_vec(),
    };
    let iam = site.ec2().iam();
    once_named(|| iam.create_role(request.clone())).await.map_err(|error| failed(cx, "role", name, error))
}

/// What was made a moment ago may not be known everywhere in IAM yet.
async fn attach(cx: &BuildContext, site: &Site, name: &str, document: &str) -> Result<(), BuildError> {
    cx.report.say(format!("Attaching policy to the temporary role: {name}"));
    let iam = site.ec2().iam();
    let not_known_yet = |error: &Ec2Error| error.is("NoSuchEntity");
    ask_until(cx, not_known_yet, || iam.put_role_policy(name, name, document))
        .await
        .map_err(|error| ended(cx, "policy of the role", name, error))?;
    match ask_until(cx, not_known_yet, || iam.add_role_to_instance_profile(name, name)).await {
        // Nobody else knows the profile: the role in it is ours, put there by a call whose reply was lost.
        Err(CallError::Ec2(error)) if error.is("LimitExceeded") => Ok(()),
        answer => answer.map_err(|error| ended(cx, "role in the instance profile", name, error)),
    }
}

/// Makes something under a name that holds a UUID: what exists after a lost reply is ours. Not given up on cancellation.
async fn once_named<F>(call: impl Fn() -> F + Send + Sync) -> amibake_ec2::Result<()>
where
    F: Future<Output = amibake_ec2::Result<()>> + Send,
{
    match call().await {
        Err(error) if error.kind == ErrorKind::Unknown => {
            tokio::time::sleep(PAUSE).await;
            match repeat_without_reply(call).await {
                Err(error) if error.is("EntityAlreadyExists") => Ok(()),
                Err(error) => Err(Ec2Error { kind: ErrorKind::Unknown, ..error }),
                Ok(()) => Ok(()),
            }
        }
        answer => answer,
    }
}

fn ended(cx: &BuildContext, what: &str, name: &str, error: CallError) -> BuildError {
    match error {
        CallError::Cancelled => BuildError::Cancelled,
        CallError::Ec2(error) => failed(cx, what, name, error),
    }
}

fn failed(cx: &BuildContext, what: &str, name: &str, error: Ec2Error) -> BuildError {
    let help = if error.code.as_deref().is_some_and(|code| code.contains("AccessDenied")) {
        "; `temporary_iam_instance_profile_policy_document` needs permissions of IAM: an existing `iam_instance_profile` needs fewer"
    } else {
        ""
    };
    fail(cx, format!("Error creating temporary {what} {name}: {error}{help}"))
}
