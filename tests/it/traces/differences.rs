//! What is known to differ: `NAME.differs` beside a recording. Blocks, a blank line between them: first why, in words, then `- ` lines
//! that only Packer has and `+ ` lines that only amibake has; `+ 3x LINE` is a line that it has three times more.

use std::fmt::Write as _;

use super::trace::recorded;

/// Lines that only one of the two has: Packer's by how many more, negative, amibake's by how many more.
#[derive(Debug, Default)]
pub struct Differences(Vec<(String, i64)>);

impl Differences {
    /// Between what Packer did and what amibake did, in whatever order.
    pub fn between(theirs: &[String], ours: &[String]) -> Self {
        let mut differences = Self::default();
        theirs.iter().for_each(|line| differences.count(line, -1));
        ours.iter().for_each(|line| differences.count(line, 1));
        differences
    }

    /// Those that are known of a trace.
    #[track_caller]
    fn known(name: &str) -> Self {
        let text = std::fs::read_to_string(recorded().join(format!("{name}.differs"))).unwrap_or_default();
        let mut differences = Self::default();
        for block in text.split("\n\n") {
            let (lines, reason): (Vec<&str>, Vec<&str>) = block.lines().partition(|line| line.starts_with("- ") || line.starts_with("+ "));
            assert!(lines.is_empty() == reason.is_empty(), "{name}.differs: a reason and its lines belong together:\n{block}");
            for line in lines {
                let (times, text) = match line[2..].split_once("x ").map(|(times, text)| (times.parse(), text)) {
                    Some((Ok(times), text)) => (times, text),
                    _ => (1, &line[2..]),
                };
                differences.count(text, if line.starts_with('+') { times } else { -times });
            }
        }
        differences
    }

    fn count(&mut self, line: &str, by: i64) {
        let line = line.trim_end();
        match self.0.iter_mut().find(|(known, _)| known == line) {
            Some((_, count)) => *count += by,
            None if line.is_empty() => {}
            None => self.0.push((line.to_owned(), by)),
        }
    }

    /// Fails unless these are the known ones, and shows what is new and what no longer happens.
    #[track_caller]
    pub fn check(&self, name: &str) {
        let known = Self::known(name);
        let (new, gone) = (self.without(&known), known.without(self));
        assert!(
            new.is_empty() && gone.is_empty(),
            "{name}: new differences:\n{new}\n{name}: differences that are listed and no longer there:\n{gone}"
        );
    }

    /// As a block of a file.
    fn without(&self, other: &Self) -> String {
        let mut text = String::new();
        for (line, count) in self.0.iter().filter(|difference| difference.1 != 0 && !other.0.contains(difference)) {
            let times = if count.abs() == 1 { String::new() } else { format!("{}x ", count.abs()) };
            let _ = writeln!(text, "{} {times}{line}", if *count > 0 { '+' } else { '-' });
        }
        text
    }
}
