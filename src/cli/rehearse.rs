//! `amibake rehearse`: what `build` does, with the lab in place of EC2 and guests on this machine in place of instances.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use amibake_ec2::lab::{Lab, Options, Times, images};
use amibake_ec2::{ImageId, Region};
use amibake_guest::container::{self, Container};
use amibake_guest::sandbox::{self, Sandbox};
use amibake_guest::{Backend, GuestError};
use amibake_template::plan::{Build, Plan};

use super::args::{GuestArg, RehearseArgs, SpeedArg};
use super::build::{Prepared, World, assemble, drive, prepare};
use super::{findings, lookups};
use crate::event::{Reporter, Summary};
use crate::exit;
use crate::rehearse::machines::{self, GuestMachines, Host, Setting};
use crate::rehearse::plan::{PostProcessors, confine};
use crate::rehearse::report::{Report, Timeline};
use crate::rehearse::store::{Kept, Store};
use crate::settings::Settings;
use crate::ui::relay::relay;
use crate::ui::screen::Screen;

/// A region for templates that leave it to the environment, which names none either.
const SOME_REGION: &str = "us-east-1";

/// Guests are this program too. This name holds even when the file is replaced meanwhile.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// Runs the command.
pub fn run(args: &RehearseArgs, settings: &Settings, mut screen: Screen) -> u8 {
    let mut pretended = Vec::new();
    let Some(prepared) = prepare(&args.build, settings, |loaded| pretended = lookups::pretend(loaded), &mut screen) else {
        return exit::FAILURE;
    };
    match Rehearsal::set_up(args, settings, (prepared, pretended), &mut screen) {
        Ok(rehearsal) => rehearsal.run(args, settings, screen),
        Err(message) => {
            screen.error(message);
            screen.flush();
            exit::FAILURE
        }
    }
}

/// A rehearsal that can begin.
struct Rehearsal {
    prepared: Prepared,
    lab: Lab,
    machines: GuestMachines,
    host: Host,
    store: Store,
    report: Report,
}

impl Rehearsal {
    /// # Errors
    /// What stands against it, for people.
    fn set_up(
        args: &RehearseArgs,
        settings: &Settings,
        (mut prepared, pretended): (Prepared, Vec<String>),
        screen: &mut Screen,
    ) -> Result<Self, String> {
        let folder = Path::new(&args.output);
        let unusable = |error: std::io::Error| format!("cannot use the output folder `{}`: {error}", folder.display());
        let store = Store::open(folder).map_err(unusable)?;
        let post_processors = if args.post_process { PostProcessors::AsInBuild } else { PostProcessors::Apart };
        let notes = confine(&mut prepared.plan, &prepared.parts, folder, post_processors).map_err(|found| {
            findings::print(&found, &prepared.loaded.sources, screen);
            format!("\n{}; nothing was started.", findings::count(&found))
        })?;
        let backend = backend(args, settings)?;
        let about = backend.about();
        screen.say(format!("Rehearsal: nothing is created in AWS, this program answers in its place. {about}\n"));
        let times = times(args.speed);
        let setting =
            Setting { backend, store: store.clone(), boot: times.ssh, network: args.network, keep_guests: args.build.on_error.leaves() };
        let (machines, host) = machines::machines(setting);
        let mut report = Report::new(about);
        report.notes = [pretended, notes].concat();
        let (lab, assumed) = lab(settings, times, machines.clone());
        if assumed && prepared.plan.builds.iter().any(leaves_region_open) {
            report.assumed.push(format!("region {SOME_REGION}: neither template nor environment name one"));
        }
        host.set_lab(lab.clone());
        add_images(args, &lab)?;
        let (kept, unreadable) = store.images().map_err(unusable)?;
        report.notes.extend(unreadable);
        add_kept(kept, &prepared.plan, &lab, &machines, &store).map_err(unusable)?;
        Ok(Self { prepared, lab, machines, host, store, report })
    }

    fn run(self, args: &RehearseArgs, settings: &Settings, mut screen: Screen) -> u8 {
        let Self { prepared: Prepared { plan, parts, .. }, lab, machines, host, store, mut report } = self;
        let world = World { clouds: Arc::new(lab.clone()), guests: Some(Arc::new(machines.clone())), state_dir: None };
        let (reporter, events) = Reporter::new();
        let run = assemble(&args.build, settings, plan, parts, world, reporter);
        let printing = std::thread::spawn(move || {
            let mut timeline = Timeline::default();
            relay(&events, &mut screen, |event| timeline.see(event, Instant::now()));
            (screen, timeline)
        });
        let ended = drive(run, Some(host));
        let Ok((mut screen, timeline)) = printing.join() else { return exit::FAILURE };
        report.steps = timeline.steps();
        let kept = keep(ended.summary.as_ref(), &lab, &machines, &store, &mut report);
        report.learn(&lab, &machines.known());
        if ended.status != exit::SUCCESS && !args.network {
            report.notes.push("guests have no network: what fetches something fails (-network gives them this machine's)".to_owned());
        }
        report.clean(|text| screen.cleaned(text));
        let written = kept.and_then(|()| report.write(store.folder()));
        screen.say(report.text(&args.output).trim_end());
        let mut status = ended.status;
        if let Err(error) = written {
            screen.error(format!("cannot write to `{}`: {error}", store.folder().display()));
            status = exit::FAILURE;
        }
        screen.flush();
        status
    }
}

