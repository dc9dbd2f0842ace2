//! Key pairs, made as EC2 makes them.

use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs8::LineEnding;
use russh::keys::key::safe_rng;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::ssh_key::{self, PublicKey, public};

/// Bits of an RSA key.
///
/// Source: EC2's CreateKeyPair, which makes 2048-bit keys.
const RSA_BITS: usize = 2048;

/// Which kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// RSA with 2048 bits.
    Rsa,
    /// Ed25519.
    Ed25519,
}

/// A key pair. Its [`Debug`](std::fmt::Debug) form leaves the private half out.
#[derive(Clone)]
pub struct KeyPair {
    /// The private half as EC2 hands it out: `RSA PRIVATE KEY` (PKCS#1) for RSA, OpenSSH's own form for Ed25519.
    pub private_pem: String,
    /// The public half, one line as in `authorized_keys`, without a comment.
    pub public: String,
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No RSA key came out of the random numbers.
    #[error("no RSA key could be made")]
    Rsa(#[source] rsa::Error),
    /// Writing the private half in PKCS#1 failed.
    #[error("the RSA key cannot be written as PEM")]
    Pem(#[source] rsa::pkcs1::Error),
    /// Writing a half in OpenSSH's form failed.
    #[error("the key cannot be written in OpenSSH's form")]
    OpenSsh(#[source] ssh_key::Error),
    /// What should be a public key is none.
    #[error("`{0}` is no public key")]
    NotPublic(String),
}

/// Makes a new key pair. An RSA key takes about a tenth of a second of CPU time: call it where that may block.
///
/// # Errors
/// The key could not be made or written.
pub fn generate(kind: Kind) -> Result<KeyPair, KeyError> {
    match kind {
        Kind::Rsa => generate_rsa(),
        Kind::Ed25519 => generate_ed25519(),
    }
}

fn generate_rsa() -> Result<KeyPair, KeyError> {
    let key = rsa::RsaPrivateKey::new(&mut safe_rng(), RSA_BITS).map_err(KeyError::Rsa)?;
    let private_pem = key.to_pkcs1_pem(LineEnding::LF).map_err(KeyError::Pem)?.to_string();
    let public = public::RsaPublicKey::try_from(key.to_public_key()).map_err(KeyError::OpenSsh)?;
    let public = PublicKey::from(public).to_openssh().map_err(KeyError::OpenSsh)?;
    Ok(KeyPair { private_pem, public })
}

fn generate_ed25519() -> Result<KeyPair, KeyError> {
    let key = ed25519()?;
    let private_pem = key.to_openssh(ssh_key::LineEnding::LF).map_err(KeyError::OpenSsh)?.to_string();
    let public = key.public_key().to_openssh().map_err(KeyError::OpenSsh)?;
    Ok(KeyPair { private_pem, public })
}

/// A new Ed25519 key, as a guest's host key.
pub(crate) fn ed25519() -> Result<ssh_key::PrivateKey, KeyError> {
    let pair = KeypairData::from(Ed25519Keypair::random(&mut safe_rng()));
    ssh_key::PrivateKey::new(pair, "").map_err(KeyError::OpenSsh)
}

/// Reads a line of `authorized_keys` that has no options.
pub(crate) fn parse_public(line: &str) -> Result<PublicKey, KeyError> {
    PublicKey::from_openssh(line.trim()).map_err(|_| KeyError::NotPublic(line.trim().to_owned()))
}
