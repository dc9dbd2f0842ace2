//! `amibake inspect`: what a template consists of, as Packer shows it. Shows the template as written: nothing is rendered, and `-var`
//! changes nothing.

use std::collections::HashSet;

use amibake_template::document::{Document, Variable};

use super::args::InspectArgs;
use super::load::load;
use super::{findings, secrets};
use crate::exit;
use crate::settings::Settings;
use crate::ui::screen::Screen;

/// Runs the command.
pub fn run(args: &InspectArgs, settings: &Settings, mut screen: Screen) -> u8 {
    let loaded = load(&args.template, settings);
    secrets::hide_variables(&loaded, &mut screen);
    let status = match &loaded.document {
        Some(document) if !loaded.has_errors() => {
            show(document, &mut screen);
            exit::SUCCESS
        }
        _ => {
            findings::print(&loaded.findings, &loaded.sources, &mut screen);
            exit::FAILURE
        }
    };
    screen.flush();
    status
}

fn show(document: &Document, screen: &mut Screen) {
    // Word for word what 1.6.6 prints: scripts take this output apart.
    screen.say("Packer Inspect: JSON mode");
    if let Some(description) = document.description.as_deref().filter(|description| !description.is_empty()) {
        screen.say("Description:\n");
        screen.say(format!("{description}\n"));
    }
    show_variables(document, screen);
    show_builders(document, screen);
    show_provisioners(document, screen);
    screen.say(
        "\nNote: If your build names contain user variables or template\nfunctions such as 'timestamp', these are processed at build \
         time,\nand therefore only show in their raw form here.",
    );
}

fn show_variables(document: &Document, screen: &mut Screen) {
    let variables = &document.variables;
    if variables.is_empty() {
        screen.say("Variables:\n");
        screen.say("  <No variables>");
        screen.say("");
        return;
    }
    let mut sorted: Vec<_> = variables.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let (required, optional): (Vec<_>, Vec<_>) = sorted.into_iter().partition(|variable| default_text(variable).is_none());
    if !required.is_empty() {
        screen.say("Required variables:\n");
        for variable in required {
            screen.fact("template-variable", &[&variable.name, "", "1"]);
            screen.say(format!("  {}", variable.name));
        }
        screen.say("");
    }
    let sensitive: HashSet<&str> = document.sensitive.iter().map(String::as_str).collect();
    screen.say("Optional variables and their defaults:\n");
    let width = width(variables.iter().map(|variable| variable.name.as_str()));
    for variable in optional {
        // Also where the text itself is no secret, as `{{env ...}}`: so Packer does.
        let hidden = sensitive.contains(variable.name.as_str());
        let default = if hidden { "<sensitive>" } else { default_text(variable).unwrap_or_default() };
        screen.fact("template-variable", &[&variable.name, default, "0"]);
        screen.say(format!("  {:width$} = {default}", variable.name));
    }
    screen.say("");
}

fn show_builders(document: &Document, screen: &mut Screen) {
    screen.say("Builders:\n");
    if document.builders.is_empty() {
        screen.say("  <No builders>");
    }
    let mut builders: Vec<_> = document.builders.iter().collect();
    builders.sort_by(|a, b| a.name.cmp(&b.name));
    let width = width(builders.iter().map(|builder| builder.name.as_str()));
    for builder in builders {
        screen.fact("template-builder", &[&builder.name, &builder.type_name]);
        let type_name = if builder.name == builder.type_name { String::new() } else { format!(" ({})", builder.type_name) };
        screen.say(format!("  {:width$}{type_name}", builder.name));
    }
    screen.say("");
}

fn show_provisioners(document: &Document, screen: &mut Screen) {
    screen.say("Provisioners:\n");
    if document.provisioners.is_empty() {
        screen.say("  <No provisioners>");
    }
    for provisioner in &document.provisioners {
        screen.fact("template-provisioner", &[&provisioner.type_name]);
        screen.say(format!("  {}", provisioner.type_name));
    }
}

/// The default, as written; None where the variable is required. Defaults are strings or `null`: the document has made sure of that.
fn default_text(variable: &Variable) -> Option<&str> {
    variable.default.as_ref()?.as_str()
}

/// Packer pads by bytes; padding by characters differs only for names that no shell likes.
fn width<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or_default()
}
