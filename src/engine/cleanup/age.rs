//! How old a run is, and how old a person wants it to be.

/// When a run began, seconds since 1970: the time in its id, which is a UUID of version 7 (RFC 9562). None for other ids.
pub fn began_unix(run_id: &str) -> Option<i64> {
    let digits: String = run_id.chars().filter(|c| *c != '-').collect();
    let plain = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !plain || digits.as_bytes()[12] != b'7' {
        return None;
    }
    i64::from_str_radix(&digits[..12], 16).ok().map(|millis| millis / 1000)
}

/// An age for people: the largest unit of which there are at least two.
pub(super) fn in_words(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let (unit, name) = units.into_iter().find(|(unit, _)| seconds >= 2 * unit).unwrap_or((1, "s"));
    format!("{}{name}", seconds / unit)
}

/// A text that is no age.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no age; write 24h, 90m or 7d")]
pub struct AgeError(String);

/// Seconds of `24h`, `1h30m`, `7d`.
///
/// # Errors
/// Another text.
pub fn parse_age(text: &str) -> Result<i64, AgeError> {
    let wrong = || AgeError(text.to_owned());
    let (mut seconds, mut number) = (0_i64, String::new());
    for letter in text.chars() {
        let unit = match letter {
            '0'..='9' => {
                number.push(letter);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let count: i64 = std::mem::take(&mut number).parse().map_err(|_| wrong())?;
        seconds = count.checked_mul(unit).and_then(|more| seconds.checked_add(more)).ok_or_else(wrong)?;
    }
    // `0` alone needs no unit, as with all durations of templates.
    if number.is_empty() && !text.is_empty() || text == "0" { Ok(seconds) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<i64>) {
        assert_eq!(parse_age(text).ok(), expected, "{text}");
    }

    #[test]
    fn ages() {
        check("24h", Some(86_400));
        check("7d", Some(604_800));
        check("1h30m", Some(5_400));
        check("0", Some(0));
        check("0s", Some(0));
        check("90", None);
        check("", None);
        check("h", None);
        check("-1h", None);
        check("1w", None);
        check("99999999999999999999d", None);
        check("9223372036854775807d", None);
    }

    #[track_caller]
    fn check_words(seconds: i64, expected: &str) {
        assert_eq!(in_words(seconds), expected);
    }

    #[test]
    fn ages_in_words() {
        check_words(0, "0s");
        check_words(119, "119s");
        check_words(120, "2m");
        check_words(86_400, "24h");
        check_words(172_800, "2d");
        check_words(-5, "-5s");
    }

    #[test]
    fn a_run_id_says_when_the_run_began() {
        assert_eq!(began_unix("019ab6d4-6400-7abc-8def-0123456789ab"), Some(1_764_003_963));
        assert_eq!(began_unix("019ab6d4-6400-4abc-8def-0123456789ab"), None, "another version");
        assert_eq!(began_unix("run-1"), None);
        assert_eq!(began_unix(""), None);
        assert_eq!(began_unix(&"ä".repeat(32)), None);
    }
}
