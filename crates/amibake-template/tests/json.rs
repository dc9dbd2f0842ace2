//! JSON text in, tree or findings out, as a person sees them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failing test may panic")]

use amibake_template::finding::render_human;
use amibake_template::json::{Dialect, MAX_BYTES, Node, Value, parse};
use amibake_template::source::Sources;

fn shown(text: &str, dialect: Dialect) -> String {
    let mut sources = Sources::default();
    let id = sources.add("t.json", text);
    let (_, findings) = parse(id, text, dialect);
    render_human(&findings, &sources, false)
}

fn tree(text: &str) -> (Sources, Node) {
    let mut sources = Sources::default();
    let id = sources.add("t.json", text);
    let (tree, findings) = parse(id, text, Dialect::default());
    assert!(findings.is_empty(), "{findings:?}");
    (sources, tree.unwrap())
}

/// The findings' codes and places, one a line.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let mut sources = Sources::default();
    let id = sources.add("t", text);
    let (_, findings) = parse(id, text, Dialect::default());
    let got: Vec<String> = findings
        .iter()
        .map(|finding| {
            let place = sources.place(finding.labels[0].span);
            format!("{}:{}: {}", place.line, place.column, finding.message)
        })
        .collect();
    assert_eq!(got, expected, "{text:?}");
}

#[test]
fn syntax_errors_point_at_their_cause() {
    check("{\"a\": 1,}", &["1:8: trailing comma"]);
    check("[1, 2,\n]", &["1:6: trailing comma"]);
    check("{\"a\": 1 \"b\": 2}", &["1:8: missing comma"]);
    check("{\n  // why\n  \"a\": 1\n}", &["2:3: comments are not allowed in JSON"]);
    check("{\"a\": 1", &["1:1: unclosed object"]);
    check("{\"a\": [1", &["1:7: unclosed list"]);
    check("{\"a\": \"x", &["1:7: unclosed string"]);
    check("{\"a\" 1}", &["1:6: missing colon after a key"]);
    check("{\"a\":}", &["1:6: unexpected `}`"]);
    check("{a: 1}", &["1:2: keys must be strings"]);
    check("{'a': 1}", &["1:2: strings need double quotes"]);
    check("{\"a\": yes}", &["1:7: unexpected word `yes`"]);
    check("{\"a\": 0x10}", &["1:7: hexadecimal numbers are not allowed in JSON"]);
    check("{\"a\": .5}", &["1:7: numbers need a digit on both sides of the point"]);
    check("{\"a\": \"C:\\dir\"}", &["1:10: unknown escape in a string"]);
    check("{\"a\": \"\\u12\"}", &["1:8: `\\u` needs four hexadecimal digits"]);
    check("", &["1:1: the file is empty"]);
    check(" \n ", &["1:1: the file is empty"]);
    check("{} {}", &["1:4: text after the end of the JSON value"]);
    check("{}}", &["1:3: text after the end of the JSON value"]);
}

#[test]
fn what_the_parser_would_let_through_is_refused() {
    check("{\"a\": \"x\ny\"}", &["1:9: line break inside a string"]);
    check("{\"a\": \"x\ty\"}", &["1:9: tab inside a string"]);
    check("{\u{a0}\"a\": 1}", &["1:2: unexpected character U+00A0"]);
    check("\u{feff}{}", &["1:1: the file begins with a byte order mark"]);
    check("{\"a\": 1e999}", &["1:7: the number 1e999 is too large"]);
    check("{\"a\": 01}", &["1:8: numbers have no leading zeros in JSON"]);
}

#[test]
fn duplicate_keys_are_found_at_any_depth_and_the_last_one_stays() {
    check(
        "{\"a\": 1, \"b\": {\"c\": 1, \"c\": 2}, \"a\": 3}",
        &["1:24: the key `c` stands twice in one object", "1:33: the key `a` stands twice in one object"],
    );
    let mut sources = Sources::default();
    let text = "{\"a\": 1, \"a\": 2}";
    let id = sources.add("t", text);
    let (node, _) = parse(id, text, Dialect::default());
    assert_eq!(node.unwrap().to_json(), serde_json::json!({"a": 2}));
}

#[test]
fn trailing_text_leaves_the_value_readable() {
    let mut sources = Sources::default();
    let text = "{\"a\": \"x\"} trailing";
    let id = sources.add("t", text);
    let (node, findings) = parse(id, text, Dialect::default());
    assert_eq!(node.unwrap().to_json(), serde_json::json!({"a": "x"}));
    assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), ["trailing-text"]);
}

#[test]
fn deep_nesting_is_a_finding_and_no_crash() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let text = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        let found = shown(&text, Dialect::default());
        assert!(found.starts_with("error[json-syntax]: nested too deep"), "{found}");
        let text = format!("{}1{}", open.repeat(250), close.repeat(250));
        assert_eq!(shown(&text, Dialect::default()), "");
    }
}

#[test]
fn jsonc_on_demand() {
    let text = "{\n  // why\n  \"a\": [1, /* two */ 2,], // \"x\n}";
    assert_eq!(shown(text, Dialect { jsonc: true }), "");
    assert!(shown("{\"a\": 'x'}", Dialect { jsonc: true }).contains("strings need double quotes"));
}

