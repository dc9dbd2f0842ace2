//! Which documents are templates: `documents.txt`, recorded from Packer 1.6.6.

use crate::program::Sandbox;
use crate::real::RealPacker;

const DOCUMENTS: &str = include_str!("documents.txt");

/// Words of the list that stand for what many of its templates hold.
const WORDS: [(&str, &str); 3] = [
    ("NULL", r#""type":"null","communicator":"none""#),
    ("ECHO", r#""type":"shell-local","inline":["echo hi"]"#),
    ("MANIFEST", r#""type":"manifest","output":"m.json""#),
];

/// Line number, Packer's verdict, ours, template.
fn documents() -> impl Iterator<Item = (usize, bool, bool, String)> {
    let lines = DOCUMENTS.split('\n').enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(number, line)| {
        let (packer, rest) = line.split_once(' ').unwrap();
        let (ours, template) = rest.split_once(' ').unwrap();
        assert!([packer, ours].iter().all(|sign| matches!(*sign, "+" | "-")), "line {}: two signs and a template", number + 1);
        let template = WORDS.iter().fold(template.to_owned(), |text, (word, meaning)| text.replace(word, meaning));
        (number + 1, packer == "+", ours == "+", template)
    })
}

#[test]
fn documents_are_taken_as_packer_takes_them() {
    let sandbox = Sandbox::new();
    let mut failures = Vec::new();
    for (line, _, taken, template) in documents() {
        let ran = sandbox.file("t.json", &template).run(&["validate", "t.json"], "");
        if (ran.exit == 0) != taken {
            failures.push(format!("documents.txt:{line}: exit {}\n{template}\n{}", ran.exit, ran.stdout));
        }
        // An answer with a place, or none: `unexpected character` for a file that is not there is no answer.
        if ran.exit != 0 && !ran.stdout.contains("--> t.json:") {
            failures.push(format!("documents.txt:{line}: no place\n{}", ran.stdout));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn packer_takes_what_the_list_says() {
    let Some(packer) = RealPacker::find("documents.txt against Packer") else { return };
    let sandbox = Sandbox::new();
    let mut failures = Vec::new();
    for (line, taken, _, template) in documents() {
        sandbox.file("t.json", &template);
        let ran = packer.run(&["validate", "t.json"], &sandbox.work(), "");
        if (ran.exit == 0) != taken {
            failures.push(format!("documents.txt:{line}: exit {}\n{template}\n{}", ran.exit, ran.stdout));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
