//! Asks EC2 about foretold calls, by DryRun: it answers whether a call would be allowed, and makes nothing.

use std::collections::{BTreeMap, BTreeSet};

use amibake_ec2::lab::Call;
use amibake_ec2::model::{DescribeImages, Filter, Image};
use amibake_ec2::{Ec2, Ec2Error, ErrorKind, ImageId};
use futures_util::future::join_all;
use serde::Serialize;

use super::policy::action;
use super::run::BuildForecast;
use crate::engine::account::Account;

/// What EC2 said about a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Permission {
    /// Where.
    pub region: String,
    /// `ec2:RunInstances`
    pub action: String,
    /// What EC2 said.
    pub verdict: Verdict,
    /// Its words, where it did not simply allow it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What EC2 said about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is not allowed.
    Missing,
    /// EC2 does not tell before the thing exists that the call is about.
    Open,
    /// It is allowed.
    Allowed,
}

/// What AWS knows about a build.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Answers {
    /// The source image: id and name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_image: Option<(String, String)>,
    /// One for each kind of call and region.
    pub permissions: Vec<Permission>,
}

/// Codes of EC2 that mean: not allowed.
const MISSING: [&str; 4] = ["UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation"];

/// Asks about each kind of call of a build, in each region.
pub async fn ask(account: &Account, build: &BuildForecast) -> Answers {
    let source = source_image(account, build).await;
    let mut seen = BTreeSet::new();
    let of_ec2 = build.seen.iter().filter(|call| action(call.operation).starts_with("ec2:"));
    let calls: Vec<&Call> = of_ec2.filter(|call| seen.insert((&call.region, call.operation))).collect();
    let permissions = join_all(calls.into_iter().map(|call| permission(account, build, call, source.as_ref()))).await;
    Answers { source_image: source.map(|image| (image.id.to_string(), image.name)), permissions }
}

async fn permission(account: &Account, build: &BuildForecast, call: &Call, source: Option<&Image>) -> Permission {
    let ec2 = account.region(&call.region).ec2;
    let asked = ec2.dry_run(call.operation, &askable(build, call, source)).await;
    let (verdict, message) = match asked {
        Ok(()) => (Verdict::Allowed, None),
        Err(error) if error.is("DryRunOperation") => (Verdict::Allowed, None),
        Err(error) => (verdict(&error), Some(words(&error))),
    };
    Permission { region: call.region.to_string(), action: action(call.operation), verdict, message }
}

fn verdict(error: &Ec2Error) -> Verdict {
    let missing = error.kind == ErrorKind::Refused && MISSING.iter().any(|code| error.is(code));
    if missing { Verdict::Missing } else { Verdict::Open }
}

fn words(error: &Ec2Error) -> String {
    // The encoded part of an authorisation message is for `aws sts decode-authorization-message`, and some thousand letters long.
    let message = error.message.split_once(" Encoded authorization failure message").map_or(error.message.as_str(), |(text, _)| text);
    error.code.as_ref().map_or_else(|| message.to_owned(), |code| format!("{code}: {message}"))
}

/// A call with what exists already: things that the build makes before it cannot be named yet.
fn askable(build: &BuildForecast, call: &Call, source: Option<&Image>) -> BTreeMap<String, String> {
    let launches = matches!(call.operation, "RunInstances" | "RequestSpotInstances");
    let made = |name: &str, value: &str| {
        let own = name.ends_with("KeyName") || name.contains("SecurityGroup") || name.ends_with("SubnetId");
        launches && own && !build.known.is_given(value)
    };
    let mut parameters: BTreeMap<String, String> = call.parameters.clone();
    parameters.retain(|name, value| name != "ClientToken" && !made(name, value));
    if let (true, Some(image)) = (launches, source) {
        for (_, id) in parameters.iter_mut().filter(|(name, _)| name.ends_with("ImageId")) {
            *id = image.id.to_string();
        }
    }
    parameters
}

/// The image that the build starts from: the query of the forecast, put to EC2.
async fn source_image(account: &Account, build: &BuildForecast) -> Option<Image> {
    let launch =
        build.seen.iter().find(|call| call.parameters.keys().any(|name| name.ends_with("ImageId")) && call.operation == "RunInstances")?;
    let query = build.seen.iter().find(|call| {
        let own = call.parameters.get("Owner.1").is_some_and(|owner| owner == "self");
        call.operation == "DescribeImages" && call.region == launch.region && !own
    })?;
    let request = request(query);
    let ec2 = account.region(&query.region).ec2;
    let mut images = Ec2::describe_images(&*ec2, request).await.ok()?;
    images.sort_by(|a, b| a.creation_date.cmp(&b.creation_date));
    images.pop()
}

/// A recorded DescribeImages as a request.
fn request(call: &Call) -> DescribeImages {
    let list = |prefix: &str| {
        call.parameters.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    let names = call.parameters.iter().filter_map(|(name, value)| Some((name.strip_prefix("Filter.")?.strip_suffix(".Name")?, value)));
    DescribeImages {
        ids: list("ImageId.").into_iter().filter_map(|id| ImageId::new(id).ok()).collect(),
        owners: list("Owner."),
        filters: names.map(|(nth, name)| Filter { name: name.clone(), values: list(&format!("Filter.{nth}.Value.")) }).collect(),
        include_deprecated: call.parameters.contains_key("IncludeDeprecated"),
    }
}
