use amibake_ec2::lab::{At, Fault, Kind, Lab, Times};
use amibake_ec2::model::DescribeImages;
use amibake_ec2::{ImageId, InstanceId, SecurityGroupId};

use super::*;
use crate::engine::testing::{group, image, key, lab, launch, teardown, texts, with_group};

const LIMIT: Duration = Duration::from_secs(900);

async fn unwind(teardown: &Teardown, ending: Ending) -> Vec<Leftover> {
    teardown.unwind(ending, Instant::now() + LIMIT).await
}

fn changes(lab: &Lab, from: usize) -> Vec<&'static str> {
    lab.calls().iter().skip(from).filter(|call| call.changes).map(|call| call.operation).collect()
}

/// What a build makes: key pair, group, instance, image. Goes on over failures, as far as there is something to go on with.
async fn make_all(teardown: &Teardown, region: &AwsRegion) -> Result<(InstanceId, ImageId), CreateError> {
    let ec2 = &region.ec2;
    teardown.create(region, Resource::key_pair("k"), Lifetime::Build, ec2.create_key_pair(key("k"))).await?;
    let (sg, _) = teardown.create(region, Resource::security_group("g"), Lifetime::Build, ec2.create_security_group(group("g"))).await?;
    let request = with_group(launch(&**ec2, "t", Some(teardown)).await, &sg);
    let (instance, _) = teardown.create(region, Resource::instance("t"), Lifetime::Build, ec2.run_instance(request)).await?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let planned = Resource::image("made", ImageOrigin::Instance(instance.id.clone()));
    let (made, _) = teardown.create(region, planned, Lifetime::Artifact, ec2.create_image(image(&instance.id, "made"))).await?;
    Ok((instance.id, made))
}

