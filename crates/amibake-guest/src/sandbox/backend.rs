//! The owner of a run.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use super::fault::Fault;
use super::ids::Mapping;
use super::machine::{Machine, blocking};
use super::run::Run;
use crate::guest::{Backend, Guest, GuestError, Spec};

/// How a [`Sandbox`] is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// This program, whose `main` calls [`crate::stage::run`] first. `/proc/self/exe` is always right.
    pub program: PathBuf,
    /// Where guests' files go: a directory for this user alone, such as `$TMPDIR/amibake-1000`. It is made where it is missing.
    pub state: PathBuf,
    /// Programs that guests shall not run, by name: a stand-in in `/usr/local/bin` takes what is asked of them, as it does for package
    /// managers.
    pub stand_ins: Vec<String>,
}

/// Guests made of namespaces of this machine.
///
/// Dropping it, after its guests, removes their files and waits until that is done.
#[derive(Debug)]
pub struct Sandbox {
    run: Arc<Run>,
}

impl Sandbox {
    /// Finds out what the kernel allows, removes what dead runs left, and makes what all guests share. Blocks for some 100 ms.
    ///
    /// # Errors
    /// This machine cannot have such guests: why, and what would help.
    pub fn new(options: Options) -> Result<Self, GuestError> {
        let run = Run::begin(options).map_err(Fault::for_people)?;
        Ok(Self { run: Arc::new(run) })
    }
}

#[async_trait]
impl Backend for Sandbox {
    fn about(&self) -> String {
        let users = match self.run.launcher.mapping {
            Mapping::Same { .. } => "",
            Mapping::Subordinate { .. } => "; directories deep below /usr belong to nobody there and stay as they are",
            Mapping::Single { .. } => {
                "; all of its users are root, and chown does nothing, because this user has no subordinate ids (/etc/subuid, newuidmap)"
            }
        };
        format!(
            "sandbox: namespaces over a copy-on-write view of this machine's programs; package managers and services are recorded, not run{users}"
        )
    }

    async fn boot(&self, spec: Spec) -> Result<Arc<dyn Guest>, GuestError> {
        let run = Arc::clone(&self.run);
        let (machine, on) = blocking(move || Machine::make(run, &spec)).await?;
        machine.switched_on(on)?;
        Ok(Arc::new(machine))
    }
}
