//! No text makes this crate panic, hang or overflow the stack. The texts come from a fixed generator: same ones every time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failing test may panic")]

use std::collections::BTreeMap;

use amibake_template::finding::render_human_masked;
use amibake_template::json::{Dialect, Node, Value, parse};
use amibake_template::lang::{Context, Host, Scope, Template, render_until_stable};
use amibake_template::source::Sources;

/// Enough to find what a day of fuzzing finds first; about a second in a debug build.
const TEXTS: u64 = 20_000;

/// xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % limit
    }

    fn text(&mut self, pieces: &[&str]) -> String {
        let length = self.below(12);
        (0..length).map(|_| pieces[self.below(pieces.len())]).collect()
    }
}

const LANGUAGE: [&str; 66] = [
    "{{",
    "}}",
    "<<",
    ">>",
    "{{- ",
    " -}}",
    "{",
    "}",
    "<",
    ">",
    "-",
    " ",
    "\n",
    "\t",
    "é",
    "\u{1f600}",
    "\"",
    "`",
    "'",
    "\\",
    "(",
    ")",
    "|",
    ":=",
    "=",
    ",",
    ".",
    "$",
    "$x",
    ".A",
    "nil",
    "true",
    "0",
    "1",
    "-1",
    "1e9",
    "0x",
    "99999999999999999999",
    "if",
    "else",
    "end",
    "range",
    "with",
    "define",
    "template",
    "block",
    "break",
    "/*",
    "*/",
    "user",
    "`a`",
    "\"a\"",
    "printf",
    "%*d",
    "`%9d`",
    "index",
    "slice",
    "and",
    "or",
    "split",
    "replace_all",
    "isotime",
    "{{end}}",
    "{{if 1}}",
    "{{range 3}}",
    "{{$x := 1}}",
];

#[test]
fn any_template_string() {
    let host = Host { started_unix_nanos: 1_795_231_468_280_000_000, ..Host::default() };
    let user: BTreeMap<String, String> = [("a".to_owned(), "{{user `a`}}".to_owned())].into();
    let data = serde_json::json!({"A": [1, "x", {"A": null}]});
    let mut random = Random(1);
    let mut rendered = 0;
    for _ in 0..TEXTS {
        let text = random.text(&LANGUAGE);
        let cx = Context {
            host: &host,
            scope: Scope::Component { amazon: true },
            user: &user,
            build: None,
            data: &data,
            strict_data: random.below(2) == 0,
            build_data: None,
        };
        let error = match Template::compile(&text).and_then(|template| template.render(&cx)) {
            Ok(_) => {
                rendered += 1;
                render_until_stable(&text, &cx).err()
            }
            Err(error) => {
                assert!(text.get(error.range.clone()).is_some(), "{text:?}: {error:?} is no place in it");
                Some(error)
            }
        };
        if let Some(error) = error {
            assert!(!error.reason.is_empty() && !error.reason.contains("stopped"), "{text:?}: {error:?}");
            let _ = error.packer_message(&text);
        }
    }
    assert!(rendered > TEXTS / 10, "the generator makes too few good texts: {rendered}");
}

const JSON: [&str; 40] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\"a\"",
    "\"a\":",
    "\"\\u00e9\"",
    "\"\\ud83d\\ude00\"",
    "\\u",
    "\\",
    "1",
    "-",
    "1e999",
    ".5",
    "0x1",
    "true",
    "null",
    "nul",
    " ",
    "\n",
    "\t",
    "\r\n",
    "//",
    "/*",
    "*/",
    "'",
    "\u{feff}",
    "\u{a0}",
    "é",
    "\u{1f600}",
    "\u{0}",
    "{\"a\":[",
    "]}",
    "{\"a\": {\"a\": 1, \"a\": 2}}",
    "\"{{user `a`}}\"",
    "\u{7f}",
    "=",
];

#[test]
fn any_json_text() {
    let mut random = Random(2);
    for _ in 0..TEXTS {
        let text = random.text(&JSON);
        let mut sources = Sources::default();
        let id = sources.add("t", text.clone());
        let (node, findings) = parse(id, &text, Dialect { jsonc: random.below(2) == 0 });
        assert!(node.is_some() || !findings.is_empty(), "{text:?}: neither tree nor finding");
        let shown = render_human_masked(&findings, &sources, random.below(2) == 0, &["a", "\u{1f600}"]);
        assert_eq!(shown.is_empty(), findings.is_empty());
        if let Some(node) = node {
            check_spans(&node, &text);
            let strict = serde_json::from_str::<serde_json::Value>(&text);
            assert!(strict.is_ok() || !findings.is_empty() || text.contains('/') || text.contains(','), "accepted {text:?}");
            let _ = node.to_json();
        }
    }
}

/// Every span, and every span inside a string, is a piece of the text.
fn check_spans(node: &Node, text: &str) {
    assert!(text.get(node.span.start as usize..node.span.end as usize).is_some());
    match &node.value {
        Value::String(string) => {
            for (at, c) in string.value.char_indices() {
                let span = node.span_within(at, at + c.len_utf8());
                let written = text.get(span.start as usize..span.end as usize).unwrap();
                assert!(written.starts_with('\\') || written == c.to_string(), "{text:?}: {c:?} is {written:?}");
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| check_spans(element, text)),
        Value::Object(members) => members.iter().for_each(|member| check_spans(&member.value, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
