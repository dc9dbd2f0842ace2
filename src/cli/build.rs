//! `amibake build`: checks everything first, then runs the builds.

use std::sync::Arc;

use amibake_ec2::Clouds;
use amibake_template::plan::Plan;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::args::BuildArgs;
use super::load::load;
use super::terminal::{ControllingTerminal, Nobody};
use super::validate::make_plan;
use super::{findings, lookups, secrets};
use crate::engine::context::{RunOptions, Terminal};
use crate::engine::lookup::SecretStore;
use crate::event::{Reporter, Summary};
use crate::exit;
use crate::parts::Parts;
use crate::scheduler::{self, Interrupt, Run, RunEnd};
use crate::settings::Settings;
use crate::ui::relay::relay;
use crate::ui::screen::Screen;

/// Signals that wait to be taken. More than the three that mean something are of no use.
const SIGNALS: usize = 3;

/// Runs the command. Nothing is touched unless the whole template is right.
pub fn run(args: &BuildArgs, settings: &Settings, clouds: Arc<dyn Clouds>, store: &Arc<dyn SecretStore>, mut screen: Screen) -> u8 {
    let mut loaded = load(&args.template, settings);
    lookups::fetch(&mut loaded, settings, store);
    secrets::hide_variables(&loaded, &mut screen);
    let parts = Parts::all();
    let plan = make_plan(&args.template, &mut loaded, &parts, args.force);
    if let Some(plan) = &plan {
        secrets::hide_config(plan, &parts, &mut screen);
    }
    findings::print(&loaded.findings, &loaded.sources, &mut screen);
    let Some(plan) = plan else {
        screen.error(format!("\n{}; nothing was started.", findings::count(&loaded.findings)));
        screen.flush();
        return exit::FAILURE;
    };
    if !loaded.findings.is_empty() {
        screen.say("");
    }
    if args.debug {
        screen.say("Debug mode enabled. Builds will not be parallelized.");
    }
    let (report, events) = Reporter::new();
    let terminal: Arc<dyn Terminal> =
        if args.output.machine_readable { Arc::new(Nobody) } else { Arc::new(ControllingTerminal::new(report.clone())) };
    let run = assemble(args, settings, plan, parts, clouds, terminal, report);
    let printing = std::thread::spawn(move || relay(&events, &mut screen));
    let status = drive(run);
    // Every sender went with the run, so the printer comes to its end.
    let _ = printing.join();
    status
}

fn assemble(
    args: &BuildArgs,
    settings: &Settings,
    plan: Plan,
    parts: Parts,
    clouds: Arc<dyn Clouds>,
    terminal: Arc<dyn Terminal>,
    report: Reporter,
) -> Run {
    let options = RunOptions {
        on_error: args.on_error.into(),
        force: args.force,
        debug: args.debug,
        run_uuid: settings.run_uuid.clone(),
        began: tokio::time::Instant::now(),
    };
    let parallel = if args.debug { Some(1) } else { usize::try_from(args.parallel_builds).ok().filter(|builds| *builds > 0) };
    Run { plan, parts: Arc::new(parts), clouds, guests: None, options, parallel, terminal, state_dir: settings.state_dir(), report }
}

/// Runs the builds on this thread; signals reach them as interrupts.
fn drive(run: Run) -> u8 {
    let report = run.report.clone();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            report.error(format!("cannot start: {error}"));
            return exit::FAILURE;
        }
    };
    let end = runtime.block_on(until_the_end(run));
    // Not waited for: a thread that resolves a name or reads a file may hang, and has nothing more to say.
    runtime.shutdown_background();
    match end {
        Ok(RunEnd::Ended(summary)) => status(&summary),
        Ok(RunEnd::Killed) => exit::KILLED,
        Err(error) => {
            report.error(format!("cannot listen for signals: {error}"));
            exit::FAILURE
        }
    }
}

async fn until_the_end(run: Run) -> std::io::Result<RunEnd> {
    let interrupt = signal(SignalKind::interrupt())?;
    let terminate = signal(SignalKind::terminate())?;
    let (sender, interrupts) = mpsc::channel(SIGNALS);
    tokio::select! {
        end = scheduler::run(run, interrupts) => Ok(end),
        never = forward(interrupt, terminate, sender) => match never {},
    }
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
