//! Large and hostile texts: each of these took minutes, or all memory, where something grew faster than the text. Nothing is timed here;
//! a test that does not end is one that fails. Figures: `benches/large.rs`.

use amibake_template::finding::Finding;
use amibake_template::plan::Selection;
use serde_json::{Map, Value, json};

use crate::run::{Outcome, Run};

fn nothing(name: usize) -> Value {
    json!({"type": "null", "name": format!("b{name}"), "communicator": "none"})
}

fn run(template: &Value) -> Outcome {
    Run::of(&template.to_string()).go()
}

fn with_variables(variables: Map<String, Value>) -> Outcome {
    run(&json!({"variables": variables, "builders": [nothing(0)]}))
}

fn codes(outcome: &Outcome) -> Vec<&str> {
    let mut codes: Vec<&str> = outcome.findings.iter().map(|finding| finding.code).collect();
    codes.dedup();
    codes
}

fn helped(findings: &[Finding], words: &str) -> usize {
    findings.iter().filter(|finding| finding.help.as_ref().is_some_and(|help| help.contains(words))).count()
}

#[test]
fn every_unknown_key_is_found_and_the_first_ones_are_looked_up() {
    let mut builder = nothing(0);
    for index in 0..5_000 {
        builder[format!("ssh_hos{index:04}")] = json!(1);
        builder[format!("SSH_USERNAME{}", "_".repeat(index % 3))] = json!("u");
    }
    let outcome = run(&json!({"builders": [builder]}));
    assert_eq!(codes(&outcome), ["unknown-key"]);
    assert!(outcome.findings.len() >= 5_000, "{}", outcome.findings.len());
    let mut root = json!({"builders": [nothing(0)]});
    (0..5_000).for_each(|index| root[format!("buildrs{index:04}")] = json!(1));
    root["buildres"] = json!([]);
    let outcome = run(&root);
    assert_eq!(outcome.findings.len(), 5_001);
}

#[test]
fn every_undeclared_variable_is_found() {
    let variables = (0..5_000).map(|index| (format!("v{index:04}"), json!(format!("{{{{user `w{index:04}`}}}}")))).collect();
    let outcome = with_variables(variables);
    assert_eq!((codes(&outcome), outcome.findings.len()), (vec!["undeclared-variable"], 5_000));
    assert_eq!(helped(&outcome.findings, "did you mean"), 100);
}

/// A chain whose names stand against the order of evaluation.
fn chain(length: usize) -> Map<String, Value> {
    let link = |at: usize| if at + 1 == length { "x".to_owned() } else { format!("{{{{user `v{:05}`}}}}", at + 1) };
    (0..length).map(|at| (format!("v{at:05}"), json!(link(at)))).collect()
}

#[test]
fn chains_are_followed_as_far_as_packer_does() {
    let outcome = with_variables(chain(100));
    assert_eq!(outcome.plan().variables.values["v00000"], "x");
    assert_eq!(codes(&with_variables(chain(102))), ["variable-depth"]);
    assert_eq!(with_variables(chain(5_000)).findings.len(), 1);
}

#[test]
fn a_circle_is_one_mistake_however_long() {
    let mut variables = chain(5_000);
    variables["v04999"] = json!("{{user `v00000`}}");
    let outcome = with_variables(variables);
    assert_eq!((codes(&outcome), outcome.findings.len()), (vec!["variable-cycle"], 1));
    assert!(outcome.findings[0].message.len() < 1_000, "{}", outcome.findings[0].message);
}

#[test]
fn a_value_is_rendered_again_where_the_one_it_uses_changed() {
    let outcome = Run::of(
        r#"{"variables": {"a": "<{{user `b`}}>", "b": "", "c": "{{user `a`}}"}, "builders": [{"type": "null", "communicator": "none"}]}"#,
    )
    .var("b", "({{user `d`}})")
    .var("d", "{{upper `e`}}")
    .go();
    assert_eq!(outcome.plan().variables.values["c"], "<(E)>");
}

