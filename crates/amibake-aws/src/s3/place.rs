//! Where a bucket is reached: at a host of its own on AWS, in the path of any other endpoint, as SDKs have it.

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

use crate::wire::percent_encoded;

/// Host and path of a bucket.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub endpoint: String,
    /// What stands in the path before the key.
    bucket: Option<String>,
}

/// `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, or what the profile has in their place.
pub(super) fn configured(config: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id("s3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok()?;
    let own = config.service_config().and_then(|service| service.load_config(key));
    own.or_else(|| config.endpoint_url().map(str::to_owned))
}

impl Place {
    /// Where `bucket` is.
    pub fn of(bucket: &str, endpoint: Option<&str>, region: &str) -> Self {
        if let Some(endpoint) = endpoint {
            return Self { endpoint: endpoint.to_owned(), bucket: Some(bucket.to_owned()) };
        }
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        let host = format!("s3.{region}.amazonaws.com{suffix}");
        match is_host(bucket) {
            true => Self { endpoint: format!("https://{bucket}.{host}"), bucket: None },
            false => Self { endpoint: format!("https://{host}"), bucket: Some(bucket.to_owned()) },
        }
    }

    /// The path of an object, or of the bucket where `key` is empty.
    pub fn path(&self, key: &str) -> String {
        let mut path = String::new();
        for part in self.bucket.as_deref().into_iter().chain((!key.is_empty() || self.bucket.is_none()).then_some(key)) {
            path.push('/');
            path.push_str(&percent_encoded(part, "/"));
        }
        path
    }
}

/// Whether a bucket's name can stand before the host's under one certificate: no dots, no capitals, no `_`.
fn is_host(bucket: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [bucket.bytes().next(), bucket.bytes().last()];
    (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|byte| plain(byte) || byte == b'-')
        && ends.iter().all(|byte| byte.is_some_and(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bucket: &str, endpoint: Option<&str>, region: &str, key: &str, expected: &str) {
        let place = Place::of(bucket, endpoint, region);
        assert_eq!(format!("{}{}", place.endpoint, place.path(key)), expected);
    }

    #[test]
    fn buckets_are_hosts_or_paths() {
        check("my-bucket", None, "us-east-2", "a/b c.ova", "https://my-bucket.s3.us-east-2.amazonaws.com/a/b%20c.ova");
        check("my-bucket", None, "us-east-2", "", "https://my-bucket.s3.us-east-2.amazonaws.com/");
        check("My_Bucket", None, "us-east-2", "x", "https://s3.us-east-2.amazonaws.com/My_Bucket/x");
        check("my.bucket", None, "us-east-2", "x", "https://s3.us-east-2.amazonaws.com/my.bucket/x");
        check("my-bucket", None, "cn-north-1", "x", "https://my-bucket.s3.cn-north-1.amazonaws.com.cn/x");
        check("my-bucket", Some("http://127.0.0.1:5000"), "us-east-2", "x", "http://127.0.0.1:5000/my-bucket/x");
        check("my-bucket", Some("http://127.0.0.1:5000"), "us-east-2", "", "http://127.0.0.1:5000/my-bucket");
    }
}
