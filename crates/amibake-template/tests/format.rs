//! What `format` makes of texts: the layout line by line, and the two promises over generated and real documents.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failing test may panic")]

use amibake_template::finding::{Severity, render_human};
use amibake_template::format::format;
use amibake_template::json::{Dialect, parse};
use amibake_template::source::Sources;

const JSONC: Dialect = Dialect { jsonc: true };

fn formatted(text: &str, dialect: Dialect) -> Result<String, String> {
    let mut sources = Sources::default();
    let source = sources.add("t.json", text);
    let (result, findings) = format(source, text, dialect);
    let errors: Vec<_> = findings.into_iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert_eq!(result.is_none(), !errors.is_empty(), "a text or errors, not both: {text:?}");
    result.ok_or_else(|| render_human(&errors, &sources, false))
}

fn tree(text: &str, dialect: Dialect) -> serde_json::Value {
    let source = Sources::default().add("t.json", text);
    parse(source, text, dialect).0.expect("JSON").to_json()
}

/// The comments of a text, in their order, without the blanks in front of each of their lines.
fn comments(text: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' => 1 + string_end(&rest[1..]),
            '/' => rest.strip_prefix("/*").map_or_else(|| rest.find('\n').unwrap_or(rest.len()), |inner| inner.find("*/").unwrap() + 4),
            c => c.len_utf8(),
        };
        if c == '/' {
            found.push(rest[..length].lines().map(str::trim).collect::<Vec<_>>().join("\n"));
        }
        rest = &rest[length..];
    }
    found
}

fn string_end(text: &str) -> usize {
    let escaped = |at: usize| text[..at].bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1;
    text.match_indices('"').find(|(at, _)| !escaped(*at)).unwrap().0 + 1
}

/// Formats and checks what must hold for every text.
#[track_caller]
fn keeps_promises(text: &str, dialect: Dialect) -> String {
    let once = formatted(text, dialect).unwrap_or_else(|findings| panic!("{findings}\n{text}"));
    assert_eq!(formatted(&once, dialect).as_deref(), Ok(once.as_str()), "formatting twice differs\n{text}");
    assert_eq!(tree(&once, dialect), tree(text, dialect), "another tree\n{text}\n{once}");
    let sorted = |text: &str| {
        let mut comments = comments(text);
        comments.sort();
        comments
    };
    assert_eq!(sorted(&once), sorted(text), "comments\n{text}\n{once}");
    once
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(keeps_promises(text, Dialect::default()), expected, "{text}");
}

#[track_caller]
fn check_jsonc(text: &str, expected: &str) {
    assert_eq!(keeps_promises(text, JSONC), expected, "{text}");
}

