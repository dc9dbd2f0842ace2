//! Text to tokens, with Go's rules for white space, trim markers and comments, and the native delimiters `<<` `>>`.

use std::ops::Range;

use super::table;

/// A token and its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub kind: Kind,
    pub range: Range<usize>,
}

/// What a token is. Its spelling is read from the text by range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text outside actions, already trimmed.
    Text,
    Open,
    Close,
    Space,
    /// `if`, `end`, ...; `nil` too.
    Keyword,
    Identifier,
    Bool,
    Dot,
    /// `.Name`
    Field,
    /// `$`, `$name`
    Variable,
    Number,
    Quoted,
    Raw,
    Character,
    /// `:=`
    Declare,
    /// `=`
    Assign,
    Pipe,
    LeftParen,
    RightParen,
    /// Any other printable character.
    Char,
    End,
    /// The reason; nothing follows it.
    Error(String),
}

const BLANK: [char; 4] = [' ', '\t', '\r', '\n'];
const KEYWORDS: [&str; 11] = ["block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with"];

/// Where the next action opens, if there is one: its first byte and its delimiters.
pub(crate) fn next_opening(text: &str, from: usize) -> Option<(usize, Delimiters)> {
    let mut at = from;
    loop {
        let found = at + text.as_bytes().get(at..)?.windows(2).position(|pair| pair == b"{{" || pair == b"<<")?;
        if text.as_bytes()[found] == b'{' {
            return Some((found, Delimiters::Go));
        }
        if is_native(text, found) {
            return Some((found, Delimiters::Native));
        }
        at = found + 2;
    }
}

/// `{{ }}` or `<< >>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delimiters {
    Go,
    Native,
}

impl Delimiters {
    fn close(self) -> &'static str {
        match self {
            Self::Go => "}}",
            Self::Native => ">>",
        }
    }
}

/// Bytes of the longest native action. One that is not closed is looked through up to here, and a text can open many.
const LONGEST_NATIVE: usize = 1_024;

/// Whether `<<` at this byte opens a native action: a known function follows, and `>>` closes it on the same line. Shell text
/// (`cat <<EOF >> file`, `<<-EOF`, `<<< "$x"`) is none, and passes byte for byte.
fn is_native(text: &str, at: usize) -> bool {
    if text[..at].ends_with('<') {
        return false;
    }
    let rest = &text[at + 2..];
    let rest = rest.strip_prefix('-').filter(|after| after.starts_with([' ', '\t'])).unwrap_or(rest);
    let rest = rest.trim_start_matches([' ', '\t']);
    let length = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
    table::find(&rest[..length]).is_some() && closes_on_the_line(&rest[length..])
}

fn closes_on_the_line(rest: &str) -> bool {
    let (mut quote, mut escaped, mut previous) = (None, false, b' ');
    // All that counts here is one byte, which is never a part of a longer character.
    for byte in rest.bytes().take(LONGEST_NATIVE).take_while(|byte| *byte != b'\n') {
        match quote {
            Some(b'"') if escaped => escaped = false,
            Some(b'"') if byte == b'\\' => escaped = true,
            Some(open) if open == byte => quote = None,
            Some(_) => {}
            None if byte == b'>' && previous == b'>' => return true,
            None if matches!(byte, b'"' | b'`') => quote = Some(byte),
            None => {}
        }
        previous = byte;
    }
    false
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Splits the whole text; the last token is `End` or `Error`.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), trim_next: false };
    let end = lexer.run();
    let range = end.as_ref().err().map_or(text.len()..text.len(), |(range, _)| range.clone());
    let kind = end.err().map_or(Kind::End, |(_, reason)| Kind::Error(reason));
    lexer.tokens.push(Token { kind, range });
    lexer.tokens
}

type Lexed = Result<(), (Range<usize>, String)>;

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
    /// The last action ended with ` -}}`.
    trim_next: bool,
}

