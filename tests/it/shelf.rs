//! `amibake images`, `delete` and `prune`, on the lab: what they find, what they protect, what they remove.

use std::sync::Arc;

use amibake::cli::entry;
use amibake::engine::lookup::{LookupError, SecretStore};
use amibake::settings::Settings;
use amibake_ec2::lab::{At, Fault, Kind, Lab, images};
use amibake_ec2::model::{CopyImage, ImageState};
use amibake_ec2::usage::UsedIn;
use amibake_ec2::{Clouds, Ec2, ImageId, Region};
use serde_json::json;

/// The lab's account.
const ACCOUNT: &str = "123456789012";

/// What a command printed, its exit status, and the images that are there afterwards.
struct Said {
    text: String,
    status: u8,
}

/// What is printed is what was read and found right, in `tests/it/shelf/`; UPDATE=1 writes it anew.
#[track_caller]
fn recorded(name: &str, text: &str) {
    let file = crate::program::repository(&format!("tests/it/shelf/{name}.txt"));
    if crate::program::setting("UPDATE").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&file).unwrap_or_default(), "{}", file.display());
}

struct NoSecrets;

#[async_trait::async_trait]
impl SecretStore for NoSecrets {
    async fn secret(&self, _: &str) -> Result<String, LookupError> {
        Err(LookupError::Setup("none".to_owned()))
    }
}

/// Runs a command line on a lab.
fn amibake(lab: &Lab, words: &[&str]) -> Said {
    let settings = Settings {
        env: [("AWS_REGION".to_owned(), "us-east-1".to_owned())].into(),
        cwd: "/".to_owned(),
        started: "2026-11-24T12:00:00Z".parse().unwrap(),
        clock: || "2026-11-24T12:00:00Z".parse().unwrap(),
        seed: 7,
        run_uuid: "0b9ac5f2-6f0e-4a5e-9f0a-000000000001".to_owned(),
        terminal: false,
    };
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let paper = crate::traces::replay::Paper::default();
    let clouds: Arc<dyn Clouds> = Arc::new(lab.clone());
    let secrets: Arc<dyn SecretStore> = Arc::new(NoSecrets);
    let status = entry::run_to(&words, &settings, clouds, &secrets, Box::new(paper.clone()));
    Said { text: paper.text(), status }
}

/// An account with four images of one template, one of another, and one of somebody else.
fn account() -> Lab {
    let lab =
        Lab::new(amibake_ec2::lab::Options { default_region: Some(Region::new("us-east-1")), ..amibake_ec2::lab::Options::default() });
    let image = |id: u32, name: &str, owner: &str, date: &str| {
        json!({
            "ImageId": format!("ami-{id:08x}"), "Name": name, "OwnerId": owner, "CreationDate": format!("{date}T00:00:00.000Z"),
            "Architecture": "x86_64", "State": "available", "Public": true, "Tags": [{"Key": "Team", "Value": "web"}],
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": format!("snap-{id:08x}")}}],
        })
    };
    let list = json!([
        image(1, "web-1767225600", ACCOUNT, "2026-01-01"),
        image(2, "web-1780272000", ACCOUNT, "2026-06-01"),
        image(3, "web-1790812800", ACCOUNT, "2026-10-01"),
        image(4, "web-1795392000", ACCOUNT, "2026-11-23"),
        image(5, "web-db-1767225600", ACCOUNT, "2026-01-01"),
        image(6, "web-1767225600", "210987654321", "2026-01-01"),
    ]);
    lab.add_images(Some(&Region::new("us-east-1")), images::read(&list.to_string()).unwrap());
    lab
}

fn id(number: u32) -> ImageId {
    ImageId::new(format!("ami-{number:08x}")).unwrap()
}

/// Whether an image is there; EC2 remembers deregistered ones for a while, and so does the lab.
fn is_there(lab: &Lab, id: &ImageId) -> bool {
    lab.image(id).is_some_and(|image| image.state != ImageState::Gone)
}

/// Whether these images are there, and their snapshots.
#[track_caller]
fn there(lab: &Lab, expected: &[(u32, bool)]) {
    for (number, expected) in expected {
        let snapshot = amibake_ec2::SnapshotId::new(format!("snap-{number:08x}")).unwrap();
        let found = (is_there(lab, &id(*number)), lab.snapshot(&snapshot).is_some());
        assert_eq!(found, (*expected, *expected), "image {number}");
    }
}

