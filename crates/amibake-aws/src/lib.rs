//! [`amibake_ec2::Ec2`] on the AWS SDK; the only crate that names an `aws_*` type.
//!
//! - [`AwsClouds`] opens an account: `access` finds region and credentials as the SDK does, `transport` is the one HTTP
//!   client that all regions share, `retry` says what may be sent twice;
//! - `region` is the trait, one short function a call; `request` and `describe` translate requests and descriptions;
//! - `s3` is S3, as far as an upload needs it; `import` translates imports of what was uploaded;
//! - [`AwsSecrets`] reads secrets of AWS Secrets Manager, which variables can ask for;
//! - `error` turns the SDK's errors into [`amibake_ec2::Ec2Error`]: a code and a message, never a dump.
//!
//! Invariants: nothing is retried outside the SDK; a create without a client token is never sent again unless EC2 said that
//! it had no effect; an empty string is never sent; a secret is never part of an error.

mod access;
mod cloud;
mod describe;
mod disks;
mod error;
mod import;
mod region;
mod request;
mod retry;
mod s3;
mod secrets;
mod transport;

pub use cloud::AwsClouds;
pub use secrets::AwsSecrets;
