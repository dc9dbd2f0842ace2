//! `amibake images`: what a template has made.

use amibake_ec2::model::ImageState;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{Group, WhichArgs, World, count, end, find, table};
use crate::cli::args::OutputArgs;
use crate::shelf::find::Found;
use crate::ui::screen::Screen;

/// `images`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amibake images packer-template.json
  amibake images -tag Team=web -region us-east-1,eu-west-1
  amibake images -name 'web-*' -format json | jq -r '.images[].id'

An image carries no mark of amibake's. A template's images are the account's
own ones whose names have the form that `ami_name` gives them, in the build
region and in `ami_regions`.

Exit status: 0, also where there are none; 1 where AWS could not be asked.")]
pub struct ImagesArgs {
    /// Which images.
    #[command(flatten)]
    pub which: WhichArgs,
    /// Form of the list: human or json
    #[arg(long, value_name = "FORM", default_value = "human", hide_possible_values = true, overrides_with = "format")]
    pub format: ListFormat,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `-format` of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people
    Human,
    /// For programs
    Json,
}

/// Version of the document.
const VERSION: u32 = 1;

/// Runs the command.
pub fn run(args: &ImagesArgs, world: &World<'_>, mut screen: Screen) -> u8 {
    let done = find(&args.which, world, &mut screen).map(|groups| match args.format {
        ListFormat::Human => groups.iter().for_each(|group| print(group, &mut screen)),
        ListFormat::Json => write(&groups, &mut screen),
    });
    end(done, screen)
}

fn print(group: &Group, screen: &mut Screen) {
    let title = if group.wanted.title == group.wanted.shown() { String::new() } else { format!("{}: ", group.wanted.title) };
    screen.say(format!("{title}{} like {}", count(group.images.len(), "image"), group.wanted.shown()));
    let rows: Vec<Vec<String>> = group.images.iter().map(row).collect();
    for line in table(&rows) {
        screen.say(format!("  {line}"));
    }
}

/// Region, id, date, state, name.
pub(super) fn row(found: &Found) -> Vec<String> {
    let image = &found.image;
    let date = image.creation_date.get(..16).unwrap_or(&image.creation_date).replace('T', " ");
    vec![found.region.name().to_string(), image.id.to_string(), date, state(image.state).to_owned(), image.name.clone()]
}

fn state(state: ImageState) -> &'static str {
    match state {
        ImageState::Pending => "pending",
        ImageState::Available => "available",
        ImageState::Failed => "failed",
        ImageState::Gone => "unusable",
    }
}

fn write(groups: &[Group], screen: &mut Screen) {
    let images: Vec<Value> =
        groups.iter().flat_map(|group| group.images.iter().map(|found| written(found, &group.wanted.title, screen))).collect();
    let document = json!({ "version": VERSION, "images": images });
    screen.document(&serde_json::to_string_pretty(&document).unwrap_or_default());
}

fn written(found: &Found, build: &str, screen: &Screen) -> Value {
    let image = &found.image;
    let tags: serde_json::Map<String, Value> = image.tags.iter().map(|tag| (tag.key.clone(), json!(screen.cleaned(&tag.value)))).collect();
    json!({
        "id": image.id.as_str(),
        "region": found.region.name().as_str(),
        "name": screen.cleaned(&image.name),
        "of": screen.cleaned(build),
        "created": image.creation_date,
        "state": state(image.state),
        "snapshots": found.snapshots(),
        "tags": tags,
    })
}
