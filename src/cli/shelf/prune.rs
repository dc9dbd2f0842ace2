//! `amibake prune`: old images of a template, with their snapshots.

use std::time::Duration;

use amibake_template::component::GoDuration;
use clap::Args;

use super::delete::remove;
use super::images::row;
use super::{Group, WhichArgs, World, count, end, find, run as ask, table};
use crate::cli::args::OutputArgs;
use crate::shelf::find::Found;
use crate::shelf::keep::{Fate, Rule, decide};
use crate::shelf::used::Uses;
use crate::ui::screen::Screen;

/// `prune`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amibake prune -keep 3 packer-template.json           shows what would go
  amibake prune -keep 3 -yes packer-template.json      deletes it
  amibake prune -tag Team=web -older-than 30d -region us-east-1,eu-west-1

Counted for each build of the template and each region by itself. With -keep
and -older-than an image goes only if both say so; without -keep the newest
one stays. Its snapshots go with it.

What is used stays, and why is said: by instances, launch templates,
auto-scaling groups, SSM parameters. Where one of these cannot be looked at,
everything may be used.

Exit status: 0 if all went that should, else 1.")]
pub struct PruneArgs {
    /// Which images.
    #[command(flatten)]
    pub which: WhichArgs,
    /// Keep the newest N
    #[arg(long, value_name = "N")]
    pub keep: Option<usize>,
    /// Keep what is younger: 30d, 12h, 90m
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub older_than: Option<Duration>,
    /// Delete; without this flag only what would go is shown
    #[arg(long)]
    pub yes: bool,
    /// Go on where it cannot be found out what uses the images
    #[arg(long)]
    pub unseen_is_unused: bool,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `30d`, and what durations in templates look like.
fn age(text: &str) -> Result<Duration, String> {
    const FORM: &str = "expected a time such as 30d, 12h or 90m";
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok()) {
        return days.checked_mul(86_400).map(Duration::from_secs).ok_or_else(|| FORM.to_owned());
    }
    let parsed = GoDuration::parse(text).map_err(|_| FORM.to_owned())?;
    u64::try_from(parsed.nanos).map(Duration::from_nanos).map_err(|_| FORM.to_owned())
}

/// Runs the command.
pub fn run(args: &PruneArgs, world: &World<'_>, mut screen: Screen) -> u8 {
    if args.keep.is_none() && args.older_than.is_none() {
        screen.error("which images shall stay? Say -keep N, -older-than TIME, or both");
        return end(None, screen);
    }
    let rule = Rule { newest: args.keep, younger_than: args.older_than, trusting: args.unseen_is_unused };
    let groups = find(&args.which, world, &mut screen);
    let done = groups.and_then(|groups| {
        let pruned = ask(prune(&groups, rule, args.yes, world, &mut screen));
        pruned.map_err(|error| screen.error(error)).ok()
    });
    end(done, screen)
}

async fn prune(groups: &[Group], rule: Rule, yes: bool, world: &World<'_>, screen: &mut Screen) -> Result<(), String> {
    let mut going: Vec<Found> = Vec::new();
    for group in groups {
        let uses = Uses::of(&group.account, &group.images).await;
        for (region, place, why) in &uses.unknown {
            screen.error(format!("cannot look at the {} in {region}: {why}", place.name()));
            screen.error(format!("  it needs {}; -unseen-is-unused goes on without", place.permissions().join(", ")));
        }
        let fates = fates(group, rule, world, &uses);
        print(group, &fates, screen);
        let goes = group.images.iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Goes).map(|(found, _)| found.clone());
        going.extend(goes.filter(|found| !going.iter().any(|other| other.image.id == found.image.id)).collect::<Vec<_>>());
    }
    let snapshots = going.iter().map(|found| found.snapshots().len()).sum();
    let what = format!("{} and {}", count(going.len(), "image"), count(snapshots, "snapshot"));
    match (going.is_empty(), yes) {
        (true, _) => screen.say("Nothing to delete."),
        (false, false) => screen.say(format!("Nothing was deleted; -yes deletes {what}.")),
        (false, true) => {
            screen.say(format!("Deleting {what}:"));
            return remove(&going, screen).await;
        }
    }
    Ok(())
}

/// Regions are counted by themselves.
fn fates(group: &Group, rule: Rule, world: &World<'_>, uses: &Uses) -> Vec<Fate> {
    let now = (world.settings.clock)();
    group.images.chunk_by(|a, b| a.region.name() == b.region.name()).flat_map(|images| decide(images, rule, now, uses)).collect()
}

fn print(group: &Group, fates: &[Fate], screen: &mut Screen) {
    let title = if group.wanted.title == group.wanted.shown() { String::new() } else { format!("{}: ", group.wanted.title) };
    screen.say(format!("{title}{} like {}", count(group.images.len(), "image"), group.wanted.shown()));
    let rows = group.images.iter().zip(fates).map(|(found, fate)| {
        let fate = match fate {
            Fate::Goes => ["goes".to_owned(), String::new()],
            Fate::Stays(why) => ["stays".to_owned(), why.clone()],
        };
        let [verdict, why] = fate;
        [vec![verdict], row(found), vec![why]].concat()
    });
    for line in table(&rows.collect::<Vec<_>>()) {
        screen.say(format!("  {line}"));
    }
}