#[tokio::test(start_paused = true)]
async fn success_leaves_the_image_and_nothing_else() {
    let (lab, region) = lab(Times::fast());
    let (before, (stack, events)) = (lab.inventory(), teardown());
    let (_, made) = make_all(&stack, &region).await.unwrap();
    let from = lab.count();
    assert_eq!(unwind(&stack, Ending::Success).await, []);
    assert_eq!(lab.remaining(&before, &[made]), [] as [String; 0]);
    assert_eq!(changes(&lab, from).last(), Some(&"DeleteSecurityGroup"), "the group goes after its instance is terminated");
    let told = texts(&events);
    for line in [
        "Terminating the source AWS instance...",
        "Deleting temporary keypair...",
        "Cleaning up any extra volumes...",
        "No volumes to clean up, skipping",
        "Deleting temporary security group...",
    ] {
        assert!(told.contains(&line.to_owned()), "{line}: {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn failure_takes_the_image_with_its_snapshots() {
    let (lab, region) = lab(Times::real());
    let (before, (stack, events)) = (lab.inventory(), teardown());
    make_all(&stack, &region).await.unwrap();
    assert_eq!(unwind(&stack, Ending::Failure).await, [], "the image is still pending");
    assert_eq!(lab.remaining(&before, &[]), [] as [String; 0]);
    let told = texts(&events).join("\n");
    assert!(told.contains("Deregistering the AMI and deleting associated snapshots because of cancellation, or error..."), "{told}");
    assert!(told.contains("Deregistered AMI id: ami-") && told.contains("Deleted snapshot: snap-"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_an_instance_that_nothing_hangs_on() {
    let (_lab, region) = lab(Times { terminate: Duration::from_secs(60), ..Times::instant() });
    let (stack, _events) = teardown();
    let request = launch(&*region.ec2, "t", Some(&stack)).await;
    stack.create(&region, Resource::instance("t"), Lifetime::Build, region.ec2.run_instance(request)).await.unwrap();
    let start = Instant::now();
    assert_eq!(unwind(&stack, Ending::Success).await, []);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_or_request_at_any_creating_call_leaks_nothing() {
    for call in ["CreateKeyPair", "CreateSecurityGroup", "RunInstances", "CreateImage"] {
        for kind in [Kind::LoseReply, Kind::LoseRequest, Kind::Refuse("InternalFailure", "no")] {
            let (lab, region) = lab(Times::fast());
            let (before, (stack, _events)) = (lab.inventory(), teardown());
            lab.fault(Fault::new(At::Operation(call, 1), kind.clone()));
            assert!(make_all(&stack, &region).await.is_err(), "{call} {kind:?}");
            assert_eq!(unwind(&stack, Ending::Failure).await, [], "{call} {kind:?}");
            assert_eq!(lab.remaining(&before, &[]), [] as [String; 0], "left behind by {call} {kind:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_or_throttling_at_any_removing_call_leaks_nothing() {
    for call in ["DeleteKeyPair", "DeleteSecurityGroup", "TerminateInstances", "DeregisterImage", "DeleteSnapshot"] {
        for kind in [Kind::LoseReply, Kind::LoseRequest, Kind::Throttle] {
            let (lab, region) = lab(Times::fast());
            let (before, (stack, _events)) = (lab.inventory(), teardown());
            make_all(&stack, &region).await.unwrap();
            lab.fault(Fault::new(At::Operation(call, 1), kind.clone()));
            assert_eq!(unwind(&stack, Ending::Failure).await, [], "{call} {kind:?}");
            assert_eq!(lab.remaining(&before, &[]), [] as [String; 0], "left behind by {call} {kind:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_creating_call_dropped_half_way_leaks_nothing() {
    let (lab, region) = lab(Times::fast());
    let (before, (stack, _events)) = (lab.inventory(), teardown());
    let request = launch(&*region.ec2, "t", Some(&stack)).await;
    let call = async {
        region.ec2.run_instance(request).await?;
        std::future::pending::<()>().await;
        Err(Ec2Error::unknown("RunInstances", "never"))
    };
    let creating = stack.create::<amibake_ec2::model::Instance>(&region, Resource::instance("t"), Lifetime::Build, call);
    assert!(tokio::time::timeout(Duration::from_secs(5), creating).await.is_err(), "dropped with what it ran in");
    assert_ne!(lab.remaining(&before, &[]), [] as [String; 0]);
    assert_eq!(unwind(&stack, Ending::Failure).await, []);
    assert_eq!(lab.remaining(&before, &[]), [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_ends_after_its_own_limit() {
    let (lab, region) = lab(Times::fast());
    let (stack, _events) = teardown();
    let call = std::future::pending::<amibake_ec2::Result<SecurityGroupId>>();
    let start = Instant::now();
    let made = stack.create(&region, Resource::security_group("g"), Lifetime::Build, call).await;
    assert!(matches!(made, Err(CreateError::Unknown { .. })), "{made:?}");
    assert_eq!((start.elapsed(), lab.changes()), (CREATE_LIMIT, 0));
}

#[tokio::test(start_paused = true)]
async fn another_image_of_the_same_name_is_not_ours() {
    let (lab, region) = lab(Times::instant());
    let (stack, _events) = teardown();
    let mut instances = Vec::new();
    for token in ["mine", "theirs"] {
        let request = launch(&*region.ec2, token, None).await;
        instances.push(region.ec2.run_instance(request).await.unwrap().id);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let theirs = region.ec2.create_image(image(&instances[1], "made")).await.unwrap();
    lab.fault(Fault::new(At::Operation("CreateImage", 2), Kind::LoseRequest));
    let planned = Resource::image("made", ImageOrigin::Instance(instances[0].clone()));
    let call = region.ec2.create_image(image(&instances[0], "made"));
    assert!(matches!(stack.create(&region, planned, Lifetime::Artifact, call).await, Err(CreateError::Unknown { .. })));
    assert_eq!(unwind(&stack, Ending::Failure).await, []);
    let operations: Vec<_> = lab.calls().iter().map(|call| call.operation).collect();
    assert!(!operations.contains(&"DeregisterImage"), "somebody else's image {theirs} was removed");
}

#[tokio::test(start_paused = true)]
async fn snapshots_of_a_lost_image_that_is_gone_are_found_by_their_instance() {
    let (lab, region) = lab(Times::instant());
    let (before, (stack, _events)) = (lab.inventory(), teardown());
    lab.fault(Fault::new(At::Operation("CreateImage", 1), Kind::LoseReply));
    assert!(make_all(&stack, &region).await.is_err());
    let request = DescribeImages { owners: vec!["self".to_owned()], ..DescribeImages::default() };
    let made = region.ec2.describe_images(request).await.unwrap().remove(0).id;
    region.ec2.deregister_image(&made).await.unwrap();
    assert_eq!(unwind(&stack, Ending::Failure).await, []);
    assert_eq!(lab.remaining(&before, &[]), [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_already_is_no_trouble() {
    let (lab, region) = lab(Times::instant());
    let (before, (stack, _events)) = (lab.inventory(), teardown());
    let (_, made) = make_all(&stack, &region).await.unwrap();
    region.ec2.delete_key_pair("k").await.unwrap();
    region.ec2.deregister_image(&made).await.unwrap();
    assert_eq!(unwind(&stack, Ending::Failure).await, []);
    assert_eq!(lab.remaining(&before, &[]), [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_stays_is_told_with_the_command_that_removes_it_and_the_rest_goes() {
    let (lab, region) = lab(Times::instant());
    let (stack, _events) = teardown();
    make_all(&stack, &region).await.unwrap();
    lab.fault(Fault::new(At::Every("DeleteKeyPair"), Kind::Refuse("UnauthorizedOperation", "not you")));
    let left = unwind(&stack, Ending::Failure).await;
    let told: Vec<_> = left.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["Left behind: key pair k in us-east-2 (DeleteKeyPair: UnauthorizedOperation: not you). \
          To remove it: aws --region us-east-2 ec2 delete-key-pair --key-name k"]
    );
    assert_eq!(stack.remaining("").len(), 1, "it stays on the stack, and in the journal");
}

#[tokio::test(start_paused = true)]
async fn abort_keeps_everything_and_says_so() {
    let (lab, region) = lab(Times::instant());
    let (stack, _events) = teardown();
    let (instance, made) = make_all(&stack, &region).await.unwrap();
    let from = lab.count();
    let left = unwind(&stack, Ending::Abort).await;
    let what: Vec<_> = left.iter().map(|leftover| leftover.what.clone()).collect();
    assert_eq!(changes(&lab, from), [] as [&str; 0]);
    assert_eq!(what[0], format!("image {made} (made) in us-east-2"));
    assert_eq!(what[1], format!("instance {instance} in us-east-2"));
    assert!(what[2].starts_with("security group sg-") && what[3] == "key pair k in us-east-2", "{what:?}");
}

#[tokio::test(start_paused = true)]
async fn a_builder_that_released_an_entry_is_not_helped() {
    let (lab, region) = lab(Times::instant());
    let (stack, _events) = teardown();
    let call = region.ec2.create_key_pair(key("k"));
    let (_, entry) = stack.create(&region, Resource::key_pair("k"), Lifetime::Build, call).await.unwrap();
    stack.release(entry);
    let from = lab.count();
    assert_eq!(unwind(&stack, Ending::Failure).await, []);
    assert_eq!(lab.count(), from);
}

#[tokio::test]
async fn this_machines_files_and_processes_go_too() {
    let dir = tempfile::tempdir().unwrap();
    let (socket, folder) = (dir.path().join("socket"), dir.path().join("folder"));
    std::fs::write(&socket, "").unwrap();
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("key"), "").unwrap();
    let mut child = tokio::process::Command::new("sleep").arg("60").spawn().unwrap();
    let (stack, _events) = teardown();
    stack.own(None, Resource::process(child.id().unwrap(), Some(socket.clone())), Lifetime::Build).unwrap();
    stack.own(None, Resource::TempPath { path: folder.clone() }, Lifetime::Build).unwrap();
    assert_eq!(unwind(&stack, Ending::Success).await, []);
    assert!(!socket.exists() && !folder.exists());
    assert!(!child.wait().await.unwrap().success());
}

#[tokio::test]
async fn a_reused_pid_is_not_hit() {
    let mut child = tokio::process::Command::new("sleep").arg("60").spawn().unwrap();
    let (stack, _events) = teardown();
    let other = Resource::Process { pid: child.id().unwrap(), start_time: Some(1), control_socket: None };
    stack.own(None, other, Lifetime::Build).unwrap();
    assert_eq!(unwind(&stack, Ending::Success).await, []);
    assert_eq!(child.try_wait().unwrap(), None, "somebody else's process was ended");
    child.kill().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_while_the_journal_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("runs"), "a file in the way").unwrap();
    let (lab, region) = lab(Times::instant());
    let (report, _events) = Reporter::new();
    let stack = Teardown::new("run-1", "b", 0, Arc::new(Journal::new(Some(dir.path()), "run-1")), report);
    let made = stack.create(&region, Resource::key_pair("k"), Lifetime::Build, region.ec2.create_key_pair(key("k"))).await;
    assert!(matches!(made, Err(CreateError::Journal(_))));
    assert_eq!(lab.count(), 0);
    assert!(stack.remaining("").is_empty());
}
