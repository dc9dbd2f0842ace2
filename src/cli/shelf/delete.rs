//! `amibake delete`: an image, its copies in other regions, and the snapshots of all of them.

use std::sync::Arc;

use amibake_ec2::{ImageId, Region};
use clap::Args;

use super::images::row;
use super::{ReachArgs, World, count, end, run as ask, table};
use crate::cli::args::OutputArgs;
use crate::engine::account::{Account, Accounts};
use crate::engine::teardown::remove_image;
use crate::event::{Event, Reporter, What};
use crate::shelf::family::{Family, family};
use crate::shelf::find::Found;
use crate::shelf::used::Uses;
use crate::ui::screen::Screen;

/// `delete`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amibake delete ami-0123456789abcdef0           shows what would go
  amibake delete -yes ami-0123456789abcdef0      deletes it

With the image go its copies in all regions of the account, and the snapshots
of all of them. A copy is an own image of the same name whose snapshots EC2
describes as copied from the same image.

An image that is used stays: by instances, launch templates, auto-scaling
groups, SSM parameters. One that is protected against deregistration stays, too.

Exit status: 0 if all went, or without -yes could go; else 1.")]
pub struct DeleteArgs {
    /// The image
    #[arg(value_name = "IMAGE", value_parser = image)]
    pub image: ImageId,
    /// Delete it; without this flag only what would go is shown
    #[arg(long)]
    pub yes: bool,
    /// Leave copies in other regions
    #[arg(long)]
    pub only_this: bool,
    /// Delete it even if it is used, or if what uses it cannot be found out
    #[arg(long)]
    pub even_if_used: bool,
    /// How to reach AWS.
    #[command(flatten)]
    pub reach: ReachArgs,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

fn image(text: &str) -> Result<ImageId, String> {
    ImageId::new(text).map_err(|_| "an image's id begins with ami-".to_owned())
}

/// Runs the command.
pub fn run(args: &DeleteArgs, world: &World<'_>, mut screen: Screen) -> u8 {
    let done = ask(delete(args, world, &mut screen)).map_err(|error| screen.error(error)).ok();
    end(done, screen)
}

async fn delete(args: &DeleteArgs, world: &World<'_>, screen: &mut Screen) -> Result<(), String> {
    let account = Accounts::new(Arc::clone(&world.clouds)).open(&args.reach.access()).await.map_err(|error| error.to_string())?;
    let regions: Vec<Region> = args.reach.regions().into_iter().collect();
    let found = family(&account, &args.image, &regions).await.map_err(|error| error.to_string())?;
    let Some(Family { mut members, strangers }) = found else {
        return Err(format!("this account has no image {} in {}", args.image, places(&regions)));
    };
    members.retain(|found| !args.only_this || found.image.id == args.image);
    show(&members, screen);
    for stranger in &strangers {
        let (id, region) = (&stranger.image.id, stranger.region.name());
        screen.say(format!("  {id} in {region} has the same name; nothing says that it is a copy, so it stays."));
    }
    refuse_protected(&members, screen)?;
    protect(args, &account, &members, screen).await?;
    if !args.yes {
        screen.say("Nothing was deleted; -yes deletes this.");
        return Ok(());
    }
    screen.say("Deleting:");
    remove(&members, screen).await
}

fn places(regions: &[Region]) -> String {
    let names: Vec<&str> = regions.iter().map(Region::as_str).collect();
    if names.is_empty() { "any region that it can see".to_owned() } else { names.join(", ") }
}

fn show(members: &[Found], screen: &mut Screen) {
    let snapshots = members.iter().map(|found| found.snapshots().len()).sum();
    screen.say(format!("To delete: {} and {}", count(members.len(), "image"), count(snapshots, "snapshot")));
    let rows: Vec<Vec<String>> = members.iter().map(|found| [row(found), vec![found.snapshots().join(" ")]].concat()).collect();
    for line in table(&rows) {
        screen.say(format!("  {line}"));
    }
}

/// Says which images EC2 would not let go. Somebody has protected them on purpose, so nothing is taken off here.
///
/// # Errors
/// One is.
fn refuse_protected(members: &[Found], screen: &mut Screen) -> Result<(), String> {
    let mut any = false;
    for found in members.iter().filter(|found| found.image.protected) {
        any = true;
        let (id, region) = (&found.image.id, found.region.name());
        screen.error(format!("  {id} in {region} is protected against deregistration; to lift that:"));
        screen.error(format!("    aws --region {region} ec2 disable-image-deregistration-protection --image-id {id}"));
    }
    if any { Err("Nothing was deleted: it is protected.".to_owned()) } else { Ok(()) }
}

/// Says what uses the images.
///
/// # Errors
/// They are used, or may be, and that was not to be overlooked.
async fn protect(args: &DeleteArgs, account: &Account, members: &[Found], screen: &mut Screen) -> Result<(), String> {
    let uses = Uses::of(account, members).await;
    let mut used = false;
    for found in members {
        for by in uses.by(found) {
            used = true;
            screen.error(format!("  {} in {} is used by {by}", found.image.id, found.region.name()));
        }
    }
    for (region, place, why) in &uses.unknown {
        used = true;
        screen.error(format!("  cannot look at the {} in {region}: {why}", place.name()));
    }
    match used && !args.even_if_used {
        true => Err("Nothing was deleted: it is used, or may be. -even-if-used deletes it all the same.".to_owned()),
        false => Ok(()),
    }
}

/// Deregisters images and deletes their snapshots, telling each.
///
/// # Errors
/// Something stays.
pub(super) async fn remove(images: &[Found], screen: &mut Screen) -> Result<(), String> {
    let mut left = 0;
    for found in images {
        let (report, events) = Reporter::new();
        let removed = remove_image(&found.region, &found.image.id, &report).await;
        drop(report);
        for Event { what, .. } in events.try_iter() {
            if let What::Say(text) = what {
                screen.say(format!("  {text} in {}", found.region.name()));
            }
        }
        for leftover in removed.err().into_iter().flatten() {
            left += 1;
            screen.error(format!("  {leftover}"));
        }
    }
    if left == 0 { Ok(()) } else { Err(format!("{} could not be deleted.", count(left, "thing"))) }
}