#[test]
fn numbers_convert_as_in_packer() {
    let (_, node) = tree("[1, -5, 1.50, 1e21, 9007199254740993, 18446744073709551615, 36893488147419103232]");
    let expected = "[1,-5,1.5,1e+21,9007199254740993,18446744073709551615,3.6893488147419103e+19]";
    assert_eq!(node.to_json().to_string(), expected);
}

#[test]
fn pointers_lead_to_nodes() {
    let (_, node) = tree("{\"builders\": [{\"a/b\": {\"~\": \"x\"}}]}");
    assert_eq!(node.at("/builders/0/a~1b/~0").and_then(Node::as_str), Some("x"));
    assert_eq!(node.at("builders/0/a~1b/~0").and_then(Node::as_str), Some("x"));
    assert!(node.at("").is_some());
    assert!(node.at("/builders/1").is_none());
    assert!(node.at("/builders/x").is_none());
}

/// The bytes that a range of the decoded string stands for.
#[track_caller]
fn check_within(text: &str, decoded: &str, range: &str, expected: &str) {
    let (sources, node) = tree(text);
    assert_eq!(node.as_str(), Some(decoded));
    let start = decoded.find(range).unwrap();
    let span = node.span_within(start, start + range.len());
    assert_eq!(&sources.text(span.source)[span.start as usize..span.end as usize], expected, "{text}");
}

#[test]
fn spans_inside_strings_pass_through_escapes() {
    check_within(r#""abc""#, "abc", "b", "b");
    check_within(r#""a\nbc""#, "a\nbc", "b", "b");
    check_within(r#""a\nbc""#, "a\nbc", "\n", r"\n");
    check_within(r#""\n\"{{x}}\"""#, "\n\"{{x}}\"", "{{x}}", "{{x}}");
    check_within(r#""{{user \"a\"}}""#, "{{user \"a\"}}", "\"a\"", r#"\"a\""#);
    check_within(r#""\u00e9x""#, "éx", "x", "x");
    check_within(r#""\ud83d\ude00x""#, "\u{1f600}x", "x", "x");
    check_within(r#""é\\x""#, "é\\x", "x", "x");
}

#[test]
fn a_syntax_error_reads_like_this() {
    let text = "{\n  \"builders\": [\n    {\"type\": \"null\",}\n  ]\n}\n";
    insta::assert_snapshot!(shown(text, Dialect::default()), @r#"
    error[json-syntax]: trailing comma
     --> t.json:3:20
      |
    3 |     {"type": "null",}
      |                    ^
    help: remove it: JSON has no comma before `}` or `]`; .jsonc files may, and all with -jsonc
    "#);
}

#[test]
fn a_duplicate_key_reads_like_this() {
    let text = "{\n  \"ami_name\": \"x\",\n  \"region\": \"r\",\n  \"ami_name\": \"y\"\n}\n";
    insta::assert_snapshot!(shown(text, Dialect::default()), @r#"
    error[duplicate-key]: the key `ami_name` stands twice in one object
     --> t.json:4:3
      |
    4 |   "ami_name": "y"
      |   ^^^^^^^^^^ again here
     --> t.json:2:3
      |
    2 |   "ami_name": "x",
      |   ^^^^^^^^^^ first here
    help: keep one of them
    "#);
}

#[test]
fn an_unclosed_object_reads_like_this() {
    insta::assert_snapshot!(shown("{\n  \"builders\": [\n    {\"type\": \"null\"}\n", Dialect::default()), @r#"
    error[json-syntax]: unclosed list
     --> t.json:2:15
      |
    2 |   "builders": [
      |               ^ opened here, never closed
    help: add the missing `]`
    "#);
}

/// What is no template is refused before it costs anything.
#[test]
fn huge_and_deep_texts_are_refused() {
    let refused = |text: &str| {
        let source = Sources::default().add("t", "");
        let (tree, findings) = parse(source, text, Dialect::default());
        assert!(tree.is_none());
        findings.first().map(|finding| finding.message.clone()).unwrap()
    };
    assert_eq!(refused(&" ".repeat(MAX_BYTES + (1 << 20))), "the file has 33 MiB; at most 32 MiB are read");
    for bomb in ["[", "{\"a\":", "[[],", "{\"a\":[1,"] {
        assert_eq!(refused(&bomb.repeat(1 << 20)[..1 << 20]), "nested too deep", "{bomb}");
    }
}

/// One object with very many keys, half of them twice.
#[test]
fn many_keys_take_linear_time() {
    let keys: Vec<_> = (0..60_000).map(|number| format!("\"k{}\":1", number % 30_000)).collect();
    let text = format!("{{{}}}", keys.join(","));
    let source = Sources::default().add("t", text.as_str());
    let (tree, findings) = parse(source, &text, Dialect::default());
    let Value::Object(members) = tree.unwrap().value else { panic!("no object") };
    assert_eq!((members.len(), findings.len()), (30_000, 30_000));
}
