//! Did you mean ...?

/// The nearest of `known` to `word`, if it is near enough to be meant: at most a third of its letters differ, where two
/// swapped letters count once and the case of letters and `-` for `_` not at all.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = folded(word);
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        let letters = folded(candidate);
        let limit = (word.len().max(letters.len()) / 3).max(1);
        // Short words are too alike for this: `if` is no `eq`.
        if word.len().max(letters.len()) <= 2 || word.len().abs_diff(letters.len()) > limit {
            continue;
        }
        let distance = distance(&word, &letters);
        if distance <= limit && best.is_none_or(|(nearest, _)| distance < nearest) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn folded(word: &str) -> Vec<char> {
    // A word of more letters than any key is no misspelling, and the table below is quadratic.
    word.chars().take(100).flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect()
}

/// Insertions, deletions, changes and swaps of neighbours from one word to the other.
fn distance(from: &[char], to: &[char]) -> usize {
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
    }
    above.last().copied().unwrap_or(0)
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
