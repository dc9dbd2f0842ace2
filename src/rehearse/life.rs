//! One guest, from launch to end.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use amibake_ec2::ImageId;
use amibake_ec2::lab::record::ImageRecord;
use amibake_ec2::lab::{Machine, MachineKey, Platform, Progress};
use amibake_guest::guest::{Power, Session, System, What};
use amibake_guest::server::{Accepted, Door, Login, Passwords, SshServer};
use amibake_guest::{Guest, Spec};
use base64::Engine as _;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::OnceCell;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::machines::Shared;
use super::store::LAYER;

/// The port that stands for 22 is the system's choice: 22 itself would need privileges and may be taken.
const ANY_PORT: u16 = 0;

/// What the lab asks of a guest.
pub(super) enum Wish {
    Stop(Progress),
    Terminate(Progress),
    Image(ImageId, Progress),
}

impl Wish {
    /// The guest is gone: to stop it is done, an image of it cannot be made.
    pub(super) fn nobody(self) {
        match self {
            Self::Stop(progress) | Self::Terminate(progress) => progress.finish(Ok(())),
            Self::Image(_, progress) => progress.finish(Err("the guest is gone".to_owned())),
        }
    }
}

/// One guest.
pub(super) struct Life {
    shared: Arc<Shared>,
    machine: Machine,
    /// Set once user data has run.
    booted: OnceCell<()>,
}

/// A guest's power, and with it its SSH server.
struct Switch<'a> {
    guest: &'a Arc<dyn Guest>,
    /// Of the SSH server, once it is there.
    door: &'a OnceCell<Door>,
    on: bool,
    /// When SSH answers again after a restart.
    opens: Option<Instant>,
}

impl Switch<'_> {
    /// As a machine that goes away: connections break, new ones are refused.
    fn shut(&mut self) {
        self.opens = None;
        if let Some(door) = self.door.get() {
            door.shut();
        }
    }

    async fn off(&mut self) -> Result<(), String> {
        if !self.on {
            return Ok(());
        }
        self.shut();
        self.guest.power_off().await.map_err(|error| error.whole())?;
        self.on = false;
        Ok(())
    }

    /// Off and on; SSH answers again after `boot`.
    async fn cycle(&mut self, boot: Duration) -> Result<(), String> {
        self.off().await?;
        self.guest.power_on().await.map_err(|error| error.whole())?;
        self.on = true;
        self.opens = Some(Instant::now() + boot);
        Ok(())
    }

    /// Waits until SSH is to answer again, and lets it; for ever where nothing is to come.
    async fn opening(&mut self) {
        match self.opens {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
        self.opens = None;
        if let Some(door) = self.door.get() {
            door.open();
        }
    }
}

impl Life {
    pub(super) fn new(shared: Arc<Shared>, machine: Machine) -> Self {
        Self { shared, machine, booted: OnceCell::new() }
    }

    /// Boots the guest, serves it and does what is wished, until it is terminated or nobody can wish any more.
    pub(super) async fn run(self, up: Progress, mut wishes: UnboundedReceiver<Wish>) {
        if self.is_windows() {
            return up.finish(Err(format!("{}: Windows cannot be rehearsed, guests are Linux", self.machine.image)));
        }
        let guest = match self.shared.setting.backend.boot(self.spec()).await {
            Ok(guest) => guest,
            Err(error) => return up.finish(Err(error.whole())),
        };
        up.finish(Ok(()));
        let ended = self.live(&guest, &mut wishes).await;
        if ended.is_none() && self.shared.setting.keep_guests {
            self.keep(&*guest).await;
        }
        self.remember(&*guest).await;
        self.shared.known.lock().addresses.remove(&self.machine.instance);
        guest.remove().await;
        if let Some(progress) = ended {
            progress.finish(Ok(()));
        }
        while let Some(wish) = wishes.recv().await {
            wish.nobody();
        }
    }

