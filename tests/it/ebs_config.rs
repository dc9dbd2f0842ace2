//! Mistakes in an `amazon-ebs` builder, as `validate` finds them.

use amibake::parts::Parts;
use amibake_template::component::{FileKind, Files};
use amibake_template::document;
use amibake_template::json::{Dialect, parse};
use amibake_template::lang::Host;
use amibake_template::plan::{Selection, plan};
use amibake_template::source::Sources;
use serde_json::{Value, json};

use super::ebs_lab::builder;

/// Only `here` exists.
struct Here;

impl Files for Here {
    fn kind_of(&self, path: &str) -> FileKind {
        match path {
            "here" => FileKind::File,
            "folder" => FileKind::Directory,
            _ => FileKind::Missing,
        }
    }
}

/// What is found in a builder with these keys, each as `TEXT POINTED AT: message`. What is missing is pointed out at the builder's type.
fn findings(keys: Value) -> Vec<String> {
    let mut config = builder(keys);
    config["type"] = json!("amazon-ebs");
    found_in(config)
}

/// The same of a builder that is complete.
pub fn found_in(config: Value) -> Vec<String> {
    let text = json!({"builders": [config]}).to_string();
    let mut sources = Sources::default();
    let id = sources.add("template.json", text.as_str());
    let (root, _) = parse(id, &text, Dialect::default());
    let (document, _) = document::read(root.unwrap());
    let registry = Parts::all().registry;
    let (_, findings) = plan(&document.unwrap(), &registry, &[], &Selection::default(), &Host::default(), &Here);
    findings
        .iter()
        .map(|finding| {
            let span = finding.labels[0].span;
            let at = &text[span.start as usize..span.end as usize];
            format!("{at}: {}", finding.message)
        })
        .collect()
}

#[track_caller]
fn check(keys: Value, expected: &[&str]) {
    assert_eq!(findings(keys.clone()), expected, "{keys}");
}

#[test]
fn nothing_is_wrong() {
    check(json!({}), &[]);
    // What old templates pass when a variable is left empty.
    check(
        json!({
            "vpc_id": "", "subnet_id": "", "security_group_id": "", "ami_users": "", "ami_regions": "", "encrypt_boot": "",
            "kms_key_id": "", "associate_public_ip_address": "", "iam_instance_profile": "", "user_data_file": "", "ssh_interface": "",
            "temporary_security_group_source_cidrs": "", "spot_price": "0", "source_ami": "", "profile": "", "ssh_bastion_host": "",
        }),
        &[],
    );
}

/// The keys of `amazon-ebs` in Packer 1.6.6 and its amazon plugin up to 1.8, one a line.
const KEYS: &str = include_str!("ebs_keys.txt");

#[test]
fn every_key_of_packers_is_known() {
    for key in KEYS.lines() {
        // A wrong type in most cases: what matters is that the key is known.
        let unknown: Vec<String> = findings(json!({key: {"no-such-key": 1}}))
            .into_iter()
            .filter(|found| found.contains(&format!("unknown key `{key}`")))
            .collect();
        assert_eq!(unknown, Vec::<String>::new());
    }
    check(json!({"ami_names": "x"}), &["\"ami_names\": unknown key `ami_names` in the builder `amazon-ebs`"]);
}

#[test]
fn access() {
    check(json!({"access_key": "AKIA"}), &["\"AKIA\": `access_key` is set without `secret_key`"]);
    check(json!({"access_key": "AKIA", "secret_key": "x"}), &[]);
}

#[test]
fn the_name() {
    check(json!({"ami_name": "ab"}), &["\"ab\": an image's name has 3 to 128 characters, this one 2"]);
    check(json!({"ami_name": "a:b"}), &["\"a:b\": an image's name cannot hold `:`: only letters, digits and ()[] ./-'@_"]);
    check(json!({"ami_name": ""}), &["\"\": `ami_name` must be given"]);
    check(json!({"ami_name": "{{isotime | clean_resource_name}}"}), &[]);
}

