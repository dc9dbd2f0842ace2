//! Accounts, opened once per distinct access, and what builds of the same account share: watchers and request budgets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use amibake_ec2::model::{Access, AssumeRole, Keys};
use amibake_ec2::usage::ImageUses;
use amibake_ec2::{Cloud, Clouds, Ec2, Ec2Error, ErrorKind, Region};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::engine::groups::Groups;
use crate::engine::known::Known;
use crate::engine::limits::Limited;
use crate::engine::lookup::AwsEngine;
use crate::engine::watcher::Watcher;

/// How an account was reached: enough to name it and to reach it again, nothing secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Tells accounts and endpoints apart.
    pub key: String,
    /// `profile`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// `custom_endpoint_ec2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// `shared_credentials_file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_credentials_file: Option<String>,
    /// ARN of `assume_role`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
}

impl Reach {
    /// The access that leads there again, as far as a journal can know it: keys in a template are not written down.
    pub fn access(&self) -> Access {
        Access {
            profile: self.profile.clone(),
            endpoint: self.endpoint.clone(),
            shared_credentials_file: self.shared_credentials_file.clone(),
            assume_role: self.role_arn.clone().map(|role_arn| AssumeRole { role_arn, ..AssumeRole::default() }),
            ..Access::default()
        }
    }
}

/// One region of an account. Cheap to clone.
#[derive(Clone)]
pub struct AwsRegion {
    /// Its calls, within the account's request budgets.
    pub ec2: Arc<dyn Ec2>,
    /// Waits for instances, images, snapshots.
    pub watcher: Arc<Watcher>,
    /// Answers that builds side by side share.
    pub known: Arc<Known>,
    /// Temporary security groups that they share.
    pub groups: Arc<Groups>,
    /// How the account was reached.
    pub reach: Arc<Reach>,
}

impl AwsRegion {
    /// A region with a watcher and request budgets of its own.
    pub fn new(ec2: Arc<dyn Ec2>, reach: Reach) -> Self {
        let (ec2, watching): (Arc<dyn Ec2>, Arc<dyn Ec2>) = if ec2.unlimited() {
            (Arc::clone(&ec2), ec2)
        } else {
            let limited = Limited::new(ec2);
            let watching = Arc::new(limited.impatient());
            (Arc::new(limited), watching)
        };
        Self {
            watcher: Arc::new(Watcher::new(watching)),
            known: Arc::new(Known::new(Arc::clone(&ec2))),
            groups: Arc::default(),
            ec2,
            reach: Arc::new(reach),
        }
    }

    /// Which region.
    pub fn name(&self) -> &Region {
        self.ec2.region()
    }
}

/// An account, opened once for all builds with the same access. Cheap to clone.
#[derive(Clone)]
pub struct Account {
    cloud: Arc<dyn Cloud>,
    reach: Arc<Reach>,
    /// What must not be shown: credentials that came during the run.
    secrets: Arc<Vec<String>>,
    /// `decode_authorization_messages`: its calls differ from those of builds without.
    decodes: bool,
    shared: Arc<Shared>,
}

impl Account {
    /// Tells accounts and endpoints apart.
    pub fn key(&self) -> &str {
        self.cloud.key()
    }

    /// The region of the build.
    pub fn build_region(&self) -> &Region {
        self.cloud.build_region()
    }

    /// The credentials that calls are signed with: for a guest that has to reach AWS by itself.
    ///
    /// # Errors
    /// There are none any more.
    pub async fn credentials(&self) -> Result<Keys, Ec2Error> {
        self.cloud.credentials().await
    }

    /// What uses images in a region; None where nobody can tell.
    pub fn image_uses(&self, region: &Region) -> Option<Arc<dyn ImageUses>> {
        self.cloud.image_uses(region)
    }

    /// What came from Vault and must not be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(String::as_str)
    }

    /// A region's calls (within request budgets) and its watcher, both shared by all builds of the account.
    pub fn region(&self, region: &Region) -> AwsRegion {
        let mut regions = self.shared.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let made = regions
            .entry((self.cloud.key().to_owned(), self.decodes, region.clone()))
            .or_insert_with(|| AwsRegion::new(self.cloud.ec2(region), Reach::default()));
        AwsRegion { reach: Arc::clone(&self.reach), ..made.clone() }
    }
}

#[derive(Default)]
struct Shared {
    regions: Mutex<BTreeMap<(String, bool, Region), AwsRegion>>,
}

type Opening = Arc<OnceCell<Result<Account, Ec2Error>>>;

/// The accounts of a run.
pub struct Accounts {
    clouds: Arc<dyn Clouds>,
    opened: Mutex<Vec<(Access, Option<AwsEngine>, Opening)>>,
    shared: Arc<Shared>,
}

impl Accounts {
    /// None opened yet.
    pub fn new(clouds: Arc<dyn Clouds>) -> Self {
        Self { clouds, opened: Mutex::default(), shared: Arc::default() }
    }

    /// Opens an account, or answers what opening it with the same access answered before.
    ///
    /// # Errors
    /// No region, no credentials, a role that cannot be assumed.
    pub async fn open(&self, access: &Access) -> Result<Account, Ec2Error> {
        self.open_by(access, None, &BTreeMap::new()).await
    }

