//! `amibake validate`: everything that can be known about a template without AWS.

use std::sync::Arc;

use amibake_template::finding::{Finding, refuse_to_run};
use amibake_template::plan::{Plan, Selection, plan};

use super::args::{TemplateArgs, ValidateArgs};
use super::load::{Disk, Loaded, load, without_place};
use super::{findings, lookups, secrets};
use crate::engine::lookup::SecretStore;
use crate::exit;
use crate::parts::Parts;
use crate::settings::Settings;
use crate::ui::screen::Screen;

/// Runs the command.
pub fn run(args: &ValidateArgs, settings: &Settings, store: &Arc<dyn SecretStore>, mut screen: Screen) -> u8 {
    let mut loaded = load(&args.template, settings);
    if !args.syntax_only {
        lookups::fetch(&mut loaded, settings, store);
    }
    secrets::hide_variables(&loaded, &mut screen);
    if !args.syntax_only {
        make_plan(&args.template, &mut loaded, &Parts::all(), false);
    }
    let said_all = findings::print_as(args.format, &loaded.findings, &loaded.sources, &mut screen);
    if !said_all {
        conclude(args, &loaded, &mut screen);
    }
    screen.flush();
    if loaded.has_errors() || refused(args, &loaded) { exit::FAILURE } else { exit::SUCCESS }
}

/// Whether warnings are too much.
fn refused(args: &ValidateArgs, loaded: &Loaded) -> bool {
    args.strict && !loaded.findings.is_empty()
}

fn conclude(args: &ValidateArgs, loaded: &Loaded, screen: &mut Screen) {
    if loaded.has_errors() {
        screen.error(format!("\n{}.", findings::count(&loaded.findings)));
        return;
    }
    if refused(args, loaded) {
        screen.error(format!("\n{}: too much for -strict.", findings::count(&loaded.findings)));
        return;
    }
    if !loaded.findings.is_empty() && !screen.look().machine_readable {
        screen.say("");
    }
    screen.say(if args.syntax_only { "Syntax-only check passed. Everything looks okay." } else { "The configuration is valid." });
}

/// Plans the builds; what is wrong joins the findings. None where one of them is an error.
pub fn make_plan(args: &TemplateArgs, loaded: &mut Loaded, parts: &Parts, force: bool) -> Option<Plan> {
    let document = loaded.document.as_ref()?;
    let selection = Selection { only: args.only.clone(), except: args.except.clone(), force };
    let make = |selection: &Selection| plan(document, &parts.registry, &loaded.given, selection, &loaded.host, &Disk);
    let (plan, mut found) = make(&selection);
    let plan = match plan.filter(|_| !loaded.has_errors()) {
        Some(plan) if plan.builds.is_empty() => {
            // Once more without a selection: what builds are called is known when their names are rendered.
            let all = make(&Selection { force, ..Selection::default() }).0.map(|plan| plan.builds).unwrap_or_default();
            found.push(no_builds(all.iter().map(|build| build.name.as_str())));
            None
        }
        plan => plan,
    };
    loaded.findings.extend(found);
    plan
}

/// [`make_plan`] for whoever is about to run it: what amibake cannot run yet is an error then.
pub fn make_plan_to_run(args: &TemplateArgs, loaded: &mut Loaded, parts: &Parts, force: bool) -> Option<Plan> {
    let plan = make_plan(args, loaded, parts, force);
    refuse_to_run(&mut loaded.findings);
    plan.filter(|_| !loaded.has_errors())
}

fn no_builds<'a>(names: impl Iterator<Item = &'a str>) -> Finding {
    let names = names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    without_place("no-builds", "no builds to run: -except leaves none".to_owned())
        .with_help(format!("the builds of this template: {names}"))
}
