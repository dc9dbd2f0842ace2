//! Launch templates, fleets, instance profiles.

use super::{Answer, Peer, Wrong, expect, refused, same, wrong};
use crate::InstanceId;
use crate::iam::{CreateRole, EC2_MAY_ASSUME};
use crate::launch::{CreateFleet, CreateLaunchTemplate};
use crate::model::{Instance, InstanceState, RunInstances};

impl Peer {
    async fn template(&self) -> Result<CreateLaunchTemplate, Wrong> {
        let launch = RunInstances { client_token: String::new(), ..self.launch_request().await? };
        Ok(CreateLaunchTemplate {
            client_token: self.unique("template-token"),
            name: self.unique("template"),
            description: "a question".to_owned(),
            launch,
            max_price: Some("0.05".to_owned()),
            tags: vec![self.tag()],
        })
    }

    /// A spot instance that runs; its launch template is gone again.
    async fn spot(&self) -> Result<Instance, Wrong> {
        let template = self.template().await?;
        let name = template.name.clone();
        self.ec2.create_launch_template(template).await?;
        let request = CreateFleet {
            client_token: self.unique("fleet"),
            template: name.clone(),
            overrides: Vec::new(),
            allocation_strategy: None,
            tags: vec![self.tag()],
        };
        let fleet = self.ec2.create_fleet(request).await?;
        self.ec2.delete_launch_template(&name).await?;
        let [id] = &fleet.instances[..] else { return wrong(format!("one instance was expected: {fleet:?}")) };
        self.instance_in(id, InstanceState::Running).await
    }

    async fn end(&self, id: &InstanceId) -> Answer {
        Ok(self.ec2.terminate_instance(id).await?)
    }
}

pub(super) async fn a_fleet_launches_one_instance_with_the_templates_tags(peer: Peer) -> Answer {
    let instance = peer.spot().await?;
    let tagged = instance.tags.contains(&peer.tag());
    peer.end(&instance.id).await?;
    expect(tagged, || format!("the instance has the tags {:?}", instance.tags))
}

pub(super) async fn a_spot_instance_names_its_request(peer: Peer) -> Answer {
    let instance = peer.spot().await?;
    peer.end(&instance.id).await?;
    expect(instance.spot_request.is_some(), || "it names none".to_owned())
}

pub(super) async fn a_spot_instance_cannot_be_stopped(peer: Peer) -> Answer {
    let instance = peer.spot().await?;
    let answer = peer.ec2.stop_instance(&instance.id).await;
    peer.end(&instance.id).await?;
    refused(answer, "UnsupportedOperation")
}

pub(super) async fn a_launch_template_has_a_name_of_its_own_and_goes_once(peer: Peer) -> Answer {
    let template = peer.template().await?;
    let name = template.name.clone();
    peer.ec2.create_launch_template(template.clone()).await?;
    let another = CreateLaunchTemplate { client_token: peer.unique("another-token"), ..template };
    refused(peer.ec2.create_launch_template(another).await, "InvalidLaunchTemplateName.AlreadyExistsException")?;
    peer.ec2.delete_launch_template(&name).await?;
    match peer.ec2.delete_launch_template(&name).await {
        Err(error) => expect(error.is_not_found(), || format!("it is gone, and EC2 says {error}")),
        Ok(()) => wrong("it goes twice"),
    }
}

pub(super) async fn an_instance_profile_comes_and_goes_in_its_order(peer: Peer) -> Answer {
    let (iam, name) = (peer.ec2.iam(), peer.unique("profile"));
    let name = name.as_str();
    let role = CreateRole {
        name: name.to_owned(),
        description: "a question".to_owned(),
        trust: EC2_MAY_ASSUME.to_owned(),
        tags: vec![peer.tag()],
    };
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:*"],"Resource":["*"]}]}"#;
    iam.create_instance_profile(name, &[peer.tag()]).await?;
    refused(iam.create_instance_profile(name, &[]).await, "EntityAlreadyExists")?;
    refused(iam.put_role_policy(name, name, document).await, "NoSuchEntity")?;
    iam.create_role(role.clone()).await?;
    refused(iam.create_role(role).await, "EntityAlreadyExists")?;
    refused(iam.put_role_policy(name, name, "no policy").await, "MalformedPolicyDocument")?;
    iam.put_role_policy(name, name, document).await?;
    iam.add_role_to_instance_profile(name, name).await?;
    refused(iam.add_role_to_instance_profile(name, name).await, "LimitExceeded")?;
    refused(iam.delete_instance_profile(name).await, "DeleteConflict")?;
    iam.remove_role_from_instance_profile(name, name).await?;
    iam.delete_role_policy(name, name).await?;
    iam.delete_role(name).await?;
    iam.delete_instance_profile(name).await?;
    refused(iam.delete_instance_profile(name).await, "NoSuchEntity")
}

pub(super) async fn an_instance_runs_with_a_profile_that_has_a_role(peer: Peer) -> Answer {
    let (iam, name) = (peer.ec2.iam(), peer.unique("profile"));
    let trust = EC2_MAY_ASSUME.to_owned();
    iam.create_instance_profile(&name, &[]).await?;
    iam.create_role(CreateRole { name: name.clone(), description: String::new(), trust, tags: Vec::new() }).await?;
    iam.add_role_to_instance_profile(&name, &name).await?;
    let request = RunInstances { iam_instance_profile: Some(name.clone()), ..peer.launch_request().await? };
    let instance = peer.ec2.run_instance(request).await?;
    let running = peer.instance_in(&instance.id, InstanceState::Running).await?;
    peer.end(&instance.id).await?;
    iam.remove_role_from_instance_profile(&name, &name).await?;
    iam.delete_role(&name).await?;
    iam.delete_instance_profile(&name).await?;
    same("its state", &running.state, &InstanceState::Running)
}
