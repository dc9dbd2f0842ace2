//! VPCs, subnets, security groups, key pairs.

use std::net::IpAddr;

use secrecy::SecretString;

use super::filter::{Filtered, Filters, one, select};
use super::record::{GroupRecord, KeyPairRecord, SubnetRecord, VpcRecord};
use super::refusal::{Answer, bad_value, refuse};
use super::tags::{self, unknown};
use super::world::{Place, State};
use crate::id::{SecurityGroupId, SubnetId, VpcId};
use crate::model::{
    CreateSecurityGroup, CreatedKeyPair, Filter, IngressRule, InstanceState, KeyPairRequest, KeyType, SecurityGroup, Subnet, Tag, Vpc,
};

impl Place<'_> {
    /// CreateKeyPair. Without machines the key is a placeholder: it opens nothing.
    pub(super) fn create_key_pair(&mut self, request: KeyPairRequest) -> Answer<CreatedKeyPair> {
        if request.name.is_empty() {
            return refuse("MissingParameter", "The request must contain the parameter KeyName");
        }
        if request.name.len() > 255 || !request.name.is_ascii() {
            return bad_value(format!("Value ({}) for parameter KeyName is invalid.", request.name));
        }
        tags::check(&request.tags)?;
        if self.state.key_pairs.contains_key(&request.name) {
            return refuse("InvalidKeyPair.Duplicate", "The keypair already exists");
        }
        let id = format!("key-{}", self.ids.hex());
        let (private_key, public) = match &self.options.machines {
            Some(machines) => match machines.key_pair(&request.name, request.key_type) {
                Ok(pair) => (pair.private, Some(pair.public)),
                Err(why) => return refuse("InternalError", why),
            },
            None => (self.key_without_machine(request.key_type), None),
        };
        let record = KeyPairRecord { id, name: request.name.clone(), kind: request.key_type, public, tags: request.tags };
        self.state.key_pairs.insert(request.name.clone(), record);
        Ok(CreatedKeyPair { name: request.name, private_key })
    }

    /// The private half of a key that nobody logs in with.
    fn key_without_machine(&mut self, kind: KeyType) -> SecretString {
        match &self.options.windows_password {
            Some(windows) if kind == KeyType::Rsa => windows.private_key.clone(),
            _ => format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n", self.ids.hex()).into(),
        }
    }

    /// CreateSecurityGroup.
    pub(super) fn create_security_group(&mut self, request: CreateSecurityGroup) -> Answer<SecurityGroupId> {
        check_group_text("GroupName", &request.name)?;
        check_group_text("GroupDescription", &request.description)?;
        if request.name == "default" || request.name.starts_with("sg-") {
            return bad_value(format!("Cannot use reserved security group name: {}", request.name));
        }
        tags::check(&request.tags)?;
        if let Some(vpc) = &request.vpc {
            self.assume_vpc(vpc);
        }
        let vpc = match request.vpc {
            Some(vpc) if self.state.vpcs.contains_key(&vpc) => vpc,
            Some(vpc) => return unknown("vpc", vpc.as_str()),
            None => match self.state.vpcs.values().find(|vpc| vpc.is_default) {
                Some(vpc) => vpc.id.clone(),
                None => return refuse("VPCIdNotSpecified", "No default VPC for this user"),
            },
        };
        if self.state.groups.values().any(|group| group.vpc == vpc && group.name == request.name) {
            let message = format!("The security group '{}' already exists for VPC '{vpc}'", request.name);
            return refuse("InvalidGroup.Duplicate", message);
        }
        let id = SecurityGroupId::with_hex(&self.ids.hex());
        let CreateSecurityGroup { name, description, tags, .. } = request;
        self.state.groups.insert(
            id.clone(),
            GroupRecord { id: id.clone(), name, description, vpc, ingress: Vec::new(), owner: self.options.account.clone(), tags },
        );
        Ok(id)
    }
}

impl State {
    /// DeleteKeyPair: a name that does not exist is success.
    pub(super) fn delete_key_pair(&mut self, name: &str) {
        self.key_pairs.remove(name);
        self.assumed.removed.insert(name.to_owned());
    }

    /// AuthorizeSecurityGroupIngress.
    pub(super) fn authorize_ingress(&mut self, id: &SecurityGroupId, rules: &[IngressRule]) -> Answer<()> {
        let Some(group) = self.groups.get_mut(id) else { return unknown("sg", id.as_str()) };
        if rules.is_empty() {
            return refuse("MissingParameter", "The request must contain the parameter ipPermissions");
        }
        for rule in rules {
            for cidr in &rule.cidrs {
                if !is_cidr(cidr) {
                    return bad_value(format!("CIDR block {cidr} is malformed"));
                }
                if group.ingress.iter().any(|old| old.port == rule.port && old.cidrs.contains(cidr)) {
                    let port = rule.port;
                    let message =
                        format!("the specified rule \"peer: {cidr}, TCP, from port: {port}, to port: {port}, ALLOW\" already exists");
                    return refuse("InvalidPermission.Duplicate", message);
                }
            }
        }
        group.ingress.extend_from_slice(rules);
        Ok(())
    }

