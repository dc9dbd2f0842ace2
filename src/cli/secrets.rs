//! What must not be printed.

use std::collections::HashSet;

use amibake_template::lang::Template;
use amibake_template::plan::{Build, Part, Plan};
use amibake_template::variables::evaluate;

use super::load::Loaded;
use crate::parts::Parts;
use crate::ui::screen::Screen;

/// A password as short as `test` or `root` is no secret, and without such words the output could not be read. Sensitive variables are
/// hidden whatever their length, as in Packer: somebody asked for it.
const SHORTEST_IN_CONFIG: usize = 5;

/// Hides what was fetched from a keeper of secrets, and the values of sensitive variables: what they evaluate to, and each text that was given for them. Called before the first
/// finding is printed, since findings show source lines.
pub fn hide_variables(loaded: &Loaded, screen: &mut Screen) {
    let Some(document) = &loaded.document else { return };
    if document.sensitive.is_empty() && loaded.host.answers.secrets().next().is_none() {
        return;
    }
    let names: HashSet<&str> = document.sensitive.iter().map(String::as_str).collect();
    let (values, _) = evaluate(document, &loaded.given, &loaded.host);
    let defaults = document.variables.iter().filter(|variable| names.contains(variable.name.as_str()));
    let defaults = defaults.filter_map(|variable| variable.default.as_ref()?.as_str());
    let given = loaded.given.iter().filter(|given| names.contains(given.name.as_str())).map(|given| given.value.as_str());
    let evaluated = values.sensitive.iter().map(|secret| secret.expose());
    // A default such as `{{env `PASSWORD`}}` is no secret itself: masking it would hide the place that findings point at.
    let raw = defaults.chain(given).filter(|text| !Template::has_actions(text));
    screen.hide(raw.chain(evaluated));
}

/// Hides what stands under the keys that are secret by nature (`ssh_password`, `secret_key`, `token`), once it is rendered.
pub fn hide_config(plan: &Plan, parts: &Parts, screen: &mut Screen) {
    let secrets = plan.builds.iter().flat_map(parts_of).flat_map(|part| {
        let secrets = parts.registry.secrets(part.kind, &part.type_name, &part.config);
        secrets.into_iter().filter(|secret| secret.len() >= SHORTEST_IN_CONFIG)
    });
    screen.hide(secrets);
}

fn parts_of(build: &Build) -> impl Iterator<Item = &Part> {
    let provisioners = build.provisioners.iter().chain(&build.error_cleanup_provisioner).map(|provisioner| &provisioner.part);
    let post_processors = build.post_processors.iter().flatten().map(|post_processor| &post_processor.part);
    std::iter::once(&build.builder).chain(provisioners).chain(post_processors)
}