#[test]
fn builds_times_provisioners_have_a_limit() {
    let builders: Vec<Value> = (0..2_000).map(nothing).collect();
    let provisioners: Vec<Value> = (0..2_000).map(|_| json!({"type": "shell", "inline": ["x"]})).collect();
    let template = json!({"builders": builders, "provisioners": provisioners}).to_string();
    let outcome = Run::of(&template).go();
    assert_eq!((codes(&outcome), outcome.findings.len()), (vec!["too-large"], 1));
    let mut one = Run::of(&template);
    one.selection = Selection { only: Some(vec!["b7".to_owned()]), ..Selection::default() };
    assert_eq!(one.go().plan().builds[0].provisioners.len(), 2_000);
}

#[test]
fn names_in_a_help_are_as_many_as_are_read() {
    let builders: Vec<Value> = (0..1_000).map(nothing).collect();
    let only: Vec<String> = (0..1_000).map(|index| format!("quite another {index}")).collect();
    let outcome = run(&json!({"builders": builders, "provisioners": [{"type": "shell", "inline": ["x"], "only": only}]}));
    assert_eq!(outcome.findings.len(), 1_000);
    assert_eq!(helped(&outcome.findings, "`b49` and 950 more"), 1_000);
}

#[test]
fn rendering_has_a_limit_for_all_texts_together() {
    let loops: Vec<Value> = (0..200).map(|_| json!({"type": "shell", "inline": ["{{range 50000}}{{end}}"]})).collect();
    let outcome = run(&json!({"builders": [nothing(0)], "provisioners": loops}));
    assert!(outcome.shown().contains("the text takes too much work to render"), "{}", outcome.shown());
    let mut variables: Map<String, Value> = [("big".to_owned(), json!("x".repeat(1 << 19)))].into_iter().collect();
    (0..500).for_each(|index| drop(variables.insert(format!("v{index}"), json!("{{user `big`}}"))));
    assert!(with_variables(variables).shown().contains("takes too much work to render"));
}

#[test]
fn secrets_stay_hidden_however_many_there_are() {
    let variables: Map<String, Value> = (0..2_000).map(|index| (format!("v{index:04}"), json!(format!("secret-{index:04}")))).collect();
    let names: Vec<&String> = variables.keys().collect();
    let retries: Vec<Value> =
        (0..500).map(|index| json!({"type": "shell", "inline": ["x"], "max_retries": format!("{{{{user `v{index:04}`}}}}")})).collect();
    let template = json!({"sensitive-variables": names, "variables": variables, "builders": [nothing(0)], "provisioners": retries});
    let outcome = run(&template);
    assert_eq!(outcome.findings.len(), 500);
    assert!(outcome.findings.iter().all(|finding| finding.message.contains("<sensitive>") && !finding.message.contains("secret-")));
}

/// Depth that would take the stack, length that would take the time.
#[test]
fn texts_of_nothing_but_marks_end() {
    let of = |piece: &str| piece.repeat(20_000);
    let texts = [
        of("{{"),
        of("{{."),
        of("{{.") + "\n}}",
        of("<<user "),
        of("{{user `"),
        format!("{{{{`a`{}}}}}", of("|upper")),
        format!("{{{{{}}}}}", of(".a")),
        format!("{{{{{}}}}}", of("(")),
        of("{{$x := 1}}"),
        (0..20_000).map(|index| format!("{{{{define \"T{index}\"}}}}{{{{end}}}}")).collect(),
        format!("{{{{if 0}}}}{}{{{{end}}}}", of("{{else if 0}}")),
    ];
    for text in texts {
        run(&json!({"variables": {"a": text}, "builders": [nothing(0)]}));
        run(&json!({"builders": [nothing(0)], "provisioners": [{"type": "shell", "inline": [text]}]}));
    }
}
