//! Which actions on which resources a call needs. Source: "Actions, resources, and condition keys for Amazon EC2" of AWS's Service
//! Authorization Reference, and for tags "Grant permission to tag Amazon EC2 resources during creation" of the EC2 user guide.

use amibake_ec2::lab::Call;

use super::{Conditions, Grant, Ground};
use crate::engine::teardown::RUN_TAG;

/// How a kind of resource takes part in a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The call makes it; where it makes it with our tag, it may make no other.
    Made,
    /// This build has made it, with our tag.
    Ours,
    /// It is used, whosever it is; also where the call does not name it (a default subnet).
    Used,
    /// Used where the call names it.
    Named,
}
use Role::{Made, Named, Ours, Used};

/// Kinds of resources of each call. An action that is not here has no resource-level permissions.
const RESOURCES: &[(&str, &[(&str, Role)])] = &[
    ("AttachVolume", &[("instance", Ours), ("volume", Ours)]),
    ("AuthorizeSecurityGroupIngress", &[("security-group", Ours)]),
    ("CancelSpotInstanceRequests", &[("spot-instances-request", Ours)]),
    ("CopyImage", &[("image", Used), ("snapshot", Used)]),
    ("CreateFleet", &[("fleet", Made), ("image", Used), ("instance", Made), ("launch-template", Ours), ("subnet", Used), ("volume", Made)]),
    ("CreateImage", &[("image", Made), ("instance", Ours), ("snapshot", Made)]),
    ("CreateKeyPair", &[("key-pair", Made)]),
    ("CreateLaunchTemplate", &[("launch-template", Made)]),
    ("CreateSecurityGroup", &[("security-group", Made), ("vpc", Used)]),
    ("CreateSnapshot", &[("snapshot", Made), ("volume", Ours)]),
    ("CreateSnapshots", &[("instance", Ours), ("snapshot", Made), ("volume", Ours)]),
    ("CreateVolume", &[("snapshot", Named), ("volume", Made)]),
    ("DeleteFleets", &[("fleet", Ours)]),
    ("DeleteKeyPair", &[("key-pair", Used)]),
    ("DeleteLaunchTemplate", &[("launch-template", Ours)]),
    ("DeleteSecurityGroup", &[("security-group", Ours)]),
    ("DeleteSnapshot", &[("snapshot", Used)]),
    ("DeleteVolume", &[("volume", Ours)]),
    ("DeregisterImage", &[("image", Used)]),
    ("DetachVolume", &[("instance", Ours), ("volume", Ours)]),
    ("DisableFastLaunch", &[("image", Used)]),
    ("DisableImageDeprecation", &[("image", Used)]),
    ("DisableImageDeregistrationProtection", &[("image", Used)]),
    ("EnableFastLaunch", &[("image", Used), ("launch-template", Named)]),
    ("EnableImageDeprecation", &[("image", Used)]),
    ("EnableImageDeregistrationProtection", &[("image", Used)]),
    ("GetPasswordData", &[("instance", Ours)]),
    ("ModifyImageAttribute", &[("image", Used)]),
    ("ModifyInstanceAttribute", &[("instance", Ours), ("security-group", Named)]),
    ("ModifySnapshotAttribute", &[("snapshot", Used)]),
    ("RegisterImage", &[("image", Made), ("snapshot", Named)]),
    (
        "RequestSpotInstances",
        &[
            ("image", Used),
            ("key-pair", Named),
            ("network-interface", Used),
            ("security-group", Used),
            ("snapshot", Named),
            ("spot-instances-request", Made),
            ("subnet", Used),
        ],
    ),
    (
        "RunInstances",
        &[
            ("capacity-reservation", Named),
            ("image", Used),
            ("instance", Made),
            ("key-pair", Named),
            ("launch-template", Named),
            ("license-configuration", Named),
            ("network-interface", Made),
            ("security-group", Used),
            ("snapshot", Named),
            ("subnet", Used),
            ("volume", Made),
        ],
    ),
    ("StopInstances", &[("instance", Ours)]),
    ("TerminateInstances", &[("instance", Ours)]),
];

