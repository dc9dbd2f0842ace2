//! The questions that the lab answers too, put to amibake-aws on moto.

use std::sync::Arc;

use amibake_aws::AwsClouds;
use amibake_ec2::Clouds;
use amibake_ec2::conformance::{BUCKET, Peer, questions};
use amibake_ec2::model::Access;

use crate::moto::Moto;

#[test]
fn amibake_aws_on_moto_does_what_ec2_does() {
    let Some(moto) = Moto::start() else { return };
    moto.make_bucket(BUCKET);
    let mut wrong = Vec::new();
    crate::run(async {
        let access = Access {
            region: Some("us-east-2".to_owned()),
            keys: Some(crate::keys()),
            endpoint: Some(moto.endpoint.clone()),
            max_retries: Some(1),
            ..Access::default()
        };
        let cloud = AwsClouds::default().open(&access).await.unwrap();
        let ec2 = cloud.ec2(cloud.build_region());
        for question in questions() {
            let peer = Peer { cloud: Arc::clone(&cloud), ec2: Arc::clone(&ec2), name: question.name };
            match ((question.ask)(peer).await, question.moto_is_wrong) {
                (Ok(()), None) => {}
                // Known to be wrong, but it must be an answer: an error page says nothing about the question, unless it is the known one.
                (Err(answer), Some(note)) if !answer.0.contains("HTTP 500") || note.contains("HTTP 500") => {}
                (Err(answer), _) => wrong.push(format!("{}: {}", question.name, answer.0)),
                (Ok(()), Some(note)) => wrong.push(format!("{}: moto is right now, remove the note `{note}`", question.name)),
            }
        }
    });
    assert_eq!(wrong, Vec::<String>::new());
}
