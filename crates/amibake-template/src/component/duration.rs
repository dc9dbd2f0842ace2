//! Durations in Go's notation, which is what templates write.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A duration in Go's notation: `1h30m`, `90s`, `1.5h`, `250ms`.
///
/// In the schema a string with format `go-duration`; numbers are nanoseconds, as in Packer. Negative durations are kept as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct GoDuration {
    /// Signed nanoseconds.
    pub nanos: i64,
}

/// Go's units, longest spelling first where one is the beginning of another. Both spellings of micro are Go's.
const UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl GoDuration {
    /// Parses Go's notation.
    ///
    /// # Errors
    /// Words that follow "must be a duration:": `"10" has no unit`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let invalid = || format!("{text:?} is none");
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Ok(Self::default());
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total: i128 = 0;
        while !rest.is_empty() {
            let (nanos, after) = component(text, rest)?;
            total = total.checked_add(nanos).ok_or_else(invalid)?;
            rest = after;
        }
        let signed = if negative { -total } else { total };
        i64::try_from(signed).map(|nanos| Self { nanos }).map_err(|_| invalid())
    }

    /// As a positive span of time; negative ones are None.
    pub fn positive(self) -> Option<Duration> {
        u64::try_from(self.nanos).ok().map(Duration::from_nanos)
    }
}

/// One number with its unit at the start of `rest`, in nanoseconds, and what follows it.
fn component<'a>(whole: &str, rest: &'a str) -> Result<(i128, &'a str), String> {
    let invalid = || format!("{whole:?} is none");
    let (integer, after) = split_digits(rest);
    let (fraction, after) = match after.strip_prefix('.') {
        Some(after) => split_digits(after),
        None => ("", after),
    };
    if integer.is_empty() && fraction.is_empty() {
        return Err(invalid());
    }
    let unit_end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
    let (unit, after) = after.split_at(unit_end);
    if unit.is_empty() {
        return Err(format!("{whole:?} has no unit"));
    }
    let Some((_, scale)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("{unit:?} in {whole:?} is no unit"));
    };
    let whole_units: i128 = if integer.is_empty() { 0 } else { integer.parse().map_err(|_| invalid())? };
    let nanos = whole_units.checked_mul(*scale).ok_or_else(invalid)?;
    Ok((nanos.saturating_add(fraction_of(fraction, *scale)), after))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// `0.FRACTION` of a unit. No unit has more than 13 significant decimal places, so later digits cannot matter.
fn fraction_of(fraction: &str, scale: i128) -> i128 {
    let kept = &fraction[..fraction.len().min(18)];
    let exponent = u32::try_from(kept.len()).unwrap_or(0);
    kept.parse::<i128>().map_or(0, |digits| digits * scale / 10_i128.pow(exponent))
}

impl std::fmt::Display for GoDuration {
    /// Go's form: `1m30s`, `200ms`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let nanos = self.nanos.unsigned_abs();
        if self.nanos < 0 {
            f.write_str("-")?;
        }
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => write!(f, "{}\u{b5}s", decimal(nanos, 1_000)),
            1_000_000..1_000_000_000 => write!(f, "{}ms", decimal(nanos, 1_000_000)),
            _ => {
                let minutes = nanos / 60_000_000_000;
                if minutes >= 60 {
                    write!(f, "{}h", minutes / 60)?;
                }
                if minutes > 0 {
                    write!(f, "{}m", minutes % 60)?;
                }
                write!(f, "{}s", decimal(nanos % 60_000_000_000, 1_000_000_000))
            }
        }
    }
}

/// `value / unit` without trailing zeros.
fn decimal(value: u64, unit: u64) -> String {
    let width = unit.ilog10() as usize;
    let text = format!("{}.{:0width$}", value / unit, value % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Notation)
    }
}

/// Reads a string in Go's notation or a number of nanoseconds.
struct Notation;

impl Visitor<'_> for Notation {
    type Value = GoDuration;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a duration such as \"1h30m\", or a number of nanoseconds")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<GoDuration, E> {
        GoDuration::parse(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, nanos: i64) -> Result<GoDuration, E> {
        Ok(GoDuration { nanos })
    }

    fn visit_u64<E: de::Error>(self, nanos: u64) -> Result<GoDuration, E> {
        i64::try_from(nanos).map(|nanos| GoDuration { nanos }).map_err(E::custom)
    }
}

impl JsonSchema for GoDuration {
    fn schema_name() -> Cow<'static, str> {
        "GoDuration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "go-duration" })
    }
}

#[cfg(test)]
mod tests {
    use super::GoDuration;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let printed = GoDuration::parse(text).map(|duration| duration.to_string());
        assert_eq!(printed.as_deref().map_err(String::as_str), expected, "duration {text:?}");
    }

    #[test]
    fn reads_what_go_reads() {
        check("1h30m", Ok("1h30m0s"));
        check("1.5h", Ok("1h30m0s"));
        check("90s", Ok("1m30s"));
        check("-5m", Ok("-5m0s"));
        check("+200ms", Ok("200ms"));
        check("1500us", Ok("1.5ms"));
        check("7\u{b5}s", Ok("7\u{b5}s"));
        check("0", Ok("0s"));
        check(".5s", Ok("500ms"));
        check("1.s", Ok("1s"));
    }

    #[test]
    fn says_what_is_wrong() {
        check("", Err("\"\" is none"));
        check("abc", Err("\"abc\" is none"));
        check("10", Err("\"10\" has no unit"));
        check("5d", Err("\"d\" in \"5d\" is no unit"));
        check("-", Err("\"-\" is none"));
        check("99999999999h", Err("\"99999999999h\" is none"));
        check("1h ", Err("\"h \" in \"1h \" is no unit"));
    }
}
