//! Which values a template has to fetch, and what becomes of the answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failing test may panic")]

use amibake_template::document::{self, Document};
use amibake_template::json::{Dialect, parse};
use amibake_template::lang::{Host, LookupKind, Question};
use amibake_template::source::Sources;
use amibake_template::variables::{evaluate, needed_lookups};

fn read(text: &str) -> (Sources, Document) {
    let mut sources = Sources::default();
    let source = sources.add("t.json", text);
    let document = document::read(parse(source, text, Dialect::default()).0.unwrap()).0.unwrap();
    (sources, document)
}

fn question(kind: LookupKind, arguments: &[&str]) -> Question {
    Question { kind, arguments: arguments.iter().map(|text| (*text).to_owned()).collect() }
}

#[test]
fn questions_name_their_variable_and_place() {
    let text =
        r#"{"builders": [], "variables": {"a": "x{{vault `p` `k`}}", "b": "{{consul_key \"c\"}}", "c": "{{user `a`}}", "d": "plain"}}"#;
    let (sources, document) = read(text);
    let found = needed_lookups(&document, &[], &Host::default());
    let found: Vec<_> = found
        .iter()
        .map(|lookup| {
            let call = &sources.text(lookup.span.source)[lookup.span.start as usize..lookup.span.end as usize];
            (lookup.variable.as_str(), lookup.question.clone(), call)
        })
        .collect();
    let expected = [
        ("a", question(LookupKind::Vault, &["p", "k"]), "vault `p` `k`"),
        ("b", question(LookupKind::ConsulKey, &["c"]), "consul_key \\\"c\\\""),
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_answer_can_lead_to_the_next_question() {
    let (_, document) = read(r#"{"variables": {"path": "{{consul_key `where`}}", "v": "{{vault (user `path`) `k` | upper}}"}}"#);
    let mut host = Host::default();
    let next = |host: &Host| needed_lookups(&document, &[], host).into_iter().map(|lookup| lookup.question).collect::<Vec<_>>();
    assert_eq!(next(&host), [question(LookupKind::ConsulKey, &["where"])]);
    host.answers.insert(question(LookupKind::ConsulKey, &["where"]), Ok("kv/app".to_owned()));
    assert_eq!(next(&host), [question(LookupKind::Vault, &["kv/app", "k"])]);
    host.answers.insert(question(LookupKind::Vault, &["kv/app", "k"]), Ok("secret".to_owned()));
    assert!(next(&host).is_empty());
    let (values, findings) = evaluate(&document, &[], &host);
    assert!(findings.is_empty());
    assert_eq!(values.values["v"], "SECRET");
    let hidden: Vec<&str> = values.sensitive.iter().map(|secret| secret.expose()).collect();
    assert_eq!(hidden, ["SECRET", "secret"], "what a keeper of secrets said, and what was made of it; not what Consul said");
    assert!(!format!("{host:?}").contains("secret\""), "{host:?}");
}

#[test]
fn a_refusal_is_a_finding_at_the_call() {
    let (sources, document) = read(r#"{"variables": {"v": "{{vault `p` `k`}}"}}"#);
    let mut host = Host::default();
    host.answers.insert(question(LookupKind::Vault, &["p", "k"]), Err("permission denied".to_owned()));
    assert!(needed_lookups(&document, &[], &host).is_empty());
    let (_, findings) = evaluate(&document, &[], &host);
    assert_eq!(findings[0].message, "the value of variable `v` cannot be rendered: error calling vault: permission denied");
    assert_eq!(sources.place(findings[0].labels[0].span).column, 24);
}
