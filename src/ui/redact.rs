//! Keeps secrets out of the output: every text passes here before it is printed, whatever it came from.
//!
//! A secret is looked for as it is and in the forms that commands and libraries print it in: base64 (also where it is part of a longer
//! encoded text), URL-, JSON- and shell-escaped, and, where it has several lines, each of them.

use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands in a secret's place, as in Packer.
const MASK: &str = "<sensitive>";

/// Lines of a longer secret that are shorter than this are left alone: a closing brace or bracket is not secret, and masking it
/// would tear holes into everything.
const SHORTEST_LINE: usize = 6;

/// A secret shorter than this is not looked for inside longer base64 texts: its core there has less than four letters.
const SHORTEST_CORE: usize = 5;

/// Bytes of a form from which on it is a long one: more than any password or private key has.
const LONG: usize = 4_096;

/// What RFC 3986 lets stand in a URL.
const RESERVED_IN_URLS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Replaces secrets in texts.
pub struct Redactor {
    forms: Forms,
}

enum Forms {
    None,
    /// Long ones are looked for one by one: they are few, and a table for them would be fifty times their size.
    Known {
        short: AhoCorasick,
        long: Vec<String>,
    },
    /// The secrets are too large to be searched for: then no text at all may be shown.
    Unsearchable,
}

impl Redactor {
    /// Knows no secret.
    pub fn none() -> Self {
        Self { forms: Forms::None }
    }

    /// Knows these secrets; empty ones are left out.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let forms: BTreeSet<String> = secrets.into_iter().flat_map(forms_of).filter(|form| !form.is_empty()).collect();
        if forms.is_empty() {
            return Self::none();
        }
        let (long, short): (Vec<String>, Vec<String>) = forms.into_iter().partition(|form| form.len() > LONG);
        let matcher = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(short);
        Self { forms: matcher.map_or(Forms::Unsearchable, |short| Forms::Known { short, long }) }
    }

    /// Where secrets stand in a text, from left to right.
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        match &self.forms {
            Forms::None => Vec::new(),
            Forms::Unsearchable if text.is_empty() => Vec::new(),
            Forms::Unsearchable => std::iter::once(0..text.len()).collect(),
            Forms::Known { short, long } => {
                let mut found: Vec<_> = short.find_iter(text).map(|found| found.range()).collect();
                let long = long.iter().filter(|form| form.len() <= text.len());
                found.extend(long.flat_map(|form| text.match_indices(form.as_str()).map(|(at, _)| at..at + form.len())));
                joined(found)
            }
        }
    }

    /// The text without secrets.
    pub fn clean(&self, text: &str) -> String {
        if matches!(self.forms, Forms::Unsearchable) {
            return MASK.to_owned();
        }
        let (mut cleaned, mut at) = (String::with_capacity(text.len()), 0);
        for range in self.find(text) {
            cleaned.push_str(text.get(at..range.start).unwrap_or_default());
            cleaned.push_str(MASK);
            at = range.end;
        }
        cleaned.push_str(text.get(at..).unwrap_or_default());
        cleaned
    }
}

/// Ranges from left to right, those that overlap made one.
fn joined(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut().filter(|last| range.start < last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => joined.push(range),
        }
    }
    joined
}

fn forms_of(secret: &str) -> Vec<String> {
    let mut forms = escaped(secret);
    forms.extend(encoded(secret));
    if secret.contains('\n') {
        forms.extend(escaped(secret.trim_end()));
        for line in secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE) {
            forms.extend(escaped(line));
        }
    }
    forms
}

/// The secret as it is, and as JSON, URLs and shells write it.
fn escaped(secret: &str) -> Vec<String> {
    let json = json(secret);
    vec![
        secret.to_owned(),
        json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"),
        json,
        utf8_percent_encode(secret, RESERVED_IN_URLS).to_string(),
        utf8_percent_encode(secret, RESERVED_IN_URLS).to_string().replace("%20", "+"),
        secret.replace('\'', "'\\''"),
        secret.replace('\'', "'\"'\"'"),
        backslashed(secret, "\\\"$`"),
        backslashed(secret, " \t\\\"'`$&|;<>()[]{}*?!#~^="),
    ]
}

fn json(secret: &str) -> String {
    let quoted = serde_json::Value::from(secret).to_string();
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&quoted).to_owned()
}

