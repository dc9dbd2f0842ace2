//! Faults, the record of calls, and what is left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use amibake_ec2::ErrorKind;
use amibake_ec2::lab::{At, Fault, Kind, Lab, Times};
use amibake_ec2::model::{DescribeImages, ImageState, InstanceState};

use crate::support::*;

#[tokio::test]
async fn a_lost_reply_and_a_retry_with_the_same_token_are_one_instance() {
    let (lab, ec2) = instant();
    let before = lab.inventory();
    lab.fault(Fault::new(At::Operation("RunInstances", 1), Kind::LoseReply));
    let request = launch(&*ec2, "token").await;
    assert_eq!(ec2.run_instance(request.clone()).await.unwrap_err().kind, ErrorKind::Unknown);
    assert_eq!(lab.remaining(&before, &[]).len(), 2, "the instance and its volume exist");
    let again = ec2.run_instance(request.clone()).await.unwrap();
    assert_eq!(ec2.run_instance(request.clone()).await.unwrap().id, again.id);
    assert_eq!(ec2.describe_instances(&[], &[]).await.unwrap().len(), 1);
    let other = amibake_ec2::model::RunInstances { instance_type: "t2.nano".to_owned(), ..request };
    assert_eq!(code(ec2.run_instance(other).await), "IdempotentParameterMismatch");
}

#[tokio::test]
async fn a_lost_request_and_a_refusal_have_no_effect() {
    let (lab, ec2) = instant();
    lab.fault(Fault::new(At::Change(1), Kind::LoseRequest));
    lab.fault(Fault::new(At::Change(2), Kind::Refuse("UnauthorizedOperation", "You are not authorized to perform this operation.")));
    lab.fault(Fault::new(At::Change(3), Kind::Throttle));
    let before = lab.inventory();
    assert_eq!(group(&*ec2, "one").await.unwrap_err().kind, ErrorKind::Unknown);
    ec2.describe_regions().await.unwrap();
    let refused = group(&*ec2, "one").await.unwrap_err();
    assert_eq!(refused.to_string(), "CreateSecurityGroup: UnauthorizedOperation: You are not authorized to perform this operation.");
    assert_eq!(group(&*ec2, "one").await.unwrap_err().kind, ErrorKind::Throttled);
    assert_eq!(lab.remaining(&before, &[]), Vec::<String>::new());
    group(&*ec2, "one").await.unwrap();
}

#[tokio::test]
async fn hooks_run_before_and_after_the_effect() {
    let (lab, ec2) = instant();
    let seen = Arc::new(AtomicUsize::new(0));
    for (nth, make) in [(1, Fault::before as fn(At, _) -> Fault), (2, Fault::after)] {
        let (lab_seen, seen) = (lab.clone(), Arc::clone(&seen));
        let before = lab.inventory();
        lab.fault(make(At::Operation("CreateKeyPair", nth), move || {
            seen.fetch_add(10 + lab_seen.remaining(&before, &[]).len(), Ordering::SeqCst);
        }));
        ec2.create_key_pair(key(&format!("key {nth}"))).await.unwrap();
    }
    assert_eq!(seen.load(Ordering::SeqCst), 21, "the first hook saw nothing, the second one key pair");
}

#[tokio::test]
async fn what_a_spoiled_call_begins_fails_later() {
    let (lab, ec2) = instant();
    lab.fault(Fault::new(At::Operation("RunInstances", 1), Kind::Spoil("Server.InsufficientInstanceCapacity: no room")));
    let spoiled = running(&*ec2).await;
    let seen = look(&*ec2, &spoiled).await;
    assert_eq!(seen.state, InstanceState::Terminated);
    assert_eq!(seen.state_reason.as_deref(), Some("Server.InsufficientInstanceCapacity: no room"));
    assert_eq!(ec2.describe_volumes(&[], &[]).await.unwrap(), []);

    let instance = ec2.run_instance(launch(&*ec2, "second").await).await.unwrap().id;
    look(&*ec2, &instance).await;
    lab.fault(Fault::new(At::Operation("CreateImage", 1), Kind::Spoil("snapshot failed")));
    let image = ec2.create_image(create_image(&instance, "spoiled")).await.unwrap();
    let image = ec2.describe_images(DescribeImages { ids: vec![image], ..Default::default() }).await.unwrap().remove(0);
    assert_eq!((image.state, image.state_reason.as_deref()), (ImageState::Failed, Some("Client.InternalError: snapshot failed")));
}

#[tokio::test]
async fn remaining_tells_what_is_there_apart_from_the_artifact() {
    let (lab, ec2) = instant();
    group(&*ec2, "was here").await.unwrap();
    let before = lab.inventory();
    ec2.create_key_pair(key("key")).await.unwrap();
    let instance = running(&*ec2).await;
    look(&*ec2, &instance).await;
    let image = ec2.create_image(create_image(&instance, "image")).await.unwrap();
    assert_eq!(lab.remaining(&before, &[]).len(), 5);
    ec2.delete_key_pair("key").await.unwrap();
    ec2.terminate_instance(&instance).await.unwrap();
    let snapshot = ec2.describe_snapshots(&[], &[]).await.unwrap().remove(0).id;
    assert_eq!(
        lab.remaining(&before, &[]),
        [
            format!("us-east-2 image {image} (image)"),
            format!("us-east-2 snapshot {snapshot} (Created by CreateImage({instance}) for {image})"),
        ]
    );
    assert_eq!(lab.remaining(&before, &[image]), Vec::<String>::new());
}

#[tokio::test]
async fn calls_are_recorded_with_ec2s_parameter_names() {
    let (lab, ec2) = instant();
    let mut request = launch(&*ec2, "token").await;
    request.instance_tags = vec![tag("amibake:run-id", "1")];
    let image = request.image.clone();
    ec2.run_instance(request).await.unwrap();
    let call = lab.calls().pop().unwrap();
    let parameters: Vec<_> = call.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!((call.number, call.operation, call.changes, call.failed), (2, "RunInstances", true, None));
    assert_eq!(
        parameters,
        [
            "ClientToken=token",
            &format!("ImageId={image}"),
            "InstanceType=t2.micro",
            "MaxCount=1",
            "MinCount=1",
            "TagSpecification.1.ResourceType=instance",
            "TagSpecification.1.Tag.1.Key=amibake:run-id",
            "TagSpecification.1.Tag.1.Value=1",
            "TagSpecification.2.ResourceType=network-interface",
            "TagSpecification.2.Tag.1.Key=amibake:run-id",
            "TagSpecification.2.Tag.1.Value=1",
        ]
    );
    assert_eq!((lab.count(), lab.changes()), (2, 1));
    assert_eq!(group(&*ec2, "default").await.unwrap_err().code.as_deref(), Some("InvalidParameterValue"));
    assert_eq!(lab.calls().pop().unwrap().failed.as_deref(), Some("InvalidParameterValue"));
}

#[tokio::test]
async fn two_runs_see_the_same_ids() {
    let mut ids = Vec::new();
    for _ in 0..2 {
        let lab = Lab::with_times(Times::instant());
        ids.push(running(&*lab.region(REGION)).await);
    }
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ids[0].as_str().len(), 19);
}
