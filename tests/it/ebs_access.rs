//! How an account is reached: what a build does with it on the lab. What amibake-aws sends is tested in that crate.

use amibake_ec2::lab::{At, Fault, Kind};
use serde_json::json;

use super::ebs_lab::{Bench, builder, lab};

const REFUSED: Kind = Kind::Refuse(
    "UnauthorizedOperation",
    "You are not authorized to perform this operation. Encoded authorization failure message: AbCdEf-123_xyz",
);

#[tokio::test(start_paused = true)]
async fn an_encoded_refusal_is_decoded_once_and_the_call_is_not_repeated() {
    let bench = Bench::new(lab());
    bench.lab.fault(Fault::new(At::Operation("RunInstances", 1), REFUSED));
    let outcome = bench.bake(builder(json!({"decode_authorization_messages": true}))).await;
    assert_eq!(
        outcome.error(),
        "Error launching source instance in us-east-1: RunInstances: UnauthorizedOperation: \
         You are not authorized to perform this operation. Authorization failure message: '{\"allowed\":false}'"
    );
    assert_eq!(outcome.call("DecodeAuthorizationMessage").parameters["EncodedMessage"], "AbCdEf-123_xyz");
    outcome.call("RunInstances");
    assert_eq!(outcome.remaining, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_decoded_stays_as_it_is() {
    for (decode, calls) in [(true, 1), (false, 0)] {
        let bench = Bench::new(lab());
        bench.lab.fault(Fault::new(At::Operation("RunInstances", 1), REFUSED));
        bench.lab.fault(Fault::new(At::Operation("DecodeAuthorizationMessage", 1), Kind::Refuse("AccessDenied", "no")));
        let outcome = bench.bake(builder(json!({"decode_authorization_messages": decode}))).await;
        assert!(outcome.error().ends_with("Encoded authorization failure message: AbCdEf-123_xyz"), "{}", outcome.error());
        assert_eq!(outcome.calls.iter().filter(|call| call.operation == "DecodeAuthorizationMessage").count(), calls);
    }
}
