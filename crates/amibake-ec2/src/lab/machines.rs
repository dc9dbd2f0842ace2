//! What really runs behind a lab's instances: nothing in tests, guests in a rehearsal.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;

use crate::id::{ImageId, InstanceId, Region};
use crate::model::KeyType;

/// Machines behind a lab's instances. Called while the lab answers a call: each method only begins something and returns at once.
///
/// The lab shows the state after its own time is over *and* the returned [`Progress`] is at its end, whichever is later.
/// It is held while it calls, so a method must not ask the lab anything.
pub trait Machines: Send + Sync {
    /// Makes a key pair; EC2 hands the private half out once.
    ///
    /// # Errors
    /// Why it could not be made, for people.
    fn key_pair(&self, name: &str, kind: KeyType) -> Result<KeyMaterial, String>;

    /// RunInstances: `pending` until the machine is up. A failure shows as an instance that ended, with the reason.
    fn start(&self, machine: Machine) -> Progress;

    /// StopInstances.
    fn stop(&self, instance: &InstanceId) -> Progress;

    /// TerminateInstances.
    fn terminate(&self, instance: &InstanceId) -> Progress;

    /// CreateImage: `pending` until what the machine holds is kept. A failure shows as a failed image.
    fn image(&self, image: &ImageId, instance: &InstanceId) -> Progress;

    /// CopyImage: the copy holds what its source holds.
    fn copy(&self, copy: &ImageId, source: &ImageId) -> Progress;

    /// DeregisterImage.
    fn deregister(&self, image: &ImageId);
}

impl fmt::Debug for dyn Machines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Machines")
    }
}

/// A key pair as it was made.
#[derive(Debug, Clone)]
pub struct KeyMaterial {
    /// The private half, PEM.
    pub private: SecretString,
    /// The public half, one line as in `authorized_keys`.
    pub public: String,
}

/// What is launched.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The instance.
    pub instance: InstanceId,
    /// Its region.
    pub region: Region,
    /// The image that it is launched from.
    pub image: ImageId,
    /// `t3.micro`
    pub instance_type: String,
    /// The key that it accepts.
    pub key: MachineKey,
    /// User data as sent: base64.
    pub user_data: Option<String>,
    /// Public address, where it has one.
    pub public_ip: Option<String>,
    /// Private address.
    pub private_ip: String,
}

/// Which key a machine accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MachineKey {
    /// None: it was launched without a key pair.
    None,
    /// This public key.
    Public(String),
    /// That of a key pair which is only assumed to exist: nobody here knows it.
    Unknown(String),
}

/// How far something is that was begun. Clones share it.
#[derive(Clone)]
pub struct Progress(Arc<Mutex<Reached>>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reached {
    Underway,
    Done,
    Failed(String),
}

impl Progress {
    /// Begun.
    pub fn underway() -> Self {
        Self(Arc::new(Mutex::new(Reached::Underway)))
    }

    /// Nothing to wait for.
    pub fn done() -> Self {
        Self(Arc::new(Mutex::new(Reached::Done)))
    }

    /// It is at its end.
    pub fn finish(&self, result: Result<(), String>) {
        let reached = match result {
            Ok(()) => Reached::Done,
            Err(why) => Reached::Failed(why),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reached;
    }

    /// None while it is under way; then how it ended.
    pub fn end(&self) -> Option<Result<(), String>> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Reached::Underway => None,
            Reached::Done => Some(Ok(())),
            Reached::Failed(why) => Some(Err(why.clone())),
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Progress({:?})", self.end())
    }
}
