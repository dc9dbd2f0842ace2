//! What the rarer calls send and read; moto does not know most of them.

use amibake_aws::AwsClouds;
use amibake_ec2::features::{FastLaunch, FastLaunchState, FastLaunchTemplate, LaunchTemplateRef, NetworkFeature};
use amibake_ec2::model::{Access, RunInstances};
use amibake_ec2::{Clouds, Ec2, ErrorKind, ImageId, InstanceId, Result};

use crate::retries::{Reply, serve};

/// Makes one call on a server that gives these answers; what came of it, and what was sent, without what all calls send.
fn ask<T>(replies: Vec<Reply>, decode: bool, call: impl AsyncFnOnce(&dyn Ec2) -> Result<T>) -> (Result<T>, Vec<String>) {
    let (endpoint, bodies) = serve(replies);
    let access = Access {
        region: Some("us-east-1".to_owned()),
        keys: Some(crate::keys()),
        endpoint: Some(endpoint),
        max_retries: Some(1),
        decode_authorization: decode,
        ..Access::default()
    };
    let reply = crate::run(async {
        let cloud = AwsClouds::default().open(&access).await.unwrap();
        call(&*cloud.ec2(cloud.build_region())).await
    });
    let bodies = bodies.lock().unwrap().iter().map(|body| body.replace("&Version=2016-11-15", "").replace("Action=", "")).collect();
    (reply, bodies)
}

#[track_caller]
fn check<T: PartialEq + std::fmt::Debug>(answer: &'static str, call: impl AsyncFnOnce(&dyn Ec2) -> Result<T>, sent: &str, expected: T) {
    let (reply, bodies) = ask(vec![Some((200, answer))], false, call);
    assert_eq!((bodies, reply), (vec![sent.to_owned()], Ok(expected)));
}

fn image() -> ImageId {
    ImageId::new("ami-1").unwrap()
}

fn instance() -> InstanceId {
    InstanceId::new("i-1").unwrap()
}

#[test]
fn images() {
    check(
        "<EnableImageDeprecationResponse/>",
        async |ec2| ec2.enable_image_deprecation(&image(), "2030-01-01T00:00:00Z").await,
        "EnableImageDeprecation&ImageId=ami-1&DeprecateAt=2030-01-01T00%3A00%3A00Z",
        (),
    );
    check(
        "<EnableImageDeregistrationProtectionResponse/>",
        async |ec2| ec2.protect_image(&image(), true).await,
        "EnableImageDeregistrationProtection&ImageId=ami-1&WithCooldown=true",
        (),
    );
    check(
        "<DisableImageDeregistrationProtectionResponse/>",
        async |ec2| ec2.unprotect_image(&image()).await,
        "DisableImageDeregistrationProtection&ImageId=ami-1",
        (),
    );
}

#[test]
fn fast_launch() {
    let template = FastLaunchTemplate { template: LaunchTemplateRef::Id("lt-1".to_owned()), version: 7 };
    let request = FastLaunch { image: image(), max_parallel_launches: Some(6), target_resource_count: Some(9), template: Some(template) };
    check(
        "<EnableFastLaunchResponse/>",
        async |ec2| ec2.enable_fast_launch(request).await,
        "EnableFastLaunch&ImageId=ami-1&SnapshotConfiguration.TargetResourceCount=9&LaunchTemplate.LaunchTemplateId=lt-1\
         &LaunchTemplate.Version=7&MaxParallelLaunches=6",
        (),
    );
    check(
        "<DisableFastLaunchResponse/>",
        async |ec2| ec2.disable_fast_launch(&image()).await,
        "DisableFastLaunch&ImageId=ami-1&Force=true",
        (),
    );
    for (answer, state) in [
        ("<DescribeFastLaunchImagesResponse/>", None),
        (
            "<DescribeFastLaunchImagesResponse><fastLaunchImageSet><item><state>enabling</state></item></fastLaunchImageSet></DescribeFastLaunchImagesResponse>",
            Some(FastLaunchState::Changing),
        ),
        (
            "<DescribeFastLaunchImagesResponse><fastLaunchImageSet><item><state>enabled</state></item></fastLaunchImageSet></DescribeFastLaunchImagesResponse>",
            Some(FastLaunchState::Enabled),
        ),
        (
            "<DescribeFastLaunchImagesResponse><fastLaunchImageSet><item><state>enabling-failed</state><stateTransitionReason>why</stateTransitionReason></item></fastLaunchImageSet></DescribeFastLaunchImagesResponse>",
            Some(FastLaunchState::Failed(Some("why".to_owned()))),
        ),
    ] {
        check(answer, async |ec2| ec2.fast_launch_state(&image()).await, "DescribeFastLaunchImages&ImageId.1=ami-1", state);
    }
}

