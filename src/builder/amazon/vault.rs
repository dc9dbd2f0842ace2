//! Credentials from Vault: the keys, and the wait until AWS knows them.

use amibake_ec2::Ec2;
use amibake_template::component::{Check, Given};
use schemars::JsonSchema;
use serde::Deserialize;

use super::call::{CallError, ask_until, fail};
use crate::builder::BuildError;
use crate::engine::context::BuildContext;
use crate::engine::lookup::AwsEngine;

/// AWS secrets engine of a Vault server.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct VaultEngine {
    /// Vault's role. Must be given.
    pub name: Option<String>,
    /// AWS role to assume by way of Vault: the engine's `sts` path is asked instead of its `creds` path.
    pub role_arn: Option<String>,
    /// How long the role's credentials live, such as `1h`; only with `role_arn`. Default: the engine's.
    #[schemars(extend("examples" = ["1h"]))]
    pub ttl: Option<String>,
    /// Where the engine is mounted. Default: aws.
    pub engine_name: Option<String>,
}

impl VaultEngine {
    pub(super) fn is_given(&self) -> bool {
        [&self.name, &self.role_arn, &self.ttl, &self.engine_name].iter().any(|key| key.is_given())
    }

    pub(super) fn engine(&self) -> AwsEngine {
        AwsEngine {
            mount: self.engine_name.given().unwrap_or("aws").to_owned(),
            role: self.name.given().unwrap_or_default().to_owned(),
            role_arn: self.role_arn.given().map(str::to_owned),
            ttl: self.ttl.given().map(str::to_owned),
        }
    }

    pub(super) fn check(&self, check: &mut Check<'_>, has_keys: bool) {
        if has_keys {
            let message = "only one of `vault_aws_engine` and `access_key` can be given";
            check.error("vault_aws_engine", "exclude-each-other", message, None);
        }
        if !self.name.is_given() {
            let message = "`vault_aws_engine` needs the `name` of a role of the engine";
            check.error("vault_aws_engine", "vault-role", message, None);
        }
    }
}

/// Waits until EC2 knows credentials that Vault has just made: they take seconds to get around.
///
/// # Errors
/// It does not know them after eleven tries, in almost two minutes.
pub(super) async fn wait_until_known(cx: &BuildContext, ec2: &dyn Ec2) -> Result<(), BuildError> {
    cx.report
        .say("You're using Vault-generated AWS credentials. It may take a few moments for them to become available on AWS. Waiting...");
    match ask_until(cx, |error| error.is("AuthFailure"), || ec2.describe_regions()).await {
        Ok(_) => Ok(()),
        Err(CallError::Ec2(error)) if error.is("AuthFailure") => {
            Err(fail(cx, format!("Was unable to Authenticate to AWS using Vault-Generated Credentials within the retry timeout. {error}")))
        }
        Err(error) => Err(error.fail(cx, "error validating regions", ec2.region())),
    }
}
