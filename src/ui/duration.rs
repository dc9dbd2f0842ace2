//! Durations as Packer says them.

use std::time::Duration;

const MICROS: [(&str, u128); 8] = [
    ("year", 365 * 24 * 3_600_000_000),
    ("week", 7 * 24 * 3_600_000_000),
    ("day", 24 * 3_600_000_000),
    ("hour", 3_600_000_000),
    ("minute", 60_000_000),
    ("second", 1_000_000),
    ("millisecond", 1_000),
    ("microsecond", 1),
];

/// The two largest units that are not zero: `5 minutes 340 milliseconds`, `1 second 4 milliseconds`, `909 microseconds`.
pub fn in_words(duration: Duration) -> String {
    let mut rest = duration.as_micros();
    let mut words = Vec::new();
    for (unit, micros) in MICROS {
        let count = rest / micros;
        rest %= micros;
        if count > 0 && words.len() < 2 {
            words.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
        }
    }
    if words.is_empty() { "0 microseconds".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(duration: Duration, words: &str) {
        assert_eq!(in_words(duration), words);
    }

    #[test]
    fn says_the_two_largest_units() {
        check(Duration::from_micros(909), "909 microseconds");
        check(Duration::from_micros(1_004_000), "1 second 4 milliseconds");
        check(Duration::from_micros(300_340_000), "5 minutes 340 milliseconds");
        check(Duration::from_micros(9_735), "9 milliseconds 735 microseconds");
        check(Duration::from_secs(3_600 + 61), "1 hour 1 minute");
        check(Duration::from_secs(8 * 86_400), "1 week 1 day");
        check(Duration::from_secs(800 * 86_400), "2 years 10 weeks");
        check(Duration::from_secs(2), "2 seconds");
    }

    #[test]
    fn says_something_about_nothing() {
        check(Duration::ZERO, "0 microseconds");
        check(Duration::from_nanos(12), "0 microseconds");
    }
}