    /// Until it is terminated (what then waits for it), or the run is over.
    async fn live(&self, guest: &Arc<dyn Guest>, wishes: &mut UnboundedReceiver<Wish>) -> Option<Progress> {
        let closing = CancellationToken::new();
        let door = OnceCell::new();
        let obeying = async {
            let ended = self.obey(guest, wishes, &door).await;
            closing.cancel();
            ended
        };
        let ((), ended) = futures_util::join!(self.serve(guest, &door, &closing), obeying);
        ended
    }

    /// Serves SSH from the end of the first boot on.
    async fn serve(&self, guest: &Arc<dyn Guest>, door: &OnceCell<Door>, closing: &CancellationToken) {
        tokio::select! {
            () = closing.cancelled() => return,
            () = self.boot(guest) => {}
        }
        let served = match SshServer::bind(self.address(), self.login(), Arc::clone(guest)) {
            Ok(server) => {
                let _ = door.set(server.door());
                self.publish(server.address());
                server.serve(closing.clone()).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = served {
            self.note(format!("the guest's SSH server could not listen at {}: {error}", self.address()));
        }
    }

    /// Does what the lab wishes and what the guest asks for itself.
    async fn obey(&self, guest: &Arc<dyn Guest>, wishes: &mut UnboundedReceiver<Wish>, door: &OnceCell<Door>) -> Option<Progress> {
        let mut power = Switch { guest, door, on: true, opens: None };
        loop {
            tokio::select! {
                wish = wishes.recv() => match wish {
                    None => return None,
                    Some(Wish::Terminate(progress)) => {
                        power.shut();
                        return Some(progress);
                    }
                    Some(Wish::Stop(progress)) => progress.finish(power.off().await),
                    Some(Wish::Image(image, progress)) => progress.finish(self.image(&mut power, image).await),
                },
                asked = guest.power_request(), if power.on => {
                    let done = match asked {
                        Power::Off => self.powered_off(&mut power).await,
                        Power::Reboot => power.cycle(self.shared.setting.boot).await,
                    };
                    if let Err(why) = done {
                        self.note(format!("{} could not be switched: {why}", self.machine.instance));
                    }
                }
                () = power.opening() => {}
            }
        }
    }

    /// The guest switched itself off; the lab stops or ends its instance, as its shutdown behaviour says.
    async fn powered_off(&self, power: &mut Switch<'_>) -> Result<(), String> {
        power.off().await?;
        if let Some(lab) = self.shared.lab.get() {
            lab.powered_off(&self.machine.instance);
        }
        Ok(())
    }

    /// What happens between power on and sshd: it takes its time, and the first time user data runs.
    async fn boot(&self, guest: &Arc<dyn Guest>) {
        sleep(self.shared.setting.boot).await;
        self.booted.get_or_init(|| self.run_user_data(guest)).await;
    }

    fn publish(&self, at: SocketAddr) {
        let address = (at.ip().to_string(), at.port());
        self.shared.known.lock().addresses.insert(self.machine.instance.clone(), address);
    }

    fn note(&self, note: String) {
        self.shared.known.lock().notes.insert(note);
    }

    fn address(&self) -> SocketAddr {
        let given = self.machine.public_ip.as_deref().unwrap_or(&self.machine.private_ip);
        // Only Linux answers for all of 127.0.0.0/8.
        let ip = given.parse().ok().filter(|_| cfg!(target_os = "linux")).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        SocketAddr::new(ip, ANY_PORT)
    }

    fn login(&self) -> Login {
        let keys = match &self.machine.key {
            MachineKey::Public(line) => Accepted::Only(line.clone()),
            MachineKey::Unknown(_) => Accepted::AnyOffered,
            MachineKey::None => Accepted::None,
        };
        // Without a key pair, a password of the image or of user data lets in, which nobody here knows.
        let passwords = if self.machine.key == MachineKey::None { Passwords::Any } else { Passwords::None };
        let user = Some(self.system().login).filter(|login| !login.is_empty());
        Login { keys, passwords, user, network: self.shared.setting.network }
    }

    fn source(&self) -> Option<ImageRecord> {
        self.shared.lab.get().and_then(|lab| lab.image(&self.machine.image))
    }

    fn system(&self) -> System {
        self.source().map(|image| super::store::system(&image)).unwrap_or_default()
    }

    fn is_windows(&self) -> bool {
        self.source().and_then(|image| image.platform).is_some_and(Platform::is_windows)
    }

    fn spec(&self) -> Spec {
        let layers = self.shared.known.lock().layers.get(&self.machine.image).cloned().unwrap_or_default();
        Spec {
            id: self.machine.instance.to_string(),
            hostname: format!("ip-{}", self.machine.private_ip.replace('.', "-")),
            layers,
            system: self.system(),
            network: self.shared.setting.network,
        }
    }

    /// Runs user data that is a script, as cloud-init does on the first boot. Here it has ended before SSH answers.
    async fn run_user_data(&self, guest: &Arc<dyn Guest>) {
        let Some(data) = self.machine.user_data.as_ref().filter(|data| !data.is_empty()) else { return };
        let script = base64::engine::general_purpose::STANDARD.decode(data.replace(['\n', '\r'], "")).unwrap_or_default();
        if !script.starts_with(b"#!") {
            return self.note("user data that is no script (`#!`) was not run".to_owned());
        }
        if let Err(why) = run_script(&**guest, &script).await {
            // On EC2 this is only seen in the instance's log, and the build goes on.
            self.note(format!("the user data script failed: {why}"));
        }
    }

    /// Keeps what the guest holds. EC2 shuts an instance down for it, and starts it again.
    async fn image(&self, power: &mut Switch<'_>, image: ImageId) -> Result<(), String> {
        let was_on = power.on;
        power.off().await?;
        let layer = self.shared.setting.store.layer(&image).map_err(|error| format!("cannot write to the output folder: {error}"))?;
        let changes = power.guest.save(&layer).await.map_err(|error| error.whole())?;
        {
            let mut known = self.shared.known.lock();
            let mut layers = known.layers.get(&self.machine.image).cloned().unwrap_or_default();
            layers.push(layer);
            known.layers.insert(image.clone(), layers);
            known.changes.insert(image, changes);
        }
        if was_on { power.cycle(self.shared.setting.boot).await } else { Ok(()) }
    }

    /// Keeps what a guest held whose build was to leave everything: the guest itself cannot outlive the program.
    async fn keep(&self, guest: &dyn Guest) {
        let store = &self.shared.setting.store;
        let kept = async {
            guest.power_off().await.map_err(|error| error.whole())?;
            let folder = store.failed(&self.machine.instance).map_err(|error| error.to_string())?;
            let changes = guest.save(&folder.join(LAYER)).await.map_err(|error| error.whole())?;
            store.list(&folder, &changes).map_err(|error| error.to_string())?;
            Ok::<_, String>(folder)
        };
        let instance = &self.machine.instance;
        self.note(match kept.await {
            Ok(folder) => format!("{instance} ended with the rehearsal; what it held is in {}", folder.display()),
            Err(why) => format!("{instance} ended with the rehearsal, and what it held could not be kept: {why}"),
        });
    }

    async fn remember(&self, guest: &dyn Guest) {
        let asked = guest.stand_ins().await;
        // All that was asked so far, also before a restart.
        self.shared.known.lock().stand_ins.insert(self.machine.instance.clone(), asked);
    }
}

/// Runs a script as root; its output goes where cloud-init puts it.
async fn run_script(guest: &dyn Guest, script: &[u8]) -> Result<(), String> {
    // The script comes by standard input, so that it may hold anything and stands on no command line.
    let command = "f=$(mktemp) && cat >\"$f\" && chmod 700 \"$f\" && \"$f\" </dev/null >/var/log/cloud-init-output.log 2>&1; s=$?; rm -f \"$f\"; exit $s";
    let session = Session { user: "root".to_owned(), what: What::Command(command.to_owned()), env: BTreeMap::new(), terminal: None };
    let mut child = guest.start(session).await.map_err(|error| error.whole())?.child;
    if let Some(mut input) = child.stdin.take() {
        // A script that cannot be written shows in the status.
        let _ = input.write_all(script).await;
    }
    let output = child.wait_with_output().await.map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(output.status.to_string()) }
}
