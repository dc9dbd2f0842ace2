//! Filters: EC2's names, `*` and `?`, any of the values.

use super::refusal::{Answer, bad_value, refuse};
use crate::model::{Filter, Tag};

/// At most this many values of one filter (EC2 API reference, `Filter`).
const MOST_VALUES: usize = 200;

/// EC2's filter names for one kind of thing, each with the values of a thing under it.
pub(super) type Filters<T> = &'static [(&'static str, fn(&T) -> Vec<String>)];

/// A kind of thing that can be filtered.
pub(super) trait Filtered: Sized + 'static {
    /// The names besides `tag:KEY` and `tag-key`, which all kinds have.
    const FILTERS: Filters<Self>;
    /// Its tags.
    fn tags(&self) -> &[Tag];
}

/// The things that are asked for and match all filters.
///
/// # Errors
/// A filter that EC2 does not know, or one without values, whether or not there is a thing to look at.
pub(super) fn select<'a, T: Filtered>(
    things: impl Iterator<Item = &'a T>,
    filters: &[Filter],
    asked: impl Fn(&T) -> bool,
) -> Answer<Vec<&'a T>> {
    for filter in filters {
        check::<T>(filter)?;
    }
    Ok(things.filter(|thing| asked(thing) && filters.iter().all(|filter| matches(*thing, filter))).collect())
}

fn check<T: Filtered>(filter: &Filter) -> Answer<()> {
    let name = filter.name.as_str();
    if !(name.starts_with("tag:") || name == "tag-key" || T::FILTERS.iter().any(|(known, _)| *known == name)) {
        return bad_value(format!("The filter '{name}' is invalid"));
    }
    if filter.values.is_empty() {
        return bad_value("The filter values are missing");
    }
    if filter.values.len() > MOST_VALUES {
        return refuse("FilterLimitExceeded", format!("The maximum number of filter values specified on a single call is {MOST_VALUES}"));
    }
    Ok(())
}

pub(super) fn matches<T: Filtered>(thing: &T, filter: &Filter) -> bool {
    values(thing, &filter.name).iter().any(|value| filter.values.iter().any(|pattern| like(pattern, value)))
}

fn values<T: Filtered>(thing: &T, name: &str) -> Vec<String> {
    if let Some(key) = name.strip_prefix("tag:") {
        return thing.tags().iter().filter(|tag| tag.key == key).map(|tag| tag.value.clone()).collect();
    }
    if name == "tag-key" {
        return thing.tags().iter().map(|tag| tag.key.clone()).collect();
    }
    T::FILTERS.iter().find(|(known, _)| *known == name).map(|(_, values)| values(thing)).unwrap_or_default()
}

/// A list of one value.
pub(super) fn one(value: impl ToString) -> Vec<String> {
    vec![value.to_string()]
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
