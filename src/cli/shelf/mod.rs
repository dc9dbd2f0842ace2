//! Images afterwards: `amibake images`, `delete` and `prune`. Here is what they share: which images are meant, and how AWS is asked.

pub mod delete;
pub mod images;
pub mod prune;

use std::collections::BTreeSet;
use std::sync::Arc;

use amibake_ec2::model::{Access, Tag};
use amibake_ec2::{Clouds, Region};
use clap::Args;

use super::args::{GivenArgs, TemplateArgs, Variable};
use super::load::load;
use super::plan::other_plan;
use super::validate::make_plan;
use super::{findings, lookups, secrets};
use crate::engine::account::{Account, Accounts};
use crate::engine::lookup::SecretStore;
use crate::exit;
use crate::parts::Parts;
use crate::settings::Settings;
use crate::shelf::find::{Found, Name, Wanted, of_template};
use crate::ui::screen::Screen;

/// Which images are meant.
#[derive(Debug, Args)]
pub struct WhichArgs {
    /// Images of this template's builds, by the form of their names
    #[arg(value_name = "TEMPLATE")]
    pub path: Option<String>,
    /// What is given with the template.
    #[command(flatten)]
    pub given: GivenArgs,
    /// Take only these builds of the template (comma-separated)
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub only: Option<Vec<String>>,
    /// Leave out these builds of the template (comma-separated)
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub except: Vec<String>,
    /// Images with this tag (repeatable: with all of them)
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::args::variable)]
    pub tag: Vec<Variable>,
    /// Images with such a name; * and ? stand for anything
    #[arg(long, value_name = "PATTERN")]
    pub name: Option<String>,
    /// How to reach AWS.
    #[command(flatten)]
    pub reach: ReachArgs,
}

/// How to reach AWS where no template says it.
#[derive(Debug, Args)]
pub struct ReachArgs {
    /// Look in these regions (comma-separated) [default: the template's, else that of the environment]
    #[arg(long, value_name = "REGIONS", value_delimiter = ',')]
    pub region: Vec<String>,
    /// AWS profile [default: the template's, else that of the environment]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
}

impl ReachArgs {
    /// The account of the environment.
    fn access(&self) -> Access {
        Access { region: self.region.first().cloned(), profile: self.profile.clone(), ..Access::default() }
    }

    fn regions(&self) -> BTreeSet<Region> {
        self.region.iter().map(|region| Region::new(region.as_str())).collect()
    }
}

/// What a command needs of the world.
pub struct World<'a> {
    /// The outside world.
    pub settings: &'a Settings,
    /// AWS.
    pub clouds: Arc<dyn Clouds>,
    /// Keeper of secrets that variables may name.
    pub secrets: &'a Arc<dyn SecretStore>,
}

/// Images that belong together: those of a build, or all that were asked for.
pub struct Group {
    /// What was wanted.
    pub wanted: Wanted,
    /// Where it was looked for.
    pub account: Account,
    /// By region, the newest first.
    pub images: Vec<Found>,
}

/// Finds what is meant; None where that was not possible, which has been said.
fn find(args: &WhichArgs, world: &World<'_>, screen: &mut Screen) -> Option<Vec<Group>> {
    let wanted = wanted(args, world, screen)?;
    let accounts = Accounts::new(Arc::clone(&world.clouds));
    let looking = async {
        let mut groups = Vec::new();
        for wanted in wanted {
            let (account, images) = wanted.find(&accounts).await.map_err(|error| error.to_string())?;
            groups.push(Group { wanted, account, images });
        }
        Ok(groups)
    };
    run(looking).map_err(|error: String| screen.error(error)).ok()
}

fn wanted(args: &WhichArgs, world: &World<'_>, screen: &mut Screen) -> Option<Vec<Wanted>> {
    let tags: Vec<Tag> = args.tag.iter().map(|tag| Tag { key: tag.name.clone(), value: tag.value.clone() }).collect();
    let name = args.name.clone().map(Name::Pattern);
    let Some(path) = &args.path else {
        if tags.is_empty() && name.is_none() {
            screen.error("which images? Name a template, -tag KEY=VALUE or -name PATTERN");
            return None;
        }
        let mut wanted = Wanted { title: String::new(), access: args.reach.access(), regions: args.reach.regions(), name, tags };
        wanted.title = wanted.shown();
        return Some(vec![wanted]);
    };
    if name.is_some() {
        screen.error("-name and a template exclude each other: the template says how its images are called");
        return None;
    }
    let mut all = of_path(path, args, world, screen)?;
    for wanted in &mut all {
        wanted.tags.clone_from(&tags);
        if !args.reach.region.is_empty() {
            wanted.regions = args.reach.regions();
            wanted.access.region = args.reach.region.first().cloned();
        }
        if args.reach.profile.is_some() {
            wanted.access.profile.clone_from(&args.reach.profile);
        }
    }
    Some(all)
}

/// What a template's builds make.
fn of_path(path: &str, args: &WhichArgs, world: &World<'_>, screen: &mut Screen) -> Option<Vec<Wanted>> {
    let template = TemplateArgs { path: path.to_owned(), given: args.given.clone(), only: args.only.clone(), except: args.except.clone() };
    let mut loaded = load(&template, world.settings);
    lookups::fetch(&mut loaded, world.settings, world.secrets);
    secrets::hide_variables(&loaded, screen);
    let parts = Parts::all();
    let Some(plan) = make_plan(&template, &mut loaded, &parts, false) else {
        findings::print(&loaded.findings, &loaded.sources, screen);
        screen.error(format!("\n{}; nothing was asked of AWS.", findings::count(&loaded.findings)));
        return None;
    };
    secrets::hide_config(&plan, &parts, screen);
    let other = other_plan(&template, &mut loaded, &parts, false).unwrap_or_else(|| plan.clone());
    let by_tag = !args.tag.is_empty();
    of_template(&plan, &other, by_tag).map_err(|error| screen.error(format!("{error}; name them by -tag KEY=VALUE or -name PATTERN"))).ok()
}

/// Runs what asks AWS.
fn run<T>(asking: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    let answer = runtime.block_on(asking);
    // Not waited for: a thread that resolves a name may hang.
    runtime.shutdown_background();
    answer
}

/// A table whose columns are as wide as they need to be.
fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Ends a command: what is left to print, and its status.
fn end(done: Option<()>, mut screen: Screen) -> u8 {
    screen.flush();
    if done.is_some() { exit::SUCCESS } else { exit::FAILURE }
}

/// `1 image`, `2 images`.
fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
