//! The program's entry: hands the command line over and turns the answer into an exit status.

use std::process::ExitCode;
use std::sync::Arc;

use amibake::engine::lookup::SecretStore;
use amibake::settings::Settings;
use amibake_ec2::Clouds;

fn main() -> ExitCode {
    // Before anything else: a guest's part of the program changes namespaces, which threads do not allow.
    if let Some(status) = amibake_guest::stage::run(&std::env::args_os().collect::<Vec<_>>()) {
        return ExitCode::from(status);
    }
    let words: Vec<_> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let settings = Settings::read();
    ExitCode::from(amibake::cli::entry::run(&words, &settings, clouds(&settings), &secrets(&settings)))
}

/// Nothing is resolved or sent before a builder opens an account.
#[cfg(feature = "aws")]
fn clouds(settings: &Settings) -> Arc<dyn Clouds> {
    Arc::new(amibake_aws::AwsClouds::new(settings.var("AWS_CA_BUNDLE").map(Into::into)))
}

#[cfg(feature = "aws")]
fn secrets(settings: &Settings) -> Arc<dyn SecretStore> {
    Arc::new(with_aws::Secrets(amibake_aws::AwsSecrets::new(settings.var("AWS_CA_BUNDLE").map(Into::into))))
}

#[cfg(not(feature = "aws"))]
fn secrets(_: &Settings) -> Arc<dyn SecretStore> {
    Arc::new(without_aws::NoSecrets)
}

#[cfg(not(feature = "aws"))]
fn clouds(_: &Settings) -> Arc<dyn Clouds> {
    Arc::new(without_aws::NoClouds)
}

#[cfg(feature = "aws")]
mod with_aws {
    use amibake::engine::lookup::{LookupError, SecretStore};

    /// AWS Secrets Manager, as the program asks for it.
    pub struct Secrets(pub amibake_aws::AwsSecrets);

    #[async_trait::async_trait]
    impl SecretStore for Secrets {
        async fn secret(&self, name: &str) -> Result<String, LookupError> {
            self.0.secret(name).await.map_err(|error| LookupError::Refused(error.to_string()))
        }
    }
}

#[cfg(not(feature = "aws"))]
mod without_aws {
    use std::sync::Arc;

    use amibake::engine::lookup::{LookupError, SecretStore};
    use amibake_ec2::model::Access;
    use amibake_ec2::{Cloud, Clouds, Ec2Error, ErrorKind, Result};

    /// Stands where AWS would be in a program built without it.
    pub struct NoClouds;

    const WITHOUT: &str = "this amibake was built without AWS (cargo feature `aws`)";

    /// Stands where AWS Secrets Manager would be.
    pub struct NoSecrets;

    #[async_trait::async_trait]
    impl SecretStore for NoSecrets {
        async fn secret(&self, _name: &str) -> std::result::Result<String, LookupError> {
            Err(LookupError::Setup(WITHOUT.to_owned()))
        }
    }

    #[async_trait::async_trait]
    impl Clouds for NoClouds {
        async fn open(&self, _access: &Access) -> Result<Arc<dyn Cloud>> {
            Err(Ec2Error { operation: "connect", kind: ErrorKind::Setup, code: None, message: WITHOUT.to_owned() })
        }

        async fn own_address(&self) -> Result<std::net::IpAddr> {
            Err(Ec2Error { operation: "checkip", kind: ErrorKind::Setup, code: None, message: WITHOUT.to_owned() })
        }
    }
}
