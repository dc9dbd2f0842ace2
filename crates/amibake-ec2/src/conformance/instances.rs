//! Instances.

use super::network::group_request;
use super::{Answer, Peer, expect, refused, same, wrong};
use crate::model::{BlockDevice, Filter, InstanceState, RunInstances};
use crate::{InstanceId, SecurityGroupId, SubnetId};

pub(super) async fn an_instance_goes_through_its_states(peer: Peer) -> Answer {
    let instance = peer.ec2.run_instance(peer.launch_request().await?).await?;
    same("the first state", &instance.state, &InstanceState::Pending)?;
    let running = peer.instance_in(&instance.id, InstanceState::Running).await?;
    expect(running.public_ip.is_some() && running.private_ip.is_some(), || format!("it has no addresses: {running:?}"))?;
    expect(running.vpc.is_some() && running.volumes.len() == 1, || format!("it lacks VPC or volume: {running:?}"))?;
    same("the tags", &running.tags, &vec![peer.tag()])?;
    peer.ec2.stop_instance(&instance.id).await?;
    let stopped = peer.instance_in(&instance.id, InstanceState::Stopped).await?;
    same("the public address of the stopped one", &stopped.public_ip, &None)?;
    peer.ec2.stop_instance(&instance.id).await?;
    peer.ec2.terminate_instance(&instance.id).await?;
    peer.instance_in(&instance.id, InstanceState::Terminated).await?;
    Ok(peer.ec2.terminate_instance(&instance.id).await?)
}

pub(super) async fn an_instance_is_found_by_its_tag(peer: Peer) -> Answer {
    let instance = peer.running().await?;
    let filters = [Filter::new("tag:amibake:run-id", peer.name), Filter::new("instance-state-name", "running")];
    let found = peer.ec2.describe_instances(&[], &filters).await?;
    same("what has the tag", &found.iter().map(|found| &found.id).collect::<Vec<_>>(), &vec![&instance.id])
}

pub(super) async fn the_same_token_launches_once(peer: Peer) -> Answer {
    let first = peer.ec2.run_instance(peer.launch_request().await?).await?;
    let second = peer.ec2.run_instance(peer.launch_request().await?).await?;
    same("the second launch", &second.id, &first.id)?;
    let other = RunInstances { instance_type: "t2.nano".to_owned(), ..peer.launch_request().await? };
    refused(peer.ec2.run_instance(other).await, "IdempotentParameterMismatch")
}

pub(super) async fn a_launch_needs_things_that_exist(peer: Peer) -> Answer {
    let unknown = "0123456789abcdef0";
    let with = async |change: fn(&mut RunInstances, &str), code: &str| {
        let mut request = peer.launch_request().await?;
        request.client_token = peer.unique(code);
        change(&mut request, unknown);
        refused(peer.ec2.run_instance(request).await, code)
    };
    with(|request, hex| request.image = format!("ami-{hex}"), "InvalidAMIID.NotFound").await?;
    with(|request, hex| request.subnet = Some(SubnetId::with_hex(hex)), "InvalidSubnetID.NotFound").await?;
    with(|request, hex| request.security_groups = vec![SecurityGroupId::with_hex(hex)], "InvalidGroup.NotFound").await?;
    with(|request, hex| request.key_name = Some(hex.to_owned()), "InvalidKeyPair.NotFound").await
}

pub(super) async fn an_unknown_type_is_a_bad_value(peer: Peer) -> Answer {
    let request = RunInstances { instance_type: "t2.mikro".to_owned(), ..peer.launch_request().await? };
    refused(peer.ec2.run_instance(request).await, "InvalidParameterValue")
}

pub(super) async fn an_instance_has_the_devices_of_its_image(peer: Peer) -> Answer {
    let Some(image) = peer.amazon_linux().await?.pop() else { return wrong("no image") };
    let data = BlockDevice { device_name: "/dev/sdf".to_owned(), target: crate::model::BlockDeviceTarget::Ebs(super::data_volume(true)) };
    let request = RunInstances { block_devices: vec![data], ..peer.launch_request().await? };
    let instance = peer.ec2.run_instance(request).await?;
    let instance = peer.instance_in(&instance.id, InstanceState::Running).await?;
    let mut devices: Vec<_> = instance.volumes.iter().map(|volume| volume.device_name.clone()).collect();
    devices.sort();
    let mut expected = vec!["/dev/sdf".to_owned(), image.root_device_name.unwrap_or_default()];
    expected.sort();
    same("the devices", &devices, &expected)
}

pub(super) async fn an_unknown_instance_is_not_found(peer: Peer) -> Answer {
    let id = InstanceId::with_hex("0123456789abcdef0");
    refused(peer.ec2.describe_instances(std::slice::from_ref(&id), &[]).await, "InvalidInstanceID.NotFound")?;
    refused(peer.ec2.stop_instance(&id).await, "InvalidInstanceID.NotFound")?;
    refused(peer.ec2.terminate_instance(&id).await, "InvalidInstanceID.NotFound")
}

pub(super) async fn groups_of_an_instance_can_be_changed(peer: Peer) -> Answer {
    let temporary = peer.ec2.create_security_group(group_request(&peer, "temporary")).await?;
    let request = RunInstances { security_groups: vec![temporary.clone()], ..peer.launch_request().await? };
    let instance = peer.ec2.run_instance(request).await?;
    let instance = peer.instance_in(&instance.id, InstanceState::Running).await?;
    same("the groups at first", &instance.security_groups, &vec![temporary.clone()])?;
    let vpc = instance.vpc.map(|vpc| vpc.to_string()).unwrap_or_default();
    let filters = [Filter::new("vpc-id", vpc), Filter::new("group-name", "default")];
    let Some(default) = peer.ec2.describe_security_groups(&[], &filters).await?.pop() else { return wrong("no default group") };
    peer.ec2.stop_instance(&instance.id).await?;
    peer.instance_in(&instance.id, InstanceState::Stopped).await?;
    peer.ec2.set_instance_groups(&instance.id, std::slice::from_ref(&default.id)).await?;
    peer.ec2.delete_security_group(&temporary).await?;
    let moved = peer.instance_in(&instance.id, InstanceState::Stopped).await?;
    same("the groups afterwards", &moved.security_groups, &vec![default.id])
}