/// A template whose images are called `web-<time>`.
fn template() -> tempfile::NamedTempFile {
    let builder = json!({
        "type": "amazon-ebs", "region": "us-east-1", "instance_type": "t3.micro", "source_ami": "ami-0a1b2c3d4e5f67890",
        "ssh_username": "ec2-user", "ami_name": "web-{{timestamp}}",
    });
    let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    std::fs::write(file.path(), json!({"builders": [builder]}).to_string()).unwrap();
    file
}

#[test]
fn images_of_a_template_are_told_by_their_names() {
    let (lab, template) = (account(), template());
    let said = amibake(&lab, &["images", template.path().to_str().unwrap()]);
    recorded("images", &said.text);
    assert_eq!(said.status, 0);
    let said = amibake(&lab, &["images", "-format", "json", "-name", "web-db-*"]);
    recorded("images-json", &said.text);
    let said = amibake(&lab, &["images"]);
    recorded("images-which", &said.text);
    assert_eq!(said.status, 1);
}

#[test]
fn a_name_that_is_new_each_time_tells_nothing() {
    let (lab, template) = (account(), template());
    let text = std::fs::read_to_string(template.path()).unwrap().replace("web-{{timestamp}}", "{{timestamp}}");
    std::fs::write(template.path(), text).unwrap();
    let said = amibake(&lab, &["prune", "-yes", "-keep", "1", template.path().to_str().unwrap()]);
    recorded("prune-untelling", &said.text);
    assert_eq!((said.status, lab.changes()), (1, 0));
}

#[test]
fn prune_shows_first_and_deletes_when_told() {
    let (lab, template) = (account(), template());
    let path = template.path().to_str().unwrap();
    let said = amibake(&lab, &["prune", "-keep", "2", path]);
    recorded("prune-shows", &said.text);
    assert_eq!((said.status, lab.changes()), (0, 0));
    let said = amibake(&lab, &["prune", "-keep", "2", "-yes", path]);
    recorded("prune-deletes", &said.text);
    assert_eq!(said.status, 0);
    there(&lab, &[(1, false), (2, false), (3, true), (4, true), (5, true), (6, true)]);
}

#[test]
fn prune_by_age_keeps_the_young() {
    let (lab, template) = (account(), template());
    let said = amibake(&lab, &["prune", "-older-than", "60d", "-yes", template.path().to_str().unwrap()]);
    assert_eq!(said.status, 0, "{}", said.text);
    there(&lab, &[(1, false), (2, false), (3, true), (4, true), (5, true)]);
    // However old, the newest stays unless somebody says otherwise.
    let said = amibake(&lab, &["prune", "-older-than", "1h", "-yes", template.path().to_str().unwrap()]);
    assert_eq!(said.status, 0, "{}", said.text);
    there(&lab, &[(3, false), (4, true)]);
}

#[test]
fn what_is_used_stays() {
    let (lab, template) = (account(), template());
    lab.use_image("us-east-1", UsedIn::LaunchTemplates, &id(1), "launch template lt-1 (web), version 3");
    lab.use_image("us-east-1", UsedIn::Parameters, &id(2), "parameter /golden/web");
    let said = amibake(&lab, &["prune", "-keep", "1", "-yes", template.path().to_str().unwrap()]);
    recorded("prune-used", &said.text);
    there(&lab, &[(1, true), (2, true), (3, false), (4, true)]);
}

#[test]
fn what_cannot_be_looked_at_protects_all() {
    let (lab, template) = (account(), template());
    let path = template.path().to_str().unwrap();
    let denied = Kind::Refuse("AccessDenied", "User: arn:aws:iam::123456789012:user/ci is not authorized");
    lab.fault(Fault::new(At::Every("DescribeAutoScalingGroups"), denied));
    let said = amibake(&lab, &["prune", "-keep", "3", "-yes", path]);
    recorded("prune-unseen", &said.text);
    there(&lab, &[(1, true), (2, true)]);
    let said = amibake(&lab, &["prune", "-keep", "3", "-yes", "-unseen-is-unused", path]);
    assert_eq!(said.status, 0, "{}", said.text);
    there(&lab, &[(1, false), (2, true)]);
}

/// Copies an image into another region, under another name if one is given.
fn copy(lab: &Lab, image: u32, region: &str, name: &str) -> ImageId {
    let request = CopyImage {
        client_token: format!("{region}-{name}"),
        source_region: Region::new("us-east-1"),
        source_image: id(image),
        name: name.to_owned(),
        encrypted: None,
        kms_key_id: None,
        copy_tags: true,
        completion_minutes: None,
    };
    let ec2: Arc<dyn Ec2> = lab.region(region);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(ec2.copy_image(request)).unwrap()
}

