//! One value by one directive of `printf`.

use serde_json::Value as Json;

use super::floats;
use super::strings::{is_unprintable, quote, quote_char};
use super::value::type_name;

/// Flags, width and precision of a directive.
#[derive(Default, Clone)]
pub(crate) struct Look {
    pub minus: bool,
    pub plus: bool,
    pub sharp: bool,
    pub space: bool,
    pub zero: bool,
    pub width: Option<usize>,
    pub precision: Option<usize>,
}

impl Look {
    /// The value by its verb.
    pub(crate) fn show(&self, verb: char, value: &Json) -> String {
        if verb == 'v' {
            // `%#v` is Go syntax, `%+v` the names of fields: neither is the flag of the other verbs.
            let plain = Self { sharp: false, plus: false, ..self.clone() };
            return plain.verb(verb, value, self.sharp);
        }
        self.verb(verb, value, false)
    }

    fn verb(&self, verb: char, value: &Json, go_syntax: bool) -> String {
        match (verb, value) {
            ('T' | 'v', Json::Null) => self.pad("<nil>".into()),
            (_, Json::Null) => format!("%!{verb}(<nil>)"),
            ('T', value) => self.pad(self.cut(type_name(value))),
            ('v' | 't', Json::Bool(value)) => self.pad(value.to_string()),
            ('p', _) | (_, Json::Bool(_)) => self.wrong(verb, value),
            (_, Json::String(text)) => self.text(verb, text, go_syntax),
            (_, Json::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => self.integer(verb, integer),
                (None, float) => self.float(verb, float.unwrap_or_default()),
            },
            (_, Json::Array(elements)) => {
                let parts: Vec<String> = elements.iter().map(|element| self.verb(verb, element, go_syntax)).collect();
                format!("[{}]", parts.join(" "))
            }
            (_, Json::Object(members)) => {
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_by_key(|(key, _)| key.as_str());
                let shown =
                    |(key, value): (&String, &Json)| format!("{}:{}", self.text(verb, key, go_syntax), self.verb(verb, value, go_syntax));
                format!("map[{}]", sorted.into_iter().map(shown).collect::<Vec<_>>().join(" "))
            }
        }
    }

    fn text(&self, verb: char, text: &str, go_syntax: bool) -> String {
        match verb {
            'v' if go_syntax => self.pad(quote(&self.cut(text), false)),
            'v' | 's' => self.pad(self.cut(text)),
            'q' => {
                let cut = self.cut(text);
                let raw = self.sharp && cut.chars().all(|c| c == '\t' || !(c < ' ' || matches!(c, '`' | '\x7f' | '\u{feff}')));
                self.pad(if raw { format!("`{cut}`") } else { quote(&cut, self.plus) })
            }
            'x' | 'X' => self.pad(self.hexadecimal(text, verb == 'X')),
            _ => self.wrong(verb, &Json::String(text.to_owned())),
        }
    }

    fn cut(&self, text: &str) -> String {
        self.precision.map_or_else(|| text.to_owned(), |precision| text.chars().take(precision).collect())
    }

    fn hexadecimal(&self, text: &str, upper: bool) -> String {
        let bytes = &text.as_bytes()[..self.precision.unwrap_or(usize::MAX).min(text.len())];
        let prefix = match (self.sharp, upper) {
            (false, _) => "",
            (true, false) => "0x",
            (true, true) => "0X",
        };
        let digits = bytes.iter().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
        match (self.space, bytes.is_empty()) {
            (_, true) => String::new(),
            (true, false) => digits.map(|digits| format!("{prefix}{digits}")).collect::<Vec<_>>().join(" "),
            (false, false) => format!("{prefix}{}", digits.collect::<String>()),
        }
    }

    fn integer(&self, verb: char, integer: i64) -> String {
        let magnitude = integer.unsigned_abs();
        let character = u32::try_from(integer).ok().and_then(char::from_u32);
        let digits = match verb {
            'v' | 'd' => magnitude.to_string(),
            'b' => format!("{magnitude:b}"),
            'o' | 'O' => format!("{magnitude:o}"),
            'x' => format!("{magnitude:x}"),
            'X' => format!("{magnitude:X}"),
            'c' => return self.pad(character.unwrap_or('\u{fffd}').to_string()),
            'q' => return self.pad(quote_char(character.unwrap_or('\u{fffd}'), self.plus)),
            'U' => return self.code_point(integer, character),
            _ => return self.wrong(verb, &integer.into()),
        };
        let no_zeros = Self { zero: false, ..self.clone() };
        if self.precision == Some(0) && integer == 0 {
            return no_zeros.pad(String::new());
        }
        let sign = self.sign(integer < 0);
        // `%05d` is a precision of the width, less the sign; with a precision of its own the zero counts for nothing.
        let room = if self.zero { self.width.unwrap_or(0).saturating_sub(sign.len()) } else { 0 };
        let digits = zeros(&digits, self.precision.unwrap_or(room));
        let prefix = match verb {
            'b' if self.sharp => "0b",
            'o' if self.sharp && !digits.starts_with('0') => "0",
            'O' if self.sharp && !digits.starts_with('0') => "0o0",
            'O' => "0o",
            'x' if self.sharp => "0x",
            'X' if self.sharp => "0X",
            _ => "",
        };
        no_zeros.pad(format!("{sign}{prefix}{digits}"))
    }

    fn code_point(&self, integer: i64, character: Option<char>) -> String {
        #[expect(clippy::cast_sign_loss, reason = "Go shows the bits of a negative number")]
        let digits = zeros(&format!("{:X}", integer as u64), self.precision.unwrap_or(4).max(4));
        let shown = character.filter(|c| self.sharp && !is_unprintable(*c)).map(|c| format!(" '{c}'")).unwrap_or_default();
        Self { zero: false, ..self.clone() }.pad(format!("U+{digits}{shown}"))
    }

    fn float(&self, verb: char, float: f64) -> String {
        let Some(digits) = floats::digits(verb, float.abs(), self.precision, self.sharp) else {
            // Only here, as a number in JSON keeps what it is.
            return self.wrong(verb, &float.into());
        };
        let sign = self.sign(float.is_sign_negative());
        let room = self.width.unwrap_or(0).saturating_sub(sign.len());
        if self.zero {
            return format!("{sign}{}", zeros(&digits, room));
        }
        self.pad(format!("{sign}{digits}"))
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, _, _) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        }
    }

    fn pad(&self, text: String) -> String {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        let filler = if self.zero { "0" } else { " " }.repeat(missing);
        if self.minus { text + &filler } else { filler + &text }
    }

    /// What Go prints where the verb does not fit the value.
    fn wrong(&self, verb: char, value: &Json) -> String {
        format!("%!{verb}({}={})", type_name(value), self.verb('v', value, false))
    }
}

/// Zeros in front, up to a length. Not by `format!`, whose widths end at 65535.
fn zeros(digits: &str, length: usize) -> String {
    "0".repeat(length.saturating_sub(digits.len())) + digits
}