impl Lexer<'_> {
    fn run(&mut self) -> Lexed {
        while let Some((open, delimiters)) = next_opening(self.text, self.at) {
            let after = open + 2;
            let trim = self.text[after..].strip_prefix('-').is_some_and(|rest| rest.starts_with(BLANK));
            self.text_until(open, trim);
            let inside = if trim { after + 2 } else { after };
            self.at = inside;
            if self.text[inside..].starts_with("/*") {
                self.comment(open, delimiters)?;
            } else {
                self.push(Kind::Open, open..inside);
                self.action(open, delimiters)?;
            }
        }
        self.text_until(self.text.len(), false);
        Ok(())
    }

    fn text_until(&mut self, end: usize, trim_end: bool) {
        let mut range = self.at..end;
        if self.trim_next {
            range.start = end - self.text[range.clone()].trim_start_matches(BLANK).len();
        }
        if trim_end {
            range.end = range.start + self.text[range.clone()].trim_end_matches(BLANK).len();
        }
        self.trim_next = false;
        if !range.is_empty() {
            self.push(Kind::Text, range);
        }
    }

    fn comment(&mut self, open: usize, delimiters: Delimiters) -> Lexed {
        self.at += 2;
        let Some(length) = self.text[self.at..].find("*/") else {
            return Err((open..self.text.len(), "unclosed comment".into()));
        };
        self.at += length + 2;
        if !self.close(delimiters) {
            return Err((open..self.at, "comment ends before closing delimiter".into()));
        }
        Ok(())
    }

    /// Takes a closing delimiter with or without trim marker, if one stands here.
    fn close(&mut self, delimiters: Delimiters) -> bool {
        let rest = &self.text[self.at..];
        let trimmed = rest.strip_prefix(BLANK).and_then(|r| r.strip_prefix('-'));
        if trimmed.is_some_and(|r| r.starts_with(delimiters.close())) {
            self.trim_next = true;
            self.at += 4;
            return true;
        }
        let closes = rest.starts_with(delimiters.close());
        self.at += if closes { 2 } else { 0 };
        closes
    }

    fn action(&mut self, open: usize, delimiters: Delimiters) -> Lexed {
        let mut parens = 0_i32;
        loop {
            let start = self.at;
            if self.close(delimiters) {
                if parens > 0 {
                    return Err((open..self.at, "unclosed left paren".into()));
                }
                self.push(Kind::Close, start..self.at);
                return Ok(());
            }
            let Some(c) = self.text[start..].chars().next() else {
                return Err((open..self.text.len(), "unclosed action".into()));
            };
            let kind = self.token(c, delimiters)?;
            parens += i32::from(kind == Kind::LeftParen) - i32::from(kind == Kind::RightParen);
            self.push(kind, start..self.at);
            if parens < 0 {
                return Err((start..self.at, format!("unexpected right paren {}", unicode(c))));
            }
        }
    }

    fn token(&mut self, c: char, delimiters: Delimiters) -> Result<Kind, (Range<usize>, String)> {
        let start = self.at;
        let second = self.text[start + c.len_utf8()..].chars().next();
        match c {
            c if BLANK.contains(&c) => {
                self.spaces(delimiters);
                Ok(Kind::Space)
            }
            ':' if second == Some('=') => self.take(2, Kind::Declare),
            ':' => Err((start..start + 1, "expected :=".into())),
            '=' => self.take(1, Kind::Assign),
            '|' => self.take(1, Kind::Pipe),
            '(' => self.take(1, Kind::LeftParen),
            ')' => self.take(1, Kind::RightParen),
            '"' => self.quoted('"', Kind::Quoted, "unterminated quoted string"),
            '\'' => self.quoted('\'', Kind::Character, "unterminated character constant"),
            '`' => self.raw(),
            '$' => self.name(1, delimiters, Kind::Variable, Kind::Variable),
            '.' if !second.is_some_and(|c| c.is_ascii_digit()) => self.name(1, delimiters, Kind::Dot, Kind::Field),
            '+' | '-' | '.' | '0'..='9' => self.number(),
            c if is_word(c) => {
                self.name(0, delimiters, Kind::Identifier, Kind::Identifier)?;
                Ok(self.word_kind(start))
            }
            ' '..='~' => self.take(1, Kind::Char),
            c => Err((start..start + c.len_utf8(), format!("unrecognized character in action: {}", unicode(c)))),
        }
    }

    fn take(&mut self, bytes: usize, kind: Kind) -> Result<Kind, (Range<usize>, String)> {
        self.at += bytes;
        Ok(kind)
    }

    /// Blanks, but for the one that begins ` -}}`.
    fn spaces(&mut self, delimiters: Delimiters) {
        while let Some(rest) = self.text[self.at..].strip_prefix(BLANK) {
            let closes = rest.strip_prefix('-').is_some_and(|r| r.starts_with(delimiters.close()));
            if closes {
                return;
            }
            self.at += 1;
        }
    }

    fn word_kind(&self, start: usize) -> Kind {
        match &self.text[start..self.at] {
            "true" | "false" => Kind::Bool,
            word if KEYWORDS.contains(&word) => Kind::Keyword,
            _ => Kind::Identifier,
        }
    }

    /// A name after `prefix` bytes; what may not stand behind a name is an error.
    fn name(&mut self, prefix: usize, delimiters: Delimiters, bare: Kind, named: Kind) -> Result<Kind, (Range<usize>, String)> {
        let rest = &self.text[self.at + prefix..];
        let length = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        self.at += prefix + length;
        let rest = &self.text[self.at..];
        match rest.chars().next() {
            Some(c) if !BLANK.contains(&c) && !".,|:)(".contains(c) && !rest.starts_with(delimiters.close()) => {
                Err((self.at..self.at + c.len_utf8(), format!("bad character {}", unicode(c))))
            }
            _ => Ok(if length == 0 { bare } else { named }),
        }
    }

    fn quoted(&mut self, quote: char, kind: Kind, unterminated: &str) -> Result<Kind, (Range<usize>, String)> {
        let start = self.at;
        let mut escaped = false;
        for (offset, c) in self.text[start + 1..].char_indices() {
            if c == '\n' {
                break;
            }
            if c == quote && !escaped {
                self.at = start + 1 + offset + 1;
                return Ok(kind);
            }
            escaped = c == '\\' && !escaped;
        }
        let line = self.text[start..].find('\n').map_or(self.text.len(), |at| start + at);
        Err((start..line, unterminated.to_owned()))
    }

    fn raw(&mut self) -> Result<Kind, (Range<usize>, String)> {
        let start = self.at;
        match self.text[start + 1..].find('`') {
            Some(length) => self.take(length + 2, Kind::Raw),
            None => Err((start..self.text.len(), "unterminated raw quoted string".into())),
        }
    }

    fn number(&mut self) -> Result<Kind, (Range<usize>, String)> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut at = start + usize::from(matches!(bytes[start], b'+' | b'-'));
        let prefix = bytes.get(at..at + 2).map(|p| p.to_ascii_lowercase());
        let digits: fn(&u8) -> bool = match prefix.as_deref() {
            Some(b"0x") => |b| b.is_ascii_hexdigit() || *b == b'_',
            Some(b"0o" | b"0b") | Some(_) | None => |b| b.is_ascii_digit() || *b == b'_',
        };
        at += if matches!(prefix.as_deref(), Some(b"0x" | b"0o" | b"0b")) { 2 } else { 0 };
        let run = |at: usize| at + bytes[at..].iter().take_while(|b| digits(b)).count();
        at = run(at);
        if bytes.get(at) == Some(&b'.') {
            at = run(at + 1);
        }
        if matches!(bytes.get(at), Some(b'e' | b'E' | b'p' | b'P')) {
            at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            at = run(at);
        }
        at += usize::from(bytes.get(at) == Some(&b'i'));
        self.at = at;
        match self.text[at..].chars().next() {
            Some(c) if is_word(c) => {
                let range = start..at + c.len_utf8();
                let spelling = self.text[range.clone()].to_owned();
                Err((range, format!("bad number syntax: {spelling:?}")))
            }
            _ => Ok(Kind::Number),
        }
    }

    fn push(&mut self, kind: Kind, range: Range<usize>) {
        self.tokens.push(Token { kind, range });
    }
}

fn unicode(c: char) -> String {
    format!("U+{:04X} '{c}'", u32::from(c))
}