#[test]
fn delete_takes_copies_and_snapshots_along() {
    let lab = account();
    let copied = copy(&lab, 4, "eu-west-1", "web-1795392000");
    // Of the same name, and no copy of it.
    let other = copy(&lab, 1, "eu-central-1", "web-1795392000");
    let before = lab.changes();
    let said = amibake(&lab, &["delete", "ami-00000004"]);
    assert!(said.text.contains("To delete: 2 images and 2 snapshots"), "{}", said.text);
    assert!(said.text.contains("nothing says that it is a copy, so it stays"), "{}", said.text);
    assert_eq!((said.status, lab.changes()), (0, before));
    let said = amibake(&lab, &["delete", "-yes", "ami-00000004"]);
    assert_eq!(said.status, 0, "{}", said.text);
    assert!(!is_there(&lab, &copied) && is_there(&lab, &other), "{}", said.text);
    there(&lab, &[(3, true), (4, false)]);
}

#[test]
fn delete_of_a_used_image_is_refused() {
    let lab = account();
    lab.use_image("us-east-1", UsedIn::AutoScalingGroups, &id(4), "auto-scaling group web");
    let said = amibake(&lab, &["delete", "-yes", "ami-00000004"]);
    recorded("delete-used", &said.text);
    assert_eq!(said.status, 1);
    there(&lab, &[(4, true)]);
    let said = amibake(&lab, &["delete", "-yes", "-even-if-used", "ami-00000004"]);
    assert_eq!(said.status, 0, "{}", said.text);
    there(&lab, &[(4, false)]);
}

#[test]
fn delete_of_a_protected_image_is_refused() {
    let lab = account();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(lab.region("us-east-1").protect_image(&id(4), false)).unwrap();
    let said = amibake(&lab, &["delete", "-yes", "-even-if-used", "ami-00000004"]);
    let lifted = "aws --region us-east-1 ec2 disable-image-deregistration-protection --image-id ami-00000004";
    assert!(said.text.contains(lifted) && said.text.contains("Nothing was deleted: it is protected."), "{}", said.text);
    assert_eq!(said.status, 1);
    there(&lab, &[(4, true)]);
}

#[test]
fn what_does_not_go_is_told_with_the_command_that_removes_it() {
    let lab = account();
    lab.fault(Fault::new(At::Every("DeleteSnapshot"), Kind::Refuse("UnauthorizedOperation", "You are not authorized")));
    let said = amibake(&lab, &["delete", "-yes", "ami-00000004"]);
    assert_eq!(said.status, 1);
    assert!(said.text.contains("aws --region us-east-1 ec2 delete-snapshot --snapshot-id snap-00000004"), "{}", said.text);
    let said = amibake(&lab, &["delete", "ami-0000ffff"]);
    assert!(said.text.contains("this account has no image ami-0000ffff in any region"), "{}", said.text);
}

/// A plan of the template, asked of EC2.
#[test]
fn plan_online_says_which_permission_is_missing() {
    let (lab, template) = (account(), template());
    let path = template.path().to_str().unwrap();
    let said = amibake(&lab, &["plan", "-online", path]);
    assert_eq!(said.status, 0, "{}", said.text);
    let refused = "You are not authorized to perform this operation. Encoded authorization failure message: abcdef";
    lab.fault(Fault::new(At::Every("CreateKeyPair"), Kind::Refuse("UnauthorizedOperation", refused)));
    lab.fault(Fault::new(At::Every("TerminateInstances"), Kind::Refuse("InvalidInstanceID.NotFound", "The instance ID does not exist")));
    let before = lab.inventory();
    let said = amibake(&lab, &["plan", "-online", path]);
    let (_, answers) = said.text.split_once("without provisioning.\n").unwrap();
    recorded("plan-online", answers);
    assert_eq!((said.status, lab.remaining(&before, &[])), (1, Vec::new()));
    assert!(lab.calls().iter().filter(|call| call.changes).all(|call| call.parameters.contains_key("DryRun")), "something was made");
}

#[test]
fn a_plan_is_read_by_people() {
    let (lab, template) = (account(), template());
    let said = amibake(&lab, &["plan", template.path().to_str().unwrap()]);
    recorded("plan", &said.text);
    let said = amibake(&lab, &["plan", "-format", "iam-policy", "-account", "123456789012", template.path().to_str().unwrap()]);
    recorded("plan-policy", &said.text);
    assert_eq!((said.status, lab.count()), (0, 0));
}
