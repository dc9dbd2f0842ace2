//! Groups, networks, regions, accounts, tags.

use amibake_ec2::lab::Lab;
use amibake_ec2::model::{Access, CreateSecurityGroup, Filter, IngressRule};
use amibake_ec2::{Clouds, ErrorKind, SecurityGroupId, SnapshotId, VolumeId};

use crate::support::*;

#[tokio::test]
async fn names_and_descriptions_of_groups_are_checked() {
    let (_, ec2) = instant();
    let make = async |name: &str, description: &str| {
        let request = CreateSecurityGroup { name: name.to_owned(), description: description.to_owned(), vpc: None, tags: Vec::new() };
        code(ec2.create_security_group(request).await)
    };
    assert_eq!(make("", "d").await, "MissingParameter");
    assert_eq!(make("n", "").await, "MissingParameter");
    assert_eq!(make("default", "d").await, "InvalidParameterValue");
    assert_eq!(make("sg-mine", "d").await, "InvalidParameterValue");
    assert_eq!(make("n", "größer").await, "InvalidParameterValue");
    assert_eq!(make(&"n".repeat(256), "d").await, "InvalidParameterValue");
}

#[tokio::test]
async fn rules_are_kept_and_checked() {
    let (lab, ec2) = instant();
    let group = group(&*ec2, "group").await.unwrap();
    for bad in ["1.2.3.4", "1.2.3.4/33", "::/129", "x/8"] {
        let rule = IngressRule { port: 22, cidrs: vec![bad.to_owned()] };
        let error = ec2.authorize_ingress(&group, &[rule]).await.unwrap_err();
        assert_eq!(error.message, format!("CIDR block {bad} is malformed"));
    }
    let rule = IngressRule { port: 22, cidrs: vec!["10.0.0.0/8".to_owned()] };
    ec2.authorize_ingress(&group, std::slice::from_ref(&rule)).await.unwrap();
    let error = ec2.authorize_ingress(&group, std::slice::from_ref(&rule)).await.unwrap_err();
    assert_eq!(error.message, "the specified rule \"peer: 10.0.0.0/8, TCP, from port: 22, to port: 22, ALLOW\" already exists");
    assert_eq!(lab.group(&group).unwrap().ingress, [rule]);
}

#[tokio::test(start_paused = true)]
async fn a_group_is_in_use_until_its_instance_has_ended_or_left_it() {
    let lab = Lab::with_times(amibake_ec2::lab::Times::real());
    let ec2 = lab.region(REGION);
    let temporary = group(&*ec2, "temporary").await.unwrap();
    let mut request = launch(&*ec2, "token").await;
    request.security_groups = vec![temporary.clone()];
    let instance = ec2.run_instance(request).await.unwrap().id;
    ec2.terminate_instance(&instance).await.unwrap();
    let error = ec2.delete_security_group(&temporary).await.unwrap_err();
    assert_eq!(error.to_string(), format!("DeleteSecurityGroup: DependencyViolation: resource {temporary} has a dependent object"));
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    ec2.delete_security_group(&temporary).await.unwrap();
    assert_eq!(code(ec2.set_instance_groups(&instance, &[temporary]).await), "InvalidGroup.NotFound");
}

#[tokio::test]
async fn an_ended_instance_takes_no_other_groups() {
    let (_, ec2) = instant();
    let instance = running(&*ec2).await;
    let default = ec2.describe_security_groups(&[], &[Filter::new("group-name", "default")]).await.unwrap().remove(0).id;
    assert_eq!(code(ec2.set_instance_groups(&instance, &[]).await), "MissingParameter");
    ec2.terminate_instance(&instance).await.unwrap();
    assert_eq!(code(ec2.set_instance_groups(&instance, &[default]).await), "IncorrectInstanceState");
}