    /// DeleteSecurityGroup: not while an instance that has not ended is in it.
    pub(super) fn delete_security_group(&mut self, id: &SecurityGroupId) -> Answer<()> {
        match self.groups.get(id) {
            None => return unknown("sg", id.as_str()),
            Some(group) if group.name == "default" => {
                let message = format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
                return refuse("CannotDelete", message);
            }
            Some(_) => {}
        }
        let mut living = self.instances.values().filter(|instance| instance.state != InstanceState::Terminated);
        if living.any(|instance| instance.security_groups.contains(id)) {
            return refuse("DependencyViolation", format!("resource {id} has a dependent object"));
        }
        self.groups.remove(id);
        self.assumed.removed.insert(id.to_string());
        Ok(())
    }

    /// DescribeVpcs.
    pub(super) fn describe_vpcs(&self, ids: &[VpcId], filters: &[Filter]) -> Answer<Vec<Vpc>> {
        if let Some(id) = ids.iter().find(|id| !self.vpcs.contains_key(id)) {
            return unknown("vpc", id.as_str());
        }
        let found = select(self.vpcs.values(), filters, |vpc| ids.is_empty() || ids.contains(&vpc.id))?;
        Ok(found.into_iter().map(|vpc| Vpc { id: vpc.id.clone(), is_default: vpc.is_default }).collect())
    }

    /// DescribeSubnets.
    pub(super) fn describe_subnets(&self, ids: &[SubnetId], filters: &[Filter]) -> Answer<Vec<Subnet>> {
        if let Some(id) = ids.iter().find(|id| !self.subnets.contains_key(id)) {
            return unknown("subnet", id.as_str());
        }
        let found = select(self.subnets.values(), filters, |subnet| ids.is_empty() || ids.contains(&subnet.id))?;
        let describe = |subnet: &SubnetRecord| Subnet {
            id: subnet.id.clone(),
            vpc: subnet.vpc.clone(),
            availability_zone: subnet.availability_zone.clone(),
            available_addresses: subnet.available_addresses,
        };
        Ok(found.into_iter().map(describe).collect())
    }

    /// DescribeSecurityGroups.
    pub(super) fn describe_security_groups(&self, ids: &[SecurityGroupId], filters: &[Filter]) -> Answer<Vec<SecurityGroup>> {
        if let Some(id) = ids.iter().find(|id| !self.groups.contains_key(id)) {
            return unknown("sg", id.as_str());
        }
        let found = select(self.groups.values(), filters, |group| ids.is_empty() || ids.contains(&group.id))?;
        let describe = |group: &GroupRecord| SecurityGroup {
            id: group.id.clone(),
            name: group.name.clone(),
            vpc: Some(group.vpc.clone()),
            tags: group.tags.clone(),
        };
        Ok(found.into_iter().map(describe).collect())
    }
}

/// Names and descriptions of groups: up to 255 of EC2's characters (EC2 API reference, CreateSecurityGroup).
fn check_group_text(parameter: &str, text: &str) -> Answer<()> {
    if text.is_empty() {
        return refuse("MissingParameter", format!("The request must contain the parameter {parameter}"));
    }
    let allowed = |character: char| character.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(character);
    if text.len() > 255 || !text.chars().all(allowed) {
        return bad_value(format!(
            "Value ({text}) for parameter {parameter} is invalid. Character sets beyond ASCII are not supported, nor are more than 255 characters."
        ));
    }
    Ok(())
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    match (address.parse(), bits.parse::<u8>()) {
        (Ok(IpAddr::V4(_)), Ok(bits)) => bits <= 32,
        (Ok(IpAddr::V6(_)), Ok(bits)) => bits <= 128,
        _ => false,
    }
}

impl Filtered for VpcRecord {
    const FILTERS: Filters<Self> = &[
        ("vpc-id", |it| one(&it.id)),
        ("is-default", |it| one(it.is_default)),
        ("isDefault", |it| one(it.is_default)),
        ("state", |_| one("available")),
        ("cidr", |it| one(&it.cidr)),
        ("cidr-block", |it| one(&it.cidr)),
        ("cidr-block-association.cidr-block", |it| one(&it.cidr)),
        ("owner-id", |it| one(&it.owner)),
        ("cidr-block-association.state", |_| one("associated")),
        ("cidr-block-association.association-id", |_| Vec::new()),
        ("dhcp-options-id", |_| Vec::new()),
        ("ipv6-cidr-block-association.ipv6-cidr-block", |_| Vec::new()),
        ("ipv6-cidr-block-association.ipv6-pool", |_| Vec::new()),
        ("ipv6-cidr-block-association.association-id", |_| Vec::new()),
        ("ipv6-cidr-block-association.state", |_| Vec::new()),
    ];

