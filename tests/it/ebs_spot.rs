//! Where the source instance comes from: spot capacity, reserved capacity, a host, another zone; what it asks of EC2 and what it leaves.

use std::collections::BTreeSet;

use amibake_ec2::lab::{At, Fault, Kind, Lab, Options, Times};
use amibake_ec2::model::Filter;
use serde_json::{Value, json};

use super::ebs_lab::{Bench, Outcome, REGION, builder, images};

/// Everything at seconds' pace, without capacity in these zones or of these types.
fn full(what: &[&str]) -> Lab {
    let no_capacity: BTreeSet<String> = what.iter().map(|one| (*one).to_owned()).collect();
    Lab::new(Options { no_capacity, ..Options::new(Times::fast()) })
}

fn spot(keys: Value) -> Value {
    let mut all = json!({"spot_price": "auto"});
    all.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    builder(all)
}

/// Whether a call was sent these parameters; None: not at all.
#[track_caller]
fn sent(outcome: &Outcome, operation: &str, expected: &[(&str, Option<&str>)]) {
    let parameters = &outcome.call(operation).parameters;
    for (key, value) in expected {
        assert_eq!(parameters.get(*key).map(String::as_str), *value, "{operation} {key} in {parameters:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_spot_build_leaves_its_image_and_nothing_else() {
    let bench = Bench::new(full(&[]));
    let keys = json!({
        "spot_price": "0.05", "spot_allocation_strategy": "capacity-optimized", "ebs_optimized": true,
        "spot_tags": {"Spot": "{{ .BuildRegion }}"}, "fleet_tag": [{"key": "Fleet", "value": "f"}],
        "run_tags": {"creator": "me"}, "run_volume_tags": {"Vol": "v"}, "user_data": "#!/bin/sh",
        "launch_block_device_mappings": [
            {"device_name": "/dev/xvda", "volume_size": 20, "delete_on_termination": true},
            {"device_name": "/dev/sdb", "no_device": true},
            {"device_name": "/dev/sdc", "virtual_name": "ephemeral0"},
        ],
    });
    let outcome = bench.bake(spot(keys)).await;
    outcome.artifact();
    assert_eq!(outcome.remaining, Vec::<String>::new());
    assert_eq!(outcome.leftovers, []);
    sent(
        &outcome,
        "CreateLaunchTemplate",
        &[
            ("LaunchTemplateData.InstanceMarketOptions.MarketType", Some("spot")),
            ("LaunchTemplateData.InstanceMarketOptions.SpotOptions.MaxPrice", Some("0.05")),
            ("LaunchTemplateData.InstanceType", Some("t2.micro")),
            ("LaunchTemplateData.UserData", Some("IyEvYmluL3No")),
            ("LaunchTemplateData.EbsOptimized", Some("true")),
            ("LaunchTemplateData.MetadataOptions.HttpEndpoint", Some("enabled")),
            ("LaunchTemplateData.BlockDeviceMapping.1.Ebs.VolumeSize", Some("20")),
            ("LaunchTemplateData.BlockDeviceMapping.2.NoDevice", Some("")),
            ("LaunchTemplateData.BlockDeviceMapping.3.VirtualName", Some("ephemeral0")),
            ("LaunchTemplateData.InstanceInitiatedShutdownBehavior", None),
            ("LaunchTemplateData.CapacityReservationSpecification.CapacityReservationPreference", None),
            ("TagSpecification.1.ResourceType", Some("launch-template")),
            ("TagSpecification.1.Tag.1.Value", Some(REGION)),
        ],
    );
    sent(
        &outcome,
        "CreateFleet",
        &[
            ("Type", Some("instant")),
            ("SpotOptions.AllocationStrategy", Some("capacity-optimized")),
            ("TagSpecification.1.Tag.1.Key", Some("Fleet")),
            ("LaunchTemplateConfigs.1.Overrides.1.InstanceType", None),
        ],
    );
    let instances = bench.lab.region(REGION).describe_instances(&[], &[Filter::new("tag:creator", "me")]).await.unwrap();
    let instance = bench.lab.instance(&instances[0].id).unwrap();
    let request = instance.spot.unwrap();
    assert_eq!(request.tags[0].key, "Spot");
    let mut changes = outcome.changes();
    changes.sort_unstable();
    assert!(!changes.contains(&"StopInstances"), "a spot instance cannot be stopped: {changes:?}");
    assert!(!changes.contains(&"RunInstances"), "{changes:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_spot_build_tells() {
    let outcome = Bench::new(full(&[])).bake(spot(json!({"run_tags": {"creator": "me"}, "skip_ami_run_tags": true}))).await;
    outcome.artifact();
    let ids = regex::Regex::new("(ami|i|snap)-[0-9a-f]{8,}").unwrap();
    let uuids = regex::Regex::new("[0-9a-f]{8}-[0-9a-f-]{27}").unwrap();
    let text = uuids.replace_all(&ids.replace_all(&outcome.text, "$1-ID"), "UUID").into_owned();
    let from = text.find("==> Launching").unwrap();
    insta::assert_snapshot!(&text[from..], @r#"
    ==> Launching a spot AWS instance...
    ==> Interpolating tags for spot instance...
        Adding tag: "creator": "me"
        Loading User Data File...
        Creating Spot Fleet launch template...
        Instance ID: i-ID
    ==> Waiting for instance (i-ID) to become ready...
    ==> Connected to SSH!
        ran: provision
    ==> Creating AMI an-image from instance i-ID
        AMI: ami-ID
    ==> Waiting for AMI to become ready...
    ==> Deleting temporary keypair...
    ==> Deleting temporary security group...
    ==> Terminating the source AWS instance...
    ==> Cleaning up any extra volumes...
    ==> No volumes to clean up, skipping
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_type_without_capacity_is_passed_over() {
    let bench = Bench::new(full(&["t3.micro"]));
    let outcome = bench.bake(spot(json!({"instance_type": null, "spot_instance_types": ["t3.micro", "", "t3a.micro"]}))).await;
    outcome.artifact();
    sent(
        &outcome,
        "CreateFleet",
        &[
            ("LaunchTemplateConfigs.1.Overrides.1.InstanceType", Some("t3.micro")),
            ("LaunchTemplateConfigs.1.Overrides.2.InstanceType", Some("t3a.micro")),
        ],
    );
    sent(&outcome, "CreateLaunchTemplate", &[("LaunchTemplateData.InstanceType", None)]);
}

#[tokio::test(start_paused = true)]
async fn a_fleet_has_every_zone_that_the_template_leaves_open() {
    let bench = Bench::new(full(&["us-east-1a", "us-east-1b"]));
    let keys = json!({
        "subnet_filter": {"filters": {"default-for-az": "true"}, "random": true}, "associate_public_ip_address": true,
        "instance_type": null, "spot_instance_types": ["t3.micro", "t3a.micro"],
    });
    let outcome = bench.bake(spot(keys)).await;
    outcome.artifact();
    assert_eq!(outcome.remaining, Vec::<String>::new());
    sent(
        &outcome,
        "CreateLaunchTemplate",
        &[
            ("LaunchTemplateData.Placement.AvailabilityZone", None),
            ("LaunchTemplateData.NetworkInterface.1.SubnetId", None),
            ("LaunchTemplateData.NetworkInterface.1.AssociatePublicIpAddress", Some("true")),
        ],
    );
    let call = outcome.call("CreateFleet");
    let ways = call.parameters.keys().filter(|key| key.ends_with(".SubnetId")).count();
    let zones = bench.lab.region(REGION).describe_subnets(&[], &[Filter::new("default-for-az", "true")]).await.unwrap().len();
    assert_eq!(ways, 2 * zones, "two types in each zone");
}

#[tokio::test(start_paused = true)]
async fn spot_refusals_say_what_to_do() {
    for (lab, keys, parts) in [
        (
            full(&[]),
            json!({"spot_price": "0.001"}),
            ["SpotMaxPriceTooLow: Your Spot request price of 0.001 is lower", "raise `spot_price`"],
        ),
        (
            full(&["t2.micro"]),
            json!({}),
            ["InsufficientInstanceCapacity: We currently do not have sufficient", "several `spot_instance_types`"],
        ),
    ] {
        let outcome = Bench::new(lab).bake(spot(keys.clone())).await;
        let error = outcome.error();
        assert!(error.starts_with("Error launching spot instance in us-east-1: CreateFleet: "), "{error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{keys}: {error}");
        assert_eq!(outcome.remaining, Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn spot_capacity_that_comes_back_is_waited_for() {
    let bench = Bench::new(full(&[]));
    for nth in 1..=3 {
        bench.lab.fault(Fault::new(At::Operation("CreateFleet", nth), Kind::Refuse("InsufficientInstanceCapacity", "no capacity")));
    }
    let outcome = bench.bake(spot(json!({}))).await;
    outcome.artifact();
    let fleets: Vec<_> = outcome.calls.iter().filter(|call| call.operation == "CreateFleet").collect();
    assert_eq!(fleets.len(), 4);
    assert!(fleets.windows(2).all(|pair| pair[0].parameters["ClientToken"] != pair[1].parameters["ClientToken"]));
    assert_eq!(outcome.text.matches("EC2 has no spot capacity for this at the moment").count(), 1, "{}", outcome.text);
}

#[tokio::test(start_paused = true)]
async fn on_demand_the_next_subnet_is_tried() {
    let bench = Bench::new(full(&["us-east-1a", "us-east-1b"]));
    let keys = json!({"subnet_filter": {"filters": {"default-for-az": "true"}, "most_free": true}});
    let outcome = bench.bake(builder(keys)).await;
    outcome.artifact();
    assert_eq!(outcome.remaining, Vec::<String>::new());
    let zones: Vec<&str> = outcome
        .calls
        .iter()
        .filter(|call| call.operation == "RunInstances")
        .map(|call| call.parameters["Placement.AvailabilityZone"].as_str())
        .collect();
    let last = zones[zones.len() - 1];
    assert!(!["us-east-1a", "us-east-1b"].contains(&last), "{zones:?}");
    for pair in zones.windows(2) {
        let told = format!("==> No room for t2.micro in {} (InsufficientInstanceCapacity); trying subnet subnet-", pair[0]);
        assert!(outcome.text.contains(&told), "{told}\n{}", outcome.text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_subnet_that_the_template_names_is_the_only_one() {
    let bench = Bench::new(full(&["us-east-1a"]));
    let filters = [Filter::new("default-for-az", "true"), Filter::new("availability-zone", "us-east-1a")];
    let subnet = bench.lab.region(REGION).describe_subnets(&[], &filters).await.unwrap().remove(0).id;
    let outcome = bench.bake(builder(json!({"subnet_id": subnet.as_str()}))).await;
    let error = outcome.error();
    assert!(error.contains("RunInstances: InsufficientInstanceCapacity: ") && error.contains("(us-east-1a)"), "{error}");
    assert!(error.contains("`subnet_filter` with `random`"), "says what to do: {error}");
    assert_eq!(outcome.calls.iter().filter(|call| call.operation == "RunInstances").count(), 1);
    assert_eq!(outcome.remaining, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn no_room_anywhere_ends_after_each_zone_once() {
    let bench = Bench::new(full(&["t2.micro"]));
    let outcome = bench.bake(builder(json!({"subnet_filter": {"filters": {"default-for-az": "true"}, "random": true}}))).await;
    assert!(outcome.error().contains("InsufficientInstanceCapacity"), "{}", outcome.error());
    let zones: Vec<_> =
        outcome.calls.iter().filter(|call| call.operation == "RunInstances").map(|call| &call.parameters["SubnetId"]).collect();
    assert!(zones.len() > 1 && zones.len() == zones.iter().collect::<BTreeSet<_>>().len(), "{zones:?}");
}

#[tokio::test(start_paused = true)]
async fn reserved_capacity_hosts_enclaves_and_licences() {
    const CAPACITY: &str = "CapacityReservationSpecification";
    let (preference, target) =
        (format!("{CAPACITY}.CapacityReservationPreference"), format!("{CAPACITY}.CapacityReservationTarget.CapacityReservationId"));
    let group = format!("{CAPACITY}.CapacityReservationTarget.CapacityReservationResourceGroupArn");
    let arn = "arn:aws:license-manager:us-east-1:123456789012:license-configuration:lic-1";
    let host = json!({"placement": {"host_id": "h-0123456789abcdef0"}, "instance_type": "m5.large"});
    let group_of_hosts = json!({"placement": {"host_resource_group_arn": "arn:aws:x", "tenancy": "host"}, "instance_type": "m5.large"});
    let licences = json!({"license_specifications": [{"license_configuration_request": {"license_configuration_arn": arn}}]});
    for (keys, expected) in [
        (json!({}), vec![(&*preference, Some("none")), (&*target, None), ("EnclaveOptions.Enabled", None)]),
        (json!({"capacity_reservation_preference": "open"}), vec![(&*preference, Some("open"))]),
        (json!({"capacity_reservation_id": "cr-0123456789abcdef0"}), vec![(&*preference, None), (&*target, Some("cr-0123456789abcdef0"))]),
        (json!({"capacity_reservation_group_arn": "arn:aws:g"}), vec![(&*preference, None), (&*group, Some("arn:aws:g"))]),
        (host, vec![("Placement.HostId", Some("h-0123456789abcdef0")), ("Placement.Tenancy", Some("host"))]),
        (group_of_hosts, vec![("Placement.HostResourceGroupArn", Some("arn:aws:x")), ("Placement.Tenancy", Some("host"))]),
        (json!({"tenancy": "dedicated", "instance_type": "m5.large"}), vec![("Placement.Tenancy", Some("dedicated"))]),
        (json!({"enable_nitro_enclave": true, "instance_type": "m5.xlarge"}), vec![("EnclaveOptions.Enabled", Some("true"))]),
        (licences, vec![("LicenseSpecification.1.LicenseConfigurationArn", Some(arn))]),
    ] {
        let outcome = Bench::new(full(&[])).bake(builder(keys)).await;
        outcome.artifact();
        sent(&outcome, "RunInstances", &expected);
    }
}

#[tokio::test(start_paused = true)]
async fn only_this_machine_is_let_in() {
    let keys = || builder(json!({"temporary_security_group_source_public_ip": true}));
    let outcome = Bench::new(full(&[])).bake(keys()).await;
    outcome.artifact();
    sent(&outcome, "AuthorizeSecurityGroupIngress", &[("IpPermissions.1.IpRanges.1.CidrIp", Some("203.0.113.7/32"))]);
    assert!(outcome.text.contains("==> Current host's public IP: 203.0.113.7\n"), "{}", outcome.text);

    let lab = Lab::new(Options { own_address: "2001:db8::7".parse().ok(), ..Options::new(Times::fast()) });
    let outcome = Bench::new(lab).bake(keys()).await;
    sent(&outcome, "AuthorizeSecurityGroupIngress", &[("IpPermissions.1.Ipv6Ranges.1.CidrIpv6", Some("2001:db8::7/128"))]);

    let lab = Lab::new(Options { own_address: None, ..Options::new(Times::fast()) });
    let outcome = Bench::new(lab).bake(keys()).await;
    assert!(outcome.error().starts_with("Error: https://checkip.amazonaws.com did not tell this machine's public address"));
    assert_eq!(outcome.remaining, Vec::<String>::new());
}

/// The policy of the tests.
fn with_policy(keys: Value) -> Value {
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["logs:*"], "Resource": ["*"]}]});
    let mut all = json!({"temporary_iam_instance_profile_policy_document": policy, "run_tags": {"creator": "me"}});
    all.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    builder(all)
}

#[tokio::test(start_paused = true)]
async fn a_temporary_profile_lives_as_long_as_the_build() {
    let bench = Bench::new(full(&[]));
    let outcome = bench.bake(with_policy(json!({}))).await;
    outcome.artifact();
    assert_eq!(outcome.remaining, Vec::<String>::new());
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:*"],"Resource":["*"]}]}"#;
    sent(&outcome, "PutRolePolicy", &[("PolicyDocument", Some(document))]);
    let name = outcome.call("CreateRole").parameters["RoleName"].clone();
    assert!(name.starts_with("packer-"), "{name}");
    sent(&outcome, "CreateInstanceProfile", &[("InstanceProfileName", Some(&name)), ("Tags.member.1.Key", Some("creator"))]);
    let iam: Vec<&str> = outcome.changes().into_iter().filter(|call| call.contains("Role") || call.contains("Profile")).collect();
    assert_eq!(
        iam,
        [
            "CreateInstanceProfile",
            "CreateRole",
            "PutRolePolicy",
            "AddRoleToInstanceProfile",
            "RemoveRoleFromInstanceProfile",
            "DeleteRolePolicy",
            "DeleteRole",
            "DeleteInstanceProfile",
        ]
    );
    // EC2 learns of the profile a moment later.
    let launches: Vec<_> = outcome.calls.iter().filter(|call| call.operation == "RunInstances").collect();
    assert!(launches.len() > 1 && launches.iter().all(|call| call.parameters["IamInstanceProfile.Name"] == name));
}

#[tokio::test(start_paused = true)]
async fn a_spot_instance_has_a_temporary_profile_too() {
    let bench = Bench::new(full(&[]));
    let outcome = bench.bake(with_policy(json!({"spot_price": "auto"}))).await;
    let [id] = &images(outcome.artifact())[..] else { panic!("{}", outcome.text) };
    assert!(bench.lab.image(id).is_some());
    assert_eq!(outcome.remaining, Vec::<String>::new());
    let name = outcome.call("CreateRole").parameters["RoleName"].clone();
    sent(&outcome, "CreateLaunchTemplate", &[("LaunchTemplateData.IamInstanceProfile.Name", Some(&name))]);
}

#[tokio::test(start_paused = true)]
async fn a_named_profile_is_used_instead_of_a_temporary_one() {
    let mut options = Options::new(Times::fast());
    options.instance_profiles.insert("own".to_owned());
    let outcome = Bench::new(Lab::new(options)).bake(with_policy(json!({"iam_instance_profile": "own"}))).await;
    outcome.artifact();
    sent(&outcome, "RunInstances", &[("IamInstanceProfile.Name", Some("own"))]);
    assert!(!outcome.changes().contains(&"CreateRole"));
}

#[tokio::test(start_paused = true)]
async fn what_stays_of_a_profile_is_told_with_the_commands() {
    let bench = Bench::new(full(&[]));
    bench.lab.fault(Fault::new(At::Every("DeleteRole"), Kind::Refuse("AccessDenied", "User is not authorized to perform: iam:DeleteRole")));
    let outcome = bench.bake(with_policy(json!({}))).await;
    outcome.artifact();
    let [leftover] = &outcome.leftovers[..] else { panic!("{:?}", outcome.leftovers) };
    assert!(leftover.what.starts_with("instance profile and role packer-"), "{leftover:?}");
    assert!(leftover.command.contains("iam delete-role --role-name packer-"), "{leftover:?}");
}

#[tokio::test(start_paused = true)]
async fn the_other_spelling_of_tags() {
    let keys = json!({"spot_tag": [{"key": "Spot", "value": "s"}], "fleet_tags": {"Fleet": "f"}});
    let outcome = Bench::new(full(&[])).bake(spot(keys)).await;
    outcome.artifact();
    sent(
        &outcome,
        "CreateLaunchTemplate",
        &[("TagSpecification.1.Tag.1.Key", Some("Spot")), ("TagSpecification.1.Tag.1.Value", Some("s"))],
    );
    sent(&outcome, "CreateFleet", &[("TagSpecification.1.Tag.1.Key", Some("Fleet")), ("TagSpecification.1.Tag.1.Value", Some("f"))]);
}
