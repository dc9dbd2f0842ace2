//! Syntax errors in words a person can act on.

use jsonc_parser::errors::{ParseError, ParseErrorKind as Kind};

use crate::finding::Finding;
use crate::source::{SourceId, Span};

const CODE: &str = "json-syntax";
const WORDS: &str = "strings need double quotes; the only words are true, false and null";

/// Says what the parser stumbled over, where, and what to do.
pub(crate) fn finding(source: SourceId, text: &str, base: usize, error: &ParseError) -> Finding {
    let (start, end) = (error.range().start.min(text.len()), error.range().end.min(text.len()));
    let unclosed = matches!(error.kind(), Kind::UnterminatedObject | Kind::UnterminatedArray | Kind::UnterminatedCommentBlock);
    let (start, end) = match text.get(start..).and_then(|rest| rest.chars().next()) {
        // The caret needs a character to stand under; of an unclosed list or object only the opening is shown.
        Some(c) if c.is_alphabetic() && !unclosed => (start, start + word_length(&text[start..])),
        Some(c) if end <= start || unclosed => (start, start + c.len_utf8()),
        _ => (start, end),
    };
    let (message, help) = words(error.kind(), text, start);
    let mut finding = Finding::error(CODE, message, Span::new(source, base + start, base + end));
    finding.help = help.map(str::to_owned);
    if unclosed {
        return finding.with_label("opened here, never closed");
    }
    finding
}

fn words(kind: &Kind, text: &str, at: usize) -> (String, Option<&'static str>) {
    let quoted = "put it between double quotes";
    let rest = text.get(at..).unwrap_or_default();
    let (message, help) = match kind {
        Kind::TrailingCommasNotAllowed => {
            ("trailing comma", "remove it: JSON has no comma before `}` or `]`; .jsonc files may, and all with -jsonc")
        }
        Kind::CommentsNotAllowed => (
            "comments are not allowed in JSON",
            "name the file .jsonc or give -jsonc; or keep it as a root key that begins with an underscore: \"_comment\": \"...\"",
        ),
        Kind::ExpectedComma if rest.starts_with(|c: char| c.is_ascii_digit()) && text[..at].ends_with('0') => {
            ("numbers have no leading zeros in JSON", "remove the zeros, or write the number as a string")
        }
        Kind::ExpectedComma => ("missing comma", "put a comma here"),
        Kind::ExpectedColonAfterObjectKey => ("missing colon after a key", "write \"key\": value"),
        Kind::ExpectedObjectValue => ("missing value after a key", "write \"key\": value"),
        Kind::ExpectedStringObjectProperty => ("keys must be strings", quoted),
        Kind::SingleQuotedStringsNotAllowed => ("strings need double quotes", "write \"...\" instead of '...'"),
        Kind::HexadecimalNumbersNotAllowed => {
            ("hexadecimal numbers are not allowed in JSON", "write the number in decimal, or as a string")
        }
        Kind::UnaryPlusNumbersNotAllowed => ("numbers have no plus sign in JSON", "remove the `+`"),
        Kind::BareDecimalPointNumbersNotAllowed => ("numbers need a digit on both sides of the point", "write 0.5 or 5.0"),
        Kind::NonFiniteNumbersNotAllowed => ("this is not a number in JSON", quoted),
        Kind::UnterminatedObject => ("unclosed object", "add the missing `}`"),
        Kind::UnterminatedArray => ("unclosed list", "add the missing `]`"),
        Kind::UnterminatedCommentBlock => ("unclosed comment", "close it with `*/`"),
        Kind::NestingDepthExceeded => ("nested too deep", "no template needs that many brackets: check them"),
        Kind::UnexpectedCloseBrace => ("unexpected `}`", "remove it, or add what is missing before it"),
        Kind::UnexpectedCloseBracket => ("unexpected `]`", "remove it, or add what is missing before it"),
        Kind::UnexpectedColon => ("unexpected `:`", "a colon stands only between a key and its value"),
        Kind::UnexpectedComma => ("unexpected comma", "remove it, or add the value that is missing before it"),
        Kind::UnexpectedWord => ("unexpected word", WORDS),
        Kind::String(kind) => return string_words(kind),
        Kind::ExpectedDigit | Kind::ExpectedDigitFollowingNegativeSign | Kind::ExpectedPlusMinusOrDigitInNumberLiteral => {
            return ("malformed number".into(), None);
        }
        Kind::UnexpectedTokenInObject | Kind::UnexpectedToken | Kind::MultipleRootJsonValues => {
            return match rest.chars().next() {
                Some(c) if c.is_alphabetic() => (format!("unexpected word `{}`", &rest[..word_length(rest)]), Some(WORDS)),
                Some(c) => (format!("unexpected `{}`", c.escape_debug()), None),
                None => ("unexpected end of the file".into(), None),
            };
        }
    };
    (message.to_owned(), Some(help))
}