/// Kinds by the prefix of their ids.
const KINDS: &[(&str, &str)] = &[
    ("ami-", "image"),
    ("cr-", "capacity-reservation"),
    ("fleet-", "fleet"),
    ("i-", "instance"),
    ("lt-", "launch-template"),
    ("sg-", "security-group"),
    ("sir-", "spot-instances-request"),
    ("snap-", "snapshot"),
    ("subnet-", "subnet"),
    ("vol-", "volume"),
    ("vpc-", "vpc"),
];

/// Calls of IAM, which is not EC2, and what they are about.
const IAM: &[(&str, &[&str])] = &[
    ("AddRoleToInstanceProfile", &["instance-profile"]),
    ("CreateInstanceProfile", &["instance-profile"]),
    ("CreateRole", &["role"]),
    ("DeleteInstanceProfile", &["instance-profile"]),
    ("DeleteRole", &["role"]),
    ("DeleteRolePolicy", &["role"]),
    ("GetInstanceProfile", &["instance-profile"]),
    ("GetRole", &["role"]),
    ("GetRolePolicy", &["role"]),
    ("ListRolePolicies", &["role"]),
    ("ListRoles", &[]),
    ("ListInstanceProfiles", &[]),
    ("PutRolePolicy", &["role"]),
    ("RemoveRoleFromInstanceProfile", &["instance-profile"]),
    ("TagInstanceProfile", &["instance-profile"]),
    ("TagRole", &["role"]),
];

/// Whether an action only looks.
pub(super) fn looks_up(action: &str) -> bool {
    action.starts_with("Describe") || action.starts_with("List") || action.starts_with("Get") && action != "GetPasswordData"
}

/// A call's name with its service: `ec2:RunInstances`.
pub fn action(operation: &str) -> String {
    let service = match operation {
        "DescribeSessions" | "StartSession" | "TerminateSession" | "GetParameter" | "GetParameters" => "ssm",
        "AssumeRole" | "DecodeAuthorizationMessage" | "GetCallerIdentity" => "sts",
        _ if IAM.iter().any(|(name, _)| *name == operation) => "iam",
        _ => "ec2",
    };
    format!("{service}:{operation}")
}

/// What a call needs.
pub(super) fn grants(call: &Call, ground: &Ground<'_>) -> Vec<Grant> {
    let needs = Needs { call, ground };
    if let Some((_, kinds)) = IAM.iter().find(|(name, _)| *name == call.operation) {
        return needs.of_iam(kinds);
    }
    let mut grants = match RESOURCES.iter().find(|(name, _)| *name == call.operation) {
        Some((_, kinds)) => kinds.iter().flat_map(|(kind, role)| needs.of_kind(kind, *role)).collect(),
        None if call.operation == "CreateTags" => needs.of_tags(),
        None => vec![needs.grant("*".to_owned(), needs.in_region())],
    };
    grants.extend(needs.tags_at_creation());
    grants.extend(needs.keys());
    grants.extend(needs.role());
    grants
}

/// One call on its ground.
struct Needs<'a> {
    call: &'a Call,
    ground: &'a Ground<'a>,
}

