//! Keys of `amazon-ebs` that no recording and no other test uses: each with its effect.

use std::collections::BTreeMap;

use amibake::builder::communicator::CommunicatorConfig;
use amibake_ec2::lab::Lab;
use serde_json::{Value, json};

use super::ebs_lab::{Bench, Outcome, builder};

async fn bake(keys: Value) -> Outcome {
    let outcome = Bench::new(Lab::default()).bake(builder(keys)).await;
    outcome.artifact();
    outcome
}

/// Builds with these keys; parameters that its calls of this name must have, `Key=value`.
#[track_caller]
fn sent(outcome: &Outcome, operation: &str, parameters: &[&str]) {
    let calls = outcome.calls.iter().filter(|call| call.operation == operation);
    let all: Vec<String> = calls.flat_map(|call| call.parameters.iter().map(|(key, value)| format!("{key}={value}"))).collect();
    for parameter in parameters {
        assert!(all.iter().any(|sent| sent == parameter), "{operation} without {parameter}: {all:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn tags_as_blocks() {
    let outcome = bake(json!({
        "tag": [{"key": "a", "value": "1"}], "snapshot_tag": [{"key": "b", "value": "2"}],
        "run_tag": [{"key": "c", "value": "3"}], "run_volume_tag": [{"name": "d", "value": "4"}],
    }))
    .await;
    sent(
        &outcome,
        "CreateImage",
        &["TagSpecification.1.Tag.1.Key=a", "TagSpecification.1.Tag.1.Value=1", "TagSpecification.1.Tag.2.Key=c"],
    );
    sent(&outcome, "CreateTags", &["Tag.1.Key=a", "Tag.2.Key=b", "Tag.2.Value=2"]);
    sent(
        &outcome,
        "RunInstances",
        &["TagSpecification.1.Tag.1.Key=c", "TagSpecification.3.Tag.1.Key=d", "TagSpecification.3.Tag.1.Value=4"],
    );
    let without = bake(json!({"run_tag": [{"key": "c", "value": "3"}], "skip_ami_run_tags": true})).await;
    assert!(!without.call("CreateImage").parameters.contains_key("TagSpecification.1.Tag.1.Key"), "the image has none of the run's tags");
}

#[tokio::test(start_paused = true)]
async fn filters_as_blocks() {
    let lab = Lab::default();
    let vpc = lab.add_vpc("us-east-1").unwrap().to_string();
    let filter = |name: &str, value: &str| json!({"filter": [{"name": name, "value": value}], "most_free": true});
    let keys = json!({
        "vpc_filter": {"filter": [{"name": "vpc-id", "value": vpc}]}, "subnet_filter": filter("vpc-id", &vpc),
        "security_group_filter": {"filter": [{"name": "group-name", "value": "default"}]}, "associate_public_ip_address": true,
    });
    let outcome = Bench::new(lab).bake(builder(keys)).await;
    outcome.artifact();
    sent(&outcome, "DescribeVpcs", &["Filter.1.Name=vpc-id", &format!("Filter.1.Value.1={vpc}")]);
    sent(&outcome, "DescribeSubnets", &[&format!("Filter.1.Value.1={vpc}")]);
    sent(&outcome, "DescribeSecurityGroups", &["Filter.1.Name=group-name", "Filter.1.Value.1=default"]);
}

#[tokio::test(start_paused = true)]
async fn deprecated_sources_are_found_where_asked_for() {
    let filter = json!({"filters": {"name": "amzn2-ami-hvm-2.0.*-x86_64-gp2"}, "owners": ["amazon"], "most_recent": true, "include_deprecated": true});
    sent(&bake(json!({"source_ami_filter": filter})).await, "DescribeImages", &["IncludeDeprecated=true"]);
}

#[tokio::test(start_paused = true)]
async fn metadata_service() {
    let outcome = bake(json!({"metadata_options": {"http_endpoint": "disabled", "instance_metadata_tags": "enabled"}})).await;
    sent(&outcome, "RunInstances", &["MetadataOptions.HttpEndpoint=disabled", "MetadataOptions.InstanceMetadataTags=enabled"]);
}

#[tokio::test(start_paused = true)]
async fn organisations_and_copies_in_time() {
    let (org, unit) = ("arn:aws:organizations::123456789012:organization/o-1", "arn:aws:organizations::123456789012:ou/o-1/ou-1");
    let outcome =
        bake(json!({"ami_org_arns": [org], "ami_ou_arns": [unit], "ami_regions": ["us-west-2"], "snapshot_copy_duration_minutes": 30}))
            .await;
    sent(&outcome, "CopyImage", &["SnapshotCopyCompletionDurationMinutes=30"]);
    let add = |kind: &str, arn: &str| format!("LaunchPermission.Add.1.{kind}={arn}");
    sent(&outcome, "ModifyImageAttribute", &[&add("OrganizationArn", org), &add("OrganizationalUnitArn", unit)]);
}

#[tokio::test(start_paused = true)]
async fn devices() {
    let outcome = bake(json!({
        "instance_type": "m5d.large",
        "launch_block_device_mappings": [{"device_name": "/dev/sdb", "virtual_name": "ephemeral0"}],
    }))
    .await;
    sent(&outcome, "RunInstances", &["BlockDeviceMapping.1.VirtualName=ephemeral0"]);
}

#[test]
fn the_communicator() {
    let config = json!({
        "ssh_username": "me", "pause_before_connecting": "30s", "ssh_ciphers": ["aes128-ctr"], "ssh_key_exchange_algorithms": ["curve25519-sha256"],
        "ssh_pty": true, "ssh_wait_timeout": "7m", "ssh_timeout": "1m", "ssh_agent_auth": true, "ssh_bastion_host": "b", "ssh_bastion_port": 2022,
        "ssh_bastion_agent_auth": true, "ssh_bastion_username": "jump", "ssh_bastion_password": "hidden",
        "ssh_bastion_private_key_file": "/k", "ssh_bastion_certificate_file": "/c", "ssh_keep_alive_interval": "9s",
        "ssh_remote_tunnels": ["1:h:2"],
    });
    let parsed: CommunicatorConfig = serde_json::from_value(config.clone()).unwrap();
    let env = BTreeMap::from([("SSH_AUTH_SOCK".to_owned(), "/agent".to_owned())]);
    let ssh = parsed.ssh(None, &env);
    let seconds = [ssh.pause_before_connecting.as_secs(), ssh.timeout.unwrap().as_secs(), ssh.keep_alive_interval.as_secs()];
    assert_eq!(seconds, [30, 7 * 60, 9]);
    assert_eq!((ssh.ciphers, ssh.key_exchange_algorithms), (vec!["aes128-ctr".to_owned()], vec!["curve25519-sha256".to_owned()]));
    assert_eq!((ssh.pty, ssh.remote_tunnels), (true, vec!["1:h:2".to_owned()]));
    assert_eq!((ssh.login.agent_socket.as_deref(), ssh.forward_agent.as_deref()), (Some("/agent"), Some("/agent")));
    let bastion = ssh.bastion.unwrap();
    assert_eq!((bastion.address.host.as_str(), bastion.address.port, bastion.login.username.as_str()), ("b", 2022, "jump"));
    assert_eq!(bastion.login.password.as_ref().map(|password| password.expose()), Some("hidden"));
    assert_eq!(bastion.login.certificate_file, Some("/c".into()));
    assert!(bastion.login.private_key.is_some() && bastion.login.agent_socket.is_some());
    let mut without = config;
    without["ssh_disable_agent_forwarding"] = json!(true);
    let without: CommunicatorConfig = serde_json::from_value(without).unwrap();
    assert_eq!(without.ssh(None, &env).forward_agent, None);
}
