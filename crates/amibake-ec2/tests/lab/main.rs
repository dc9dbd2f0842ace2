//! The lab through its public door: each rule of EC2 that it claims to keep.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod assume;
mod bundles;
mod catalogue;
mod conformance;
mod described;
mod faults;
mod images;
mod imports;
mod instances;
mod machines;
mod network;
mod spot;
mod support;
mod time;
