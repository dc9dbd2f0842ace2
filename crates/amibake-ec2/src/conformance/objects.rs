//! Objects of S3 and uploads in parts. Whoever asks makes the bucket [`super::BUCKET`] beforehand.

use bytes::Bytes;

use super::{Answer, Peer, expect, refused, same};
use crate::s3::{NewObject, ObjectEncryption, ObjectName, Upload};

pub(super) async fn an_object_is_stored_with_its_run_and_removed(peer: Peer) -> Answer {
    let (s3, object) = (peer.ec2.s3(), peer.object("a b/c+d.raw"));
    s3.put_object(&object, Bytes::from_static(b"not really a disk")).await?;
    let found = s3.head_object(&object.name).await?;
    same("its run", &found.run_id.as_deref(), &Some(peer.name))?;
    s3.delete_object(&object.name, found.version.as_deref()).await?;
    let gone = s3.head_object(&object.name).await;
    expect(gone.as_ref().is_err_and(crate::Ec2Error::is_not_found), || format!("the object is still there: {gone:?}"))
}

pub(super) async fn an_object_is_replaced(peer: Peer) -> Answer {
    let (s3, object) = (peer.ec2.s3(), peer.object("twice"));
    s3.put_object(&object, Bytes::from_static(b"one")).await?;
    let other = NewObject { run_id: "another".to_owned(), encryption: Some(ObjectEncryption::Aes256), ..object.clone() };
    s3.put_object(&other, Bytes::from_static(b"two")).await?;
    same("its run", &s3.head_object(&object.name).await?.run_id.as_deref(), &Some("another"))
}

pub(super) async fn an_object_that_does_not_exist_can_be_removed(peer: Peer) -> Answer {
    Ok(peer.ec2.s3().delete_object(&peer.object("absent").name, None).await?)
}

pub(super) async fn an_object_is_made_of_its_parts(peer: Peer) -> Answer {
    let (s3, object) = (peer.ec2.s3(), peer.object("in parts"));
    let upload = Upload { name: object.name.clone(), id: s3.create_upload(&object).await? };
    let second = s3.upload_part(&upload, 2, Bytes::from_static(b"the end")).await?;
    // The smallest part that is not the last; sent twice, it is there once.
    let body = Bytes::from(vec![7; 5 * 1024 * 1024]);
    s3.upload_part(&upload, 1, body.clone()).await?;
    let first = s3.upload_part(&upload, 1, body).await?;
    same("uploads under way", &s3.list_uploads(&object.name).await?.len(), &1)?;
    s3.complete_upload(&upload, &[first, second]).await?;
    same("the object's run", &s3.head_object(&object.name).await?.run_id.as_deref(), &Some(peer.name))?;
    same("uploads under way", &s3.list_uploads(&object.name).await?.len(), &0)
}

pub(super) async fn an_upload_is_listed_until_it_is_given_up(peer: Peer) -> Answer {
    let (s3, object) = (peer.ec2.s3(), peer.object("given-up"));
    let upload = Upload { name: object.name.clone(), id: s3.create_upload(&object).await? };
    let listed = s3.list_uploads(&object.name).await?;
    same("listed", &listed.iter().map(|one| one.id.as_str()).collect(), &vec![upload.id.as_str()])?;
    let date = &listed[0].initiated;
    expect(date.parse::<jiff::Timestamp>().is_ok(), || format!("`{date}` is no moment"))?;
    s3.abort_upload(&upload).await?;
    same("uploads under way", &s3.list_uploads(&object.name).await?.len(), &0)?;
    refused(s3.abort_upload(&upload).await, "NoSuchUpload")
}

pub(super) async fn a_bucket_must_exist(peer: Peer) -> Answer {
    let object = peer.object("x");
    let name = ObjectName { bucket: "amibake-no-such-bucket".to_owned(), ..object.name.clone() };
    refused(peer.ec2.s3().put_object(&NewObject { name, ..object }, Bytes::from_static(b"x")).await, "NoSuchBucket")
}

impl Peer {
    fn object(&self, key: &str) -> NewObject {
        let name = ObjectName { bucket: super::BUCKET.to_owned(), key: format!("{}/{key}", self.unique("object")) };
        NewObject { name, encryption: None, run_id: self.name.to_owned() }
    }
}