#[test]
fn encryption_and_sharing() {
    let key = "12345678-1234-abcd-0000-123456789012";
    check(json!({"kms_key_id": key}), &[&format!("\"{key}\": a KMS key is given, but `encrypt_boot` is not true")]);
    check(json!({"encrypt_boot": true, "kms_key_id": "my key"}), &["\"my key\": `my key` is not a KMS key"]);
    check(
        json!({"encrypt_boot": true, "ami_users": ["1"]}),
        &["[\"1\"]: `ami_users` shares what is encrypted with the account's default key, which others cannot use"],
    );
    check(json!({"encrypt_boot": true, "ami_users": ["1"], "kms_key_id": key}), &[]);
    check(
        json!({"encrypt_boot": true, "kms_key_id": key, "region_kms_key_ids": {"us-west-2": ""}}),
        &["\"\": region us-west-2 has a key, but is not among `ami_regions`"],
    );
    check(
        json!({"encrypt_boot": true, "kms_key_id": key, "ami_regions": ["eu-west-1"], "region_kms_key_ids": {"us-west-2": ""}}),
        &[
            "[\"eu-west-1\"]: region eu-west-1 gets a copy, but has no entry in `region_kms_key_ids`",
            "\"\": region us-west-2 has a key, but is not among `ami_regions`",
        ],
    );
}

#[test]
fn regions() {
    check(json!({"skip_save_build_region": true}), &["true: `skip_save_build_region` without `ami_regions` keeps no image at all"]);
    check(json!({"skip_save_build_region": true, "ami_regions": "us-west-2,eu-west-1"}), &[]);
}

#[test]
fn the_source() {
    check(json!({"source_ami_filter": null}), &["\"amazon-ebs\": no source image: neither `source_ami` nor `source_ami_filter` is given"]);
    check(
        json!({"source_ami_filter": {"filters": {"name": "x"}, "owners": [""]}}),
        &["{: a search for the source image must name its owners"],
    );
    check(json!({"source_ami_filter": null, "source_ami": "ami-1"}), &[]);
}

#[test]
fn the_instance() {
    check(json!({"instance_type": null}), &["\"amazon-ebs\": `instance_type` must be given, or `spot_instance_types` for a spot instance"]);
    check(json!({"user_data": "x", "user_data_file": "here"}), &["\"here\": only one of `user_data` and `user_data_file` can be given"]);
    check(json!({"user_data": "echo"}), &["\"echo\": `user_data` happens to be Base64, so it is sent as it is"]);
    check(json!({"user_data": "IyEvYmluL3NoCg=="}), &[]);
    check(json!({"enable_t2_unlimited": true}), &["true: `enable_t2_unlimited` is an old name"]);
    check(json!({"user_data_file": "there"}), &["\"there\": there is no file `there`"]);
    check(json!({"user_data_file": "folder"}), &["\"folder\": `folder` is a directory"]);
    check(json!({"shutdown_behavior": "sleep"}), &["\"sleep\": `shutdown_behavior` is one of `stop`, `terminate`, not `sleep`"]);
    check(json!({"tenancy": "mine"}), &["\"mine\": `tenancy` is one of `default`, `dedicated`, `host`, not `mine`"]);
    check(
        json!({"tenancy": "host", "placement": {"tenancy": "host"}}),
        &["\"host\": only one of `tenancy` and `placement.tenancy` can be given"],
    );
    check(json!({"metadata_options": {"http_tokens": "no"}}), &["\"no\": `http_tokens` is one of `optional`, `required`, not `no`"]);
    check(json!({"metadata_options": {"http_put_response_hop_limit": 65}}), &["65: `http_put_response_hop_limit` is 1 to 64"]);
    check(
        json!({"instance_type": "m5.large", "enable_unlimited_credits": true}),
        &["true: `enable_unlimited_credits` is for burstable types (t2, t3, t3a, t4g), not for m5.large"],
    );
}

