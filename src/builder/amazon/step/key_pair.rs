//! The login on the source instance: a temporary key pair, or what the template brings.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use amibake_ec2::model::{CreatedKeyPair, KeyPairRequest, KeyType, Tag};
use amibake_ec2::{Ec2, ErrorKind};
use amibake_template::component::Secret;
use secrecy::ExposeSecret;

use crate::builder::BuildError;
use crate::builder::amazon::call::{Pauses, TRIES, failed_call, go_on, may_exist, sleep};
use crate::builder::amazon::name::uuid;
use crate::builder::amazon::site::Site;
use crate::builder::communicator::{CommunicatorConfig, KeySource};
use crate::engine::context::BuildContext;
use crate::engine::teardown::{CreateError, EntryId, Lifetime, Resource};

/// How to log in.
#[derive(Debug, Default)]
pub struct LoginKey {
    /// The EC2 key pair that the instance is launched with.
    pub key_pair: Option<String>,
    /// The temporary key pair, where there is one.
    pub temporary: Option<TemporaryKey>,
    /// The administrator's password that a Windows instance has set.
    pub windows_password: Option<Secret>,
}

/// A key pair made for this build.
#[derive(Debug)]
pub struct TemporaryKey {
    /// Its name.
    pub name: String,
    /// Its private key, PEM.
    pub private_key: Secret,
    /// Its place on the teardown stack.
    pub entry: EntryId,
}

/// Makes a temporary key pair, unless the template says how to log in.
///
/// # Errors
/// EC2 refuses eleven times.
pub async fn create_key_pair(cx: &BuildContext, site: &Site, config: &CommunicatorConfig, tags: &[Tag]) -> Result<LoginKey, BuildError> {
    let existing = |key_pair: Option<String>| Ok(LoginKey { key_pair, ..LoginKey::default() });
    match config.key_source() {
        KeySource::File { key_pair } => {
            cx.report.say("Using existing SSH private key");
            existing(key_pair)
        }
        KeySource::Agent { key_pair } => {
            cx.report.say(match &key_pair {
                Some(name) => format!("Using SSH Agent for existing key pair {name}"),
                None => "Using SSH Agent with key pair in Source AMI".to_owned(),
            });
            existing(key_pair)
        }
        KeySource::Other => {
            cx.report.say("Not using temporary keypair");
            existing(None)
        }
        KeySource::Temporary { name, rsa } => {
            let name = name.unwrap_or_else(|| format!("packer_{}", uuid(cx, "key pair")));
            cx.report.say(format!("Creating temporary keypair: {name}"));
            let key_type = if rsa { KeyType::Rsa } else { KeyType::Ed25519 };
            create(cx, site, KeyPairRequest { name, key_type, tags: tags.to_vec() }).await
        }
    }
}

async fn create(cx: &BuildContext, site: &Site, request: KeyPairRequest) -> Result<LoginKey, BuildError> {
    let mut pauses = Pauses::usual(TRIES);
    loop {
        go_on(cx)?;
        let resource = Resource::key_pair(request.name.clone());
        match cx.teardown.create(&site.home, resource, Lifetime::Build, make(site.ec2(), &request)).await {
            Ok((made, entry)) => {
                let private_key = Secret::new(made.private_key.expose_secret());
                if cx.options.debug {
                    save_for_debugging(cx, &private_key);
                }
                let temporary = TemporaryKey { name: made.name.clone(), private_key, entry };
                return Ok(LoginKey { key_pair: Some(made.name), temporary: Some(temporary), ..LoginKey::default() });
            }
            Err(CreateError::Ec2(error)) if is_passing(&error) => match pauses.next() {
                Some(pause) => sleep(cx, pause).await.map_err(|error| error.fail(cx, "", &site.region))?,
                None => return Err(failed_call(cx, "Error creating temporary keypair", &site.region, &error)),
            },
            Err(error) => return Err(super::create_failed(cx, "Error creating temporary keypair", &site.region, error)),
        }
    }
}

/// With `-debug` the key is put where a person can use it, until the build ends. A file that is there already is left alone.
fn save_for_debugging(cx: &BuildContext, key: &Secret) {
    let name = format!("ec2_{}.pem", cx.late.build_name.replace(['/', '\\'], "_"));
    let path = Path::new(&cx.late.host.cwd).join(&name);
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).and_then(|mut file| {
        let owned = cx.teardown.own(None, Resource::TempPath { path: path.clone() }, Lifetime::Build);
        owned.map_err(std::io::Error::other)?;
        file.write_all(key.expose().as_bytes())
    });
    match written {
        Ok(()) => cx.report.detail(format!("Saving key for debug purposes: {name}")),
        Err(error) => cx.report.error(format!("Error saving key for debug purposes: {name}: {error}")),
    }
}

/// Packer repeats whatever the error; waiting does not help against a missing permission or a name in use.
fn is_passing(error: &amibake_ec2::Ec2Error) -> bool {
    error.code.as_deref().is_some_and(|code| code.starts_with("Internal") || code == "Unavailable")
}

/// Makes the pair. A key whose reply was lost is of no use to anybody: it is removed, and another made under the same name.
async fn make(ec2: &dyn Ec2, request: &KeyPairRequest) -> amibake_ec2::Result<CreatedKeyPair> {
    match ec2.create_key_pair(request.clone()).await {
        Err(error) if error.kind == ErrorKind::Unknown => {
            ec2.delete_key_pair(&request.name).await.map_err(may_exist)?;
            ec2.create_key_pair(request.clone()).await.map_err(may_exist)
        }
        answer => answer,
    }
}
