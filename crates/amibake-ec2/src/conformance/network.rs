//! Regions, networks, groups, key pairs.

use secrecy::ExposeSecret;

use super::{Answer, Peer, expect, refused, same, wrong};
use crate::model::{CreateSecurityGroup, Filter, IngressRule, KeyPair, KeyPairRequest, KeyType};
use crate::{Region, SecurityGroupId, SubnetId, VpcId};

pub(super) async fn the_account_sees_its_regions(peer: Peer) -> Answer {
    let regions = peer.ec2.describe_regions().await?;
    for name in ["us-east-1", "us-east-2", "us-west-2", "eu-west-1"] {
        expect(regions.contains(&Region::new(name)), || format!("{name} is not among {regions:?}"))?;
    }
    Ok(())
}

pub(super) async fn there_is_a_default_vpc_with_subnets(peer: Peer) -> Answer {
    let vpcs = peer.ec2.describe_vpcs(&[], &[Filter::new("is-default", "true")]).await?;
    let [vpc] = vpcs.as_slice() else { return wrong(format!("not one default VPC: {vpcs:?}")) };
    expect(vpc.is_default, || "the default VPC is none".to_owned())?;
    let filters = [Filter::new("vpc-id", vpc.id.as_str()), Filter::new("state", "available")];
    let subnets = peer.ec2.describe_subnets(&[], &filters).await?;
    expect(subnets.len() > 1, || format!("too few subnets: {subnets:?}"))?;
    for subnet in &subnets {
        same("the subnet's VPC", &subnet.vpc, &vpc.id)?;
        expect(subnet.availability_zone.starts_with(peer.ec2.region().as_str()), || format!("{subnet:?} is elsewhere"))?;
        expect(subnet.available_addresses > 0, || format!("{subnet:?} is full"))?;
    }
    let id = &subnets[0].id;
    same("the subnet by its id", &peer.ec2.describe_subnets(std::slice::from_ref(id), &[]).await?, &vec![subnets[0].clone()])
}

pub(super) async fn unknown_network_ids_are_not_found(peer: Peer) -> Answer {
    let ec2 = &peer.ec2;
    refused(ec2.describe_vpcs(&[VpcId::with_hex("0123456789abcdef0")], &[]).await, "InvalidVpcID.NotFound")?;
    refused(ec2.describe_subnets(&[SubnetId::with_hex("0123456789abcdef0")], &[]).await, "InvalidSubnetID.NotFound")?;
    let group = SecurityGroupId::with_hex("0123456789abcdef0");
    refused(ec2.describe_security_groups(std::slice::from_ref(&group), &[]).await, "InvalidGroup.NotFound")?;
    refused(ec2.delete_security_group(&group).await, "InvalidGroup.NotFound")
}

pub(super) async fn a_key_pair_is_made_once_and_deleted_any_number_of_times(peer: Peer) -> Answer {
    for key_type in [KeyType::Ed25519, KeyType::Rsa] {
        let request = KeyPairRequest { name: peer.unique("key"), key_type, tags: vec![peer.tag()] };
        let made = peer.ec2.create_key_pair(request.clone()).await?;
        same("the key pair's name", &made.name, &request.name)?;
        let key = made.private_key.expose_secret();
        expect(key.starts_with("-----BEGIN ") && key.contains("PRIVATE KEY-----"), || "the private key is not PEM".to_owned())?;
        refused(peer.ec2.create_key_pair(request.clone()).await.map(|made| made.name), "InvalidKeyPair.Duplicate")?;
        let known = KeyPair { name: request.name.clone(), tags: request.tags.clone() };
        let filters = [Filter::new("key-name", request.name.clone()), Filter::new("tag-key", peer.tag().key)];
        same("the key pair by its name and tag", &peer.ec2.describe_key_pairs(&filters).await?, &vec![known])?;
        peer.ec2.delete_key_pair(&request.name).await?;
        peer.ec2.delete_key_pair(&request.name).await?;
    }
    Ok(())
}

pub(super) fn group_request(peer: &Peer, name: &str) -> CreateSecurityGroup {
    CreateSecurityGroup { name: peer.unique(name), description: "Temporary group for Packer".to_owned(), vpc: None, tags: vec![peer.tag()] }
}

pub(super) async fn a_group_has_its_tags_and_rules_and_a_unique_name(peer: Peer) -> Answer {
    let request = group_request(&peer, "group");
    let group = peer.ec2.create_security_group(request.clone()).await?;
    refused(peer.ec2.create_security_group(request.clone()).await, "InvalidGroup.Duplicate")?;
    let by_tag = peer.ec2.describe_security_groups(&[], &[Filter::new("tag:amibake:run-id", peer.name)]).await?;
    let [found] = by_tag.as_slice() else { return wrong(format!("not one group has the tag: {by_tag:?}")) };
    same("the group's id", &found.id, &group)?;
    same("the group's name", &found.name, &request.name)?;
    same("the group's tags", &found.tags, &request.tags)?;
    let rule = IngressRule { port: 22, cidrs: vec!["0.0.0.0/0".to_owned(), "2001:db8::/32".to_owned()] };
    peer.ec2.authorize_ingress(&group, std::slice::from_ref(&rule)).await?;
    refused(peer.ec2.authorize_ingress(&group, &[rule]).await, "InvalidPermission.Duplicate")?;
    peer.ec2.delete_security_group(&group).await?;
    refused(peer.ec2.describe_security_groups(&[group], &[]).await, "InvalidGroup.NotFound")
}

pub(super) async fn a_group_in_use_cannot_be_deleted(peer: Peer) -> Answer {
    let group = peer.ec2.create_security_group(group_request(&peer, "group")).await?;
    let mut request = peer.launch_request().await?;
    request.security_groups = vec![group.clone()];
    let instance = peer.ec2.run_instance(request).await?;
    refused(peer.ec2.delete_security_group(&group).await, "DependencyViolation")?;
    peer.ec2.terminate_instance(&instance.id).await?;
    peer.instance_in(&instance.id, crate::model::InstanceState::Terminated).await?;
    Ok(peer.ec2.delete_security_group(&group).await?)
}

pub(super) async fn a_default_group_cannot_be_deleted(peer: Peer) -> Answer {
    // In another region than the other questions, which need theirs.
    let ec2 = peer.cloud.ec2(&Region::new("us-west-2"));
    let groups = ec2.describe_security_groups(&[], &[Filter::new("group-name", "default")]).await?;
    let [group] = groups.as_slice() else { return wrong(format!("not one default group: {groups:?}")) };
    refused(ec2.delete_security_group(&group.id).await, "CannotDelete")
}
