//! What a build with `amazon-ebs` asks of EC2, tells and leaves.

use serde_json::json;

use super::ebs_lab::{Bench, builder, images, lab, source_ami};

#[tokio::test(start_paused = true)]
async fn a_build_leaves_its_image_and_nothing_else() {
    let bench = Bench::new(lab());
    let source = source_ami(&bench.lab).await;
    let outcome = bench.bake(builder(json!({"tags": {"Name": "flask", "Source": "{{ .SourceAMI }}"}}))).await;
    let artifact = outcome.artifact();
    let [id] = &images(artifact)[..] else { panic!("{}", artifact.id) };
    assert_eq!(artifact.builder_id, "mitchellh.amazonebs");
    assert_eq!(artifact.text, format!("AMIs were created:\nus-east-1: {id}\n"));
    assert_eq!(outcome.remaining, Vec::<String>::new());
    assert_eq!(outcome.leftovers, []);

    let image = bench.lab.image(id).unwrap();
    assert_eq!(image.name, "an-image");
    let tags: Vec<String> = image.tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect();
    assert_eq!(tags, ["Name=flask".to_owned(), format!("Source={source}")]);
    for snapshot in image.snapshots() {
        assert_eq!(bench.lab.snapshot(snapshot).unwrap().tags, image.tags, "the snapshots have the image's tags");
    }
    let mut changes = outcome.changes();
    // Side by side, in either order.
    changes[..2].sort_unstable();
    assert_eq!(
        changes,
        [
            "CreateKeyPair",
            "CreateSecurityGroup",
            "AuthorizeSecurityGroupIngress",
            "RunInstances",
            "StopInstances",
            "CreateImage",
            "DeleteKeyPair",
            "ModifyInstanceAttribute",
            "DeleteSecurityGroup",
            "CreateTags",
            "TerminateInstances",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_build_is_hardly_longer_than_ec2_takes() {
    let outcome = Bench::new(lab()).bake(builder(json!({}))).await;
    outcome.artifact();
    // Running 6 s, stop 11 s, image 47 s.
    let over = outcome.took.as_secs_f64() - 64.0;
    assert!(over < 3.0, "{over} s over what EC2 takes");
    let waits = outcome.calls.iter().filter(|call| matches!(call.operation, "DescribeInstances" | "DescribeImages")).count();
    assert!(waits < outcome.took.as_secs() as usize + 7, "{waits} describing calls in {:?}", outcome.took);
}

#[tokio::test(start_paused = true)]
async fn what_a_build_tells() {
    let bench = Bench::new(lab());
    let outcome = bench.bake(builder(json!({"run_tags": {"creator": "me"}, "tags": {"Name": "x"}}))).await;
    outcome.artifact();
    let ids = regex::Regex::new("(ami|i|snap)-[0-9a-f]{8,}").unwrap();
    let uuids = regex::Regex::new("[0-9a-f]{8}-[0-9a-f-]{27}").unwrap();
    let text = uuids.replace_all(&ids.replace_all(&outcome.text, "$1-ID"), "UUID").into_owned();
    insta::assert_snapshot!(text, @r#"
    ==> Prevalidating any provided VPC information
    ==> Prevalidating AMI Name: an-image
        Found Image ID: ami-ID
    ==> Creating temporary keypair: packer_UUID
    ==> Creating temporary security group for this instance: packer_UUID
    ==> Authorizing access to port 22 from [0.0.0.0/0] in the temporary security groups...
    ==> Launching a source AWS instance...
    ==> Adding tags to source instance
        Adding tag: "creator": "me"
        Instance ID: i-ID
    ==> Waiting for instance (i-ID) to become ready...
    ==> Connected to SSH!
        ran: provision
    ==> Stopping the source instance...
        Stopping instance
    ==> Waiting for the instance to stop...
    ==> Creating AMI an-image from instance i-ID
        AMI: ami-ID
    ==> Waiting for AMI to become ready...
    ==> Deleting temporary keypair...
    ==> Deleting temporary security group...
        AMI ami-ID: 31% of the snapshot is done
        AMI ami-ID: 63% of the snapshot is done
        AMI ami-ID: 95% of the snapshot is done
    ==> Adding tags to AMI (ami-ID)...
    ==> Tagging snapshot: snap-ID
    ==> Creating AMI tags
        Adding tag: "Name": "x"
        Adding tag: "creator": "me"
    ==> Creating snapshot tags
    ==> Terminating the source AWS instance...
    ==> Cleaning up any extra volumes...
    ==> No volumes to clean up, skipping
    "#);
}

#[tokio::test(start_paused = true)]
async fn copies_are_made_side_by_side() {
    let bench = Bench::new(lab());
    let outcome = bench.bake(builder(json!({"ami_regions": ["us-west-2", "eu-west-1", "us-east-1"], "tags": {"Name": "x"}}))).await;
    let artifact = outcome.artifact();
    let regions: Vec<&str> = artifact.id.split(',').filter_map(|pair| pair.split_once(':')).map(|(region, _)| region).collect();
    assert_eq!(regions, ["eu-west-1", "us-east-1", "us-west-2"]);
    for id in images(artifact) {
        assert_eq!(bench.lab.image(&id).unwrap().tags.len(), 1, "{id}");
    }
    assert_eq!(outcome.remaining, Vec::<String>::new());
    // One copy takes 60 s; two after another would take 120.
    assert!(outcome.took.as_secs() < 64 + 60 + 5, "{:?}", outcome.took);
}

#[tokio::test(start_paused = true)]
async fn an_encrypted_image_is_the_copy() {
    let bench = Bench::new(lab());
    let outcome = bench.bake(builder(json!({"encrypt_boot": true, "tags": {"Name": "x"}}))).await;
    let [id] = &images(outcome.artifact())[..] else { panic!("{}", outcome.text) };
    let image = bench.lab.image(id).unwrap();
    assert_eq!(image.name, "an-image");
    assert!(image.copied_from.is_some());
    assert!(image.snapshots().all(|snapshot| bench.lab.snapshot(snapshot).unwrap().encrypted));
    assert_eq!(outcome.remaining, Vec::<String>::new(), "the unencrypted one is gone");
}

#[tokio::test(start_paused = true)]
async fn the_build_region_can_be_left_out() {
    let bench = Bench::new(lab());
    let outcome = bench.bake(builder(json!({"skip_save_build_region": true, "ami_regions": ["us-west-2"]}))).await;
    assert!(outcome.artifact().id.starts_with("us-west-2:ami-"), "{}", outcome.artifact().id);
    assert_eq!(outcome.remaining, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn images_are_shared() {
    let bench = Bench::new(lab());
    let keys = json!({
        "ami_users": ["111122223333", ""], "ami_groups": ["all"], "ami_product_codes": ["abc123"],
        "snapshot_users": ["111122223333"], "ami_description": "of {{ .SourceAMIOwnerName }}", "imds_support": "v2.0",
    });
    let outcome = bench.bake(builder(keys)).await;
    let [id] = &images(outcome.artifact())[..] else { panic!("{}", outcome.text) };
    let image = bench.lab.image(id).unwrap();
    assert_eq!(image.description, "of amazon");
    assert_eq!(image.users, ["111122223333"]);
    assert_eq!(image.product_codes, ["abc123"]);
    assert_eq!(image.imds_support.as_deref(), Some("v2.0"));
    assert!(image.public);
    for snapshot in image.snapshots() {
        assert_eq!(bench.lab.snapshot(snapshot).unwrap().users, ["111122223333"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_image_makes_room() {
    let bench = Bench::new(lab());
    let first = bench.bake(builder(json!({}))).await;
    let [old] = &images(first.artifact())[..] else { panic!("{}", first.text) };
    let refused = bench.bake(builder(json!({}))).await;
    assert_eq!(refused.error(), format!("Error: AMI Name: 'an-image' is used by an existing AMI: {old}"));
    assert_eq!(refused.changes(), Vec::<&str>::new());
    let second = bench.bake(builder(json!({"force_deregister": true, "force_delete_snapshot": true}))).await;
    second.artifact();
    assert!(second.text.contains(&format!("==> Deregistered AMI an-image, id: {old}\n")), "{}", second.text);
    assert_eq!(second.remaining, Vec::<String>::new(), "neither the old image nor its snapshots");
}

#[tokio::test(start_paused = true)]
async fn without_an_image_there_is_no_artifact() {
    let bench = Bench::new(lab());
    let outcome = bench.bake(builder(json!({"skip_create_ami": true}))).await;
    assert!(outcome.result.as_ref().is_ok_and(Option::is_none), "{}", outcome.text);
    assert_eq!(outcome.remaining, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_launch_says_what_the_template_says() {
    let bench = Bench::new(lab());
    let keys = json!({
        "ebs_optimized": true, "instance_type": "m5.large", "user_data": "#!/bin/sh", "shutdown_behavior": "terminate",
        "metadata_options": {"http_tokens": "required"},
        "launch_block_device_mappings": [
            {"device_name": "/dev/xvda", "volume_type": "gp3", "volume_size": 20, "delete_on_termination": true, "iops": 3000},
            {"device_name": "/dev/sdb", "no_device": true},
        ],
        "run_volume_tags": {"Vol": "{{ .BuildRegion }}"},
    });
    let outcome = bench.bake(builder(keys)).await;
    outcome.artifact();
    let sent = &outcome.call("RunInstances").parameters;
    let shown = |key: &str| sent.get(key).map(String::as_str);
    for (key, value) in [
        ("EbsOptimized", "true"),
        ("InstanceType", "m5.large"),
        ("UserData", "IyEvYmluL3No"),
        ("InstanceInitiatedShutdownBehavior", "terminate"),
        ("MetadataOptions.HttpTokens", "required"),
        ("MetadataOptions.HttpPutResponseHopLimit", "1"),
        ("BlockDeviceMapping.1.Ebs.VolumeSize", "20"),
        ("BlockDeviceMapping.1.Ebs.Iops", "3000"),
        ("BlockDeviceMapping.2.NoDevice", ""),
    ] {
        assert_eq!(shown(key), Some(value), "{key} in {sent:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_subnet_other_than_the_default() {
    let bench = Bench::new(lab());
    let vpc = bench.lab.add_vpc("us-east-1").unwrap();
    let bench = Bench::new(bench.lab);
    let refused = bench.bake(builder(json!({"vpc_id": vpc.as_str()}))).await;
    assert_eq!(refused.error(), format!("Error: subnet_id or subnet_filter must be provided for non-default VPCs ({vpc})"));
    let keys = json!({
        "subnet_filter": {"filters": {"vpc-id": vpc.as_str()}, "most_free": true}, "associate_public_ip_address": true, "ssh_interface": "public_ip",
    });
    let outcome = bench.bake(builder(keys)).await;
    outcome.artifact();
    assert_eq!(outcome.remaining, Vec::<String>::new());
    assert_eq!(outcome.call("CreateSecurityGroup").parameters.get("VpcId").map(String::as_str), Some(vpc.as_str()));
}

#[tokio::test(start_paused = true)]
async fn the_temporary_key_does_not_stay_in_the_image() {
    let bench = Bench::new(lab());
    let keys = json!({"ssh_clear_authorized_keys": true, "temporary_key_pair_name": "a-key"});
    let outcome = bench.bake(builder(keys)).await;
    outcome.artifact();
    assert!(outcome.text.contains("ran: sed -i.bak '/ a-key$/d' ~/.ssh/authorized_keys"), "{}", outcome.text);
}

#[tokio::test(start_paused = true)]
async fn mistakes_that_only_ec2_knows() {
    for (keys, error) in [
        (json!({"ami_regions": ["xx-west-9"]}), "error validating regions: Invalid region(s): [xx-west-9], available regions: ["),
        (
            json!({"source_ami_filter": {"filters": {"name": "nothing"}, "owners": ["self"]}}),
            "No AMI was found in us-east-1 matching filters: owners self; filters name=nothing",
        ),
        (json!({"source_ami_filter": {"filters": {"name": "al2023*"}, "owners": ["amazon"]}}), "Your query returned more than one result."),
        (
            json!({"security_group_id": "sg-0123456789abcdef0"}),
            "Couldn't find specified security group in us-east-1: DescribeSecurityGroups: InvalidGroup.NotFound",
        ),
        (
            json!({"security_group_filter": {"filters": {"tag:Class": "none"}}}),
            "No security group was found in us-east-1 matching filters: tag:Class=none",
        ),
        (json!({"tags": {"Base": "{{ .Nothing }}"}}), "Error processing tag: Base:{{ .Nothing }} - "),
        (json!({"iam_instance_profile": "none"}), "Error launching source instance in us-east-1: RunInstances: InvalidParameterValue"),
        (json!({"subnet_id": "vpc-1"}), "subnet_id: `vpc-1` is not an id of the form `subnet-…`"),
    ] {
        let bench = Bench::new(lab());
        let outcome = bench.bake(builder(keys.clone())).await;
        assert!(outcome.error().starts_with(error), "{keys}: {}", outcome.error());
        assert!(outcome.text.contains(&format!("==> {}", outcome.error())), "told: {}", outcome.text);
        assert_eq!(outcome.remaining, Vec::<String>::new(), "{keys}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_the_template_keeps_does_not_look_like_a_leftover() {
    let bench = Bench::new(lab());
    let keeps = json!({"launch_block_device_mappings": [{"device_name": "/dev/xvdf", "volume_size": 4, "delete_on_termination": false}]});
    bench.bake(builder(keeps)).await.artifact();
    let volumes = bench.lab.region("us-east-1").describe_volumes(&[], &[]).await.unwrap();
    let ours: Vec<bool> = volumes.iter().map(|volume| volume.tags.iter().any(|tag| tag.key.starts_with("amibake:"))).collect();
    assert_eq!(ours, [true, false], "the root volume, which goes with the instance; the one that stays: {volumes:?}");
}
