//! `print`, `println`, `printf`: Go's fmt for the values a template can hold.

use serde_json::Value as Json;

use super::builtins::joined;
use super::functions::{MAX_BYTES, Outcome};
use super::strings::{quote, quote_char};
use super::table::Call;
use super::value::{general, plain, type_name};

/// Widths and precisions from here on are refused, as in Go.
const MAX_WIDTH: usize = 1_000_000;

pub(crate) fn print(call: &Call<'_>) -> Outcome {
    Ok(joined(call).into())
}

pub(crate) fn println(call: &Call<'_>) -> Outcome {
    let words: Vec<String> = call.arguments.iter().map(plain).collect();
    Ok(format!("{}\n", words.join(" ")).into())
}

pub(crate) fn printf(call: &Call<'_>) -> Outcome {
    let (format, mut arguments) = (call.text(0), call.arguments.iter().skip(1));
    let mut out = String::with_capacity(format.len());
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let (spec, after) = Spec::read(&rest[at + 1..], &mut arguments);
        rest = after;
        spec.push(&mut out, &mut arguments);
        if out.len() > MAX_BYTES {
            return Err("the result is too long".into());
        }
    }
    out.push_str(rest);
    let extra: Vec<String> = arguments.map(|value| format!("{}={}", type_name(value), plain(value))).collect();
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    Ok(out.into())
}

/// One `%...` directive.
#[derive(Default)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
    /// None at the end of the format.
    verb: Option<char>,
    /// `%!(BADWIDTH)` and the like, printed before the value.
    complaint: String,
}

impl Spec {
    /// Reads what follows a `%`; gives back the rest of the format.
    fn read<'f, 'v>(format: &'f str, arguments: &mut impl Iterator<Item = &'v Json>) -> (Self, &'f str) {
        let mut spec = Self::default();
        let mut rest = format;
        while let Some(flag) = rest.chars().next() {
            match flag {
                '-' => spec.minus = true,
                '+' => spec.plus = true,
                '#' => spec.sharp = true,
                ' ' => spec.space = true,
                '0' => spec.zero = true,
                _ => break,
            }
            rest = &rest[1..];
        }
        (spec.width, rest) = spec.size(rest, arguments, "%!(BADWIDTH)");
        if let Some(after) = rest.strip_prefix('.') {
            (spec.precision, rest) = spec.size(after, arguments, "%!(BADPREC)");
            spec.precision = spec.precision.or(Some(0));
        }
        spec.verb = rest.chars().next();
        // A left-justified number is never padded with zeros.
        spec.zero &= !spec.minus;
        (spec, &rest[spec_length(rest)..])
    }

