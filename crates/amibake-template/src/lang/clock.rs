//! Layouts of times: Go's reference time (`isotime`) and C's directives (`strftime`). Always UTC.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Whole seconds since 1970, rounded down; 0 before.
pub(crate) fn unix_seconds(nanos: i128) -> u64 {
    u64::try_from(nanos.div_euclid(1_000_000_000)).unwrap_or(0)
}

fn civil(nanos: i128) -> Result<DateTime, String> {
    let time = Timestamp::from_nanosecond(nanos).map_err(|_| "the time of the run is out of range".to_owned())?;
    Ok(Offset::UTC.to_datetime(time))
}

/// Formats by example: each known piece of Go's reference time is replaced, everything else copied.
pub(crate) fn go_layout(nanos: i128, layout: &str) -> Result<String, String> {
    let time = civil(nanos)?;
    let mut out = String::with_capacity(layout.len() + 8);
    let mut rest = layout;
    while let Some(c) = rest.chars().next() {
        let length = match piece(rest).or_else(|| fraction(rest, &out)) {
            Some((length, piece)) => {
                piece.push(&time, &rest[..length], &mut out);
                length
            }
            None => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    Ok(out)
}

#[derive(Clone, Copy)]
enum Piece {
    Year,
    ShortYear,
    Month {
        width: usize,
    },
    MonthName {
        short: bool,
    },
    Day {
        width: usize,
        pad: char,
    },
    DayOfYear {
        pad: char,
    },
    WeekdayName {
        short: bool,
    },
    Hour,
    Hour12 {
        width: usize,
    },
    Minute {
        width: usize,
    },
    Second {
        width: usize,
    },
    Noon {
        upper: bool,
    },
    Zone,
    Zulu,
    Offset,
    /// `.000`, `,999`: digits, and whether trailing zeros go.
    Fraction {
        trim: bool,
    },
}

/// The piece that the layout begins with. Longer spellings first, since `01` is no `0` and `1`.
fn piece(layout: &str) -> Option<(usize, Piece)> {
    let table: [(&str, Piece); 33] = [
        ("January", Piece::MonthName { short: false }),
        ("Jan", Piece::MonthName { short: true }),
        ("Monday", Piece::WeekdayName { short: false }),
        ("Mon", Piece::WeekdayName { short: true }),
        ("MST", Piece::Zone),
        ("2006", Piece::Year),
        ("__2", Piece::DayOfYear { pad: ' ' }),
        ("_2006", Piece::Day { width: 0, pad: ' ' }),
        ("_2", Piece::Day { width: 2, pad: ' ' }),
        ("002", Piece::DayOfYear { pad: '0' }),
        ("01", Piece::Month { width: 2 }),
        ("02", Piece::Day { width: 2, pad: '0' }),
        ("03", Piece::Hour12 { width: 2 }),
        ("04", Piece::Minute { width: 2 }),
        ("05", Piece::Second { width: 2 }),
        ("06", Piece::ShortYear),
        ("15", Piece::Hour),
        ("1", Piece::Month { width: 1 }),
        ("2", Piece::Day { width: 1, pad: '0' }),
        ("3", Piece::Hour12 { width: 1 }),
        ("4", Piece::Minute { width: 1 }),
        ("5", Piece::Second { width: 1 }),
        ("PM", Piece::Noon { upper: true }),
        ("pm", Piece::Noon { upper: false }),
        ("Z07:00:00", Piece::Zulu),
        ("Z070000", Piece::Zulu),
        ("Z07:00", Piece::Zulu),
        ("Z0700", Piece::Zulu),
        ("Z07", Piece::Zulu),
        ("-07:00:00", Piece::Offset),
        ("-070000", Piece::Offset),
        ("-07:00", Piece::Offset),
        ("-07", Piece::Offset),
    ];
    let found = table.into_iter().find(|(spelling, _)| layout.starts_with(spelling));
    match found {
        // `_2006` is a blank-less `_` and the year.
        Some(("_2006", _)) => None,
        // `-0700` is longer than `-07`; `Jan` and `Mon` end a word or do not count.
        Some(("-07", piece)) if layout.starts_with("-0700") => Some(("-0700".len(), piece)),
        Some((spelling @ ("Jan" | "Mon"), _)) if layout[spelling.len()..].starts_with(|c: char| c.is_ascii_lowercase()) => None,
        found => found.map(|(spelling, piece)| (spelling.len(), piece)),
    }
}

/// `.000` or `.999` where no digit follows; `.000` only counts as such behind the seconds or anywhere else alike.
fn fraction(layout: &str, _out: &str) -> Option<(usize, Piece)> {
    let rest = layout.strip_prefix(['.', ','])?;
    let digit = rest.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let length = rest.len() - rest.trim_start_matches(digit).len();
    if rest[length..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some((1 + length, Piece::Fraction { trim: digit == '9' }))
}

impl Piece {
    fn push(self, time: &DateTime, spelling: &str, out: &mut String) {
        let hour12 = (time.hour() + 11) % 12 + 1;
        let text = match self {
            Self::Year => format!("{:04}", time.year()),
            Self::ShortYear => format!("{:02}", time.year().rem_euclid(100)),
            Self::Month { width } => format!("{:0width$}", time.month()),
            Self::MonthName { short } => name(&MONTHS, time.month() - 1, short),
            Self::Day { width, pad: ' ' } => format!("{:width$}", time.day()),
            Self::Day { width, .. } => format!("{:0width$}", time.day()),
            Self::DayOfYear { pad: ' ' } => format!("{:3}", time.day_of_year()),
            Self::DayOfYear { .. } => format!("{:03}", time.day_of_year()),
            Self::WeekdayName { short } => name(&DAYS, time.weekday().to_monday_zero_offset(), short),
            Self::Hour => format!("{:02}", time.hour()),
            Self::Hour12 { width } => format!("{hour12:0width$}"),
            Self::Minute { width } => format!("{:0width$}", time.minute()),
            Self::Second { width } => format!("{:0width$}", time.second()),
            Self::Noon { upper } => match (time.hour() >= 12, upper) {
                (true, true) => "PM".into(),
                (true, false) => "pm".into(),
                (false, true) => "AM".into(),
                (false, false) => "am".into(),
            },
            Self::Zone => "UTC".into(),
            Self::Zulu => "Z".into(),
            Self::Offset => spelling.replace('-', "+").replace('7', "0"),
            Self::Fraction { trim } => second_fraction(time, spelling, trim),
        };
        out.push_str(&text);
    }
}

fn name(names: &[&str], index: i8, short: bool) -> String {
    let full = usize::try_from(index).ok().and_then(|at| names.get(at)).copied().unwrap_or_default();
    if short { full.get(..3).unwrap_or(full).to_owned() } else { full.to_owned() }
}

fn second_fraction(time: &DateTime, spelling: &str, trim: bool) -> String {
    let digits = format!("{:09}", time.subsec_nanosecond());
    let wanted = digits.get(..(spelling.len() - 1).min(9)).unwrap_or(&digits);
    let shown = if trim { wanted.trim_end_matches('0') } else { wanted };
    if shown.is_empty() { String::new() } else { format!("{}{shown}", &spelling[..1]) }
}

/// The directives that Packer's library knows; any other is copied.
pub(crate) fn strftime(nanos: i128, format: &str) -> Result<String, String> {
    let time = civil(nanos)?;
    let mut out = String::with_capacity(format.len() + 8);
    let mut characters = format.chars();
    while let Some(c) = characters.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let Some(directive) = characters.next() else {
            out.push('%');
            break;
        };
        match layout_of(directive) {
            Some(layout) => out.push_str(&go_layout(nanos, layout)?),
            None if directive == 'L' => out.push_str(&second_fraction(&time, ".000", false)),
            None if directive == '%' => out.push('%'),
            None => out.extend(['%', directive]),
        }
    }
    Ok(out)
}

fn layout_of(directive: char) -> Option<&'static str> {
    Some(match directive {
        'Y' => "2006",
        'y' => "06",
        'm' => "01",
        'd' => "02",
        'H' => "15",
        'I' => "03",
        'M' => "04",
        'S' => "05",
        'p' => "PM",
        'B' => "January",
        'b' => "Jan",
        'A' => "Monday",
        'a' => "Mon",
        'Z' => "MST",
        'z' => "-0700",
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failing test may panic")]
mod tests {
    use super::*;

    /// 2026-11-21T03:24:28.28Z, a Saturday: the moment at which Packer's own output was recorded.
    const RECORDED: i128 = 1_795_231_468_280_000_000;

    #[track_caller]
    fn check(layout: &str, expected: &str) {
        assert_eq!(go_layout(RECORDED, layout).unwrap(), expected, "{layout:?}");
    }

    #[test]
    fn go_layouts_as_recorded() {
        check("2006 06 01 1 January Jan 02 2 _2 002 __2", "2026 26 11 11 November Nov 21 21 21 325 325");
        check("15 03 3 04 4 05 5 PM pm Monday Mon", "03 03 3 24 24 28 28 AM am Saturday Sat");
        check("MST Z07:00 Z0700 Z07 -07:00 -0700 -07", "UTC Z Z Z +00:00 +0000 +00");
        check(".000 ,000 .999 05.000", ".280 ,280 .28 28.280");
        check("20060102150405", "20261121032428");
        check("10", "110");
        check("YYYY-MM-DD", "YYYY-MM-DD");
        check("Jan_2", "Nov21");
        check("2006week", "2026week");
        check("Monx Month Janus", "Monx Month Janus");
        check("_2006", "_2026");
    }

    #[test]
    fn strftime_directives_as_recorded() {
        let format = "%Y %y %m %d %H %I %M %S %p %B %b %A %a %Z %z %L %% %e %";
        let expected = "2026 26 11 21 03 03 24 28 AM November Nov Saturday Sat UTC +0000 .280 % %e %";
        assert_eq!(strftime(RECORDED, format).unwrap(), expected);
    }
}
