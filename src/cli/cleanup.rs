//! `amibake cleanup`: removes what builds left that were killed, or whose teardown EC2 refused.

use std::sync::Arc;
use std::time::Duration;

use amibake_ec2::model::Access;
use amibake_ec2::{Clouds, Region};
use clap::Args;
use tokio::runtime::Runtime;
use tokio::time::Instant;

use super::args::{GivenArgs, OutputArgs, TemplateArgs};
use super::load::load;
use super::terminal::ControllingTerminal;
use super::validate::make_plan;
use super::{findings, lookups, secrets};
use crate::communicator::ssh::master::remove_orphans;
use crate::engine::account::Accounts;
use crate::engine::cleanup::journals::Ways;
use crate::engine::cleanup::{DeadRun, Found, Wanted, began_unix, journals, parse_age, tags};
use crate::engine::context::Terminal;
use crate::engine::lookup::SecretStore;
use crate::engine::teardown::Leftover;
use crate::event::Reporter;
use crate::exit;
use crate::parts::Parts;
use crate::settings::Settings;
use crate::ui::relay::relay;
use crate::ui::screen::Screen;

/// How long removing everything may take: EC2 takes minutes to end some instances.
const LIMIT: Duration = Duration::from_secs(15 * 60);
/// How old a run has to be that is known by its tags only: it may live on another machine.
const OLD_BY_TAG: i64 = 24 * 3_600;

/// `cleanup`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amibake cleanup
  amibake cleanup -yes -older-than 24h
  amibake cleanup -region us-east-2,eu-west-1 -older-than 7d
  amibake cleanup -var-file vars.json packer-template.json

A build keeps a journal of what it creates. Without -region and template only
the journals of this machine are read; with them, things that carry the tag
amibake:run-id are found too, where the journal is lost. Those have to be a
day old, unless -older-than or -run-id says otherwise: their build may still
run on another machine. A build that runs on this machine is left alone, and
so is everything that no build of amibake made.

On a terminal it asks before it removes anything; elsewhere, and with
-dry-run, it only lists, unless -yes is given.

Exit status: 0 if nothing is left, 1 if something is left or could not be
looked for, 2 if something was found and only listed.")]
pub struct CleanupArgs {
    /// Look in the regions of this template's builders, with their access to AWS
    #[arg(value_name = "TEMPLATE")]
    pub path: Option<String>,
    /// What is given with it.
    #[command(flatten)]
    pub given: GivenArgs,
    /// Only this run: the value of the tag amibake:run-id
    #[arg(long, value_name = "ID", overrides_with = "run_id")]
    pub run_id: Option<String>,
    /// Only runs that began so long ago, such as 24h or 7d
    #[arg(long, value_name = "AGE", value_parser = |text: &str| parse_age(text), overrides_with = "older_than")]
    pub older_than: Option<i64>,
    /// Look for tags in these regions too (comma-separated, repeatable); `all` is every one
    #[arg(long, value_name = "REGIONS", value_delimiter = ',')]
    pub region: Vec<String>,
    /// Profile of the AWS configuration to use
    #[arg(long, value_name = "NAME", overrides_with = "profile")]
    pub profile: Option<String>,
    /// Address of the EC2 API to use
    #[arg(long, value_name = "URL", overrides_with = "endpoint")]
    pub endpoint: Option<String>,
    /// Remove without asking
    #[arg(long)]
    pub yes: bool,
    /// List only
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The template and its var files, as words of a command line. Values of `-var` may be secret and are left out.
pub fn words(args: &TemplateArgs) -> String {
    let files = args.given.var_file.iter().map(|file| format!("-var-file={file}"));
    let variables = args.given.var.iter().map(|variable| format!("-var {}=...", variable.name));
    let only = args.only.iter().map(|only| format!("-only={}", only.join(",")));
    let words: Vec<String> = files.chain(variables).chain(only).chain([args.path.clone()]).collect();
    words.join(" ")
}

/// Where to look for tags.
struct Where {
    access: Access,
    /// By name; `all` is every one. None: this is only how journals' accounts are reached.
    regions: Vec<String>,
    /// In the account's own region too.
    home: bool,
}

/// Runs the command.
pub fn run(args: CleanupArgs, settings: &Settings, clouds: Arc<dyn Clouds>, store: &Arc<dyn SecretStore>, mut screen: Screen) -> u8 {
    let status = match Cleanup::new(args, settings, clouds, store, &mut screen) {
        Ok(cleanup) => return cleanup.run(settings, screen),
        Err(Some(text)) => {
            screen.error(text);
            exit::FAILURE
        }
        Err(None) => exit::FAILURE,
    };
    screen.flush();
    status
}

struct Cleanup {
    args: CleanupArgs,
    places: Vec<Where>,
    accounts: Accounts,
    runtime: Runtime,
}

impl Cleanup {
    /// # Errors
    /// What stands against it; None where that has been said.
    fn new(
        mut args: CleanupArgs,
        settings: &Settings,
        clouds: Arc<dyn Clouds>,
        store: &Arc<dyn SecretStore>,
        screen: &mut Screen,
    ) -> Result<Self, Option<String>> {
        let mut places = Vec::new();
        if let Some(path) = args.path.take() {
            let given =
                std::mem::replace(&mut args.given, GivenArgs { var: Vec::new(), var_file: Vec::new(), jsonc: false, config_type: None });
            places.extend(places_of(&TemplateArgs { path, given, only: None, except: Vec::new() }, settings, store, screen)?);
        }
        let named = args.profile.is_some() || args.endpoint.is_some();
        if named || !args.region.is_empty() {
            let region = args.region.iter().find(|region| *region != "all").cloned();
            let access = Access { region, profile: args.profile.clone(), endpoint: args.endpoint.clone(), ..Access::default() };
            places.push(Where { access, regions: args.region.clone(), home: false });
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Some(format!("cannot start: {error}")))?;
        Ok(Self { args, places, accounts: Accounts::new(clouds), runtime })
    }

