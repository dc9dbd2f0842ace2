//! Filters: EC2's names, `*` and `?`, any of the values.

use super::refusal::{Answer, bad_value, refuse};
use crate::model::{Filter, Tag};

/// At most this many values of one filter (EC2 API reference, `Filter`).
const MOST_VALUES: usize = 200;

/// What a filter can look at.
pub(super) trait Filtered {
    /// The values that the thing has under a filter's name; None: EC2 knows no such filter for this kind of thing.
    /// `tag:KEY` and `tag-key` are answered for all kinds by [`matches`].
    fn values(&self, name: &str) -> Option<Vec<String>>;
    /// Its tags.
    fn tags(&self) -> &[Tag];
}

/// Whether all filters match.
///
/// # Errors
/// A filter that EC2 does not know, or one without values.
pub(super) fn matches(thing: &impl Filtered, filters: &[Filter]) -> Answer<bool> {
    let mut all = true;
    for filter in filters {
        check(filter)?;
        let Some(values) = values(thing, &filter.name) else {
            return bad_value(format!("The filter '{}' is invalid", filter.name));
        };
        all &= values.iter().any(|value| filter.values.iter().any(|pattern| like(pattern, value)));
    }
    Ok(all)
}

fn check(filter: &Filter) -> Answer<()> {
    if filter.values.is_empty() {
        return bad_value("The filter values are missing");
    }
    if filter.values.len() > MOST_VALUES {
        return refuse("FilterLimitExceeded", format!("The maximum number of filter values specified on a single call is {MOST_VALUES}"));
    }
    Ok(())
}

fn values(thing: &impl Filtered, name: &str) -> Option<Vec<String>> {
    if let Some(key) = name.strip_prefix("tag:") {
        return Some(thing.tags().iter().filter(|tag| tag.key == key).map(|tag| tag.value.clone()).collect());
    }
    if name == "tag-key" {
        return Some(thing.tags().iter().map(|tag| tag.key.clone()).collect());
    }
    thing.values(name)
}

/// `*` is any text, `?` any character, `\` takes the next one literally. Case counts.
pub(super) fn like(pattern: &str, text: &str) -> bool {
    let pattern = tokens(pattern);
    let text: Vec<char> = text.chars().collect();
    let (mut at_pattern, mut at_text) = (0, 0);
    // Where to go on after the last `*`, if what follows it does not fit.
    let mut retry: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some(Token::Any) => {
                retry = Some((at_pattern + 1, at_text));
                at_pattern += 1;
            }
            Some(token) if token.fits(text[at_text]) => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => match retry {
                Some((pattern, text)) => {
                    retry = Some((pattern, text + 1));
                    (at_pattern, at_text) = (pattern, text + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at_pattern..].iter().all(|token| *token == Token::Any)
}

#[derive(PartialEq)]
enum Token {
    Any,
    One,
    Literal(char),
}

impl Token {
    fn fits(&self, character: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Literal(literal) => *literal == character,
        }
    }
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        tokens.push(match character {
            '*' => Token::Any,
            '?' => Token::One,
            '\\' => Token::Literal(characters.next().unwrap_or('\\')),
            other => Token::Literal(other),
        });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::like;

    #[track_caller]
    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(like(pattern, text), expected, "`{pattern}` on `{text}`");
    }

    #[test]
    fn wildcards_are_ec2s() {
        check("al2023-ami-2023*x86_64", "al2023-ami-2023.9.20260105.1-kernel-6.1-x86_64", true);
        check("al2023-ami-2023*x86_64", "al2023-ami-2023.9.20260105.1-kernel-6.1-arm64", false);
        check("*", "", true);
        check("", "", true);
        check("", "x", false);
        check("a?c", "abc", true);
        check("a?c", "ac", false);
        check("*b*b", "abab", true);
        check("*b*b", "aba", false);
        check("A*", "abc", false);
        check("2\\*", "2*", true);
        check("2\\*", "23", false);
        check("ends\\", "ends\\", true);
        check("naïve-??", "naïve-äö", true);
    }
}
