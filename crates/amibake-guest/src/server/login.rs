//! Who gets in, as sshd and a cloud image decide it.

use std::fmt;

use russh::MethodKind;
use russh::keys::PublicKey;
use russh::keys::ssh_key::public::KeyData;

use crate::guest::Guest;
use crate::keys::{self, KeyError};

/// Who may log in to a guest.
#[derive(Debug, Clone, Default)]
pub struct Login {
    /// Which key.
    pub keys: Accepted,
    /// Which password.
    pub passwords: Passwords,
    /// The one user that the image has for logins (`ubuntu`). Then `root` is answered as cloud images do it, with a line that names
    /// this user, and nobody else has the key. None: every user that the guest has.
    pub user: Option<String>,
    /// Whether the guest shares this machine's network, so that tunnels of its sshd begin and end here.
    pub network: bool,
}

/// Which public keys are accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Accepted {
    /// None.
    #[default]
    None,
    /// This one: a line as in `authorized_keys`.
    Only(String),
    /// Any that the client has: the instance's key pair is one that nobody here knows.
    AnyOffered,
}

/// Which passwords are accepted, by `password` and by `keyboard-interactive`.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Passwords {
    /// None, and the methods are not offered: what cloud images do.
    #[default]
    None,
    /// This one.
    Only(String),
    /// Any.
    Any,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Only(_) => "Only(<sensitive>)",
            Self::Any => "Any",
        })
    }
}

/// What somebody who proved who they are gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Admission {
    /// Their programs.
    Programs,
    /// Nothing but this text, whatever they ask for.
    Text(String),
}

/// [`Login`], read.
#[derive(Debug)]
pub(super) struct Policy {
    key: Option<Key>,
    passwords: Passwords,
    user: Option<String>,
    pub(super) network: bool,
}

#[derive(Debug)]
enum Key {
    Only(Box<KeyData>),
    Any,
}

impl Policy {
    pub(super) fn new(login: Login) -> Result<Self, KeyError> {
        let key = match login.keys {
            Accepted::None => None,
            Accepted::Only(line) => Some(Key::Only(Box::new(keys::parse_public(&line)?.key_data().clone()))),
            Accepted::AnyOffered => Some(Key::Any),
        };
        Ok(Self { key, passwords: login.passwords, user: login.user, network: login.network })
    }

    /// The methods that a client is told of.
    pub(super) fn methods(&self) -> &'static [MethodKind] {
        match self.passwords {
            Passwords::None => &[MethodKind::PublicKey],
            Passwords::Only(_) | Passwords::Any => &[MethodKind::PublicKey, MethodKind::Password, MethodKind::KeyboardInteractive],
        }
    }

    /// What the owner of a key gets as a user; None: they are refused.
    pub(super) fn by_key(&self, user: &str, key: &PublicKey, guest: &dyn Guest) -> Option<Admission> {
        let known = match self.key.as_ref()? {
            Key::Only(only) => **only == *key.key_data(),
            Key::Any => true,
        };
        if !known || !guest.has_user(user) {
            return None;
        }
        match &self.user {
            Some(name) if name == user => Some(Admission::Programs),
            Some(name) if user == "root" => Some(Admission::Text(please_login_as(name))),
            Some(_) => None,
            None => Some(Admission::Programs),
        }
    }

    /// What somebody with a password gets as a user; None: they are refused.
    pub(super) fn by_password(&self, user: &str, password: &str, guest: &dyn Guest) -> Option<Admission> {
        let right = match &self.passwords {
            Passwords::None => false,
            Passwords::Only(only) => only == password,
            Passwords::Any => true,
        };
        (right && guest.has_user(user)).then_some(Admission::Programs)
    }
}

/// The text of the forced command for root.
///
/// Source: `disable_root_opts` of cloud-init, which the images of Ubuntu, Debian and Amazon Linux keep.
fn please_login_as(user: &str) -> String {
    format!("Please login as the user \"{user}\" rather than the user \"root\".\n\n")
}
