//! Why a variable never got a value: it refers to one that does not exist, or round in a circle.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

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
    let circles = circles(&waits_for);
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for (name, error) in postponed {
        let (Some(raw), Some(wanted)) = (raw.get(name.as_str()), error.unset_variable.as_deref()) else { continue };
        let span = raw.span_of_user(wanted);
        if !declared.contains(wanted) {
            findings.push(undeclared(wanted, span, declared.iter().copied(), findings.len()));
        } else if let Some(circle) = circles.get(name.as_str())
            && told.insert(circle.first().copied().unwrap_or_default())
        {
            let message = match &**circle {
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

/// Of each variable that stands in a circle: all of its members, smallest name first. What only leads to a circle is left out.
fn circles<'a>(waits_for: &BTreeMap<&'a str, &'a str>) -> HashMap<&'a str, Rc<[&'a str]>> {
    let mut circles = HashMap::new();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (number, start) in waits_for.keys().enumerate() {
        let (mut path, mut at) = (Vec::new(), *start);
        while !seen.contains_key(at) {
            let Some(next) = waits_for.get(at) else { break };
            seen.insert(at, number);
            path.push(at);
            at = next;
        }
        // Only a walk that comes back to itself has found a circle; another one leads to what was walked before.
        if seen.get(at) == Some(&number)
            && let Some(first) = path.iter().position(|name| *name == at)
        {
            let mut members = path.split_off(first);
            members.sort_unstable();
            let members: Rc<[&str]> = members.into();
            circles.extend(members.iter().map(|name| (*name, Rc::clone(&members))));
        }
    }
    circles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(edges: &[(&str, &str)], expected: &[(&str, &[&str])]) {
        let found = circles(&edges.iter().copied().collect());
        let found: BTreeMap<&str, &[&str]> = found.iter().map(|(name, members)| (*name, &**members)).collect();
        assert_eq!(found, expected.iter().copied().collect(), "{edges:?}");
    }

    #[test]
    fn circles_are_found_from_each_member_and_from_nowhere_else() {
        check(&[("a", "a")], &[("a", &["a"])]);
        check(&[("a", "b"), ("b", "c")], &[]);
        check(&[("a", "c"), ("b", "c"), ("c", "d"), ("d", "c")], &[("c", &["c", "d"]), ("d", &["c", "d"])]);
        check(&[("c", "a"), ("a", "b"), ("b", "a")], &[("a", &["a", "b"]), ("b", &["a", "b"])]);
        check(&[("b", "b"), ("a", "b"), ("d", "e"), ("e", "d")], &[("b", &["b"]), ("d", &["d", "e"]), ("e", &["d", "e"])]);
    }
}
