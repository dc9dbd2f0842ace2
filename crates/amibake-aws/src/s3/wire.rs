//! S3's requests and answers.

use std::fmt;

use amibake_ec2::s3::{ListedUpload, NewObject, ObjectEncryption, ObjectName, StoredObject};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;
use bytes::Bytes;

use crate::wire::{Refused, element, percent_encoded, plain};

/// The run that stored an object, kept with it.
const RUN: &str = "x-amz-meta-amibake-run-id";

/// A request.
pub(super) struct Message {
    pub name: ObjectName,
    method: &'static str,
    query: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl fmt::Debug for Message {
    /// Without the megabytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("name", &self.name).field("method", &self.method).finish_non_exhaustive()
    }
}

impl Message {
    pub fn new(method: &'static str, name: &ObjectName) -> Self {
        Self { name: name.clone(), method, query: Vec::new(), headers: Vec::new(), body: Bytes::new() }
    }

    pub fn query(mut self, name: &'static str, value: &str) -> Self {
        self.query.push((name, value.to_owned()));
        self
    }

    /// What is kept with a new object.
    pub fn object(mut self, object: &NewObject) -> Self {
        self.headers.push((RUN, object.run_id.clone()));
        let (how, key) = match &object.encryption {
            None => return self,
            Some(ObjectEncryption::Aes256) => ("AES256", None),
            Some(ObjectEncryption::Kms(key)) => ("aws:kms", key.clone()),
        };
        self.headers.push(("x-amz-server-side-encryption", how.to_owned()));
        self.headers.extend(key.map(|key| ("x-amz-server-side-encryption-aws-kms-key-id", key)));
        self
    }

    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// As it is sent, but for the host.
    pub fn request(self, path: &str) -> Result<HttpRequest, BoxError> {
        let mut uri = path.to_owned();
        for (index, (name, value)) in self.query.iter().enumerate() {
            uri.push(if index == 0 { '?' } else { '&' });
            uri.push_str(name);
            uri.push('=');
            uri.push_str(&percent_encoded(value, ""));
        }
        let length = self.body.len().to_string();
        let mut request = HttpRequest::new(SdkBody::from(self.body));
        request.set_method(self.method)?;
        request.set_uri(uri)?;
        for (name, value) in self.headers {
            request.headers_mut().try_insert(name, value)?;
        }
        request.headers_mut().try_insert("content-length", length)?;
        Ok(request)
    }
}

/// An answer that is no refusal.
#[derive(Debug)]
pub(super) struct Answer {
    pub etag: Option<String>,
    version: Option<String>,
    run_id: Option<String>,
    body: String,
}

/// Reads an answer; S3 also says in the body of a success that it failed.
pub(super) fn answer(response: &HttpResponse) -> Result<Answer, OrchestratorError<Refused>> {
    let body = response.body().bytes().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
    let status = response.status();
    if status.is_success() && element(&body, "Error").is_none() {
        let header = |name: &str| response.headers().get(name).map(str::to_owned);
        return Ok(Answer { etag: header("etag"), version: header("x-amz-version-id"), run_id: header(RUN), body });
    }
    let metadata = ErrorMetadata::builder();
    let metadata = match element(&body, "Code") {
        Some(code) => metadata.code(code),
        // The answer to HEAD has no body.
        None if status.as_u16() == 404 => metadata.code("NotFound").message("there is no such object"),
        None => metadata,
    };
    let metadata = element(&body, "Message").into_iter().fold(metadata, |metadata, message| metadata.message(plain(message)));
    Err(OrchestratorError::operation(Refused(metadata.build())))
}

impl Answer {
    pub fn element(&self, name: &str) -> Option<String> {
        element(&self.body, name).map(plain)
    }

    /// Buckets without versions answer with the version `null`, if with any.
    pub fn stored(self) -> StoredObject {
        StoredObject { version: self.version.filter(|version| version != "null"), run_id: self.run_id }
    }

    /// The uploads of the object of this key.
    pub fn uploads(&self, key: &str) -> Vec<ListedUpload> {
        let each = self.body.split("<Upload>").skip(1).filter(|upload| element(upload, "Key").map(plain).as_deref() == Some(key));
        each.filter_map(|upload| {
            Some(ListedUpload { id: plain(element(upload, "UploadId")?), initiated: element(upload, "Initiated")?.to_owned() })
        })
        .collect()
    }
}

/// The body of CompleteMultipartUpload.
pub(super) fn parts(parts: &[String]) -> String {
    let part = |(index, etag): (usize, &String)| {
        let etag = etag.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        format!("<Part><PartNumber>{}</PartNumber><ETag>{etag}</ETag></Part>", index + 1)
    };
    let parts: String = parts.iter().enumerate().map(part).collect();
    format!("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{parts}</CompleteMultipartUpload>")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn name() -> ObjectName {
        ObjectName { bucket: "b".to_owned(), key: "k&1".to_owned() }
    }

    #[test]
    fn a_request_says_what_is_asked() {
        let object = NewObject { name: name(), encryption: Some(ObjectEncryption::Kms(Some("key".to_owned()))), run_id: "r".to_owned() };
        let request = Message::new("POST", &name()).query("uploads", "").object(&object).request("/b/k%261").unwrap();
        assert_eq!((request.method(), request.uri()), ("POST", "/b/k%261?uploads="));
        let header = |name| request.headers().get(name);
        assert_eq!((header(RUN), header("x-amz-server-side-encryption")), (Some("r"), Some("aws:kms")));
        assert_eq!((header("x-amz-server-side-encryption-aws-kms-key-id"), header("content-length")), (Some("key"), Some("0")));
    }

    #[test]
    fn uploads_of_other_objects_are_not_meant() {
        let upload = |key: &str, id: &str| {
            format!("<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>2026-11-02T08:00:00.000Z</Initiated></Upload>")
        };
        let body = format!("<R>{}{}</R>", upload("k&amp;1", "u/1"), upload("k&amp;12", "u2"));
        let listed = Answer { etag: None, version: None, run_id: None, body }.uploads("k&1");
        assert_eq!(listed, [ListedUpload { id: "u/1".to_owned(), initiated: "2026-11-02T08:00:00.000Z".to_owned() }]);
    }

    #[test]
    fn parts_are_named_in_their_order() {
        let text = parts(&["\"a\"".to_owned(), "b".to_owned()]);
        assert!(
            text.contains("<Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag></Part><Part><PartNumber>2</PartNumber>"),
            "{text}"
        );
    }
}
