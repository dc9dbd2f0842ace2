//! `amibake plan`: what a build would ask of AWS, and the permissions it needs, before anything is made.
//!
//! `human` and `document` print a forecast, and what AWS says about it.

mod document;
mod human;

use std::sync::Arc;

use amibake_ec2::{Clouds, Region};
use amibake_template::lang::LookupKind;
use amibake_template::plan::Plan;
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::args::{OutputArgs, TemplateArgs};
use super::load::{Loaded, load};
use super::validate::{make_plan, make_plan_to_run};
use super::{findings, lookups, secrets};
use crate::engine::account::Accounts;
use crate::engine::context::{OnError, RunOptions};
use crate::engine::lookup::SecretStore;
use crate::exit;
use crate::forecast::ask::{self, Answers, Verdict};
use crate::forecast::{self, BuildForecast, Question, policy};
use crate::parts::Parts;
use crate::settings::Settings;
use crate::ui::screen::Screen;

/// The region of builds that name none, where the environment names none either.
const SOME_REGION: &str = "us-east-1";

/// How much later the other run is: each field of a date differs then.
const LATER_NANOS: i128 = 11_111_111 * 1_000_000_000;

/// `plan`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amibake plan -var-file packer-vars.json packer-template.json
  amibake plan -format iam-policy packer-template.json > policy.json
  amibake plan -online packer-template.json
  amibake plan -format json packer-template.json | jq '.builds[].calls'

The build runs against an EC2 in memory, so the calls are those that it will
make. What only AWS or the time of the build decides stands in <angle
brackets>. No provisioner runs, and without -online nothing is sent to AWS.

The policy covers a build and the clean-up after a failed one, and no more.

