//! amibake-aws on real HTTP: on a moto server, and on a server of ten lines that loses replies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod access;
mod conformance;
mod features;
mod moto;
mod retries;
mod tls;

/// Runs a future on a runtime of its own. (`tokio::test` needs a feature that would compile the SDK a second time.)
fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Keys that no error may show.
fn keys() -> amibake_ec2::model::Keys {
    amibake_ec2::model::Keys { access_key: "AKIATEST".to_owned(), secret_key: "the-secret-key".to_owned().into(), token: None }
}

#[expect(clippy::disallowed_methods, reason = "a test has no settings.rs")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Says that a test cannot run here; with AMIBAKE_E2E=require that is a failure.
#[track_caller]
fn skip(why: &str) {
    assert!(environment("AMIBAKE_E2E").as_deref() != Some("require"), "{why}");
    eprintln!("SKIPPED: {why}");
}
