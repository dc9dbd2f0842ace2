//! Finds a runtime and boots guests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use super::base::Recipe;
use super::machine::Machine;
use super::owner::{self, Owner};
use super::runtime::Runtime;
use crate::guest::{Backend, Guest, GuestError, Spec};

/// Makes names of containers unique in this process.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// How containers are made.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The image for every guest (`docker.io/library/debian:12`), whatever the source image's own is.
    pub image: Option<String>,
}

/// Guests in containers.
#[derive(Debug)]
pub struct Container {
    runtime: Runtime,
    owner: Owner,
    options: Options,
    /// One base at a time: builds that start together mostly want the same one.
    bases: tokio::sync::Mutex<()>,
}

impl Container {
    /// Finds a runtime that answers, and removes what earlier owners left.
    ///
    /// # Errors
    /// There is none: what to install.
    pub async fn new(options: Options) -> Result<Self, GuestError> {
        let runtime = Runtime::find().await?;
        owner::sweep(&runtime).await;
        Ok(Self { runtime, owner: Owner::this(), options, bases: tokio::sync::Mutex::new(()) })
    }

    fn name(&self, guest: &str) -> String {
        let guest: String = guest.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        self.owner.name(&format!("{}-{guest}", COUNT.fetch_add(1, Ordering::Relaxed)))
    }
}

#[async_trait]
impl Backend for Container {
    fn about(&self) -> String {
        let image = self.options.image.as_deref().map(|image| format!(" of {image}")).unwrap_or_default();
        format!(
            "containers{image} in {}; services are not started, systemctl only notes what was asked; where the image has no sudo, \
             everything runs as root",
            self.runtime.about
        )
    }

    async fn boot(&self, spec: Spec) -> Result<Arc<dyn Guest>, GuestError> {
        let image = match &self.options.image {
            Some(image) => image,
            None if spec.system.container.is_empty() => {
                return Err(GuestError::Impossible(
                    "no container image is known for this source image; name one with -guest-image".to_owned(),
                ));
            }
            None => &spec.system.container,
        };
        let recipe = Recipe { image, login: &spec.system.login, layers: &spec.layers };
        let one_at_a_time = self.bases.lock().await;
        let base = recipe.base(&self.runtime, &self.name("base")).await?;
        drop(one_at_a_time);
        let machine = Machine::boot(self.runtime.clone(), self.name(&spec.id), &base, &spec).await?;
        Ok(Arc::new(machine))
    }
}
