//! Making the plan: everything else of this crate in its order.

use std::collections::HashSet;

use super::components::{Of, Workshop, Written, has_errors};
use super::names::{Core, Named};
use super::takers::Takers;
use super::ways::Ways;
use super::{Build, Plan, Selection, size, wrapper};
use crate::component::{Files, Kind, Secret};
use crate::document::{BUILDER_KEYS, Document, cross_check};
use crate::finding::{Finding, Secrets, gather, tidy};
use crate::lang::{Context, Host, Scope, Template};
use crate::registry::Registry;
use crate::variables::{Given, Values, bytes, evaluate};
use crate::wording::template_problem;

/// Makes the plan of a document: variables, names, selection, first-pass rendering, decoding, checks. All findings at once; a plan
/// only where none of them is an error.
///
/// Findings of [`crate::document::read`] are the caller's to look at: a document can come with errors beside it.
pub fn plan(
    document: &Document,
    registry: &Registry,
    given: &[Given],
    selection: &Selection,
    host: &Host,
    files: &dyn Files,
) -> (Option<Plan>, Vec<Finding>) {
    let (outside, host) = (host, &*host.limited(bytes(document, given)));
    let mut findings = cross_check(document);
    let (mut values, problems) = evaluate(document, given, host);
    findings.extend(problems);
    let named = Core { document, values: &values, host }.selected(selection, &mut findings);
    if let Some(first) = named.first() {
        findings.extend(values_are_templates(&values, first, host));
    }
    let mut workshop = Workshop::new(registry, host, files, &values);
    workshop.declared = document.variables.iter().map(|v| v.name.as_str()).chain(given.iter().map(|g| g.name.as_str())).collect();
    workshop.sensitive = document.sensitive.iter().map(String::as_str).collect();
    workshop.force = selection.force;
    let takers = Takers::of(document);
    let mut builds: Vec<Build> = Vec::new();
    match size::too_large(document, &named, &takers, selection) {
        Some(finding) => findings.push(finding),
        None => {
            workshop.ways = Ways::of(document, registry, &named, &takers, selection);
            builds.extend(named.iter().filter_map(|named| build(&mut workshop, document, &takers, selection, named)));
        }
    }
    findings.append(&mut workshop.findings);
    let secrets = std::mem::take(&mut workshop.secrets);
    if !findings.is_empty() {
        let hidden = Secrets::new(values.sensitive.iter().chain(&secrets).map(Secret::expose));
        findings.iter_mut().for_each(|finding| mask(finding, &hidden));
    }
    tidy(&mut findings);
    gather(&mut findings);
    if has_errors(&findings) {
        return (None, findings);
    }
    let mut known: HashSet<&str> = values.sensitive.iter().map(Secret::expose).collect();
    let new: Vec<bool> = secrets.iter().map(|secret| known.insert(secret.expose())).collect();
    values.sensitive.extend(secrets.into_iter().zip(new).filter(|(_, new)| *new).map(|(secret, _)| secret));
    (Some(Plan { builds, variables: values, host: outside.clone() }), findings)
}

/// One build with all its parts, each examined even where another is wrong.
fn build(workshop: &mut Workshop<'_>, document: &Document, takers: &Takers<'_>, selection: &Selection, named: &Named<'_>) -> Option<Build> {
    let builder = named.builder;
    let of = Of { build: &named.name, raw: &builder.name, builder_type: &builder.type_name };
    let written = Written { kind: Kind::Builder, type_name: &builder.type_name, node: &builder.node, wrapper_keys: &BUILDER_KEYS };
    let part = workshop.part(&written, &of);
    let provisioners = wrapper::provisioners(workshop, document, takers, &of);
    let cleanup = document.error_cleanup_provisioner.as_ref();
    let error_cleanup_provisioner = cleanup.and_then(|cleanup| wrapper::provisioner(workshop, document, cleanup, &of));
    let post_processors = wrapper::post_processors(workshop, document, takers, selection, &of);
    Some(Build { name: named.name.clone(), builder: part?, provisioners, error_cleanup_provisioner, post_processors })
}

/// Takes secrets out of a finding's words: a check may quote the value it is about.
fn mask(finding: &mut Finding, hidden: &Secrets) {
    let texts = finding.labels.iter_mut().map(|label| &mut label.text).chain(&mut finding.help);
    texts.chain([&mut finding.message]).for_each(|text| hidden.mask(text));
}

/// Packer hands all variables to every component inside its configuration and renders them there: a value that is no valid
/// template text fails them all. Here it is one finding, at the variable.
fn values_are_templates(values: &Values, first: &Named<'_>, host: &Host) -> Vec<Finding> {
    let data = serde_json::Value::Null;
    let context = Context {
        host,
        scope: Scope::Component { amazon: true },
        user: &values.values,
        build: Some((&first.name, &first.builder.type_name)),
        data: &data,
        strict_data: false,
        build_data: None,
    };
    let mut findings = Vec::new();
    for (name, value) in &values.values {
        let Some(span) = values.spans.get(name) else { continue };
        if let Err(error) = Template::compile_rendered(value).and_then(|template| template.render(&context)) {
            let finding = template_problem(&format!("the final value of variable `{name}`"), *span, &error);
            findings.push(match finding.help {
                Some(_) => finding,
                None => finding.with_help("every value must be valid template text; write a literal `{{` as {{`{{`}}"),
            });
        }
    }
    findings
}
