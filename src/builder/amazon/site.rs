//! Where a build happens.

use amibake_ec2::{Ec2, Region};

use super::access::AccessConfig;
use super::call::fail;
use super::polling::{AwsPolling, polling};
use super::vault::wait_until_known;
use crate::builder::BuildError;
use crate::engine::context::{Account, AwsRegion, BuildContext};
use crate::engine::watcher::Polling;

/// Where a build happens: the account, the build region, and how long waits may take.
#[derive(Clone)]
pub struct Site {
    /// The account.
    pub account: Account,
    /// The build region.
    pub home: AwsRegion,
    /// Its name.
    pub region: Region,
    /// Limits of waits.
    pub polling: Polling,
}

impl Site {
    /// Opens the account.
    ///
    /// # Errors
    /// No region, no credentials, a role that cannot be assumed.
    pub async fn open(cx: &BuildContext, access: &AccessConfig, limits: Option<&AwsPolling>) -> Result<Self, BuildError> {
        // In a rehearsal there is no AWS to have credentials for.
        let vault = access.vault().filter(|_| cx.guests.is_none());
        let account = cx.open_by(&access.access(), vault.as_ref()).await.map_err(|error| fail(cx, error.to_string()))?;
        let region = account.build_region().clone();
        let home = account.region(&region);
        if vault.is_some() {
            wait_until_known(cx, &*home.ec2).await?;
        }
        Ok(Self { account, home, region, polling: polling(limits, &cx.late.host.env) })
    }

    /// The calls of the build region.
    pub fn ec2(&self) -> &dyn Ec2 {
        &*self.home.ec2
    }
}