    fn size<'f, 'v>(&mut self, format: &'f str, arguments: &mut impl Iterator<Item = &'v Json>, bad: &str) -> (Option<usize>, &'f str) {
        if let Some(rest) = format.strip_prefix('*') {
            let size = arguments.next().and_then(Json::as_i64).filter(|n| n.unsigned_abs() < MAX_WIDTH as u64);
            let Some(size) = size else {
                self.complaint.push_str(bad);
                return (None, rest);
            };
            self.minus |= size < 0;
            return (usize::try_from(size.unsigned_abs()).ok(), rest);
        }
        let digits = format.len() - format.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            return (None, format);
        }
        let size = format[..digits].parse::<usize>().ok().filter(|n| *n < MAX_WIDTH);
        if size.is_none() {
            self.complaint.push_str(bad);
        }
        (size, &format[digits..])
    }

    fn push<'v>(&self, out: &mut String, arguments: &mut impl Iterator<Item = &'v Json>) {
        out.push_str(&self.complaint);
        let Some(verb) = self.verb else {
            out.push_str("%!(NOVERB)");
            return;
        };
        if verb == '%' {
            out.push('%');
            return;
        }
        match arguments.next() {
            None => out.push_str(&format!("%!{verb}(MISSING)")),
            Some(value) => out.push_str(&self.formatted(verb, value)),
        }
    }

    fn formatted(&self, verb: char, value: &Json) -> String {
        match (verb, value) {
            ('T', Json::Null) => self.pad("<nil>".into()),
            ('T', value) => self.pad(type_name(value).into()),
            ('v', Json::Null) => self.pad("<nil>".into()),
            (_, Json::Null) => format!("%!{verb}(<nil>)"),
            ('v' | 't', Json::Bool(value)) => self.pad(value.to_string()),
            (_, Json::String(text)) => self.text(verb, text),
            (_, Json::Number(number)) => match number.as_i64() {
                Some(integer) => self.integer(verb, integer),
                None => self.float(verb, number.as_f64().unwrap_or_default()),
            },
            (_, Json::Array(elements)) => {
                let parts: Vec<String> = elements.iter().map(|element| self.formatted(verb, element)).collect();
                format!("[{}]", parts.join(" "))
            }
            ('v' | 's', Json::Object(_)) => self.pad(plain(value)),
            (_, value) => wrong(verb, value),
        }
    }

    fn text(&self, verb: char, text: &str) -> String {
        let cut: String = match self.precision {
            Some(precision) if verb != 'x' && verb != 'X' => text.chars().take(precision).collect(),
            _ => text.to_owned(),
        };
        let hexadecimal = |upper: bool| {
            let bytes = &text.as_bytes()[..self.precision.unwrap_or(usize::MAX).min(text.len())];
            let digits = bytes.iter().map(|b| if upper { format!("{b:02X}") } else { format!("{b:02x}") });
            let prefix = if self.sharp && upper { "0X" } else { "0x" };
            match (self.space, self.sharp) {
                (true, true) => digits.map(|d| format!("{prefix}{d}")).collect::<Vec<_>>().join(" "),
                (true, false) => digits.collect::<Vec<_>>().join(" "),
                (false, true) if !bytes.is_empty() => format!("{prefix}{}", digits.collect::<String>()),
                (false, _) => digits.collect(),
            }
        };
        match verb {
            'v' if self.sharp => self.pad(quote(&cut, false)),
            'v' | 's' => self.pad(cut),
            'q' if self.sharp && !cut.contains('`') && !cut.contains(char::is_control) => self.pad(format!("`{cut}`")),
            'q' => self.pad(quote(&cut, self.plus)),
            'x' => self.pad(hexadecimal(false)),
            'X' => self.pad(hexadecimal(true)),
            _ => wrong(verb, &Json::String(text.to_owned())),
        }
    }

    fn integer(&self, verb: char, integer: i64) -> String {
        let magnitude = integer.unsigned_abs();
        let character = || u32::try_from(integer).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
        let (prefix, digits) = match verb {
            'v' | 'd' => ("", magnitude.to_string()),
            'b' => (if self.sharp { "0b" } else { "" }, format!("{magnitude:b}")),
            'o' => (if self.sharp { "0" } else { "" }, format!("{magnitude:o}")),
            'O' => ("0o", format!("{magnitude:o}")),
            'x' => (if self.sharp { "0x" } else { "" }, format!("{magnitude:x}")),
            'X' => (if self.sharp { "0X" } else { "" }, format!("{magnitude:X}")),
            'c' => return self.pad(character().to_string()),
            'q' => return self.pad(quote_char(character(), self.plus)),
            'U' => return self.pad(format!("U+{magnitude:04X}")),
            _ => return wrong(verb, &integer.into()),
        };
        let digits = match self.precision {
            Some(0) if integer == 0 => String::new(),
            Some(precision) => format!("{digits:0>precision$}"),
            None => digits,
        };
        self.number(integer < 0, prefix, &digits, self.precision.is_none())
    }

    fn float(&self, verb: char, float: f64) -> String {
        let magnitude = float.abs();
        let digits = match (verb, self.precision) {
            ('f' | 'F', precision) => format!("{magnitude:.*}", precision.unwrap_or(6)),
            ('e' | 'E', precision) => exponent(magnitude, precision.unwrap_or(6)),
            ('g' | 'G', precision) => general(magnitude, precision, 21),
            ('v', precision) => general(magnitude, precision, 21),
            _ => return wrong(verb, &float.into()),
        };
        let digits = if matches!(verb, 'E' | 'G') { digits.to_uppercase() } else { digits };
        self.number(float.is_sign_negative(), "", &digits, true)
    }

    /// Sign, prefix and digits, with zeros between prefix and digits where asked for.
    fn number(&self, negative: bool, prefix: &str, digits: &str, zeros: bool) -> String {
        let sign = match (negative, self.plus, self.space) {
            (true, _, _) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        };
        let room = self.width.unwrap_or(0).saturating_sub(sign.len());
        if self.zero && zeros {
            // Go counts the digits without the prefix.
            return format!("{sign}{prefix}{digits:0>room$}");
        }
        self.pad(format!("{sign}{prefix}{digits}"))
    }

    fn pad(&self, text: String) -> String {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        let filler = if self.zero { "0" } else { " " }.repeat(missing);
        if self.minus { text + &filler } else { filler + &text }
    }
}

fn spec_length(rest: &str) -> usize {
    rest.chars().next().map_or(0, char::len_utf8)
}

fn wrong(verb: char, value: &Json) -> String {
    format!("%!{verb}({}={})", type_name(value), plain(value))
}

fn exponent(float: f64, precision: usize) -> String {
    let text = format!("{float:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}