fn word_length(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len())
}

fn string_words(kind: &jsonc_parser::ParseStringErrorKind) -> (String, Option<&'static str>) {
    use jsonc_parser::ParseStringErrorKind as Text;
    match kind {
        Text::UnterminatedStringLiteral => ("unclosed string".into(), Some("add the missing `\"`")),
        Text::InvalidEscape | Text::InvalidEscapeInDoubleQuoteString | Text::InvalidEscapeInSingleQuoteString => (
            "unknown escape in a string".into(),
            Some("write `\\\\` for a backslash; JSON knows \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX"),
        ),
        Text::ExpectedFourHexDigits | Text::ExpectedTwoHexDigits => ("`\\u` needs four hexadecimal digits".into(), None),
        Text::InvalidUnicodeEscapeSequence(_) => {
            ("this escape stands for no character".into(), Some("half of a surrogate pair: write the character itself, or both halves"))
        }
    }
}

pub(crate) fn bom(span: Span) -> Finding {
    Finding::error(CODE, "the file begins with a byte order mark", span).with_help("save it as UTF-8 without BOM")
}

pub(crate) fn empty(span: Span) -> Finding {
    Finding::error(CODE, "the file is empty", span).with_help("a template is a JSON object: {\"builders\": [...]}")
}

pub(crate) fn too_long(length: usize, longest: usize, span: Span) -> Finding {
    let message = format!("the file has {} MiB; at most {} MiB are read", length >> 20, longest >> 20);
    Finding::error("too-long", message, span).with_help("a template names files with long contents, it does not hold them")
}

pub(crate) fn trailing(span: Span) -> Finding {
    Finding::error("trailing-text", "text after the end of the JSON value", span).with_help("remove it, or check the brackets before it")
}

pub(crate) fn number_range(number: &str, span: Span) -> Finding {
    Finding::error("number-range", format!("the number {number} is too large"), span)
}

pub(crate) fn duplicate(key: &str, again: Span, first: Span) -> Finding {
    Finding::error("duplicate-key", format!("the key `{}` stands twice in one object", key.escape_debug()), again)
        .with_label("again here")
        .also(first, "first here")
        .with_help("keep one of them")
}

pub(crate) fn exotic_space(c: char, span: Span) -> Finding {
    Finding::error(CODE, format!("unexpected character U+{:04X}", u32::from(c)), span)
        .with_help("between values JSON knows only blanks, tabs and line breaks: type a normal blank here")
}

pub(crate) fn control_in_string(c: char, span: Span) -> Finding {
    let (name, escape) = match c {
        '\n' | '\r' => ("line break", "\\n"),
        '\t' => ("tab", "\\t"),
        _ => ("control character", "\\u00XX"),
    };
    Finding::error(CODE, format!("{name} inside a string"), span).with_help(format!("write `{escape}`, or close the string with `\"`"))
}