#[test]
fn instances() {
    for (feature, sent) in [
        (NetworkFeature::Ena(false), "ModifyInstanceAttribute&EnaSupport.Value=false&InstanceId=i-1"),
        (NetworkFeature::Sriov, "ModifyInstanceAttribute&SriovNetSupport.Value=simple&InstanceId=i-1"),
    ] {
        let (reply, bodies) = ask(vec![Some((200, "<R/>"))], false, async |ec2| ec2.set_network_feature(&instance(), feature).await);
        let sorted = |text: &str| {
            let mut parts: Vec<_> = text.split('&').map(str::to_owned).collect();
            parts.sort();
            parts
        };
        assert_eq!((reply, sorted(&bodies[0])), (Ok(()), sorted(sent)));
    }
    for (answer, expected) in [
        ("<GetPasswordDataResponse><passwordData></passwordData></GetPasswordDataResponse>", None),
        ("<GetPasswordDataResponse><passwordData>\r\nAbC=\r\n</passwordData></GetPasswordDataResponse>", Some("AbC=".to_owned())),
    ] {
        check(answer, async |ec2| ec2.password_data(&instance()).await, "GetPasswordData&InstanceId=i-1", expected);
    }
}

const REFUSED: Reply = Some((
    403,
    "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized to perform this operation. Encoded \
     authorization failure message: AbCdEf-123_xyz</Message></Error></Errors></Response>",
));
const DECODED: Reply = Some((
    200,
    "<DecodeAuthorizationMessageResponse><DecodeAuthorizationMessageResult><DecodedMessage>{&quot;allowed&quot;:false}</DecodedMessage>\
     </DecodeAuthorizationMessageResult></DecodeAuthorizationMessageResponse>",
));
const NOT_ALLOWED: Reply =
    Some((403, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"));

/// Launches on a server with these answers: the refusal's text, and the calls that were made.
fn launch(replies: Vec<Reply>, decode: bool) -> (String, Vec<String>) {
    let request = RunInstances {
        client_token: "t".to_owned(),
        image: "ami-1".to_owned(),
        instance_type: "t2.micro".to_owned(),
        ..RunInstances::default()
    };
    let (reply, bodies) = ask(replies, decode, async |ec2| ec2.run_instance(request).await.map(drop));
    let error = reply.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Refused, Some("UnauthorizedOperation")));
    (error.message, bodies.iter().map(|body| body.split('&').next().unwrap_or_default().to_owned()).collect())
}

#[test]
fn an_encoded_refusal_is_decoded_and_the_call_is_not_made_again() {
    let plain = "You are not authorized to perform this operation.";
    let (message, calls) = launch(vec![REFUSED, DECODED], true);
    assert_eq!(message, format!("{plain} Authorization failure message: '{{\"allowed\":false}}'"));
    assert_eq!(calls, ["RunInstances", "DecodeAuthorizationMessage"]);
    let encoded = format!("{plain} Encoded authorization failure message: AbCdEf-123_xyz");
    let (message, calls) = launch(vec![REFUSED, NOT_ALLOWED], true);
    assert_eq!((message.as_str(), calls.len()), (encoded.as_str(), 2));
    let (message, calls) = launch(vec![REFUSED], false);
    assert_eq!((message.as_str(), calls.len()), (encoded.as_str(), 1));
}