    fn run(self, settings: &Settings, mut screen: Screen) -> u8 {
        let (report, events) = Reporter::new();
        let found = self.runtime.block_on(self.find(settings, &report));
        let dead: Vec<&DeadRun> = found.dead.iter().filter(|run| !run.is_empty()).collect();
        tell(&found, &dead, &mut screen);
        let answer = if dead.is_empty() { Answer::Nothing } else { self.consent(settings, &report, &events, &mut screen) };
        let notes: usize = dead.iter().map(|run| run.notes.len()).sum();
        let left = match answer {
            Answer::Nothing => Vec::new(),
            Answer::List => return end(screen, exit::FOUND),
            Answer::Remove => {
                let printing = std::thread::spawn(move || {
                    relay(&events, &mut screen, |_| {});
                    screen
                });
                let left = self.runtime.block_on(remove(&dead));
                drop(found.dead);
                drop(report);
                let Ok(back) = printing.join() else { return exit::FAILURE };
                screen = back;
                left
            }
        };
        self.runtime.shutdown_background();
        let others = !(found.alive.is_empty() && found.spared.is_empty());
        conclude(left.len() + notes, &left, &found.trouble, (matches!(answer, Answer::Remove), others), &mut screen);
        let clean = left.is_empty() && notes == 0 && found.trouble.is_empty();
        end(screen, if clean { exit::SUCCESS } else { exit::FAILURE })
    }

    async fn find(&self, settings: &Settings, report: &Reporter) -> Found {
        let given: Vec<Access> = self.places.iter().map(|place| place.access.clone()).collect();
        let ways = Ways { accounts: &self.accounts, given: &given };
        let now_unix = settings.started.as_second();
        let wanted = Wanted { run_id: self.args.run_id.clone(), older_than: self.args.older_than, now_unix };
        let mut found = match settings.state_dir() {
            Some(dir) => journals::find(&dir, &wanted, &ways, report).await,
            None => Found::default(),
        };
        let wanted = Wanted { older_than: Some(wanted.older_than.unwrap_or(OLD_BY_TAG)), ..wanted };
        for place in &self.places {
            if let Err(error) = self.look(place, &wanted, report, &mut found).await {
                found.trouble.push(error);
            }
        }
        if let (Some(id), true, true) = (&self.args.run_id, found.dead.is_empty(), self.places.is_empty())
            && !found.alive.iter().any(|run| run.run_id == *id)
        {
            found.trouble.push(format!("there is no journal of run {id} on this machine; name its -region, or the template"));
        }
        found
    }

    async fn look(&self, place: &Where, wanted: &Wanted, report: &Reporter, found: &mut Found) -> Result<(), String> {
        if place.regions.is_empty() && !place.home {
            return Ok(());
        }
        let account = self.accounts.open(&place.access).await.map_err(|error| error.to_string())?;
        let mut regions: Vec<Region> = place.regions.iter().map(Region::new).collect();
        if place.regions.iter().any(|region| region == "all") {
            regions = tags::all_regions(&account).await.map_err(|error| error.to_string())?;
        } else if place.home && !regions.contains(account.build_region()) {
            regions.push(account.build_region().clone());
        }
        tags::find(&account, &regions, wanted, report, found).await;
        Ok(())
    }