#[test]
fn spot_instances() {
    check(json!({"spot_price": "auto", "spot_tags": {"a": "b"}, "fleet_tags": {"a": "b"}}), &[]);
    check(json!({"spot_price": "", "spot_instance_types": [""], "spot_tags": {}, "fleet_tag": []}), &[]);
    check(json!({"spot_price": 0}), &[]);
    check(json!({"spot_price": "cheap"}), &["\"cheap\": `cheap` is not a price"]);
    check(json!({"spot_price": "-1"}), &["\"-1\": `-1` is not a price"]);
    check(json!({"instance_type": null, "spot_price": "auto", "spot_instance_types": "t3.micro,t3a.micro"}), &[]);
    check(
        json!({"spot_price": "auto", "spot_instance_types": ["t3.micro"]}),
        &["[\"t3.micro\"]: only one of `instance_type` and `spot_instance_types` can be given"],
    );
    check(
        json!({"instance_type": null, "spot_instance_types": ["t3.micro"]}),
        &["[\"t3.micro\"]: `spot_instance_types` is for spot instances, and `spot_price` asks for none"],
    );
    for key in ["fleet_tags", "spot_tags"] {
        check(json!({key: {"a": "b"}}), &[&format!("{{: `{key}` is for spot instances, and `spot_price` asks for none")]);
    }
    check(
        json!({"spot_price": "auto", "spot_allocation_strategy": "cheapest"}),
        &["\"cheapest\": `spot_allocation_strategy` is one of `lowest-price`, `diversified`, `capacity-optimized`, \
           `capacity-optimized-prioritized`, `price-capacity-optimized`, not `cheapest`"],
    );
    check(json!({"block_duration_minutes": 61}), &["61: `block_duration_minutes` is a multiple of 60, not 61"]);
    check(json!({"block_duration_minutes": 60}), &["60: `block_duration_minutes` has no effect: AWS has retired spot blocks"]);
    check(json!({"spot_price_auto_product": "Linux/UNIX"}), &["\"Linux/UNIX\": `spot_price_auto_product` has no effect"]);
    check(
        json!({"spot_price": "auto", "enable_unlimited_credits": true}),
        &["true: `enable_unlimited_credits` is not for spot instances of type t2"],
    );
    check(json!({"spot_price": "auto", "enable_unlimited_credits": true, "instance_type": "t3.micro"}), &[]);
}

#[test]
fn reserved_capacity() {
    let (id, group, preference) = ("capacity_reservation_id", "capacity_reservation_group_arn", "capacity_reservation_preference");
    check(json!({id: "cr-1"}), &[]);
    check(json!({id: "cr-1", group: "", preference: ""}), &[]);
    check(json!({id: "cr-1", group: "arn:g"}), &[&format!("\"arn:g\": only one of `{id}` and `{group}` can be given")]);
    check(json!({id: "cr-1", preference: "open"}), &[&format!("\"open\": only one of `{id}` and `{preference}` can be given")]);
    check(json!({preference: "some"}), &[&format!("\"some\": `{preference}` is one of `none`, `open`, not `some`")]);
    check(json!({"spot_price": "auto", preference: "none"}), &[]);
    let no_effect = format!("\"cr-1\": `{id}` has no effect on a spot instance, which `spot_price` asks for");
    check(json!({"spot_price": "auto", id: "cr-1"}), &[&no_effect]);
}

#[test]
fn hosts_enclaves_and_licences() {
    check(json!({"placement": {"host_id": "h-1"}}), &[]);
    check(json!({"placement": {"host_id": "h-1", "tenancy": "host"}}), &[]);
    check(
        json!({"placement": {"host_id": "h-1", "tenancy": "dedicated"}}),
        &["\"h-1\": `host_id` needs the tenancy `host`, not `dedicated`"],
    );
    check(
        json!({"placement": {"host_id": "h-1", "host_resource_group_arn": "arn:g"}}),
        &["\"h-1\": only one of `host_id` and `host_resource_group_arn` can be given"],
    );
    check(
        json!({"placement": {"host_id": "h-1"}, "spot_price": "auto"}),
        &["\"h-1\": `host_id` is not for spot instances, and `spot_price` asks for one"],
    );
    check(
        json!({"tenancy": "host", "spot_price": "auto"}),
        &["\"host\": the tenancy `host` is not for spot instances, and `spot_price` asks for one"],
    );
    check(json!({"enable_nitro_enclave": true}), &["true: Nitro Enclaves are not for burstable types such as t2.micro"]);
    check(
        json!({"enable_nitro_enclave": true, "instance_type": "m5.xlarge", "spot_price": "auto"}),
        &["true: Nitro Enclaves are not for spot instances, and `spot_price` asks for one"],
    );
    check(
        json!({"license_specifications": [{"license_configuration_request": {}}]}),
        &["{: a licence needs its `license_configuration_request.license_configuration_arn`"],
    );
}

