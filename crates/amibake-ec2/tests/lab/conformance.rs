//! The questions that every implementation answers.

use std::sync::Arc;

use amibake_ec2::Clouds;
use amibake_ec2::conformance::{BUCKET, Peer, questions};
use amibake_ec2::lab::{Lab, Options};
use amibake_ec2::model::Access;

#[tokio::test]
async fn the_lab_does_what_ec2_does() {
    let mut wrong = Vec::new();
    for question in questions() {
        let lab = Lab::new(Options { buckets: [BUCKET.to_owned()].into(), ..Options::default() });
        let cloud = lab.open(&Access { region: Some("us-east-2".to_owned()), ..Access::default() }).await.unwrap();
        let ec2 = cloud.ec2(cloud.build_region());
        let peer = Peer { cloud: Arc::clone(&cloud), ec2, name: question.name };
        if let Err(answer) = (question.ask)(peer).await {
            wrong.push(format!("{}: {}", question.name, answer.0));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