    /// The same with credentials from the Vault that the environment names, where one is given.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and what Vault said.
    pub async fn open_by(&self, access: &Access, vault: Option<&AwsEngine>, env: &BTreeMap<String, String>) -> Result<Account, Ec2Error> {
        let opening = self.opening(access, vault);
        opening
            .get_or_init(|| async {
                let mut access = access.clone();
                if let Some(engine) = vault {
                    access.keys = Some(engine.credentials(env).await.map_err(|error| setup(error.to_string()))?);
                }
                let cloud = self.open_cloud(&access, vault.is_some()).await?;
                let reach = Arc::new(reach(&access, cloud.key()));
                let secrets = Arc::new(access.keys.iter().filter(|_| vault.is_some()).flat_map(secrets).collect());
                Ok(Account { cloud, reach, secrets, decodes: access.decode_authorization, shared: Arc::clone(&self.shared) })
            })
            .await
            .clone()
    }

    /// Opens it; again where credentials are so new that STS does not know them yet.
    async fn open_cloud(&self, access: &Access, new: bool) -> Result<Arc<dyn Cloud>, Ec2Error> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.clouds.open(access).await {
                Err(error) if new && error.message.contains("InvalidClientTokenId") && pause <= LONGEST_PAUSE => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                answer => return answer,
            }
        }
    }

    fn opening(&self, access: &Access, vault: Option<&AwsEngine>) -> Opening {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., opening)) = opened.iter().find(|(known, by, _)| same(known, access) && by.as_ref() == vault) {
            return Arc::clone(opening);
        }
        let opening = Opening::default();
        opened.push((access.clone(), vault.cloned(), Arc::clone(&opening)));
        opening
    }
}

/// Pauses while STS does not know new credentials: half a minute in all.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(16);

fn setup(message: String) -> Ec2Error {
    Ec2Error { operation: "Vault", kind: ErrorKind::Setup, code: None, message }
}

/// The two of a key's parts that are secret.
fn secrets(keys: &Keys) -> impl Iterator<Item = String> {
    let token = keys.token.as_ref().map(|token| token.expose_secret().to_owned());
    std::iter::once(keys.secret_key.expose_secret().to_owned()).chain(token)
}

fn reach(access: &Access, key: &str) -> Reach {
    Reach {
        key: key.to_owned(),
        profile: access.profile.clone(),
        endpoint: access.endpoint.clone(),
        shared_credentials_file: access.shared_credentials_file.clone(),
        role_arn: access.assume_role.as_ref().map(|role| role.role_arn.clone()),
    }
}

/// Whether two accesses are the same, secrets included (which is why the type has no comparison of its own).
fn same(a: &Access, b: &Access) -> bool {
    let plain = |access: &Access| Access { keys: None, mfa_code: None, ..access.clone() };
    // Without the keys, Debug shows every field; no list of fields to forget one in.
    let code = |access: &Access| access.mfa_code.as_ref().map(|code| code.expose_secret().to_owned());
    keys(a) == keys(b) && code(a) == code(b) && format!("{:?}", plain(a)) == format!("{:?}", plain(b))
}

/// Key id, secret, token.
fn keys(access: &Access) -> Option<(&str, &str, Option<&str>)> {
    let keys = access.keys.as_ref()?;
    Some((&keys.access_key, keys.secret_key.expose_secret(), keys.token.as_ref().map(|token| token.expose_secret())))
}

#[cfg(test)]
mod tests {
    use amibake_ec2::lab::{Lab, Options};
    use secrecy::SecretString;

    use super::*;

    fn access(region: &str, secret: Option<&str>) -> Access {
        let keys = secret.map(|secret| Keys { access_key: "AKIA".into(), secret_key: SecretString::from(secret), token: None });
        Access { region: Some(region.to_owned()), keys, ..Access::default() }
    }

    #[track_caller]
    fn check(a: Access, b: Access, expected: bool) {
        assert_eq!(same(&a, &b), expected, "{a:?} {b:?}");
    }

    #[test]
    fn accesses_differ_by_any_field_also_by_a_secret() {
        check(access("a", None), access("a", None), true);
        check(access("a", None), access("b", None), false);
        check(access("a", Some("s")), access("a", Some("s")), true);
        check(access("a", Some("s")), access("a", Some("t")), false);
        check(access("a", Some("s")), access("a", None), false);
        check(access("a", None), Access { max_retries: Some(1), ..access("a", None) }, false);
    }

    #[tokio::test]
    async fn accounts_with_the_same_key_share_watchers_and_budgets() {
        let accounts = Accounts::new(Arc::new(Lab::new(Options::default())));
        let [a, b] = [access("us-east-1", None), access("us-east-2", None)];
        let (a, b) = (accounts.open(&a).await.unwrap(), accounts.open(&b).await.unwrap());
        let region = Region::new("us-west-2");
        assert!(Arc::ptr_eq(&a.region(&region).watcher, &b.region(&region).watcher));
        assert!(!Arc::ptr_eq(&a.region(&region).watcher, &a.region(a.build_region()).watcher));
    }

    #[tokio::test]
    async fn what_cannot_be_opened_says_so_each_time() {
        let accounts = Accounts::new(Arc::new(Lab::new(Options::default())));
        for _ in 0..2 {
            let Err(error) = accounts.open(&Access::default()).await else { panic!("there is no region") };
            assert!(error.message.contains("no region"), "{error}");
        }
    }
}