#[test]
fn temporary_profiles() {
    let policy =
        |statement: Value| json!({"temporary_iam_instance_profile_policy_document": {"Version": "2012-10-17", "Statement": [statement]}});
    let statement = json!({"Effect": "Allow", "Action": ["logs:*"], "Resource": ["*"]});
    check(policy(statement.clone()), &[]);
    // What people copy from elsewhere: one text for a list, a name, a condition.
    check(
        policy(json!({"Sid": "Logs", "Effect": "Allow", "Action": "logs:*", "Resource": "*", "Condition": {"Bool": {"a": "true"}}})),
        &[],
    );
    check(policy(json!({"Effect": "Allow", "Action": ["logs:*"]})), &["{: a statement of a policy needs `Resource`"]);
    check(
        policy(json!({"Effect": "Maybe", "Action": ["logs:*"], "Resource": ["*"]})),
        &["\"Maybe\": `Effect` is one of `Allow`, `Deny`, not `Maybe`"],
    );
    let mut both = policy(statement);
    both["iam_instance_profile"] = json!("p");
    check(both, &["{: `temporary_iam_instance_profile_policy_document` has no effect beside `iam_instance_profile`"]);
}

#[test]
fn the_network() {
    check(
        json!({"temporary_security_group_source_public_ip": true, "temporary_security_group_source_cidrs": ["10.0.0.0/8"]}),
        &["true: `temporary_security_group_source_public_ip` has no effect beside `temporary_security_group_source_cidrs`"],
    );
    check(
        json!({"security_group_id": "sg-1", "security_group_ids": ["sg-2"]}),
        &["\"sg-1\": only one of `security_group_id` and `security_group_ids` can be given"],
    );
    check(json!({"temporary_security_group_source_cidrs": ["10.0.0.1", "::/0"]}), &["\"10.0.0.1\": `10.0.0.1` is not an address range"]);
    check(
        json!({"ssh_interface": "wlan"}),
        &[
            "\"wlan\": `ssh_interface` is one of `public_ip`, `private_ip`, `public_dns`, `private_dns`, `ipv6`, `session_manager`, not `wlan`",
        ],
    );
}

#[test]
fn devices() {
    let device = |more: Value| {
        let mut device = json!({"device_name": "/dev/sdb"});
        device.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"launch_block_device_mappings": [device]})
    };
    check(device(json!({"volume_type": "gp3"})), &[]);
    check(device(json!({"volume_type": "gp3", "throughput": 100})), &["100: `throughput` is 125 to 1000, not 100"]);
    check(device(json!({"volume_type": "gp2", "throughput": 200})), &["200: `throughput` is for gp3 volumes only; `volume_type` is gp2"]);
    check(device(json!({"volume_type": "gp3", "iops": 100})), &["100: `iops` of a gp3 volume is 3000 to 16000, not 100"]);
    check(
        device(json!({"volume_type": "io1", "volume_size": 10, "iops": 1000})),
        &["1000: at most 50 `iops` for each GiB of `volume_size`, not 1000 for 10"],
    );
    check(device(json!({"encrypted": false, "kms_key_id": "alias/x"})), &["\"alias/x\": `kms_key_id` is set, but `encrypted` is false"]);
    check(json!({"ami_block_device_mappings": [{"volume_size": 1}]}), &["{: a block device mapping needs a `device_name`"]);
}

#[test]
fn the_communicator() {
    check(json!({"ssh_username": null}), &["\"amazon-ebs\": `ssh_username` must be given"]);
    check(json!({"ssh_username": null, "communicator": "none"}), &[]);
    check(json!({"communicator": "telnet"}), &["\"telnet\": `communicator` is one of `ssh`, `winrm`, `none`, not `telnet`"]);
    check(
        json!({"ssh_keypair_name": "k"}),
        &["\"k\": `ssh_keypair_name` needs the key: neither `ssh_private_key_file` nor `ssh_agent_auth` is given"],
    );
    check(json!({"ssh_private_key_file": "there"}), &["\"there\": there is no file `there`"]);
    check(json!({"ssh_private_key_file": "~/key"}), &[]);
    check(json!({"ssh_certificate_file": "here"}), &["\"here\": `ssh_certificate_file` needs `ssh_private_key_file`"]);
    check(
        json!({"ssh_bastion_host": "b"}),
        &["\"b\": no login for the bastion: give `ssh_bastion_private_key_file`, `ssh_bastion_agent_auth` or `ssh_bastion_password`"],
    );
    check(json!({"ssh_local_tunnels": ["80"]}), &["\"80\": `80` is not a tunnel of the form `PORT:HOST:HOSTPORT`"]);
    check(json!({"temporary_key_pair_type": "dsa"}), &["\"dsa\": `temporary_key_pair_type` is one of `rsa`, `ed25519`, not `dsa`"]);
}