impl Needs<'_> {
    fn grant(&self, resource: String, conditions: Conditions) -> Grant {
        Grant { action: action(self.call.operation), resource, conditions }
    }

    fn of_kind(&self, kind: &str, role: Role) -> Vec<Grant> {
        let named = self.named(kind);
        if role == Role::Named && named.is_empty() {
            return Vec::new();
        }
        let conditions = self.conditions(kind, role);
        let mut grants: Vec<Grant> =
            self.patterns(&named).into_iter().map(|id| self.grant(self.arn(kind, &id), conditions.clone())).collect();
        if let (Some(source), "image" | "snapshot") = (self.call.parameters.get("SourceRegion"), kind) {
            // A copy is allowed for the image that it is made of, where that is, and for the one that is made.
            let resource = arn("ec2", source, owner(kind, self.ground.account), kind, "*");
            grants.push(self.grant(resource, conditions));
        }
        grants
    }

    /// Ids or names of this kind that the call carries.
    fn named(&self, kind: &str) -> Vec<&str> {
        let prefix = KINDS.iter().find(|(_, of)| *of == kind).map(|(prefix, _)| *prefix);
        let parameters = self.call.parameters.iter();
        let is_one = |name: &str, value: &str| match (kind, prefix) {
            ("key-pair", _) => name.ends_with("KeyName"),
            ("license-configuration", _) => name.ends_with("LicenseConfigurationArn"),
            // Tags may hold ids of anything.
            (_, Some(prefix)) => value.starts_with(prefix) && !name.contains("Tag.") && !name.contains("Description"),
            (_, None) => false,
        };
        parameters.filter(|(name, value)| is_one(name, value)).map(|(_, value)| value.as_str()).collect()
    }

    fn patterns(&self, named: &[&str]) -> Vec<String> {
        if named.is_empty() {
            return vec!["*".to_owned()];
        }
        named.iter().map(|value| self.ground.known.pattern_of(value)).collect()
    }

    fn conditions(&self, kind: &str, role: Role) -> Conditions {
        let has_tag = |what: &str| ("Null", format!("aws:{what}/{RUN_TAG}"), vec!["false".to_owned()]);
        let is_given = self.named(kind).iter().any(|value| self.ground.known.is_given(value));
        let tagged = |kind: &str| self.tag_specifications().iter().any(|(of, keys)| of == kind && keys.contains(&RUN_TAG));
        match (kind, role) {
            (_, Role::Made) if tagged(kind) => [has_tag("RequestTag")].into(),
            (_, Role::Ours) => [has_tag("ResourceTag")].into(),
            ("security-group", Role::Used) if self.ground.makes_group && !is_given => [has_tag("ResourceTag")].into(),
            ("image", Role::Used) if self.launches() && !is_given && !self.ground.source_owners.is_empty() => {
                [("StringEquals", "ec2:Owner".to_owned(), self.ground.source_owners.clone())].into()
            }
            (_, Role::Made | Role::Used | Role::Named) => Conditions::new(),
        }
    }

    fn launches(&self) -> bool {
        matches!(self.call.operation, "RunInstances" | "CreateFleet" | "RequestSpotInstances")
    }

    /// Kinds that get tags in this call, with the keys of these tags.
    fn tag_specifications(&self) -> Vec<(String, Vec<&str>)> {
        let parameters = &self.call.parameters;
        let kinds = parameters.iter().filter_map(|(name, kind)| Some((name.strip_suffix(".ResourceType")?, kind)));
        kinds
            .map(|(prefix, kind)| {
                let of_kind =
                    |name: &str| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(".Tag.") && rest.ends_with(".Key"));
                let keys = parameters.iter().filter(|(name, _)| of_kind(name)).map(|(_, key)| key.as_str());
                (kind.clone(), keys.collect())
            })
            .collect()
    }

    /// Tags given while something is made need a permission of their own, which this condition keeps to that moment.
    fn tags_at_creation(&self) -> Vec<Grant> {
        let mut kinds: Vec<String> = self.tag_specifications().into_iter().map(|(kind, _)| kind).collect();
        if self.call.parameters.get("CopyImageTags").is_some_and(|copy| copy == "true") {
            kinds.extend(["image".to_owned(), "snapshot".to_owned()]);
        }
        let condition = ("StringEquals", "ec2:CreateAction".to_owned(), vec![self.call.operation.to_owned()]);
        let name = |kind: &str| if kind == "key-pair" { self.patterns(&self.named(kind)).remove(0) } else { "*".to_owned() };
        let of_kind = |kind: String| Grant {
            action: "ec2:CreateTags".to_owned(),
            resource: self.arn(&kind, &name(&kind)),
            conditions: [condition.clone()].into(),
        };
        kinds.into_iter().map(of_kind).collect()
    }

    /// CreateTags by itself: on kinds of resources, with keys that are known.
    fn of_tags(&self) -> Vec<Grant> {
        let ids = self.call.parameters.iter().filter(|(name, _)| name.starts_with("ResourceId.")).map(|(_, id)| id);
        let keys = self.call.parameters.iter().filter(|(name, _)| name.starts_with("Tag.") && name.ends_with(".Key"));
        let mut keys: Vec<String> = keys.map(|(_, key)| self.ground.known.pattern_of(key)).collect();
        keys.sort();
        let operator = if keys.iter().any(|key| key.contains('*')) { "ForAllValues:StringLike" } else { "ForAllValues:StringEquals" };
        let conditions: Conditions = [(operator, "aws:TagKeys".to_owned(), keys)].into();
        let kind_of = |id: &str| KINDS.iter().find(|(prefix, _)| id.starts_with(prefix)).map_or("*", |(_, kind)| *kind);
        let grant = |id: &String| self.grant(self.arn(kind_of(id), &self.ground.known.pattern_of(id)), conditions.clone());
        ids.map(grant).collect()
    }

    /// KMS keys that the template names: EC2 uses them for the caller.
    fn keys(&self) -> Vec<Grant> {
        let keys = self.call.parameters.iter().filter(|(name, _)| name.ends_with("KmsKeyId"));
        keys.flat_map(|(_, key)| super::extras::use_of_key(key, self.call.region.as_str(), self.ground.account)).collect()
    }

    /// An instance profile hands its role to the instance. The role's name is not that of the profile, so it is not known.
    fn role(&self) -> Option<Grant> {
        let profile = self.call.parameters.iter().find(|(name, _)| name.contains("IamInstanceProfile."));
        profile.map(|(_, profile)| {
            // A profile that the build makes has a role of the same name.
            let role = if self.ground.known.is_given(profile) { "*".to_owned() } else { self.ground.known.pattern_of(profile) };
            super::extras::pass_role(&self.arn_partition(), self.ground.account, &role)
        })
    }

    fn of_iam(&self, kinds: &[&str]) -> Vec<Grant> {
        let name = |kind: &str| match kind {
            "role" => self.call.parameters.get("RoleName"),
            _ => self.call.parameters.get("InstanceProfileName"),
        };
        let (partition, account) = (self.arn_partition(), self.ground.account);
        if kinds.is_empty() {
            return vec![self.grant("*".to_owned(), Conditions::new())];
        }
        let mut grants: Vec<Grant> = Vec::new();
        for kind in kinds {
            let name = name(kind).map_or_else(|| "*".to_owned(), |name| self.ground.known.pattern_of(name));
            grants.push(self.grant(format!("arn:{partition}:iam::{account}:{kind}/{name}"), Conditions::new()));
            if self.call.operation == "AddRoleToInstanceProfile" {
                grants.push(super::extras::pass_role(&partition, account, &name));
            }
        }
        grants
    }

    fn in_region(&self) -> Conditions {
        [("StringEquals", "aws:RequestedRegion".to_owned(), vec![self.call.region.to_string()])].into()
    }

    fn arn(&self, kind: &str, id: &str) -> String {
        if id.starts_with("arn:") {
            return id.to_owned();
        }
        arn("ec2", self.call.region.as_str(), owner(kind, self.ground.account), kind, id)
    }

    fn arn_partition(&self) -> String {
        partition(self.call.region.as_str()).to_owned()
    }
}

/// Images and snapshots have no account in their ARNs.
fn owner<'a>(kind: &str, account: &'a str) -> &'a str {
    if matches!(kind, "image" | "snapshot") { "" } else { account }
}

/// `arn:aws:ec2:us-east-1:123456789012:instance/*`
pub(super) fn arn(service: &str, region: &str, account: &str, kind: &str, id: &str) -> String {
    format!("arn:{}:{service}:{region}:{account}:{kind}/{id}", partition(region))
}

/// Which AWS a region is of.
pub(super) fn partition(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ if region.starts_with("us-iso-") => "aws-iso",
        _ if region.starts_with("us-isob-") => "aws-iso-b",
        _ => "aws",
    }
}
