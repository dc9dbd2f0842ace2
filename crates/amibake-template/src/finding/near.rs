//! Did you mean ...?

use std::cmp::Reverse;

/// Letters of the longest word that is looked at. The longest key has 45, and comparing takes the product of both lengths.
const LONGEST: usize = 64;
/// Words that one is compared with at most.
const MOST_KNOWN: usize = 1_000;
/// Findings from which on nothing is suggested any more: nobody reads that far, and comparing names is what takes time.
const MOST_SUGGESTIONS: usize = 100;

/// [`nearest`] for a finding that is made after `found` others, of which each may have looked too: None after the first hundred.
pub(crate) fn nearest_after<'a>(found: usize, word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if found < MOST_SUGGESTIONS { nearest(word, known) } else { None }
}

/// The nearest of `known` to `word`, if it is near enough to be meant: at most a third of its letters differ, where two
/// swapped letters count once and the case of letters and `-` for `_` not at all. Only the first thousand are looked at.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = folded(word);
    if word.len() > LONGEST {
        return None;
    }
    let mut best: Option<((usize, Reverse<usize>), &str)> = None;
    for candidate in known.into_iter().take(MOST_KNOWN) {
        let letters = folded(candidate);
        let limit = (word.len().max(letters.len()) / 3).max(1);
        // Short words are too alike for this: `if` is no `eq`.
        if word.len().max(letters.len()) <= 2 || word.len().abs_diff(letters.len()) > limit {
            continue;
        }
        let Some(distance) = distance(&word, &letters, limit) else { continue };
        // Of two that are equally near, the one that begins alike.
        let alike = Reverse(word.iter().zip(&letters).take_while(|(a, b)| a == b).count());
        if best.is_none_or(|(nearest, _)| (distance, alike) < nearest) {
            best = Some(((distance, alike), candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn folded(word: &str) -> Vec<char> {
    // One more than the longest is enough to see that it is too long.
    word.chars().take(LONGEST + 1).flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect()
}

/// Insertions, deletions, changes and swaps of neighbours from one word to the other; None for more than `limit`.
fn distance(from: &[char], to: &[char], limit: usize) -> Option<usize> {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (row, a) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in to.iter().enumerate() {
            let mut cost = (above[column] + usize::from(a != b)).min(above[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *a == to[column - 1] && from[row - 1] == *b {
                cost = cost.min(before[column - 1] + 1);
            }
            current.push(cost);
        }
        before = std::mem::replace(&mut above, current);
        // A swap comes back to the row before the last one, with one more.
        if before.iter().chain(&above).all(|cost| *cost > limit) {
            return None;
        }
    }
    above.last().copied().filter(|cost| *cost <= limit)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[track_caller]
    fn check(word: &str, expected: Option<&str>) {
        let known = ["ami_name", "ami_names", "instance_type", "region", "user", "upper", "uuid", "ssh_timeout"];
        assert_eq!(nearest(word, known), expected, "{word:?}");
    }

    #[test]
    fn finds_what_was_meant() {
        check("ami_nam", Some("ami_name"));
        check("ami-name", Some("ami_name"));
        check("Instance_Type", Some("instance_type"));
        check("instance_tpye", Some("instance_type"));
        check("ssh_wait_timeout", Some("ssh_timeout"));
        check("usr", Some("user"));
        check("uper", Some("upper"));
    }

    #[test]
    fn stays_silent_where_nothing_is_near() {
        check("subnet", None);
        check("", None);
        check("x", None);
        check("description", None);
    }
}