fn times(speed: SpeedArg) -> Times {
    match speed {
        SpeedArg::Real => Times::real(),
        SpeedArg::Fast => Times::fast(),
        SpeedArg::Instant => Times::instant(),
    }
}

/// The lab, and whether the region of builds that name none is assumed.
fn lab(settings: &Settings, times: Times, machines: GuestMachines) -> (Lab, bool) {
    let named = settings.var("AWS_REGION").or_else(|| settings.var("AWS_DEFAULT_REGION"));
    let lab = Lab::new(Options {
        machines: Some(Arc::new(machines)),
        assume: true,
        default_region: Some(Region::new(named.unwrap_or(SOME_REGION))),
        opened_at: settings.started,
        seed: settings.seed,
        ..Options::new(times)
    });
    (lab, named.is_none())
}

fn leaves_region_open(build: &Build) -> bool {
    build.builder.type_name.starts_with("amazon-") && build.builder.config["region"].as_str().is_none_or(str::is_empty)
}

/// The guests that the command line asks for, or the first kind that this machine can have.
fn backend(args: &RehearseArgs, settings: &Settings) -> Result<Arc<dyn Backend>, String> {
    let sandbox =
        || Sandbox::new(sandbox::Options { program: THIS_PROGRAM.into(), state: settings.guests_dir(), stand_ins: args.stand_in.clone() });
    let container = || {
        let started = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = started.map_err(|source| GuestError::Local { what: "cannot start".to_owned(), source })?;
        runtime.block_on(Container::new(container::Options { image: args.guest_image.clone() }))
    };
    let shown = |error: GuestError| error.whole();
    let wants_container = matches!(args.guest, Some(GuestArg::Container)) || args.guest_image.is_some();
    if wants_container && !args.stand_in.is_empty() {
        return Err("-stand-in is for sandboxes: a container has its image's own programs".to_owned());
    }
    match args.guest {
        Some(GuestArg::Sandbox) => Ok(Arc::new(sandbox().map_err(shown)?)),
        Some(GuestArg::Container) => Ok(Arc::new(container().map_err(shown)?)),
        None if args.guest_image.is_some() => Ok(Arc::new(container().map_err(shown)?)),
        None => match sandbox() {
            Ok(sandbox) => Ok(Arc::new(sandbox)),
            Err(no_sandbox) => match container() {
                Ok(container) => Ok(Arc::new(container)),
                Err(no_container) => Err(format!(
                    "This machine cannot have guests, so nothing can be rehearsed here.\n  sandbox: {}\n  container: {}",
                    no_sandbox.whole(),
                    no_container.whole()
                )),
            },
        },
    }
}

/// `-images`
fn add_images(args: &RehearseArgs, lab: &Lab) -> Result<(), String> {
    for path in &args.images {
        let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read the images of `{path}`: {error}"))?;
        let images = images::read(&text).map_err(|error| format!("{path}: {error}"))?;
        lab.add_images(None, images);
    }
    Ok(())
}

/// Images of earlier rehearsals. One whose name a build is about to use again makes room: on EC2 it would be another account's.
fn add_kept(kept: Vec<Kept>, plan: &Plan, lab: &Lab, machines: &GuestMachines, store: &Store) -> std::io::Result<()> {
    let names: Vec<&str> =
        plan.builds.iter().filter_map(|build| build.builder.config.get("ami_name").and_then(serde_json::Value::as_str)).collect();
    for image in kept {
        if names.contains(&image.record.name.as_str()) {
            store.forget(&image.record.id)?;
            continue;
        }
        machines.add_layers(image.record.id.clone(), image.layers);
        lab.add_images(Some(&Region::new(&image.region)), vec![image.record]);
    }
    Ok(())
}

/// Keeps the images of successful builds, removes what others left.
fn keep(summary: Option<&Summary>, lab: &Lab, machines: &GuestMachines, store: &Store, report: &mut Report) -> std::io::Result<()> {
    let made = summary.into_iter().flat_map(|summary| &summary.artifacts).flat_map(|(_, artifacts)| artifacts);
    // Post-processors pass artifacts on: an image may be listed more than once.
    let made: BTreeSet<(String, ImageId)> = made.flat_map(|artifact| image_ids(&artifact.id)).collect();
    let known = machines.known();
    for (region, id) in &made {
        let (Some(record), layers) = (lab.image(id), known.layers(id)) else { continue };
        let changes = known.changes(id).unwrap_or_default();
        let kept = Kept { record, region: region.clone(), layers };
        let folder = store.keep(&kept, &changes)?;
        report.add_image(&kept, &folder, changes);
    }
    for id in known.made().into_iter().filter(|id| !made.iter().any(|(_, kept)| kept == id)) {
        store.forget(&id)?;
    }
    Ok(())
}

/// `us-east-1:ami-1,us-west-2:ami-2`
fn image_ids(artifact: &str) -> Vec<(String, ImageId)> {
    artifact
        .split(',')
        .filter_map(|pair| pair.split_once(':'))
        .filter_map(|(region, id)| Some((region.to_owned(), ImageId::new(id).ok()?)))
        .collect()
}