#[tokio::test]
async fn subnets_are_found_by_ec2s_filter_names() {
    let (_, ec2) = instant();
    for (name, value, count) in [
        ("availabilityZone", "us-east-2b", 1),
        ("availability-zone", "us-east-2?", 3),
        ("default-for-az", "true", 3),
        ("state", "available", 3),
        ("cidr-block", "172.31.16.0/20", 1),
        ("tag:Class", "build", 0),
    ] {
        assert_eq!(ec2.describe_subnets(&[], &[Filter::new(name, value)]).await.unwrap().len(), count, "{name}={value}");
    }
    let subnet = ec2.describe_subnets(&[], &[]).await.unwrap().remove(0).id.to_string();
    ec2.create_tags(&[subnet], &[tag("Class", "build")]).await.unwrap();
    assert_eq!(ec2.describe_subnets(&[], &[Filter::new("tag:Class", "build")]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn tags_are_put_on_all_or_none_and_replace_those_of_their_key() {
    let (lab, ec2) = instant();
    let group = group(&*ec2, "group").await.unwrap();
    let resources = [group.to_string(), "ami-12345678".to_owned()];
    assert_eq!(code(ec2.create_tags(&resources, &[tag("a", "1")]).await), "InvalidAMIID.NotFound");
    assert_eq!(lab.group(&group).unwrap().tags, []);
    for value in ["1", "2"] {
        ec2.create_tags(&resources[..1], &[tag("a", value), tag("b", "")]).await.unwrap();
    }
    assert_eq!(lab.group(&group).unwrap().tags, [tag("a", "2"), tag("b", "")]);
    assert_eq!(code(ec2.create_tags(&["thing-1".to_owned()], &[tag("a", "1")]).await), "InvalidID");
    assert_eq!(code(ec2.create_tags(&resources[..1], &[]).await), "MissingParameter");
    assert_eq!(code(ec2.create_tags(&resources[..1], &[tag("", "x")]).await), "InvalidParameterValue");
    assert_eq!(code(ec2.create_tags(&resources[..1], &[tag("k", &"x".repeat(257))]).await), "InvalidParameterValue");
}

#[tokio::test]
async fn a_build_needs_a_region_that_exists() {
    let lab = Lab::default();
    let error = lab.open(&Access::default()).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Setup);
    let error = lab.region("us-east-9").describe_regions().await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Setup, "there is no EC2 endpoint for the region `us-east-9`"));
}

#[tokio::test]
async fn each_region_has_its_own_things() {
    let lab = Lab::default();
    let (here, there) = (lab.region(REGION), lab.region("eu-west-1"));
    let group = group(&*here, "group").await.unwrap();
    assert_eq!(code(there.delete_security_group(&group).await), "InvalidGroup.NotFound");
    assert_eq!(there.describe_security_groups(&[], &[]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn ids_of_the_wrong_form_are_told_from_those_that_do_not_exist() {
    let (_, ec2) = instant();
    let group = |id: &str| SecurityGroupId::new(id).unwrap();
    assert_eq!(code(ec2.describe_security_groups(&[group("sg-mine")], &[]).await), "InvalidGroupId.Malformed");
    assert_eq!(code(ec2.describe_security_groups(&[group("sg-12345678")], &[]).await), "InvalidGroup.NotFound");
    assert_eq!(code(ec2.delete_snapshot(&SnapshotId::new("snap-12").unwrap()).await), "InvalidSnapshotID.Malformed");
    assert_eq!(code(ec2.delete_snapshot(&SnapshotId::new("snap-0123456789abcdef0").unwrap()).await), "InvalidSnapshot.NotFound");
    let error = ec2.delete_volume(&VolumeId::new("vol-xyzxyzxy").unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), "DeleteVolume: InvalidVolumeID.Malformed: Invalid id: \"vol-xyzxyzxy\" (expecting \"vol-...\")");
}

#[tokio::test]
async fn an_interface_takes_five_groups() {
    let (_, ec2) = instant();
    let mut request = launch(&*ec2, "").await;
    for n in 0..5 {
        request.security_groups.push(group(&*ec2, &format!("group {n}")).await.unwrap());
    }
    ec2.run_instance(request.clone()).await.unwrap();
    request.security_groups.push(group(&*ec2, "one too many").await.unwrap());
    assert_eq!(code(ec2.run_instance(request).await), "SecurityGroupsPerInterfaceLimitExceeded");
}
