//! Why a variable never got a value: it refers to one that does not exist, or round in a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::Given;
use super::evaluate::Raw;
use crate::document::Document;
use crate::finding::Finding;
use crate::lang::LangError;
use crate::wording::{name_list, undeclared};

/// A variable that could not be rendered because of one it refers to.
pub(super) type Postponed = (String, LangError);

/// One finding for each cause; what only follows from a reported cause is left out.
pub(super) fn explain(postponed: &[Postponed], raw: &BTreeMap<&str, Raw<'_>>, document: &Document, given: &[Given]) -> Vec<Finding> {
    let waits_for: BTreeMap<&str, &str> =
        postponed.iter().filter_map(|(name, error)| Some((name.as_str(), error.unset_variable.as_deref()?))).collect();
    let declared: BTreeSet<&str> =
        document.variables.iter().map(|v| v.name.as_str()).chain(given.iter().map(|g| g.name.as_str())).collect();
    let mut findings = Vec::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for (name, error) in postponed {
        let (Some(raw), Some(wanted)) = (raw.get(name.as_str()), error.unset_variable.as_deref()) else { continue };
        let span = raw.span_of_user(wanted);
        if !declared.contains(wanted) {
            findings.push(undeclared(wanted, span, declared.iter().copied()));
        } else if let Some(circle) = circle(name, &waits_for)
            && told.insert(circle.first().copied().unwrap_or_default())
        {
            let message = match circle.as_slice() {
                [one] => format!("the variable `{one}` refers to itself"),
                all => format!("the variables {} refer to each other in a circle", name_list(all)),
            };
            findings
                .push(Finding::error("variable-cycle", message, span).with_help("give one of them a value that needs no other variable"));
        }
    }
    findings
}

/// Where nothing is wrong but the number of steps from one variable to the next.
pub(super) fn too_deep(postponed: &[Postponed], raw: &BTreeMap<&str, Raw<'_>>, steps: usize) -> Option<Finding> {
    let (name, error) = postponed.first()?;
    let span = raw.get(name.as_str())?.span_of_user(error.unset_variable.as_deref()?);
    let message = format!("the variable `{name}` has no value after {steps} steps from variable to variable");
    Some(Finding::error("variable-depth", message, span).with_help("let it refer to one that is nearer to a value"))
}

/// The circle that a variable stands in, smallest name first; None where it only leads to something else.
fn circle<'a>(start: &'a str, waits_for: &BTreeMap<&'a str, &'a str>) -> Option<Vec<&'a str>> {
    let mut members = vec![start];
    let mut at = *waits_for.get(start)?;
    while at != start {
        // A circle that does not come back to the start is found from one of its own members.
        if members.contains(&at) {
            return None;
        }
        members.push(at);
        at = waits_for.get(at)?;
    }
    members.sort_unstable();
    Some(members)
}
