//! Two plans compared: the same, or the place where they part.

use amibake_template::document;
use amibake_template::json::{Dialect, parse};
use amibake_template::lang::Host;
use amibake_template::migrate::differences;
use amibake_template::plan::{Plan, Selection, plan};
use amibake_template::source::Sources;

use crate::parts::{Exist, registry};

fn planned(sources: &mut Sources, text: &str) -> Plan {
    let source = sources.add("t.json", text);
    let (tree, findings) = parse(source, text, Dialect::default());
    assert!(findings.is_empty(), "{findings:?}");
    let (document, _) = document::read(tree.unwrap());
    let (plan, findings) = plan(&document.unwrap(), &registry(), &[], &Selection::default(), &Host::default(), &Exist(&[]));
    plan.unwrap_or_else(|| panic!("{findings:?}"))
}

#[track_caller]
fn check(before: &str, after: &str, expected: &[&str]) {
    let mut sources = Sources::default();
    let (old, new) = (planned(&mut sources, before), planned(&mut sources, after));
    let found = differences(&old, &new).into_iter().map(|finding| {
        let place = sources.place(finding.labels[0].span);
        format!("{}:{}: {}", place.line, place.column, finding.message)
    });
    assert_eq!(found.collect::<Vec<_>>(), expected, "{before}\n{after}");
}

const NULL: &str = r#"{"type": "null", "ssh_host": "h", "ssh_username": "u""#;

#[test]
fn spelling_types_and_order_make_no_difference() {
    check(
        &format!(r#"{{"builders": [{NULL}, "ssh_port": "22", "ssh_ciphers": "a,b"}}]}}"#),
        &format!(r#"{{"builders": [{NULL}, "ssh_ciphers": ["a", "b"], "ssh_port": 22}}]}}"#),
        &[],
    );
    check(
        r#"{"builders": [{"type": "amazon-ebs", "ami_name": "abc", "tags": {"a": "{{ .SourceAMI }} {{timestamp}}"}}]}"#,
        r#"{"builders": [{"type": "amazon-ebs", "ami_name": "abc", "tags": {"a": "{{ .SourceAMI }} <<timestamp>>"}}]}"#,
        &[],
    );
}

#[test]
fn other_values_are_named_where_they_stand() {
    check(
        &format!(r#"{{"builders": [{NULL}, "ssh_port": 22}}]}}"#),
        &format!(r#"{{"builders": [{NULL}, "ssh_port": 23}}]}}"#),
        &["1:82: `ssh_port` would not mean the same after the migration"],
    );
    check(
        r#"{"builders": [{"type": "amazon-ebs", "ami_name": "abc", "tags": {"a": "{{ .SourceAMI }}"}}]}"#,
        r#"{"builders": [{"type": "amazon-ebs", "ami_name": "abc", "tags": {"a": "{{ .SourceAMI }}!"}}]}"#,
        &["1:71: `tags.a` would not mean the same after the migration"],
    );
    check(
        &format!(r#"{{"builders": [{NULL}}}], "provisioners": [{{"type": "shell", "max_retries": 1}}]}}"#),
        &format!(r#"{{"builders": [{NULL}}}], "provisioners": [{{"type": "shell", "max_retries": 2}}]}}"#),
        &["1:89: `pause_before`, `max_retries` or `timeout` would not mean the same after the migration"],
    );
    check(
        &format!(r#"{{"builders": [{NULL}}}], "provisioners": [{{"type": "shell"}}]}}"#),
        &format!(r#"{{"builders": [{NULL}}}]}}"#),
        &["1:15: the provisioners would not mean the same after the migration"],
    );
    check(
        &format!(r#"{{"builders": [{NULL}}}]}}"#),
        &format!(r#"{{"builders": [{NULL}, "name": "n"}}]}}"#),
        &["1:78: the build's name would not mean the same after the migration"],
    );
}