#[test]
fn objects_have_a_line_for_each_member() {
    check(r#"{"b":1,"a":{"x":[],"y":{ }}}"#, "{\n  \"b\": 1,\n  \"a\": {\n    \"x\": [],\n    \"y\": {}\n  }\n}\n");
    check("null", "null\n");
    check("{}\n\n\n", "{}\n");
}

#[test]
fn lists_are_one_line_where_short() {
    check("[\n1,\n2\n]", "[1, 2]\n");
    check(r#"[{"a":1}]"#, "[\n  {\n    \"a\": 1\n  }\n]\n");
    check(r#"[["a", "b"],[{}]]"#, "[\n  [\"a\", \"b\"],\n  [{}]\n]\n");
    let (fits, long) = ("x".repeat(64), "x".repeat(65));
    check(&format!(r#"{{"inline":["{fits}"]}}"#), &format!("{{\n  \"inline\": [\"{fits}\"]\n}}\n"));
    check(&format!(r#"{{"inline":["{long}"]}}"#), &format!("{{\n  \"inline\": [\n    \"{long}\"\n  ]\n}}\n"));
    // The comma counts.
    check(&format!(r#"{{"inline":["{fits}"],"b":1}}"#), &format!("{{\n  \"inline\": [\n    \"{fits}\"\n  ],\n  \"b\": 1\n}}\n"));
}

#[test]
fn spellings_stay() {
    check(r#"[1.50, -0, 1E+2, 12345678901234567890, "\u00e9\/ é \n"]"#, "[1.50, -0, 1E+2, 12345678901234567890, \"\\u00e9\\/ é \\n\"]\n");
    check(r#"{"b{,:/*":"a//\"[","\\":"\\"}"#, "{\n  \"b{,:/*\": \"a//\\\"[\",\n  \"\\\\\": \"\\\\\"\n}\n");
    check("{\"a\": 1, \"a\": 2}", "{\n  \"a\": 1,\n  \"a\": 2\n}\n");
}

#[test]
fn one_blank_line_stays() {
    check("{\n\n\n\"a\":1,\n\n\n\"b\":2\n\n}", "{\n  \"a\": 1,\n\n  \"b\": 2\n}\n");
    check("[1,\n\n2]", "[1, 2]\n");
}

#[test]
fn line_breaks_are_those_of_the_file() {
    check("{\r\n\"a\":1}", "{\r\n  \"a\": 1\r\n}\r\n");
    check_jsonc("{\r\n/* a\r\n b */\"a\":1}", "{\r\n  /* a\r\n b */\r\n  \"a\": 1\r\n}\r\n");
}

#[test]
fn comments_stay_with_what_they_are_about() {
    check_jsonc(
        "// top\n\n{ // all\n\n// a1\n// a2\n\"a\": 1, // a3\n/* b */ \"b\" /*m*/ : // n\n2 // b2\n, \"c\": [ /* one */ 1, 2, /* two */\n3 /* three */], // c\n\n// end\n} // z\n// eof",
        "// top\n\n{ // all\n  // a1\n  // a2\n  \"a\": 1, // a3\n  /* b */\n  /*m*/\n  // n\n  \"b\": 2, // b2\n  \"c\": [\n    /* one */\n    1,\n    2, /* two */\n    3 /* three */\n  ] // c\n\n  // end\n} // z\n// eof\n",
    );
    check_jsonc("[ /* nothing */ ]", "[\n  /* nothing */\n]\n");
    check_jsonc("[1 // a\n// b\n, 2]", "[\n  1, // a\n  // b\n  2\n]\n");
    check_jsonc("{\n/*\n * a\n   * b */\n\"a\": [1,2,],}", "{\n  /*\n   * a\n   * b */\n  \"a\": [1, 2]\n}\n");
}

#[test]
fn what_does_not_parse_is_refused_with_its_place() {
    for text in ["", "{\"a\" 1}", "{} x", "{\"a\": 1,}", "// x\n{}", "\u{feff}{}"] {
        let findings = formatted(text, Dialect::default()).expect_err(text);
        assert!(findings.contains("--> t.json:"), "{text:?}\n{findings}");
    }
}

/// Documents of all shapes, written in all the ways that white space and comments allow. The numbers are a fixed sequence: a failure
/// shows its text.
struct Writer {
    seed: u64,
    jsonc: bool,
    out: String,
}

impl Writer {
    fn pick(&mut self, below: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed % below
    }

    fn space(&mut self) {
        for _ in 0..self.pick(3) {
            let choices = if self.jsonc { 9 } else { 5 };
            let space =
                ["", " ", "\n", "\n\n", "\t\r\n", "// c {\n", "/* d, */", "/*\n * e\n  f: */", "// \"\n"][self.pick(choices) as usize];
            self.out.push_str(space);
        }
    }

    fn value(&mut self, depth: u64) {
        match self.pick(if depth > 4 { 3 } else { 6 }) {
            0 => self.one_of(&["1", "-2.50e3", "true", "null", "123456789012345678901"]),
            1 | 2 => self.string(),
            3 => self.block('{', '}', depth),
            _ => self.block('[', ']', depth),
        }
    }

    fn string(&mut self) {
        let text = ["\"\"", "\"a\"", "\"// no\"", "\"{[,:\\\"\\\\\"", "\"ü\\u00fc<<EOF\"", "\"/* no */ and long enough to break lines\""];
        self.one_of(&text);
    }

    fn one_of(&mut self, texts: &[&str]) {
        let chosen = self.pick(texts.len() as u64) as usize;
        self.out.push_str(texts[chosen]);
    }

    fn block(&mut self, open: char, close: char, depth: u64) {
        self.out.push(open);
        let count = self.pick(5);
        for number in 0..count {
            self.space();
            if open == '{' {
                self.out.push_str(&format!("\"k{number}\""));
                self.space();
                self.out.push(':');
                self.space();
            }
            self.value(depth + 1);
            self.space();
            if number + 1 < count || (self.jsonc && self.pick(4) == 0) {
                self.out.push(',');
            }
        }
        self.space();
        self.out.push(close);
    }
}

#[test]
fn promises_hold_for_generated_documents() {
    for seed in 1..=4000 {
        let jsonc = seed % 2 == 0;
        let mut writer = Writer { seed: seed * 0x9E37_79B9, jsonc, out: String::new() };
        writer.space();
        writer.value(0);
        writer.space();
        keeps_promises(&writer.out, Dialect { jsonc });
    }
}

/// Real templates and var files: every JSON file below the folder that `AMIBAKE_CORPUS` names.
#[test]
fn promises_hold_for_real_documents() {
    #[expect(clippy::disallowed_methods, reason = "where the corpus is")]
    let corpus = std::env::var_os("AMIBAKE_CORPUS");
    let Some(corpus) = corpus else {
        #[expect(clippy::print_stderr, reason = "a test that does nothing has to say so")]
        {
            eprintln!("NOT TESTED: formatting real templates needs AMIBAKE_CORPUS");
        }
        return;
    };
    let (mut formatted_files, mut folders) = (0, vec![std::path::PathBuf::from(corpus)]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                let Ok(text) = std::fs::read_to_string(&path) else { continue };
                if formatted(&text, Dialect::default()).is_ok() {
                    keeps_promises(&text, Dialect::default());
                    formatted_files += 1;
                }
            }
        }
    }
    assert!(formatted_files > 100, "only {formatted_files} files");
}