Exit status: 0 if the template can be built, else 1; with -online also 1 where
a permission is missing.")]
pub struct PlanArgs {
    /// The template and its variables.
    #[command(flatten)]
    pub template: TemplateArgs,
    /// Form of the plan: human, json or iam-policy
    #[arg(long, value_name = "FORM", default_value = "human", hide_possible_values = true, overrides_with = "format")]
    pub format: PlanFormat,
    /// The account's id, for the resources that the policy names [default: any]
    #[arg(long, value_name = "ID", value_parser = account, overrides_with = "account")]
    pub account: Option<String>,
    /// Ask EC2 which of the calls it would allow (DryRun: nothing is made)
    #[arg(long)]
    pub online: bool,
    /// Plan a build that replaces an image of the same name
    #[arg(long)]
    pub force: bool,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `plan -format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For people
    Human,
    /// For programs
    Json,
    /// For IAM
    IamPolicy,
}

fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err("an account id has 12 digits".to_owned())
}

/// Runs the command.
pub fn run(args: &PlanArgs, settings: &Settings, clouds: &Arc<dyn Clouds>, store: &Arc<dyn SecretStore>, mut screen: Screen) -> u8 {
    let prepared = prepare(args, settings, store, &mut screen).and_then(|prepared| asked(args, clouds, prepared, &mut screen));
    let status = prepared.map_or(exit::FAILURE, |prepared| show(args, &prepared, &mut screen));
    screen.flush();
    status
}

/// A plan with its forecast.
struct Prepared {
    plan: Plan,
    builds: Vec<BuildForecast>,
    notes: Vec<String>,
    /// The IAM policy.
    policy: Value,
    /// By build, what AWS said; empty without `-online`.
    answers: Vec<Answers>,
}

/// Lets AWS answer, with `-online`.
fn asked(args: &PlanArgs, clouds: &Arc<dyn Clouds>, mut prepared: Prepared, screen: &mut Screen) -> Option<Prepared> {
    if !args.online {
        return Some(prepared);
    }
    let accounts = Accounts::new(Arc::clone(clouds));
    let asking = async {
        let mut answers = Vec::new();
        for build in &prepared.builds {
            let account = accounts.open(&build.access).await.map_err(|error| format!("{}: {error}", build.name))?;
            answers.push(ask::ask(&account, build).await);
        }
        Ok::<_, String>(answers)
    };
    prepared.answers = on_a_clock(false, asking).and_then(|answers| answers).map_err(|error| screen.error(error)).ok()?;
    Some(prepared)
}

fn prepare(args: &PlanArgs, settings: &Settings, store: &Arc<dyn SecretStore>, screen: &mut Screen) -> Option<Prepared> {
    let mut loaded = load(&args.template, settings);
    let mut notes = Vec::new();
    if args.online {
        lookups::fetch(&mut loaded, settings, store);
    } else {
        notes = lookups::pretend(&mut loaded);
    }
    secrets::hide_variables(&loaded, screen);
    let parts = Parts::all();
    let plan = make_plan_to_run(&args.template, &mut loaded, &parts, args.force);
    if let Some(plan) = &plan {
        secrets::hide_config(plan, &parts, screen);
    }
    let quiet = args.format != PlanFormat::Human && plan.is_some();
    if !quiet {
        findings::print(&loaded.findings, &loaded.sources, screen);
    }
    let Some(plan) = plan else {
        screen.error(format!("\n{}; there is no plan.", findings::count(&loaded.findings)));
        return None;
    };
    let region = region(settings, &plan, &mut notes);
    let asked = loaded.host.answers.clone();
    let other = other_plan(&args.template, &mut loaded, &parts, args.force).unwrap_or_else(|| plan.clone());
    let question = Question { plan, other, parts: Arc::new(parts), options: options(args, settings), region };
    let builds = foretell(&question).map_err(|error| screen.error(error)).ok()?;
    let pairs: Vec<_> = builds.iter().zip(question.plan.builds.iter().map(|build| &build.builder.config)).collect();
    let lookups: Vec<_> = asked.questions().collect();
    let policy = policy::policy(&pairs, args.account.as_deref().unwrap_or("*"), &lookups);
    if lookups.iter().any(|lookup| matches!(lookup.kind, LookupKind::Vault | LookupKind::ConsulKey)) {
        notes.push("what Vault and Consul must allow is not part of an IAM policy".to_owned());
    }
    Some(Prepared { plan: question.plan, builds, notes, policy, answers: Vec::new() })
}

/// The region of builds that name none.
fn region(settings: &Settings, plan: &Plan, notes: &mut Vec<String>) -> Region {
    let named = settings.var("AWS_REGION").or_else(|| settings.var("AWS_DEFAULT_REGION"));
    let open = |build: &amibake_template::plan::Build| build.builder.config["region"].as_str().is_none_or(str::is_empty);
    let amazon = |build: &&amibake_template::plan::Build| build.builder.type_name.starts_with("amazon-");
    if named.is_none() && plan.builds.iter().filter(amazon).any(open) {
        notes.push(format!("the region is taken to be {SOME_REGION}: neither template nor environment name one"));
    }
    Region::new(named.unwrap_or(SOME_REGION))
}

/// The same template at another time and with other random numbers.
pub(super) fn other_plan(args: &TemplateArgs, loaded: &mut Loaded, parts: &Parts, force: bool) -> Option<Plan> {
    loaded.host.started_unix_nanos += LATER_NANOS;
    loaded.host.seed = loaded.host.seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
    loaded.host.uuids = Arc::default();
    make_plan(args, loaded, parts, force)
}

fn options(args: &PlanArgs, settings: &Settings) -> RunOptions {
    RunOptions {
        on_error: OnError::Cleanup,
        force: args.force,
        debug: false,
        run_uuid: settings.run_uuid.clone(),
        began: tokio::time::Instant::now(),
    }
}

/// Builds on a clock that jumps.
fn foretell(question: &Question) -> Result<Vec<BuildForecast>, String> {
    on_a_clock(true, forecast::forecast(question))
}

/// Runs to its end, on a clock that jumps or on the usual one.
fn on_a_clock<T>(jumps: bool, work: impl Future<Output = T>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(jumps).build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    let done = runtime.block_on(work);
    // Not waited for: a thread that resolves a name may hang.
    runtime.shutdown_background();
    Ok(done)
}

fn show(args: &PlanArgs, prepared: &Prepared, screen: &mut Screen) -> u8 {
    match args.format {
        PlanFormat::Human => human::print(prepared, screen),
        PlanFormat::Json => document::print(prepared, screen),
        PlanFormat::IamPolicy => document::print_policy(prepared, screen),
    }
    let missing = prepared.answers.iter().flat_map(|answers| &answers.permissions).any(|permission| permission.verdict == Verdict::Missing);
    if missing || prepared.builds.iter().any(|build| build.error.is_some()) { exit::FAILURE } else { exit::SUCCESS }
}
