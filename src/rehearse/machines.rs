//! The lab's instances as guests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use amibake_ec2::lab::{KeyMaterial, Lab, Machine, Machines, Progress};
use amibake_ec2::model::KeyType;
use amibake_ec2::{ImageId, InstanceId};
use amibake_guest::layer::Change;
use amibake_guest::{Backend, keys};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use secrecy::SecretString;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio_util::sync::CancellationToken;

use super::life::{Life, Wish};
use super::store::Store;
use crate::engine::context::Guests;

/// What the lab tells, and what builders ask: where a guest listens. Clones share it.
#[derive(Clone)]
pub struct GuestMachines {
    orders: UnboundedSender<Order>,
    pub(super) known: Known,
}

/// Something to do with a machine.
enum Order {
    Start(Box<Machine>, Progress),
    Wish(InstanceId, Wish),
}

/// What is known of guests and images. Clones share it.
#[derive(Clone, Default)]
pub struct Known(Arc<Mutex<State>>);

/// What is known of guests and images.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Where guests listen.
    pub(super) addresses: BTreeMap<InstanceId, (String, u16)>,
    /// Layers of images that rehearsals made, the oldest first.
    pub(super) layers: BTreeMap<ImageId, Vec<PathBuf>>,
    /// What this run's images hold beyond their source.
    pub(super) changes: BTreeMap<ImageId, Vec<Change>>,
    /// What guests asked of stand-ins.
    pub(super) stand_ins: BTreeMap<InstanceId, Vec<String>>,
    /// What was not done, for people.
    pub(super) notes: BTreeSet<String>,
}

impl Known {
    /// Layers of an image that a rehearsal made, the oldest first.
    pub fn layers(&self, image: &ImageId) -> Vec<PathBuf> {
        self.lock().layers.get(image).cloned().unwrap_or_default()
    }

    /// What an image of this run holds beyond its source; None for copies and images of other runs.
    pub fn changes(&self, image: &ImageId) -> Option<Vec<Change>> {
        self.lock().changes.get(image).cloned()
    }

    /// Images that were made of guests in this run.
    pub fn made(&self) -> Vec<ImageId> {
        self.lock().changes.keys().cloned().collect()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs the guests. To be polled beside the builds, on the same runtime.
pub struct Host {
    orders: UnboundedReceiver<Order>,
    shared: Arc<Shared>,
}

/// What all guests of a run share.
pub(super) struct Shared {
    pub(super) setting: Setting,
    pub(super) known: Known,
    /// The lab, once there is one; it is made with the machines.
    pub(super) lab: std::sync::OnceLock<Lab>,
}

/// How guests are to be.
pub struct Setting {
    /// Who makes guests.
    pub backend: Arc<dyn Backend>,
    /// Where images go.
    pub store: Store,
    /// From a launch until SSH answers.
    pub boot: Duration,
    /// Whether guests share this machine's network.
    pub network: bool,
    /// Whether what is left at the end of the run is kept for a look at it.
    pub keep_guests: bool,
}

/// What the lab calls, and what does the work.
pub fn machines(setting: Setting) -> (GuestMachines, Host) {
    let (orders, received) = mpsc::unbounded_channel();
    let known = Known::default();
    let shared = Shared { setting, known: known.clone(), lab: std::sync::OnceLock::new() };
    (GuestMachines { orders, known }, Host { orders: received, shared: Arc::new(shared) })
}

impl GuestMachines {
    /// Tells of an image that an earlier rehearsal made.
    pub fn add_layers(&self, image: ImageId, layers: Vec<PathBuf>) {
        self.known.lock().layers.insert(image, layers);
    }

    /// What is known of guests and images.
    pub fn known(&self) -> Known {
        self.known.clone()
    }

    fn order(&self, order: Order) {
        // A host that has closed ends all that waits with it.
        let _ = self.orders.send(order);
    }

    fn wish(&self, instance: &InstanceId, wish: impl FnOnce(Progress) -> Wish) -> Progress {
        let progress = Progress::underway();
        self.order(Order::Wish(instance.clone(), wish(progress.clone())));
        progress
    }
}

impl Machines for GuestMachines {
    fn key_pair(&self, _name: &str, kind: KeyType) -> Result<KeyMaterial, String> {
        let kind = match kind {
            KeyType::Ed25519 => keys::Kind::Ed25519,
            KeyType::Rsa => keys::Kind::Rsa,
        };
        let pair = keys::generate(kind).map_err(|error| error.to_string())?;
        Ok(KeyMaterial { private: SecretString::from(pair.private_pem), public: pair.public })
    }

    fn start(&self, machine: Machine) -> Progress {
        let progress = Progress::underway();
        self.order(Order::Start(Box::new(machine), progress.clone()));
        progress
    }

    fn stop(&self, instance: &InstanceId) -> Progress {
        self.wish(instance, Wish::Stop)
    }

    fn terminate(&self, instance: &InstanceId) -> Progress {
        self.wish(instance, Wish::Terminate)
    }

    fn image(&self, image: &ImageId, instance: &InstanceId) -> Progress {
        self.wish(instance, |progress| Wish::Image(image.clone(), progress))
    }

    fn copy(&self, copy: &ImageId, source: &ImageId) -> Progress {
        let mut known = self.known.lock();
        if let Some(layers) = known.layers.get(source).cloned() {
            known.layers.insert(copy.clone(), layers);
        }
        Progress::done()
    }

    fn deregister(&self, _image: &ImageId) {
        // What it holds goes at the end of the run: copies may still need it.
    }
}

impl Guests for GuestMachines {
    fn address(&self, instance: &InstanceId) -> Option<(String, u16)> {
        self.known.lock().addresses.get(instance).cloned()
    }
}

impl Host {
    /// Lets guests ask which system an image has.
    pub fn set_lab(&self, lab: Lab) {
        // It is set once, by whoever made both.
        let _ = self.shared.lab.set(lab);
    }

    /// Runs guests until `closing`; then ends and removes all that are left, and comes back.
    pub async fn run(mut self, closing: CancellationToken) {
        let mut lives = FuturesUnordered::new();
        let mut doors: BTreeMap<InstanceId, UnboundedSender<Wish>> = BTreeMap::new();
        loop {
            tokio::select! {
                () = closing.cancelled() => break,
                Some(()) = lives.next(), if !lives.is_empty() => {}
                Some(order) = self.orders.recv() => match order {
                    Order::Start(machine, up) => {
                        let (door, wishes) = mpsc::unbounded_channel();
                        doors.insert(machine.instance.clone(), door);
                        lives.push(Life::new(Arc::clone(&self.shared), *machine).run(up, wishes));
                    }
                    Order::Wish(instance, wish) => pass(doors.get(&instance), wish),
                },
            }
        }
        // A guest whose door is closed ends.
        drop(doors);
        while lives.next().await.is_some() {}
    }
}

/// A guest that has ended already has nothing more to do.
fn pass(door: Option<&UnboundedSender<Wish>>, wish: Wish) {
    let refused = match door {
        Some(door) => door.send(wish).err().map(|error| error.0),
        None => Some(wish),
    };
    if let Some(wish) = refused {
        wish.nobody();
    }
}
