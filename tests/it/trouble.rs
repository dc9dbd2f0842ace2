//! What goes wrong on AWS beyond a single call: the build ends well, or with an error that names the cause; nothing is left, or it is
//! told with the command that removes it.

use std::time::Duration;

use amibake::builder::Adopted;
use amibake::engine::journal;
use amibake_ec2::lab::{At, Fault, Kind, Lab, Options, Times};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::ebs_lab::{Bench, Outcome, builder, images, lab};
use super::faults::everything;

fn fast() -> Bench {
    Bench::new(Lab::with_times(Times::fast()))
}

/// The first calls of this name are refused.
async fn refused_first(operation: &'static str, times: usize, code: &'static str, message: &'static str) -> Outcome {
    let bench = fast();
    for nth in 1..=times {
        bench.lab.fault(Fault::new(At::Operation(operation, nth), Kind::Refuse(code, message)));
    }
    let outcome = bench.bake(everything()).await;
    assert_eq!(outcome.leftovers, [], "{operation} {code}");
    assert_eq!(outcome.remaining, [] as [String; 0], "{operation} {code}:\n{}", outcome.text);
    outcome
}

#[tokio::test(start_paused = true)]
async fn what_was_just_made_may_not_be_known_everywhere_yet() {
    for (operation, code, message) in [
        ("DescribeInstances", "InvalidInstanceID.NotFound", "The instance ID 'i-1' does not exist"),
        ("AuthorizeSecurityGroupIngress", "InvalidGroup.NotFound", "The security group 'sg-1' does not exist"),
        ("RunInstances", "InvalidKeyPair.NotFound", "The key pair 'packer_1' does not exist"),
        ("RunInstances", "InvalidGroup.NotFound", "The security group 'sg-1' does not exist"),
        ("CreateTags", "InvalidAMIID.NotFound", "The image id '[ami-1]' does not exist"),
        ("CreateTags", "InvalidSnapshot.NotFound", "The snapshot 'snap-1' does not exist."),
        ("ModifyImageAttribute", "InvalidAMIID.NotFound", "The image id '[ami-1]' does not exist"),
        ("ModifyImageAttribute", "InvalidAMIID.Unavailable", "The image ID 'ami-1' is currently not available"),
        ("ModifySnapshotAttribute", "InvalidSnapshot.NotFound", "The snapshot 'snap-1' does not exist."),
    ] {
        refused_first(operation, 3, code, message).await.artifact();
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_may_not_be_known_at_first() {
    // DescribeImages in the target region comes after those that look for the source image and wait for the image.
    let clean = fast().bake(everything()).await;
    let first = clean.calls.iter().find(|call| call.operation == "DescribeImages" && call.region.as_str() == "us-west-2").unwrap();
    let bench = fast();
    for later in 0..3 {
        let kind = Kind::Refuse("InvalidAMIID.NotFound", "The image id '[ami-1]' does not exist");
        bench.lab.fault(Fault::new(At::Call(first.number + later), kind));
    }
    let outcome = bench.bake(everything()).await;
    assert_eq!(images(outcome.artifact()).len(), 2);
    assert_eq!(outcome.remaining, [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn errors_say_what_a_person_can_do() {
    for (operation, code, advice) in [
        ("RunInstances", "InsufficientInstanceCapacity", "; AWS has no room of that kind there now"),
        ("CreateImage", "InvalidAMIName.Duplicate", ": as EC2 says it"),
        ("RunInstances", "RequestExpired", "; EC2 takes no request that is more than five minutes old: look at this machine's clock"),
        ("CreateKeyPair", "AuthFailure", "; the credentials are not valid"),
        ("CreateImage", "ExpiredToken", "; the credentials were temporary and have expired"),
        ("RunInstances", "VcpuLimitExceeded", "VcpuLimitExceeded: as EC2 says it"),
    ] {
        let error = refused_first(operation, 1, code, "as EC2 says it").await.error();
        assert!(error.contains(&format!("in us-east-1: {operation}: {code}: as EC2 says it")) && error.contains(advice), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_takes_time_and_nothing_else() {
    for operation in ["DescribeImages", "CreateKeyPair", "RunInstances", "CreateImage", "CopyImage", "CreateTags", "TerminateInstances"] {
        let bench = fast();
        for nth in 1..=6 {
            bench.lab.fault(Fault::new(At::Operation(operation, nth), Kind::Throttle));
        }
        let outcome = bench.bake(everything()).await;
        outcome.artifact();
        assert_eq!(outcome.remaining, [] as [String; 0], "{operation}");
        assert!(outcome.took < Duration::from_secs(90), "{operation}: {:?}", outcome.took);
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_that_others_have_emptied_the_budget_of() {
    let bench = Bench::new(Lab::new(Options { times: Times::fast(), limits: true, ..Options::default() }));
    let ec2 = bench.lab.region("us-east-1");
    while ec2.delete_key_pair("nobody's").await.is_ok() {}
    while ec2.describe_regions().await.is_ok() {}
    bench.bake(everything()).await.artifact();
}

#[tokio::test(start_paused = true)]
async fn the_network_is_down_for_five_minutes() {
    for begins in [0, 2, 5, 8, 12, 16, 20, 30] {
        let bench = fast();
        let from = Instant::now() + Duration::from_secs(begins);
        bench.lab.fault(Fault::new(At::During(from, from + Duration::from_secs(300)), Kind::LoseRequest));
        let outcome = bench.bake(everything()).await;
        assert_eq!(outcome.leftovers, [], "from second {begins}");
        assert_eq!(outcome.remaining, [] as [String; 0], "from second {begins}:\n{}", outcome.text);
        if let Err(error) = &outcome.result {
            assert!(error.to_string().contains("no reply arrived"), "from second {begins}: {error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_revoked_leave_what_the_journal_and_a_later_cleanup_know() {
    for begins in [3, 6, 9, 12, 16] {
        let dir = tempfile::tempdir().unwrap();
        let mut bench = fast();
        bench.state_dir = Some(dir.path().to_owned());
        let before = bench.lab.inventory();
        let from = Instant::now() + Duration::from_secs(begins);
        let revoked = Kind::Refuse("AuthFailure", "AWS was not able to validate the provided access credentials");
        bench.lab.fault(Fault::new(At::During(from, from + Duration::from_secs(7200)), revoked));
        let outcome = bench.bake(everything()).await;
        let Err(error) = &outcome.result else { continue };
        assert!(error.to_string().contains("AuthFailure: AWS was not able to validate"), "second {begins}: {error}");
        for leftover in &outcome.leftovers {
            assert!(leftover.command.starts_with("aws --region us-"), "{leftover}");
        }
        assert_eq!(outcome.leftovers.is_empty(), outcome.remaining.is_empty(), "second {begins}: {:?}", outcome.leftovers);
        tokio::time::sleep(Duration::from_secs(7200)).await;
        assert_eq!(super::faults::clean_up(&bench, dir.path()).await, [] as [String; 0]);
        assert_eq!(bench.lab.inventory(), before, "second {begins}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_created_where_the_journal_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("runs"), "a file in the way").unwrap();
    let mut bench = fast();
    bench.state_dir = Some(dir.path().to_owned());
    let outcome = bench.bake(everything()).await;
    assert!(outcome.error().contains("cannot write the journal"), "{}", outcome.error());
    assert_eq!(outcome.changes(), Vec::<&str>::new());
}

/// A template that waits five seconds for an image.
fn impatient(keys: Value) -> Value {
    let mut config = everything();
    config["aws_polling"] = json!({"delay_seconds": 1, "max_attempts": 20});
    if let (Value::Object(config), Value::Object(keys)) = (&mut config, keys) {
        config.extend(keys);
    }
    config
}

fn adopted(outcome: &Outcome) -> Adopted {
    let id = regex::Regex::new("amibake adopt (ami-[0-9a-f]+) template.json").unwrap();
    let found = id.captures(&outcome.text).unwrap_or_else(|| panic!("no command in {}", outcome.text));
    Adopted {
        id: amibake_ec2::ImageId::new(&found[1]).unwrap(),
        unchecked: false,
        name_at_another_time: None,
        finished: std::sync::Arc::default(),
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_takes_longer_than_allowed_is_adopted_when_it_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(lab());
    bench.state_dir = Some(dir.path().to_owned());
    let failed = bench.bake(impatient(json!({}))).await;
    let error = failed.error();
    assert!(error.contains("timed out; the last state was `pending`. AWS may still finish it, so it stays"), "{error}");
    assert!(error.contains("; to remove it: amibake cleanup -run-id 0b9ac5f2-"), "{error}");
    let (images, others): (Vec<&String>, Vec<&String>) =
        failed.remaining.iter().partition(|line| line.contains(" image ") || line.contains(" snapshot "));
    assert_eq!((images.len(), others.len()), (2, 0), "{:?}", failed.remaining);
    let paths = journal::list(dir.path()).unwrap();
    assert_eq!(journal::read(&paths[0]).unwrap().entries.len(), 1, "the journal still has the image");

    let image = adopted(&failed);
    bench.state_dir = None;
    let outcome = bench.adopt(everything(), &image).await;
    let made = super::ebs_lab::images(outcome.artifact());
    assert_eq!((made.len(), made.contains(&image.id)), (2, true), "{}", outcome.text);
    for id in &made {
        let image = bench.lab.image(id).unwrap();
        assert_eq!((image.users.as_slice(), image.description.as_str()), (&["111122223333".to_owned()][..], "described"));
        let tags: Vec<String> = image.tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect();
        assert_eq!(tags, ["Name=x", "creator=me"]);
        for snapshot in image.snapshots() {
            let snapshot = bench.lab.snapshot(snapshot).unwrap();
            assert_eq!(snapshot.users, ["111122223333"]);
            assert!(snapshot.tags.iter().any(|tag| tag.key == "Snap"), "{:?}", snapshot.tags);
        }
    }
    assert_eq!(outcome.remaining, [] as [String; 0]);
    assert!(image.finished.lock().unwrap().contains(&image.id));
    let again = bench.adopt(everything(), &image).await;
    assert_eq!(again.artifact().id, outcome.artifact().id, "done twice is done once");
    assert!(!again.changes().contains(&"CopyImage"), "{:?}", again.changes());
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_takes_longer_than_allowed_is_taken_up_where_it_is() {
    let bench = Bench::new(Lab::new(Options { times: Times { copy: Duration::from_secs(600), ..Times::fast() }, ..Options::default() }));
    let failed = bench.bake(impatient(json!({}))).await;
    assert!(
        failed.error().contains("Error waiting for AMI (ami-") && failed.error().contains("in region (us-west-2)"),
        "{}",
        failed.error()
    );
    let image = adopted(&failed);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let outcome = bench.adopt(everything(), &image).await;
    assert_eq!(super::ebs_lab::images(outcome.artifact()).len(), 2);
    assert!(!outcome.changes().contains(&"CopyImage"), "{:?}", outcome.changes());
    assert_eq!(outcome.remaining, [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn only_the_templates_own_image_is_adopted() {
    let bench = fast();
    let made = bench.bake(builder(json!({"ami_name": "somebody-elses"}))).await;
    let [id] = &images(made.artifact())[..] else { panic!("{}", made.text) };
    let bench = Bench::new(bench.lab);
    let mut image = Adopted { id: id.clone(), unchecked: false, name_at_another_time: None, finished: std::sync::Arc::default() };
    let refused = bench.adopt(everything(), &image).await;
    assert_eq!(
        refused.error(),
        format!(
            "the image {id} is called somebody-elses, and this template makes images called an-image: not adopted. -unchecked adopts it all the same"
        )
    );
    assert_eq!(refused.changes(), Vec::<&str>::new());
    image.unchecked = true;
    bench.adopt(everything(), &image).await.artifact();
    image.id = amibake_ec2::ImageId::new("ami-0123456789abcdef0").unwrap();
    assert!(bench.adopt(everything(), &image).await.error().contains("InvalidAMIID.NotFound"));
}

#[tokio::test(start_paused = true)]
async fn an_adoption_that_fails_leaves_the_image_and_no_new_copies() {
    let bench = fast();
    let made = bench.bake(builder(json!({}))).await;
    let [id] = &images(made.artifact())[..] else { panic!("{}", made.text) };
    let bench = Bench::new(bench.lab);
    let before = bench.lab.inventory();
    let image = Adopted { id: id.clone(), unchecked: false, name_at_another_time: None, finished: std::sync::Arc::default() };
    bench.lab.fault(Fault::new(At::Every("CreateTags"), Kind::Refuse("UnauthorizedOperation", "not you")));
    let failed = bench.adopt(everything(), &image).await;
    assert!(failed.error().contains("UnauthorizedOperation"), "{}", failed.error());
    assert_eq!(bench.lab.inventory(), before);
    assert!(image.finished.lock().unwrap().is_empty());
}
