//! `print`, `println`, `printf`: Go's fmt for the values a template can hold. How one value is shown is in [`super::verbs`].

use serde_json::Value as Json;

use super::builtins::joined;
use super::functions::{MAX_BYTES, Outcome};
use super::table::Call;
use super::value::{plain, type_name};
use super::verbs::Look;

/// A number that has grown beyond this takes no further digit, as in Go; so widths stay below ten million.
const MAX_NUMBER: usize = 1_000_000;

pub(crate) fn print(call: &Call<'_>) -> Outcome {
    Ok(joined(call).into())
}

pub(crate) fn println(call: &Call<'_>) -> Outcome {
    let words: Vec<String> = call.arguments.iter().map(plain).collect();
    Ok(format!("{}\n", words.join(" ")).into())
}

pub(crate) fn printf(call: &Call<'_>) -> Outcome {
    let mut printer = Printer {
        rest: call.text(0),
        arguments: call.arguments.get(1..).unwrap_or_default(),
        next: 0,
        reordered: false,
        out: String::with_capacity(call.text(0).len()),
    };
    while let Some(at) = printer.rest.find('%') {
        printer.out.push_str(&printer.rest[..at]);
        printer.rest = &printer.rest[at + 1..];
        printer.directive();
        if printer.out.len() > MAX_BYTES {
            return Err("the result is too long".into());
        }
    }
    printer.out.push_str(printer.rest);
    printer.extra();
    Ok(printer.out.into())
}

struct Printer<'a> {
    /// What is left of the format.
    rest: &'a str,
    arguments: &'a [Json],
    /// The argument whose turn it is.
    next: usize,
    /// An argument was picked by number: then none can be superfluous.
    reordered: bool,
    out: String,
}

impl Printer<'_> {
    /// What follows a `%`.
    fn directive(&mut self) {
        let mut look = Look::default();
        self.flags(&mut look);
        let mut good = true;
        let mut picked = self.pick(&mut good);
        self.width(&mut look, &mut picked, &mut good);
        if let Some(after) = self.rest.strip_prefix('.') {
            self.rest = after;
            // `%[3].2d` makes no sense, nor does `%[3]2d`.
            good &= !picked;
            picked = self.pick(&mut good);
            self.precision(&mut look, &mut picked);
        }
        if !picked {
            self.pick(&mut good);
        }
        let Some(verb) = self.rest.chars().next() else {
            self.out.push_str("%!(NOVERB)");
            return;
        };
        self.rest = &self.rest[verb.len_utf8()..];
        match self.arguments.get(self.next) {
            _ if verb == '%' => self.out.push('%'),
            _ if !good => self.out.push_str(&format!("%!{verb}(BADINDEX)")),
            None => self.out.push_str(&format!("%!{verb}(MISSING)")),
            Some(value) => {
                self.next += 1;
                self.out.push_str(&look.show(verb, value));
            }
        }
    }

    fn flags(&mut self, look: &mut Look) {
        while let Some(flag) = self.rest.chars().next() {
            match flag {
                '-' => (look.minus, look.zero) = (true, false),
                '+' => look.plus = true,
                '#' => look.sharp = true,
                ' ' => look.space = true,
                '0' => look.zero = !look.minus,
                _ => return,
            }
            self.rest = &self.rest[1..];
        }
    }

    fn width(&mut self, look: &mut Look, picked: &mut bool, good: &mut bool) {
        if let Some(after) = self.rest.strip_prefix('*') {
            self.rest = after;
            *picked = false;
            let Some(width) = self.size() else {
                self.out.push_str("%!(BADWIDTH)");
                return;
            };
            if width < 0 {
                (look.minus, look.zero) = (true, false);
            }
            look.width = usize::try_from(width.unsigned_abs()).ok();
            return;
        }
        let digits;
        (look.width, digits) = number(self.rest);
        self.rest = &self.rest[digits..];
        *good &= !(*picked && look.width.is_some());
    }

    fn precision(&mut self, look: &mut Look, picked: &mut bool) {
        if let Some(after) = self.rest.strip_prefix('*') {
            self.rest = after;
            *picked = false;
            look.precision = self.size().and_then(|size| usize::try_from(size).ok());
            if look.precision.is_none() {
                self.out.push_str("%!(BADPREC)");
            }
            return;
        }
        let (precision, digits) = number(self.rest);
        look.precision = precision.or(Some(0));
        self.rest = &self.rest[digits..];
    }

    /// The argument of a `*`.
    fn size(&mut self) -> Option<i64> {
        let value = self.arguments.get(self.next)?;
        self.next += 1;
        value.as_i64().filter(|size| size.unsigned_abs() <= MAX_NUMBER as u64)
    }

    /// `[2]`: the argument by its number from 1. Whether there was a well-formed one; `good` ends where it is none of the arguments.
    fn pick(&mut self, good: &mut bool) -> bool {
        if !self.rest.starts_with('[') {
            return false;
        }
        self.reordered = true;
        let close = self.rest.find(']').filter(|_| self.rest.len() >= 3);
        let inside = close.map_or("", |close| &self.rest[1..close]);
        self.rest = &self.rest[close.map_or(1, |close| close + 1)..];
        let (index, digits) = number(inside);
        let index = index.filter(|_| digits == inside.len());
        match index.and_then(|index| index.checked_sub(1)).filter(|index| *index < self.arguments.len()) {
            Some(index) => self.next = index,
            None => *good = false,
        }
        index.is_some()
    }

    /// Arguments that no directive took.
    fn extra(&mut self) {
        let extra = self.arguments.get(self.next..).unwrap_or_default();
        if self.reordered || extra.is_empty() {
            return;
        }
        let shown = |value: &Json| if value.is_null() { plain(value) } else { format!("{}={}", type_name(value), plain(value)) };
        self.out.push_str(&format!("%!(EXTRA {})", extra.iter().map(shown).collect::<Vec<_>>().join(", ")));
    }
}

/// A decimal number at the start of a text and how many bytes are read with it: all of them where it is far too large.
fn number(text: &str) -> (Option<usize>, usize) {
    let mut number = None;
    for (at, byte) in text.bytes().enumerate() {
        if !byte.is_ascii_digit() {
            return (number, at);
        }
        if number.unwrap_or(0) > MAX_NUMBER {
            return (None, text.len());
        }
        number = Some(number.unwrap_or(0) * 10 + usize::from(byte - b'0'));
    }
    (number, text.len())
}
