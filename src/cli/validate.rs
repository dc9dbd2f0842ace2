//! `amibake validate`: everything that can be known about a template without AWS.

use amibake_template::plan::{Plan, plan};

use super::args::{TemplateArgs, ValidateArgs};
use super::load::{Disk, Loaded, load, without_place};
use super::{findings, secrets};
use crate::exit;
use crate::parts::Parts;
use crate::settings::Settings;
use crate::ui::screen::Screen;

/// Runs the command.
pub fn run(args: &ValidateArgs, settings: &Settings, mut screen: Screen) -> u8 {
    let mut loaded = load(&args.template, settings);
    secrets::hide(&loaded, &mut screen);
    if !args.syntax_only {
        make_plan(&args.template, &mut loaded, &Parts::all(), false);
    }
    findings::print(&loaded.findings, &loaded.sources, &mut screen);
    let status = if loaded.has_errors() {
        screen.error(format!("\n{}.", findings::count(&loaded.findings)));
        exit::FAILURE
    } else {
        screen.say(if args.syntax_only { "Syntax-only check passed. Everything looks okay." } else { "The configuration is valid." });
        exit::SUCCESS
    };
    screen.flush();
    status
}

/// Plans the builds; what is wrong joins the findings. None where one of them is an error.
pub fn make_plan(args: &TemplateArgs, loaded: &mut Loaded, parts: &Parts, force: bool) -> Option<Plan> {
    let document = loaded.document.as_ref()?;
    let selection = amibake_template::plan::Selection { only: args.only.clone(), except: args.except.clone(), force };
    let (plan, found) = plan(document, &parts.registry, &loaded.given, &selection, &loaded.host, &Disk);
    loaded.findings.extend(found);
    let plan = plan.filter(|_| !loaded.has_errors())?;
    if plan.builds.is_empty() {
        let names: Vec<_> = document.builders.iter().map(|builder| builder.name.as_str()).collect();
        loaded.findings.push(
            without_place("no-builds", "no builds to run: -only and -except leave none".to_owned())
                .with_help(format!("the template's builds: {}", names.join(", "))),
        );
        return None;
    }
    Some(plan)
}
