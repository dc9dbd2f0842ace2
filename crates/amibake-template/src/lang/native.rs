//! The native spelling: where `<<` begins a template function and where it is text, such as a shell's heredoc.
//!
//! A function is what nobody writes by accident: its name right behind `<<`, its arguments, and `>>` right behind the name or the last
//! argument, all on one line, as in `<<timestamp>>` and `<<user "region">>`. Blanks at the delimiters (`cat <<env "a" >>f`), other
//! arguments than quoted text, whole numbers and functions, a wrong number of them, text that does not parse, and a later line that
//! ends a heredoc of that name make it text. Text passes byte for byte and is never an error.

use std::collections::BTreeMap;

use super::strings::unquote;
use super::table::{self, Function, Type};

/// Nesting of parentheses, which keeps the stack small; what is deeper is text.
const MAX_DEPTH: usize = 20;

/// The native functions of a text.
pub(super) struct Natives<'t> {
    text: &'t str,
    /// Lines that hold nothing but a function's name: where the last one begins. Found when first needed, so that a text with many
    /// openings is read once.
    names: Option<BTreeMap<&'t str, usize>>,
}

impl<'t> Natives<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, names: None }
    }

    /// Whether the `<<` at this byte begins a function.
    pub(super) fn opens(&mut self, at: usize) -> bool {
        if self.text[..at].ends_with('<') {
            return false;
        }
        let inside = &self.text[at + 2..];
        Call::parse(inside).is_some() && !self.ends_as_heredoc(word(inside), at)
    }

    /// `cat <<pwd>>file`, some lines, `pwd`: a heredoc after all.
    fn ends_as_heredoc(&mut self, name: &str, at: usize) -> bool {
        let text = self.text;
        let names = self.names.get_or_insert_with(|| {
            let begin = |line: &str| line.as_ptr() as usize - text.as_ptr() as usize;
            text.lines().filter(|line| table::find(line).is_some()).map(|line| (line, begin(line))).collect()
        });
        names.get(name).is_some_and(|last| *last > at)
    }
}

/// Whether a text such as `user "region"` can stand between `<<` and `>>`.
pub(crate) fn can_stand(inside: &str) -> bool {
    Call::parse(&format!("{inside}>>")) == Some(inside.len())
}

/// The word that a text begins with.
fn word(text: &str) -> &str {
    &text[..text.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(text.len())]
}

/// Reads what follows `<<`. Everything here ends at the first thing that does not fit, above all at the next `<`, so that the time for
/// a text is linear.
struct Call<'t> {
    text: &'t str,
    at: usize,
}

/// An argument, as far as it can be told without running it.
enum Argument {
    Text,
    Number,
    Computed,
}

impl<'t> Call<'t> {
    /// Where the closing `>>` stands; None if this is no call.
    fn parse(text: &'t str) -> Option<usize> {
        let mut call = Self { text, at: 0 };
        call.pipeline(0)?;
        call.rest().starts_with(">>").then_some(call.at)
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches([' ', '\t']).len();
    }

    /// `function arguments | function arguments`, without the blanks behind it.
    fn pipeline(&mut self, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut piped = 0;
        loop {
            let function = self.function()?;
            let arguments = self.arguments(depth)?;
            takes(function, &arguments, piped)?;
            let end = self.at;
            self.blanks();
            if !self.rest().starts_with('|') {
                self.at = end;
                return Some(());
            }
            self.at += 1;
            self.blanks();
            piped = 1;
        }
    }

    fn function(&mut self) -> Option<&'static Function> {
        let name = word(self.rest());
        self.at += name.len();
        // These two never give anything but an error.
        table::find(name).filter(|function| !matches!(function.name, "call" | "sed"))
    }

    fn arguments(&mut self, depth: usize) -> Option<Vec<Argument>> {
        let mut arguments = Vec::new();
        loop {
            let end = self.at;
            self.blanks();
            if self.at == end || self.rest().starts_with('|') {
                self.at = end;
                return Some(arguments);
            }
            arguments.push(self.argument(depth)?);
        }
    }

    fn argument(&mut self, depth: usize) -> Option<Argument> {
        match self.rest().as_bytes().first()? {
            b'"' => self.quoted(),
            b'`' => self.raw(),
            b'(' => {
                self.at += 1;
                self.pipeline(depth + 1)?;
                self.at += self.rest().starts_with(')').then_some(1)?;
                Some(Argument::Computed)
            }
            b'-' | b'0'..=b'9' => self.number(),
            _ => {
                let function = self.function()?;
                needs_nothing(function).then_some(Argument::Computed)
            }
        }
    }

    fn quoted(&mut self) -> Option<Argument> {
        let mut escaped = false;
        let inside = &self.rest()[1..];
        let close = inside.find(|c: char| {
            let ends = (c == '"' && !escaped) || c == '\n';
            escaped = c == '\\' && !escaped;
            ends
        })?;
        let spelling = &self.rest()[..close + 2];
        self.at += spelling.len();
        unquote(spelling).map(|_| Argument::Text)
    }

    fn raw(&mut self) -> Option<Argument> {
        let inside = &self.rest()[1..];
        let close = inside.find(['`', '\n'])?;
        self.at += close + 2;
        inside[close..].starts_with('`').then_some(Argument::Text)
    }

    fn number(&mut self) -> Option<Argument> {
        let rest = self.rest();
        let digits = rest.strip_prefix('-').unwrap_or(rest);
        let length = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let spelling = &rest[..rest.len() - digits.len() + length];
        self.at += spelling.len();
        // Nothing but the plainest: a leading 0 would mean octal.
        let plain = !(length > 1 && digits.starts_with('0')) && spelling.parse::<i32>().is_ok();
        plain.then_some(Argument::Number)
    }
}

/// Whether a function makes sense all alone.
fn needs_nothing(function: &Function) -> bool {
    function.parameters.is_empty() || function.name == "isotime"
}

/// Whether a call is one that runs. `piped` values come in from the left.
fn takes(function: &Function, arguments: &[Argument], piped: usize) -> Option<()> {
    let count = arguments.len() + piped;
    // `cat <<html 2>>log` appends errors to a file.
    let begins_well = match arguments.first() {
        Some(Argument::Number) => piped > 0,
        None => piped > 0 || needs_nothing(function),
        Some(Argument::Text | Argument::Computed) => true,
    };
    let enough = count >= function.least() && (function.variadic || count == function.parameters.len());
    let fits = arguments.iter().enumerate().all(|(at, argument)| match (function.parameter(at), argument) {
        (Type::Any, _) | (_, Argument::Computed) | (Type::Text, Argument::Text) | (Type::Integer, Argument::Number) => true,
        (Type::Text, Argument::Number) | (Type::Integer, Argument::Text) => false,
    });
    (begins_well && enough && fits).then_some(())
}