#[test]
fn network_features() {
    check(json!({"ena_support": "", "sriov_support": "false"}), &[]);
    let spot = "Spot instances do not support modification, which is required when either `ena_support` or `sriov_support` are set";
    let found = findings(json!({"ena_support": true, "spot_price": "auto"}));
    assert!(found.contains(&format!("true: {spot}")), "{found:?}");
}

#[test]
fn the_images_later_life() {
    check(json!({"deprecate_at": "2030-01-01T00:00:00Z", "deregistration_protection": {"with_cooldown": "true"}}), &[]);
    check(json!({"deprecate_at": "", "deregistration_protection": {}}), &[]);
    check(
        json!({"deprecate_at": "2030-01-01"}),
        &["\"2030-01-01\": deprecate_at is not a valid time: \"2030-01-01\". Expect time format: YYYY-MM-DDTHH:MM:SSZ"],
    );
    check(json!({"imds_support": "v1"}), &["\"v1\": `imds_support` can only be `v2.0`"]);
}

#[test]
fn fast_launch() {
    let fast = |keys: Value| json!({"fast_launch": keys, "ami_regions": ["us-west-2"]});
    check(fast(json!({"enable_fast_launch": true, "max_parallel_launches": 6, "template_name": "a", "template_version": 1})), &[]);
    check(fast(json!({"max_parallel_launches": 3})), &["3: max_parallel_launches must be >= 6, provided value is 3"]);
    check(fast(json!({"target_resource_count": -1})), &["-1: target_resource_count must be >= 1, provided value is -1"]);
    let home = "fast_launch_template_config region \"us-east-1\"";
    check(
        fast(json!({"template_id": "lt-1", "template_name": "a"})),
        &[&format!("\"a\": {home}: both template ID and name cannot be specified at the same time")],
    );
    check(fast(json!({"template_version": 2})), &[&format!("2: {home}: launch template version specified without an ID or name")]);
    check(
        fast(json!({"template_id": "lt-1", "template_version": -2})),
        &[&format!("-2: {home}: the launch template version must be >= 1, provided value is -2")],
    );
    let regions = |list: Value| fast(json!({"template_name": "a", "region_launch_templates": list}));
    check(regions(json!([{"region": "us-west-2", "template_name": "b"}])), &[]);
    check(regions(json!([{"template_name": "b"}])), &["{: region cannot be empty for a regional fast template config"]);
    check(
        regions(json!([{"region": "us-east-1", "template_name": "b"}])),
        &["\"us-east-1\": fast launch: launch template specified twice for region \"us-east-1\", only once is supported"],
    );
    check(
        regions(json!([{"region": "eu-west-1", "template_name": "b"}])),
        &["\"eu-west-1\": Launch template specified for enabling fast-launch on region \"eu-west-1\", but the AMI won't be copied there."],
    );
}

#[test]
fn vault_and_roles() {
    check(json!({"vault_aws_engine": {"name": "builder", "ttl": "1h", "role_arn": "arn:aws:iam::1:role/r"}, "mfa_code": "123456"}), &[]);
    check(json!({"vault_aws_engine": {}, "mfa_code": ""}), &[]);
    check(json!({"vault_aws_engine": {"engine_name": "aws"}}), &["{: `vault_aws_engine` needs the `name` of a role of the engine"]);
    check(
        json!({"vault_aws_engine": {"name": "builder"}, "access_key": "AKIA", "secret_key": "hidden"}),
        &["{: only one of `vault_aws_engine` and `access_key` can be given"],
    );
    let role = |tags: Value, transitive: Value| json!({"assume_role": {"role_arn": "arn:aws:iam::1:role/r", "tags": tags, "transitive_tag_keys": transitive}});
    check(role(json!({"team": "x"}), json!(["team"])), &[]);
    check(role(json!({"team": "x"}), json!(["unit"])), &["\"unit\": `unit` is none of the session's `tags`"]);
}

#[test]
fn what_is_not_built_yet_is_refused() {
    for (keys, at, key) in [
        (json!({"communicator": "winrm"}), "\"winrm\"", "the communicator `winrm`"),
        (json!({"ssh_proxy_host": "p"}), "\"p\"", "`ssh_proxy_host`"),
    ] {
        check(keys, &[&format!("{at}: amibake does not support {key} yet")]);
    }
}
