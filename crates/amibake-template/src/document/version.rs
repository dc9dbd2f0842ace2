//! `min_packer_version`: which Packer a template was written for.

use crate::finding::Finding;
use crate::source::Span;

/// The Packer whose templates we read: a template that asks for a later one is refused.
pub const COMPATIBLE_VERSION: &str = "1.16.0";

/// Numbers, then the prerelease; as hashicorp's versions compare, without build metadata.
type Version = (Vec<u64>, Option<String>);

/// Checks the wish of a template; an empty one is none.
pub(super) fn check(wish: &str, span: Span) -> Option<Finding> {
    if wish.is_empty() {
        return None;
    }
    let Some(wanted) = parse(wish) else {
        let message = format!("`min_packer_version` is no version: `{wish}`");
        let finding = Finding::error("bad-version", message, span);
        return Some(finding.with_help("write one version without an operator, such as \"1.6.0\""));
    };
    let ours = parse(COMPATIBLE_VERSION)?;
    if later(&wanted, &ours) {
        let message = format!("this template requires Packer {wish} or higher");
        let finding = Finding::error("min-version", message, span);
        return Some(finding.with_help(format!("amibake reads templates of Packer up to {COMPATIBLE_VERSION}")));
    }
    None
}

fn parse(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let text = text.split_once('+').map_or(text, |(version, _)| version);
    // The prerelease follows a dash, or the number itself: `1.6.0beta1`.
    let (numbers, prerelease) = match text.find(|c: char| c == '-' || c.is_ascii_alphabetic()) {
        Some(at) => (&text[..at], Some(text[at..].strip_prefix('-').unwrap_or(&text[at..]))),
        None => (text, None),
    };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'~'));
    if !prerelease.is_none_or(|prerelease| prerelease.split('.').all(is_word)) {
        return None;
    }
    let mut parts: Vec<u64> = Vec::new();
    for part in numbers.split('.') {
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        parts.push(part.parse().ok()?);
    }
    while parts.len() < 3 {
        parts.push(0);
    }
    Some((parts, prerelease.map(str::to_owned)))
}

/// A prerelease comes before its release.
fn later(a: &Version, b: &Version) -> bool {
    let key = |version: &Version| (version.0.clone(), version.1.is_none(), version.1.clone());
    key(a) > key(b)
}

#[cfg(test)]
mod tests {
    use super::{later, parse};

    #[track_caller]
    fn check(wish: &str, accepted: Option<bool>) {
        let ours = parse(super::COMPATIBLE_VERSION);
        let verdict = parse(wish).zip(ours).map(|(wanted, ours)| !later(&wanted, &ours));
        assert_eq!(verdict, accepted, "version {wish:?}");
    }

    #[test]
    fn versions_compare_as_hashicorp_s() {
        check("1.0.0", Some(true));
        check("v1.6", Some(true));
        check("1.16.0-beta1", Some(true));
        check("1.16", Some(true));
        check("1.16.1", Some(false));
        check("99.0.0", Some(false));
        check("abc", None);
        check("1.6.0beta1", Some(true));
        check("1.16.0rc1", Some(true));
        check("1.17.0-rc1", Some(false));
        check("1.6.0-", None);
        check("1.6.0-a b", None);
        check("1.6.0.beta1", None);
        check(">= 1.0", None);
        check("", None);
    }
}
