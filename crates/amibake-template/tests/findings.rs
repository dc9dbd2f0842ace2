//! Findings as people read them: the whole text, with the caret where it belongs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failing test may panic")]

use amibake_template::finding::{Finding, render_human, render_human_masked};
use amibake_template::source::{Sources, Span};

struct Case {
    sources: Sources,
    findings: Vec<Finding>,
}

impl Case {
    /// A finding about the first `at` in the text.
    fn new(text: &str, at: &str, label: &str) -> Self {
        let mut sources = Sources::default();
        let id = sources.add("packer-template.json", text);
        let start = text.find(at).unwrap();
        let finding = Finding::error("some-code", "this is wrong", Span::new(id, start, start + at.len())).with_label(label);
        Self { sources, findings: vec![finding] }
    }

    fn shown(&self) -> String {
        render_human(&self.findings, &self.sources, false)
    }
}

#[test]
fn two_labels_in_two_files() {
    let mut sources = Sources::default();
    let template = format!("{}      \"ssh_timeout\": \"{{{{user `wait`}}}}\",\n", "\n".repeat(13));
    let id = sources.add("packer-template.json", template.clone());
    let vars = "{\n\n  \"wait\": \"300\"\n}\n";
    let other = sources.add("packer-vars.json", vars);
    let (value, given) = (template.find("\"{{").unwrap(), vars.find("\"300\"").unwrap());
    let finding = Finding::error("duration-unit", "`ssh_timeout` needs a unit", Span::new(id, value, value + 17))
        .with_label("rendered to `300`")
        .also(Span::new(other, given, given + 5), "this value")
        .with_help("write \"300s\" or \"5m\"");
    insta::assert_snapshot!(render_human(&[finding], &sources, false), @r#"
    error[duration-unit]: `ssh_timeout` needs a unit
      --> packer-template.json:14:22
       |
    14 |       "ssh_timeout": "{{user `wait`}}",
       |                      ^^^^^^^^^^^^^^^^^ rendered to `300`
      --> packer-vars.json:3:11
       |
     3 |   "wait": "300"
       |           ^^^^^ this value
    help: write "300s" or "5m"
    "#);
}

#[test]
fn findings_are_apart_by_an_empty_line() {
    let mut case = Case::new("{\"a\": 1}", "1", "");
    let warning = Finding::warning("other-code", "not nice", case.findings[0].labels[0].span);
    case.findings.push(warning);
    insta::assert_snapshot!(case.shown(), @r#"
    error[some-code]: this is wrong
     --> packer-template.json:1:7
      |
    1 | {"a": 1}
      |       ^

    warning[other-code]: not nice
     --> packer-template.json:1:7
      |
    1 | {"a": 1}
      |       ^
    "#);
}

#[test]
fn tabs_and_wide_characters_keep_the_caret_aligned() {
    insta::assert_snapshot!(Case::new("\t\"名前\": \"x\"", "\"x\"", "here").shown(), @r#"
    error[some-code]: this is wrong
     --> packer-template.json:1:8
      |
    1 |     "名前": "x"
      |             ^^^ here
    "#);
}

#[test]
fn a_long_line_is_cut_around_the_span() {
    let text = format!("{{\"a\": \"{}\", \"b\": \"{}\"}}", "x".repeat(200), "y".repeat(200));
    insta::assert_snapshot!(Case::new(&text, "\"b\"", "this key").shown(), @r#"
    error[some-code]: this is wrong
     --> packer-template.json:1:211
      |
    1 | ...xxxxxxxxxxxxxxxxxxxxxxxxxxx", "b": "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...
      |                                  ^^^ this key
    "#);
}

#[test]
fn a_span_over_several_lines_is_marked_on_its_first() {
    insta::assert_snapshot!(Case::new("{\r\n  \"a\": [\r\n    1\r\n  ]\r\n}", "[\r\n    1\r\n  ]", "").shown(), @r#"
    error[some-code]: this is wrong
     --> packer-template.json:2:8
      |
    2 |   "a": [
      |        ^
    "#);
}

#[test]
fn the_end_of_the_file_can_be_marked() {
    let mut sources = Sources::default();
    let id = sources.add("t.json", "{");
    let finding = Finding::error("some-code", "this is wrong", Span::new(id, 1, 1));
    insta::assert_snapshot!(render_human(&[finding], &sources, false), @r"
    error[some-code]: this is wrong
     --> t.json:1:2
      |
    1 | {
      |  ^
    ");
}

#[test]
fn secrets_are_masked_in_lines_and_messages() {
    let mut case = Case::new("{\"password\": \"hunter2\", \"x\": 1}", "1", "after hunter2");
    case.findings[0].message = "hunter2 is no number".into();
    insta::assert_snapshot!(render_human_masked(&case.findings, &case.sources, false, &["hunter2", ""]), @r#"
    error[some-code]: <sensitive> is no number
     --> packer-template.json:1:30
      |
    1 | {"password": "<sensitive>", "x": 1}
      |                                  ^ after <sensitive>
    "#);
}

#[test]
fn a_secret_that_crosses_the_span_is_masked_too() {
    let case = Case::new("{\"a\": \"hunter2\"}", "ter2\"", "");
    insta::assert_snapshot!(render_human_masked(&case.findings, &case.sources, false, &["hunter2"]), @r#"
    error[some-code]: this is wrong
     --> packer-template.json:1:11
      |
    1 | {"a": "<sensitive>"}
      |                   ^
    "#);
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    insta::assert_snapshot!(Case::new("\"\u{1b}[31m\u{202e}x\"", "x", "").shown(), @r#"
    error[some-code]: this is wrong
     --> packer-template.json:1:8
      |
    1 | "�[31m�x"
      |        ^
    "#);
}

#[test]
fn colours_are_rustcs() {
    let case = Case::new("{\"a\": 1}", "1", "here");
    let shown = render_human(&case.findings, &case.sources, true);
    insta::assert_snapshot!(shown.replace('\u{1b}', "ESC"), @r#"
    ESC[1;31merror[some-code]ESC[0mESC[1m: this is wrongESC[0m
     ESC[1;34m-->ESC[0m packer-template.json:1:7
      ESC[1;34m|ESC[0m
    ESC[1;34m1ESC[0m ESC[1;34m|ESC[0m {"a": 1}
      ESC[1;34m|ESC[0m       ESC[1;31m^ hereESC[0m
    "#);
}

#[test]
fn a_line_of_a_mebibyte_is_shown_near_its_span() {
    let long = "é".repeat(1 << 19);
    for (text, at) in [(format!("{long}here{long}"), "here"), (format!("here{long}"), "here"), (format!("{long}here"), "here"), (long, "é")]
    {
        let shown = Case::new(&text, at, "").shown();
        assert!(shown.lines().all(|line| line.chars().count() < 140), "{shown}");
        assert!(shown.contains("^"), "{shown}");
    }
    let shown = Case::new(&"x".repeat(1 << 20), &"x".repeat(1 << 20), "").shown();
    assert!(shown.lines().all(|line| line.len() < 140), "{shown}");
}

/// Where a long line is cut, nothing of a secret stays that no search finds any more.
#[test]
fn a_secret_at_the_cut_is_hidden_as_a_whole() {
    let secret = format!("begin{}end", "s3cret".repeat(20));
    for shift in 0..160 {
        for text in [format!("{secret}{}here", "-".repeat(shift)), format!("here{}{secret}", "-".repeat(shift))] {
            let mut case = Case::new(&text, "here", "");
            case.findings[0].help = Some(format!("not {secret}"));
            let shown = render_human_masked(&case.findings, &case.sources, false, &["other", &secret]);
            assert!(!shown.contains("s3c") && !shown.contains("egin") && shown.contains("not <sensitive>"), "{shift}: {shown}");
        }
    }
}