    fn tags(&self) -> &[Tag] {
        &self.tags
    }
}

/// `us-east-1a` is of `us-east-1`.
fn region_of(zone: &str) -> &str {
    zone.trim_end_matches(|letter: char| letter.is_ascii_lowercase())
}

impl Filtered for SubnetRecord {
    const FILTERS: Filters<Self> = &[
        ("subnet-id", |it| one(&it.id)),
        ("vpc-id", |it| one(&it.vpc)),
        ("availability-zone", |it| one(&it.availability_zone)),
        ("availabilityZone", |it| one(&it.availability_zone)),
        ("default-for-az", |it| one(it.default_for_az)),
        ("defaultForAz", |it| one(it.default_for_az)),
        ("map-public-ip-on-launch", |it| one(it.default_for_az)),
        ("state", |_| one("available")),
        ("cidr", |it| one(&it.cidr)),
        ("cidr-block", |it| one(&it.cidr)),
        ("cidrBlock", |it| one(&it.cidr)),
        ("available-ip-address-count", |it| one(it.available_addresses)),
        ("owner-id", |it| one(&it.owner)),
        ("subnet-arn", |it| one(format!("arn:aws:ec2:{}:{}:subnet/{}", region_of(&it.availability_zone), it.owner, it.id))),
        ("availability-zone-id", |_| Vec::new()),
        ("customer-owned-ipv4-pool", |_| Vec::new()),
        ("enable-dns64", |_| one(false)),
        ("enable-lni-at-device-index", |_| Vec::new()),
        ("ipv6-cidr-block-association.ipv6-cidr-block", |_| Vec::new()),
        ("ipv6-cidr-block-association.association-id", |_| Vec::new()),
        ("ipv6-cidr-block-association.state", |_| Vec::new()),
        ("ipv6-native", |_| one(false)),
        ("map-customer-owned-ip-on-launch", |_| one(false)),
        ("outpost-arn", |_| Vec::new()),
        ("private-dns-name-options-on-launch.hostname-type", |_| one("ip-name")),
        ("private-dns-name-options-on-launch.enable-resource-name-dns-a-record", |_| one(false)),
        ("private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record", |_| one(false)),
    ];

    fn tags(&self) -> &[Tag] {
        &self.tags
    }
}

impl Filtered for GroupRecord {
    const FILTERS: Filters<Self> = &[
        ("group-id", |it| one(&it.id)),
        ("group-name", |it| one(&it.name)),
        ("description", |it| one(&it.description)),
        ("vpc-id", |it| one(&it.vpc)),
        ("ip-permission.from-port", |it| it.ingress.iter().map(|rule| rule.port.to_string()).collect()),
        ("ip-permission.to-port", |it| it.ingress.iter().map(|rule| rule.port.to_string()).collect()),
        ("ip-permission.cidr", |it| it.ingress.iter().flat_map(|rule| rule.cidrs.clone()).collect()),
        ("owner-id", |it| one(&it.owner)),
        ("ip-permission.protocol", |it| it.ingress.iter().map(|_| "tcp".to_owned()).collect()),
        ("ip-permission.ipv6-cidr", |it| it.ingress.iter().flat_map(|rule| rule.cidrs.clone()).filter(|cidr| cidr.contains(':')).collect()),
        ("ip-permission.group-id", |_| Vec::new()),
        ("ip-permission.group-name", |_| Vec::new()),
        ("ip-permission.prefix-list-id", |_| Vec::new()),
        ("ip-permission.user-id", |_| Vec::new()),
        // Every group lets all out: nothing here changes that.
        ("egress.ip-permission.cidr", |_| one("0.0.0.0/0")),
        ("egress.ip-permission.protocol", |_| one("-1")),
        ("egress.ip-permission.from-port", |_| Vec::new()),
        ("egress.ip-permission.to-port", |_| Vec::new()),
        ("egress.ip-permission.ipv6-cidr", |_| Vec::new()),
        ("egress.ip-permission.group-id", |_| Vec::new()),
        ("egress.ip-permission.group-name", |_| Vec::new()),
        ("egress.ip-permission.prefix-list-id", |_| Vec::new()),
        ("egress.ip-permission.user-id", |_| Vec::new()),
    ];

    fn tags(&self) -> &[Tag] {
        &self.tags
    }
}
