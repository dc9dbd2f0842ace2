//! `amibake build`: checks everything first, then runs the builds.

use std::sync::Arc;

use amibake_ec2::Clouds;
use amibake_template::plan::Plan;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::args::BuildArgs;
use super::load::{Loaded, load};
use super::terminal::{ControllingTerminal, Nobody};
use super::validate::make_plan_to_run;
use super::{findings, lookups, secrets};
use crate::engine::context::{Guests, RunOptions, Terminal};
use crate::engine::lookup::SecretStore;
use crate::event::{Reporter, Summary};
use crate::exit;
use crate::parts::Parts;
use crate::rehearse::machines::Host;
use crate::scheduler::{self, Interrupt, Run, RunEnd};
use crate::settings::Settings;
use crate::ui::relay::relay;
use crate::ui::screen::Screen;

/// Signals that wait to be taken. More than the three that mean something are of no use.
const SIGNALS: usize = 3;

/// Runs the command. Nothing is touched unless the whole template is right.
pub fn run(args: &BuildArgs, settings: &Settings, clouds: Arc<dyn Clouds>, store: &Arc<dyn SecretStore>, mut screen: Screen) -> u8 {
    let look_up = |loaded: &mut Loaded| lookups::fetch(loaded, settings, store);
    let Some(Prepared { plan, parts, .. }) = prepare(args, settings, look_up, &mut screen) else {
        return exit::FAILURE;
    };
    let world = World { clouds, guests: None, state_dir: settings.state_dir() };
    let (report, events) = Reporter::new();
    let run = assemble(args, settings, plan, parts, world, report);
    let printing = std::thread::spawn(move || relay(&events, &mut screen, |_| {}));
    let ended = drive(run, None);
    // Every sender went with the run, so the printer comes to its end.
    let _ = printing.join();
    ended.status
}

/// A template that can be built.
pub struct Prepared {
    /// What was read.
    pub loaded: Loaded,
    /// What is to be done.
    pub plan: Plan,
    /// Who does it.
    pub parts: Parts,
}

/// Reads and checks a template and prints what there is to say about it; None where it cannot be built, which has been said. `look_up`
/// answers what variables want from elsewhere.
pub fn prepare(args: &BuildArgs, settings: &Settings, look_up: impl FnOnce(&mut Loaded), screen: &mut Screen) -> Option<Prepared> {
    let mut loaded = load(&args.template, settings);
    look_up(&mut loaded);
    secrets::hide_variables(&loaded, screen);
    let parts = Parts::all();
    let plan = make_plan_to_run(&args.template, &mut loaded, &parts, args.force);
    if let Some(plan) = &plan {
        secrets::hide_config(plan, &parts, screen);
    }
    findings::print(&loaded.findings, &loaded.sources, screen);
    let Some(plan) = plan else {
        screen.error(format!("\n{}; nothing was started.", findings::count(&loaded.findings)));
        screen.flush();
        return None;
    };
    if !loaded.findings.is_empty() {
        screen.say("");
    }
    if args.debug {
        screen.say("Debug mode enabled. Builds will not be parallelized.");
    }
    Some(Prepared { loaded, plan, parts })
}

/// Where a run takes place.
pub struct World {
    /// AWS, or the lab.
    pub clouds: Arc<dyn Clouds>,
    /// Guests in place of the lab's instances.
    pub guests: Option<Arc<dyn Guests>>,
    /// Where the journal lives; a lab needs none.
    pub state_dir: Option<std::path::PathBuf>,
}

/// A run as the command line wants it.
pub fn assemble(args: &BuildArgs, settings: &Settings, plan: Plan, parts: Parts, world: World, report: Reporter) -> Run {
    let terminal: Arc<dyn Terminal> =
        if args.output.machine_readable { Arc::new(Nobody) } else { Arc::new(ControllingTerminal::new(report.clone())) };
    let options = RunOptions {
        on_error: args.on_error.into(),
        force: args.force,
        debug: args.debug,
        run_uuid: settings.run_uuid.clone(),
        began: tokio::time::Instant::now(),
    };
    let parallel = if args.debug { Some(1) } else { usize::try_from(args.parallel_builds).ok().filter(|builds| *builds > 0) };
    let World { clouds, guests, state_dir } = world;
    Run {
        plan,
        parts: Arc::new(parts),
        clouds,
        guests,
        options,
        parallel,
        terminal,
        state_dir,
        template: Some(super::cleanup::words(&args.template)),
        adopt: None,
        report,
    }
}

/// How a run ended.
pub struct Driven {
    /// The exit status.
    pub status: u8,
    /// None where it was killed or could not begin.
    pub summary: Option<Summary>,
}

/// Runs the builds on this thread, guests beside them; signals reach them as interrupts.
pub fn drive(run: Run, host: Option<Host>) -> Driven {
    let failed = Driven { status: exit::FAILURE, summary: None };
    let report = run.report.clone();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            report.error(format!("cannot start: {error}"));
            return failed;
        }
    };
    let end = runtime.block_on(until_the_end(run, host));
    // Not waited for: a thread that resolves a name or reads a file may hang, and has nothing more to say.
    runtime.shutdown_background();
    match end {
        Ok(RunEnd::Ended(summary)) => Driven { status: status(&summary), summary: Some(summary) },
        Ok(RunEnd::Killed) => Driven { status: exit::KILLED, ..failed },
        Err(error) => {
            report.error(format!("cannot listen for signals: {error}"));
            failed
        }
    }
}

async fn until_the_end(run: Run, host: Option<Host>) -> std::io::Result<RunEnd> {
    let interrupt = signal(SignalKind::interrupt())?;
    let terminate = signal(SignalKind::terminate())?;
    let (sender, interrupts) = mpsc::channel(SIGNALS);
    let builds = async {
        tokio::select! {
            end = scheduler::run(run, interrupts) => end,
            never = forward(interrupt, terminate, sender) => match never {},
        }
    };
    let Some(host) = host else { return Ok(builds.await) };
    let closing = CancellationToken::new();
    let mut hosting = std::pin::pin!(host.run(closing.clone()));
    let end = tokio::select! {
        end = builds => end,
        // It does not end before it is told to.
        () = &mut hosting => RunEnd::Killed,
    };
    if matches!(end, RunEnd::Ended(_)) {
        closing.cancel();
        hosting.await;
    }
    Ok(end)
}

async fn forward(mut interrupt: Signal, mut terminate: Signal, to: mpsc::Sender<Interrupt>) -> std::convert::Infallible {
    loop {
        let kind = tokio::select! {
            _ = interrupt.recv() => Interrupt::Interrupt,
            _ = terminate.recv() => Interrupt::Terminated,
        };
        // Full: three are waiting already. Closed: the run is at its end.
        let _ = to.try_send(kind);
    }
}

fn status(summary: &Summary) -> u8 {
    if summary.cancelled || !summary.errors.is_empty() { exit::FAILURE } else { exit::SUCCESS }
}
