//! A session that is kept open: started when the instance's agent is there, and again when it ends.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use amibake_ec2::model::Instance;
use amibake_ec2::session::{ForwardPort, Session};
use amibake_ec2::{Ec2Error, ErrorKind};
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::plugin::{self, Plugin};
use super::port::LocalPort;
use crate::builder::BuildError;
use crate::builder::amazon::call::{self, fail};
use crate::builder::amazon::instance::InstanceConfig;
use crate::builder::amazon::site::Site;
use crate::engine::account::AwsRegion;
use crate::engine::context::BuildContext;
use crate::engine::teardown::{CreateError, EntryId, Lifetime, Resource, Teardown};
use crate::event::Reporter;

/// Pause before a session is asked for again.
const PAUSE: Duration = Duration::from_secs(1);
/// A session that lasted this long worked.
const STEADY: Duration = Duration::from_secs(30);
/// So many sessions that did not, one after the other: the next will not either. A restart of the guest costs a few.
const UNSTEADY: u32 = 10;
/// How long the end of a build waits for that of its session.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the guest can be reached through the tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Not yet; why, for people.
    Waiting(String),
    /// At this port of this machine.
    Open(u16),
    /// Never; why, for people.
    Broken(String),
}

/// What the tunnel says of itself.
#[derive(Debug, Clone)]
pub struct View(Arc<Mutex<Way>>);

impl View {
    /// Whether there is a way now.
    pub fn way(&self) -> Way {
        self.lock().clone()
    }

    fn set(&self, way: Way) {
        *self.lock() = way;
    }

    fn lock(&self) -> MutexGuard<'_, Way> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A way to an instance through Session Manager. It is kept open while something else is done ([`Tunnel::during`]). Dropping it ends the
/// program at once; the session is left to teardown then.
pub struct Tunnel {
    view: View,
    stop: CancellationToken,
    /// None once it has given up.
    keeper: Option<BoxFuture<'static, ()>>,
}

impl Tunnel {
    /// Pauses as the template says, then makes ready what keeps a way to the instance open.
    ///
    /// # Errors
    /// Cancellation; AWS's program is gone, no port is free.
    pub async fn open(cx: &BuildContext, site: &Site, config: &InstanceConfig, instance: &Instance) -> Result<Self, BuildError> {
        if let Some(pause) = config.session.pause_before_ssm.filter(|pause| pause.nanos > 0) {
            cx.report.say(format!("Waiting {pause} before establishing the SSM session..."));
            call::sleep(cx, pause.positive().unwrap_or_default()).await.map_err(|_| BuildError::Cancelled)?;
        }
        let plugin = Plugin::find(&cx.late.host.env).await.map_err(|error| fail(cx, error))?;
        let port = LocalPort::take(config.session.session_manager_port).map_err(|error| fail(cx, error))?;
        let request = ForwardPort { target: instance.id.clone(), port: config.communicator.port(), local_port: port.number() };
        let view = View(Arc::new(Mutex::new(Way::Waiting("a session is being started".to_owned()))));
        let stop = CancellationToken::new();
        let keeper = Keeper {
            region: site.home.clone(),
            teardown: cx.teardown.clone(),
            report: cx.report.clone(),
            view: view.clone(),
            stop: stop.clone(),
            plugin,
            port,
            request,
        };
        Ok(Self { view, stop, keeper: Some(Box::pin(keeper.keep())) })
    }

    /// What it says of itself, also after its end.
    pub fn view(&self) -> View {
        self.view.clone()
    }

    /// Keeps the way open until the work is done.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        if let Some(keeper) = &mut self.keeper {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = keeper => {}
            }
            self.keeper = None;
        }
        work.await
    }

    /// Ends program and session. What does not end in time is left to teardown.
    pub async fn close(self) {
        self.stop.cancel();
        if let Some(keeper) = self.keeper {
            let _ = timeout(PATIENCE, keeper).await;
        }
    }
}

/// Keeps a session open.
struct Keeper {
    region: AwsRegion,
    teardown: Teardown,
    report: Reporter,
    view: View,
    stop: CancellationToken,
    plugin: Plugin,
    port: LocalPort,
    request: ForwardPort,
}

impl Keeper {
    async fn keep(self) {
        let mut unsteady = 0;
        while let Some((session, entry)) = self.start().await {
            let began = Instant::now();
            self.report.say(format!("Starting portForwarding session {:?}.", session.id));
            let ended = self.forward(&session).await;
            self.end(&session, entry).await;
            let Some(words) = ended else { return };
            unsteady = if began.elapsed() >= STEADY { 0 } else { unsteady + 1 };
            if unsteady >= UNSTEADY {
                return self.view.set(Way::Broken(format!("{UNSTEADY} sessions with {} ended early: {words}", self.request.target)));
            }
            self.view.set(Way::Waiting(format!("the session ended: {words}")));
            if !self.pause().await {
                return;
            }
        }
    }

    /// A session; None where there will be none.
    async fn start(&self) -> Option<(Session, EntryId)> {
        let sessions = self.region.ec2.sessions();
        while !self.stop.is_cancelled() {
            let resource = Resource::session(self.request.target.clone());
            match self.teardown.create(&self.region, resource, Lifetime::Build, sessions.start(&self.request)).await {
                Ok(started) => return Some(started),
                Err(error) if passes(&error) => self.view.set(Way::Waiting(self.waiting(&error))),
                Err(error) => {
                    self.view.set(Way::Broken(format!("Error starting a session with {}: {error}", self.request.target)));
                    return None;
                }
            }
            if !self.pause().await {
                return None;
            }
        }
        None
    }

    fn waiting(&self, error: &CreateError) -> String {
        if !error.ec2().is_some_and(is_not_connected) {
            return error.to_string();
        }
        format!(
            "{} has not announced itself to Systems Manager yet (its image needs the SSM agent, its profile AmazonSSMManagedInstanceCore, its \
             network a way to the service)",
            self.request.target
        )
    }

    /// Carries data until the program ends (its last words), or the build is done with it (None).
    async fn forward(&self, session: &Session) -> Option<String> {
        let mut child = match self.plugin.spawn(session, &self.request, self.region.name()) {
            Ok(child) => child,
            Err(error) => return Some(format!("session-manager-plugin cannot be run: {error}")),
        };
        self.view.set(Way::Open(self.port.number()));
        // Dropped, the program is killed.
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            words = plugin::wait(&mut child) => Some(words),
        }
    }

    /// Ends a session, also one whose program has ended: the service may not have noticed.
    async fn end(&self, session: &Session, entry: EntryId) {
        // What does not work here is tried again by teardown.
        if self.region.ec2.sessions().terminate(&session.id).await.is_ok() {
            self.teardown.release(entry);
        }
    }

    /// Whether to go on after a pause.
    async fn pause(&self) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = sleep(PAUSE) => true,
        }
    }
}

fn is_not_connected(error: &Ec2Error) -> bool {
    error.is("TargetNotConnected")
}

/// Whether time may mend it.
fn passes(error: &CreateError) -> bool {
    error.ec2().is_some_and(|error| is_not_connected(error) || matches!(error.kind, ErrorKind::Throttled | ErrorKind::Unknown))
}