fn backslashed(secret: &str, special: &str) -> String {
    let mut escaped = String::with_capacity(secret.len());
    for letter in secret.chars() {
        if special.contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// The secret in base64: by itself, with the line feed that `echo` adds, and as the part of a longer text.
fn encoded(secret: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for text in [secret.to_owned(), format!("{secret}\n")] {
        forms.extend([STANDARD.encode(&text), URL_SAFE.encode(&text), STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)]);
    }
    if secret.len() >= SHORTEST_CORE {
        for offset in 0..3 {
            forms.extend([core(secret, offset, &STANDARD_NO_PAD), core(secret, offset, &URL_SAFE_NO_PAD)]);
        }
    }
    forms
}

/// The letters that depend on nothing but the secret, where `offset` other bytes precede it in its group of three.
fn core(secret: &str, offset: usize, engine: &impl base64::Engine) -> String {
    let mut bytes = vec![0; offset];
    bytes.extend(secret.as_bytes());
    let letters = engine.encode(&bytes);
    // Six bits a letter: the first ones hold bits of the bytes before, the last one may hold bits of the byte after.
    let first = (offset * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    letters.get(first..last).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(secret: &str, text: &str, cleaned: &str) {
        assert_eq!(Redactor::new([secret]).clean(text), cleaned, "secret {secret:?} in {text:?}");
    }

    #[test]
    fn hides_the_secret_itself() {
        check("s3cret", "pw=s3cret, s3cret!", "pw=<sensitive>, <sensitive>!");
        check("55", "x5555y", "x<sensitive><sensitive>y");
        check("e", "sensitive", "s<sensitive>nsitiv<sensitive>");
        check("", "anything", "anything");
        check("absent", "anything", "anything");
    }

    #[test]
    fn hides_escaped_forms() {
        check("a\"b<c", r#"{"pw":"a\"b<c"}"#, r#"{"pw":"<sensitive>"}"#);
        check("a\"b<c", r#"{"pw":"a\"b\u003cc"}"#, r#"{"pw":"<sensitive>"}"#);
        check("p w/&", "https://u:p%20w%2F%26@host", "https://u:<sensitive>@host");
        check("p w/&", "pw=p+w%2F%26&x", "pw=<sensitive>&x");
        check("it's", r"echo 'it'\''s'", "echo '<sensitive>'");
        check("it's", "echo 'it'\"'\"'s'", "echo '<sensitive>'");
        check("a$b", r#"echo "a\$b""#, r#"echo "<sensitive>""#);
        check("a b;c", r"echo a\ b\;c", "echo <sensitive>");
    }

    #[test]
    fn hides_base64() {
        check("s3cret", "czNjcmV0", "<sensitive>");
        check("s3cret", "czNjcmV0Cg==", "<sensitive>");
        check("s3", "czM=", "<sensitive>");
        check("s3", "czMK", "<sensitive>");
        check("??>>", "Pz8-Pg", "<sensitive>");
    }

    #[test]
    fn hides_base64_inside_a_longer_text() {
        for before in ["", "u", "us", "use", "user:"] {
            for after in ["", "@", "@h", "@ho"] {
                let text = STANDARD.encode(format!("{before}correct-horse{after}"));
                let cleaned = Redactor::new(["correct-horse"]).clean(&text);
                assert!(cleaned.contains(MASK), "{before}…{after}: {cleaned}");
                assert!(cleaned.replace(MASK, "").len() <= 20, "{before}…{after}: {cleaned}");
            }
        }
    }

    #[test]
    fn hides_each_line_of_a_key() {
        let key = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\n{\n-----END KEY-----\n";
        check(key, "    b: MIIEpAIBAAKCAQEA\n    b: {", "    b: <sensitive>\n    b: {");
        check(key, key, "<sensitive>");
        check(key, key.trim_end(), "<sensitive>");
        check(key, r"-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\n{\n-----END KEY-----\n", "<sensitive>");
    }

    #[test]
    fn hides_long_secrets_too() {
        let long = "0123456789/".repeat(1_000);
        check(&long, &format!("a {long} b {long}{long}"), "a <sensitive> b <sensitive><sensitive>");
        check(&long, &format!("x={}", long.replace('/', "%2F")), "x=<sensitive>");
        let redactor = Redactor::new([long.as_str(), "345"]);
        assert_eq!(redactor.clean(&format!("345 {long} 12345")), "<sensitive> <sensitive> 12<sensitive>");
    }

    #[test]
    fn takes_the_longest_of_several() {
        let redactor = Redactor::new(["pass", "password"]);
        assert_eq!(redactor.clean("password pass"), "<sensitive> <sensitive>");
    }
}
