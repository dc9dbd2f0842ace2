//! docs/mistakes.md, as it is: each section's template is checked by the command it shows, and all of the output compared.
//! `UPDATE=1` records the output anew: read it before you commit it.

use std::fmt::Write as _;

use regex::Regex;

use crate::program::{Sandbox, difference, repository, setting};

#[test]
fn typical_mistakes_are_explained() {
    let page = std::fs::read_to_string(repository("docs/mistakes.md")).unwrap();
    let sections: Vec<&str> = page.split("\n## ").skip(1).collect();
    assert!(sections.len() >= 20, "only {} mistakes", sections.len());
    let mut found = page.split("\n## ").next().unwrap().to_owned();
    for section in sections {
        let _ = write!(found, "\n## {}", recorded(section));
    }
    if setting("UPDATE").is_some() {
        std::fs::write(repository("docs/mistakes.md"), &found).unwrap();
    } else {
        assert!(found == page, "docs/mistakes.md is out of date\n{}", first_difference(&page, &found));
    }
}

/// A section with the output that its command has now.
fn recorded(section: &str) -> String {
    let files: Vec<String> = blocks(section, "json");
    let shown = blocks(section, "text").remove(0);
    let command = shown.lines().next().unwrap();
    let sandbox = Sandbox::new();
    sandbox.file("install.sh", "true\n");
    for (name, text) in ["template.json", "vars.json"].iter().zip(&files) {
        sandbox.file(name, text);
    }
    let args: Vec<&str> = command.strip_prefix("$ amibake ").unwrap().split(' ').collect();
    let ran = sandbox.run(&args, "");
    assert_eq!(ran.exit, 1, "this is no mistake:\n{section}{}", ran.stdout);
    section.replace(&shown, &format!("{command}\n{}", sandbox.normalise(&ran.stdout)))
}

/// The fenced blocks of a language.
fn blocks(section: &str, language: &str) -> Vec<String> {
    let fence = Regex::new(&format!("(?s)```{language}\n(.*?)```")).unwrap();
    fence.captures_iter(section).map(|block| block[1].to_owned()).collect()
}

fn first_difference(page: &str, found: &str) -> String {
    let (expected, found): (Vec<_>, Vec<_>) = (page.split("\n## ").collect(), found.split("\n## ").collect());
    let at = expected.iter().zip(&found).position(|(expected, found)| expected != found).unwrap_or_default();
    difference(expected[at], found[at])
}
