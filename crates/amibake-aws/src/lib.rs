//! [`amibake_ec2::Ec2`] on the AWS SDK; the only crate that names an `aws_*` type.
//!
//! - [`AwsClouds`] opens an account: `access` finds region and credentials as the SDK does, `owner` whose they are, `transport` is the one HTTP
//!   client that all regions share, `retry` says what may be sent twice;
//! - `region` is the trait, one short function a call; `request` and `describe` translate requests and descriptions;
//! - `usage` finds out what uses images; `signed` sends what has no typed client, `wire` reads what comes back;
//! - `role` assumes roles with all that STS knows; `decode` has refusals decoded; `insecure` is the HTTP client that looks at no
//!   certificate; `features` are the rarer calls;
//! - `s3` is S3, as far as an upload needs it; `import` translates imports of what was uploaded;
//! - [`AwsSecrets`] reads secrets of AWS Secrets Manager, which variables can ask for;
//! - `spot`: launch templates and fleets; `iam`: temporary instance profiles; `session`: Session Manager; `own_address`: this machine as AWS sees it;
//! - `error` turns the SDK's errors into [`amibake_ec2::Ec2Error`]: a code and a message, never a dump.
//!
//! Invariants: what got no answer is sent again by the SDK, and what EC2 asks to slow down by whoever keeps the budgets, never by both; a
//! create without a client token is never sent again here; an empty string is never sent; a secret is never part of an error.

mod access;
mod cloud;
mod decode;
mod describe;
mod disks;
mod error;
mod features;
mod iam;
mod import;
mod insecure;
mod own_address;
mod owner;
mod region;
mod request;
mod retry;
mod role;
mod s3;
mod secrets;
mod session;
mod signed;
mod spot;
mod transport;
mod usage;
mod wire;

pub use cloud::AwsClouds;
pub use secrets::AwsSecrets;
