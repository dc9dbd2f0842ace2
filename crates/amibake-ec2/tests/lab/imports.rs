//! Imports of images. (No conformance questions: moto has none.)

use amibake_ec2::lab::{Lab, Options, Times};
use amibake_ec2::model::{DescribeImages, ImportImage};
use amibake_ec2::s3::{NewObject, ObjectName};
use amibake_ec2::{Ec2, ImportTaskId};
use bytes::Bytes;

fn name() -> ObjectName {
    ObjectName { bucket: "b".to_owned(), key: "disk.raw".to_owned() }
}

fn request(token: &str) -> ImportImage {
    ImportImage {
        client_token: token.to_owned(),
        object: name(),
        format: "raw".to_owned(),
        architecture: Some("x86_64".to_owned()),
        boot_mode: None,
        platform: None,
        encrypted: false,
        kms_key_id: None,
        role_name: None,
        license_type: None,
        task_tags: Vec::new(),
    }
}

async fn lab() -> (Lab, std::sync::Arc<dyn Ec2>) {
    let lab = Lab::new(Options { buckets: ["b".to_owned()].into(), ..Options::new(Times::real()) });
    let ec2 = lab.region("us-east-1");
    let object = NewObject { name: name(), encryption: None, run_id: "r".to_owned() };
    ec2.s3().put_object(&object, Bytes::from_static(b"x")).await.unwrap();
    (lab, ec2)
}

#[tokio::test(start_paused = true)]
async fn a_task_goes_on_and_makes_an_image() {
    let (_, ec2) = lab().await;
    let task = ec2.import_image(request("t")).await.unwrap();
    assert_eq!((task.status.as_str(), task.progress.as_deref()), ("active", Some("0")));
    tokio::time::sleep(Times::real().import / 2).await;
    let half = ec2.describe_import_tasks(std::slice::from_ref(&task.id)).await.unwrap().remove(0);
    assert_eq!((half.progress.as_deref(), half.status_message.as_deref()), (Some("50"), Some("updating")));
    tokio::time::sleep(Times::real().import / 2).await;
    let done = ec2.describe_import_tasks(&[]).await.unwrap().remove(0);
    assert_eq!(done.status, "completed");
    let image = ec2.describe_images(DescribeImages { ids: done.image.into_iter().collect(), ..DescribeImages::default() }).await.unwrap();
    assert_eq!((image[0].name.as_str(), image[0].block_devices[0].snapshot.as_ref()), (task.id.as_str(), done.snapshots.first()));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_task_makes_none_and_a_finished_one_cannot_be_cancelled() {
    let (lab, ec2) = lab().await;
    let (first, second) = (ec2.import_image(request("1")).await.unwrap(), ec2.import_image(request("2")).await.unwrap());
    ec2.cancel_import_task(&first.id).await.unwrap();
    tokio::time::sleep(Times::real().import).await;
    assert_eq!(ec2.describe_import_tasks(&[first.id]).await.unwrap()[0].status, "deleted");
    assert!(ec2.cancel_import_task(&second.id).await.unwrap_err().is("IncorrectState"));
    assert_eq!(lab.remaining(&Lab::default().inventory(), &[]).len(), 3, "the object, one image, its snapshot");
}

#[tokio::test(start_paused = true)]
async fn the_same_token_imports_once() {
    let (_, ec2) = lab().await;
    let first = ec2.import_image(request("t")).await.unwrap();
    assert_eq!(ec2.import_image(request("t")).await.unwrap().id, first.id);
    let other = ImportImage { encrypted: true, ..request("t") };
    assert!(ec2.import_image(other).await.unwrap_err().is("IdempotentParameterMismatch"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_imported_is_refused() {
    let (_, ec2) = lab().await;
    let absent = ImportImage { object: ObjectName { key: "other".to_owned(), ..name() }, ..request("1") };
    assert!(ec2.import_image(absent).await.unwrap_err().is("InvalidParameter"));
    let format = ImportImage { format: "qcow2".to_owned(), ..request("2") };
    assert!(ec2.import_image(format).await.unwrap_err().is("InvalidParameterValue"));
    let unknown = ImportTaskId::new("import-ami-0").unwrap();
    assert!(ec2.describe_import_tasks(&[unknown]).await.unwrap_err().is_not_found());
}
