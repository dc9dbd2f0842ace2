//! `amibake adopt`: does with an image what the build would have done that began it.

use std::sync::{Arc, Mutex, PoisonError};

use amibake_ec2::{Clouds, ImageId};
use amibake_template::plan::Plan;
use clap::Args;
use jiff::Timestamp;

use super::args::BuildArgs;
use super::build::{Prepared, World, assemble, drive, prepare};
use super::load::{Loaded, load};
use super::lookups;
use super::validate::make_plan;
use crate::builder::Adopted;
use crate::engine::journal::{self, Dead, Found};
use crate::engine::lookup::SecretStore;
use crate::engine::teardown::Resource;
use crate::event::Reporter;
use crate::exit;
use crate::parts::Parts;
use crate::settings::Settings;
use crate::ui::relay::relay;
use crate::ui::screen::Screen;

/// Another time than any at which an image is made: 1987-06-05 04:03:09 UTC. No digit of it is where today's time has it.
const ANOTHER_TIME: i64 = 549_864_189;

/// `adopt`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amibake adopt ami-0123456789abcdef0 packer-template.json
  amibake adopt -only web ami-0123456789abcdef0 packer-template.json

AWS goes on with an image whose build was killed, or did not wait longer. This
waits for the image and does the rest: copies, attributes, sharing, tags of the
image and its snapshots, post-processors. Copies that are there already are
taken as they are. Nothing is launched, and no provisioner runs: the image
holds what the source instance held when AWS began it.

The image must have the template's name; times in it may differ. Exit status:
as of build.")]
pub struct AdoptArgs {
    /// The image
    #[arg(value_name = "AMI")]
    pub image: String,
    /// As for `build`.
    #[command(flatten)]
    pub build: BuildArgs,
    /// Adopt it whatever its name
    #[arg(long)]
    pub unchecked: bool,
}

/// Runs the command.
pub fn run(args: &AdoptArgs, settings: &Settings, clouds: Arc<dyn Clouds>, store: &Arc<dyn SecretStore>, mut screen: Screen) -> u8 {
    let image = match ImageId::new(&args.image) {
        Ok(image) => image,
        Err(error) => return refuse(screen, error.to_string()),
    };
    let dead = match journal_of(&image, settings) {
        Ok(dead) => dead,
        Err(text) => return refuse(screen, text),
    };
    let began = dead.as_ref().and_then(|dead| dead.unfinished.about.started_unix).and_then(|began| Timestamp::from_second(began).ok());
    // As the build saw it: names and tags have its time in them.
    let settings = Settings { started: began.unwrap_or(settings.started), ..settings.clone() };
    let look_up = |loaded: &mut Loaded| lookups::fetch(loaded, &settings, store);
    let Some(Prepared { plan, parts, .. }) = prepare(&args.build, &settings, look_up, &mut screen) else {
        return exit::FAILURE;
    };
    if plan.builds.len() != 1 {
        let names: Vec<&str> = plan.builds.iter().map(|build| build.name.as_str()).collect();
        return refuse(screen, format!("which build's image is it? Name it by -only: {}", names.join(", ")));
    }
    let adopted = Adopted {
        id: image,
        unchecked: args.unchecked,
        name_at_another_time: name_at_another_time(&args.build, &settings, store),
        finished: Arc::new(Mutex::new(Vec::new())),
    };
    let finished = Arc::clone(&adopted.finished);
    let world = World { clouds, guests: None, state_dir: settings.state_dir() };
    let (report, events) = Reporter::new();
    let mut run = assemble(&args.build, &settings, plan, parts, world, report);
    run.adopt = Some(adopted);
    let printing = std::thread::spawn(move || relay(&events, &mut screen, |_| {}));
    let ended = drive(run, None);
    let _ = printing.join();
    if let Some(dead) = dead {
        let_go(&dead, &finished.lock().unwrap_or_else(PoisonError::into_inner));
    }
    ended.status
}

fn refuse(mut screen: Screen, text: String) -> u8 {
    screen.error(text);
    screen.flush();
    exit::FAILURE
}

/// The journal that knows the image; taken over, so that no cleanup removes the image meanwhile.
fn journal_of(image: &ImageId, settings: &Settings) -> Result<Option<Dead>, String> {
    let Some(dir) = settings.state_dir() else { return Ok(None) };
    for path in journal::list(&dir).unwrap_or_default() {
        let Ok(unfinished) = journal::read(&path) else { continue };
        if !unfinished.entries.iter().any(|open| is(&open.resource, image)) {
            continue;
        }
        match journal::reopen(&path).map_err(|error| error.to_string())? {
            Found::Dead(dead) => return Ok(Some(dead)),
            Found::Alive(run) => {
                return Err(format!("the build that makes {image} is alive (run {}, process {})", run.about.run_id, run.about.pid));
            }
        }
    }
    Ok(None)
}

fn is(resource: &Resource, image: &ImageId) -> bool {
    matches!(resource, Resource::Image { id: Some(id), .. } if id == image)
}

/// Takes finished images out of the dead run's journal: what is left in it goes with `amibake cleanup`.
fn let_go(dead: &Dead, finished: &[ImageId]) {
    for open in dead.unfinished.entries.iter().filter(|open| finished.iter().any(|image| is(&open.resource, image))) {
        dead.journal.release(open.entry);
    }
    dead.journal.finish();
}

/// What the image would be called, had the build begun at another time.
fn name_at_another_time(args: &BuildArgs, settings: &Settings, store: &Arc<dyn SecretStore>) -> Option<String> {
    let started = Timestamp::from_second(ANOTHER_TIME).ok()?;
    let settings = Settings { started, seed: !settings.seed, ..settings.clone() };
    let mut loaded = load(&args.template, &settings);
    lookups::fetch(&mut loaded, &settings, store);
    let plan: Plan = make_plan(&args.template, &mut loaded, &Parts::all(), args.force)?;
    let name = plan.builds.first()?.builder.config.get("ami_name")?.as_str()?;
    Some(name.to_owned())
}
