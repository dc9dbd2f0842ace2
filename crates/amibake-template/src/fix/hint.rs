//! What `fix` would do about one key.

use super::rule::Becomes;
use super::table::FIXERS;
use crate::component::Kind;

/// What `amibake fix` does about a key of a component, as a sentence for a finding's help; None where no fixer knows the key.
///
/// Only keys at a component's top are meant. Keys that a fixer takes out of builders of any type are named for all of them.
pub fn hint(kind: Kind, type_name: &str, key: &str) -> Option<String> {
    let type_value = serde_json::Value::from(type_name);
    let rules = FIXERS.iter().flat_map(|fixer| fixer.rules);
    let mut found = rules.filter(|rule| rule.kind == kind && rule.types.contain(Some(&type_value)));
    Some(match found.find_map(|rule| rule.action.becomes(key))? {
        Becomes::Renamed(name) => format!("`amibake fix` renames it to `{name}`"),
        Becomes::Said(name) => format!("`amibake fix` turns it into `{name}`"),
        Becomes::Inside(name) => format!("`amibake fix` moves it into `{name}`"),
        Becomes::Gone => "`amibake fix` removes it: it has no meaning any more".to_owned(),
    })
}

/// The key that stands in a key's stead after `fix`, whatever the component.
pub(crate) fn successor(key: &str) -> Option<&'static str> {
    let rules = FIXERS.iter().flat_map(|fixer| fixer.rules);
    rules.into_iter().find_map(|rule| match rule.action.becomes(key)? {
        Becomes::Renamed(name) | Becomes::Said(name) | Becomes::Inside(name) => Some(name),
        Becomes::Gone => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: Kind, type_name: &str, key: &str, expected: Option<&str>) {
        assert_eq!(hint(kind, type_name, key).as_deref(), expected, "{type_name}: {key}");
    }

    #[test]
    fn says_what_becomes_of_a_key() {
        check(Kind::Builder, "amazon-ebs", "ssh_wait_timeout", Some("`amibake fix` renames it to `ssh_timeout`"));
        check(Kind::Builder, "amazon-ebs", "ssh_private_ip", Some("`amibake fix` turns it into `ssh_interface`"));
        check(Kind::PostProcessor, "manifest", "filename", Some("`amibake fix` renames it to `output`"));
        check(Kind::PostProcessor, "vagrant", "aws", Some("`amibake fix` moves it into `override`"));
        let gone = "`amibake fix` removes it: it has no meaning any more";
        check(Kind::Builder, "amazon-instance", "spot_price_auto_product", Some(gone));
    }

    #[test]
    fn is_silent_about_other_types_and_keys() {
        check(Kind::Builder, "amazon-ebs", "ami_nam", None);
        check(Kind::Builder, "null", "shutdown_behaviour", None);
        check(Kind::Builder, "amazon-chroot", "spot_price_auto_product", None);
        check(Kind::Provisioner, "shell", "ssh_wait_timeout", None);
    }
}