    fn consent(
        &self,
        settings: &Settings,
        report: &Reporter,
        events: &std::sync::mpsc::Receiver<crate::event::Event>,
        screen: &mut Screen,
    ) -> Answer {
        if self.args.yes {
            return Answer::Remove;
        }
        if self.args.dry_run || !settings.terminal || self.args.output.machine_readable {
            screen.say("Nothing was removed; -yes removes it.");
            return Answer::List;
        }
        screen.flush();
        let terminal = ControllingTerminal::new(report.clone());
        let asking = terminal.ask("Remove it all? Only `yes` is taken for one: ");
        let answer = self.runtime.block_on(async {
            let showing = async {
                loop {
                    events.try_iter().for_each(|event| screen.show(&event));
                    screen.flush();
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::select! { answer = asking => answer, () = showing => None }
        });
        if answer.is_some_and(|answer| answer.trim() == "yes") {
            return Answer::Remove;
        }
        screen.say("Nothing was removed.");
        Answer::List
    }
}

/// What is to be done.
enum Answer {
    Nothing,
    List,
    Remove,
}

/// Where the builders of a template work.
fn places_of(
    args: &TemplateArgs,
    settings: &Settings,
    store: &Arc<dyn SecretStore>,
    screen: &mut Screen,
) -> Result<Vec<Where>, Option<String>> {
    let mut loaded = load(args, settings);
    lookups::fetch(&mut loaded, settings, store);
    secrets::hide_variables(&loaded, screen);
    let parts = Parts::all();
    let Some(plan) = make_plan(args, &mut loaded, &parts, false) else {
        findings::print(&loaded.findings, &loaded.sources, screen);
        return Err(Some(format!("\n{}; nothing was looked for.", findings::count(&loaded.findings))));
    };
    secrets::hide_config(&plan, &parts, screen);
    let builders = plan.builds.iter().filter_map(|build| parts.make_builder(&build.builder)?.ok());
    let places = builders.filter_map(|builder| builder.place()).map(|(access, regions)| {
        let regions = regions.iter().map(ToString::to_string).collect();
        Where { access, regions, home: true }
    });
    Ok(places.collect())
}

fn tell(found: &Found, dead: &[&DeadRun], screen: &mut Screen) {
    for about in &found.alive {
        screen.say(format!("Run {} is alive (process {}): left alone.", about.run_id, about.pid));
    }
    for trouble in &found.trouble {
        screen.error(trouble.clone());
    }
    if dead.is_empty() {
        for why in &found.spared {
            screen.say(format!("Left alone: {why}"));
        }
    }
    for run in dead {
        screen.say(headline(run));
        for left in run.left() {
            screen.say(format!("  {}", left.what));
        }
        for note in &run.notes {
            screen.say(format!("  not removed: {note}"));
        }
        if run.left().is_empty() && run.notes.is_empty() {
            screen.say("  nothing but its journal");
        }
    }
}

fn headline(run: &DeadRun) -> String {
    let began = run.about.started_unix.or_else(|| began_unix(&run.about.run_id));
    let began = began.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()).map(|at| format!("began {at}"));
    let template = run.about.template.as_ref().map(|template| format!("template {template}"));
    let about: Vec<String> = began.into_iter().chain(template).collect();
    if about.is_empty() {
        format!("Run {} left:", run.about.run_id)
    } else {
        format!("Run {} ({}) left:", run.about.run_id, about.join(", "))
    }
}

/// Removes everything; what stays.
async fn remove(dead: &[&DeadRun]) -> Vec<Leftover> {
    // What killed builds left in directories of their own on this machine.
    remove_orphans(std::path::Path::new("/tmp"));
    let deadline = Instant::now() + LIMIT;
    futures_util::future::join_all(dead.iter().map(|run| run.remove(deadline))).await.into_iter().flatten().collect()
}

fn conclude(count: usize, left: &[Leftover], trouble: &[String], (removed, others): (bool, bool), screen: &mut Screen) {
    for leftover in left {
        screen.error(leftover.to_string());
    }
    match (count, removed) {
        (0, true) => screen.say("All that could be removed is removed."),
        (0, false) if trouble.is_empty() && others => screen.say("Nothing else is left."),
        (0, false) if trouble.is_empty() => screen.say("Nothing is left of any build."),
        (0, false) => {}
        (count, _) => screen.error(format!("{count} left behind; their journal stays, and `amibake cleanup` can be run again.")),
    }
}

fn end(mut screen: Screen, status: u8) -> u8 {
    screen.flush();
    status
}
