//! The keys at the top of a template (reference section 4).

use super::shape::wrong_type;
use crate::finding::{Finding, nearest_after};
use crate::json::{Member, Node, Value};

/// All keys with a meaning, as they are documented.
pub(super) const KEYS: [&str; 10] = [
    "builders",
    "variables",
    "sensitive-variables",
    "provisioners",
    "post-processors",
    "error-cleanup-provisioner",
    "description",
    "min_packer_version",
    "push",
    "$schema",
];

/// Names of Packer's internal fields, which its decoder lets through by accident where the value has the field's type: a template that
/// works must go on working.
fn is_tolerated(member: &Member) -> bool {
    let empty_or = |element: fn(&Node) -> bool| match &member.value.value {
        Value::Null => true,
        Value::Array(elements) => elements.iter().all(element),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => false,
    };
    match member.key.to_ascii_lowercase().as_str() {
        "comments" => empty_or(|element| matches!(element.value, Value::Object(_))),
        "rawcontents" => empty_or(|_| false),
        _ => false,
    }
}

/// The top of a template with its keys sorted out.
pub(super) struct Root<'n> {
    /// What stands for each of [`KEYS`]: the exact spelling first, then the first in any case, as Packer matches them.
    chosen: [Option<&'n Member>; KEYS.len()],
}

impl<'n> Root<'n> {
    /// Takes the members of the template's object and reports the keys nobody reads.
    pub(super) fn new(members: &'n [Member], findings: &mut Vec<Finding>) -> Self {
        let mut root = Self { chosen: [None; KEYS.len()] };
        for member in members {
            root.choose(member);
        }
        for member in members {
            root.check_key(member, findings);
        }
        root
    }

    /// The value of one of [`KEYS`].
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        let at = KEYS.iter().position(|known| *known == key)?;
        self.chosen.get(at).copied().flatten().map(|member| &member.value)
    }

    fn choose(&mut self, member: &'n Member) {
        for (key, chosen) in KEYS.iter().zip(&mut self.chosen) {
            if member.key == *key || (chosen.is_none() && member.key.eq_ignore_ascii_case(key)) {
                *chosen = Some(member);
            }
        }
    }

    fn check_key(&self, member: &Member, findings: &mut Vec<Finding>) {
        if member.key.starts_with('_') {
            if !matches!(member.value.value, Value::String(_)) {
                findings.push(wrong_type(&format!("the comment `{}`", member.key), "a string", &member.value));
            }
            return;
        }
        let known = self.chosen.iter().flatten().any(|chosen| std::ptr::eq(*chosen, member));
        if known || is_tolerated(member) {
            return;
        }
        let help = match nearest_after(findings.len(), &member.key, KEYS) {
            Some(key) => format!("did you mean `{key}`?"),
            None => "a comment's key starts with an underscore, as in `_comment`".to_owned(),
        };
        let message = format!("unknown key `{}` at the top of the template", member.key);
        findings.push(Finding::error("unknown-key", message, member.key_span).with_help(help));
    }
}
