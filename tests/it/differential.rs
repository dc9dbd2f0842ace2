//! Generated texts and templates, to Packer 1.6.6 and to us: what it takes, refuses and renders, we must as well, but for what
//! docs/compatibility.md lists.
//!
//! `AMIBAKE_SEED` repeats a run; `AMIBAKE_CASES` makes a longer one.

mod console;
mod expressions;
mod random;

use std::collections::BTreeMap;

use amibake_template::lang::{Context, Host, LangError, Scope, render_until_stable};
use serde_json::Value;

use crate::program::Sandbox;
use console::{Answer, ask};
use expressions::{Expressions, Lines, USER};
use random::Random;

/// Texts that go to the console in a run.
const CASES: usize = 3_000;

#[test]
#[expect(clippy::print_stderr, reason = "the seed has to be known to repeat a run")]
fn texts_are_taken_and_rendered_as_by_packer() {
    let seed = seed();
    eprintln!("AMIBAKE_SEED={seed}");
    let mut random = Random::new(seed);
    let sandbox = Sandbox::new();
    let texts: Vec<String> = (0..number("AMIBAKE_CASES").map_or(CASES, |n| n as usize))
        .map(|_| Expressions::new(&mut random, Lines::Single).text())
        .filter(|text| is_asked(text))
        .collect();
    let (timestamp, answers) = ask(&sandbox.work(), &texts);
    let world = World::new(&sandbox, timestamp.parse().unwrap());
    let mut differences = Vec::new();
    let mut accepted = 0;
    let mut worded = 0;
    for (text, theirs) in texts.iter().zip(&answers) {
        let ours = world.render(text);
        accepted += usize::from(theirs.is_ok());
        let same = match (theirs, &ours) {
            (Ok(theirs), Ok(ours)) => theirs == ours,
            (Err(theirs), Err(error)) => {
                if *theirs != error.packer_message(text).split_whitespace().collect::<Vec<_>>().join(" ") {
                    worded += 1;
                    if std::env::var("AMIBAKE_WORDS").is_ok() {
                        eprintln!("WORDS {text}\n   {theirs}\n   {}", error.packer_message(text));
                    }
                }
                true
            }
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
        };
        if !same && !is_listed(theirs, &ours) {
            differences.push(format!("{text}\n    packer: {theirs:?}\n    ours:   {:?}", ours.map_err(|e| e.reason)));
        }
    }
    eprintln!("{} texts, {accepted} accepted, {} differences, {worded} refusals in other words", texts.len(), differences.len());
    assert!(differences.is_empty(), "seed {seed}:\n{}", differences.join("\n"));
}

/// Words of the console itself, and what no two runs answer alike.
fn is_asked(text: &str) -> bool {
    !matches!(text, "" | "exit" | "help" | "variables")
}

/// What docs/compatibility.md lists.
fn is_listed(theirs: &Answer, ours: &Result<String, LangError>) -> bool {
    match (theirs, ours) {
        // Text that is no UTF-8 does not exist here.
        (Ok(_), Err(error)) => error.reason.contains("cuts a character in two"),
        // A byte of a text is an int, to those who ask for its type.
        (Ok(theirs), Ok(ours)) => theirs.to_lowercase().replace("uint8", "int") == ours.to_lowercase(),
        (Err(_), _) => false,
    }
}

struct World {
    host: Host,
    user: BTreeMap<String, String>,
}

impl World {
    fn new(sandbox: &Sandbox, seconds: i128) -> Self {
        let work = sandbox.work().to_str().unwrap().to_owned();
        let host = Host {
            cwd: work.clone(),
            template_dir: work,
            started_unix_nanos: seconds * 1_000_000_000,
            packer_version: "1.6.6".into(),
            ..Host::default()
        };
        Self { host, user: USER.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect() }
    }

    fn render(&self, text: &str) -> Result<String, LangError> {
        let cx = Context {
            host: &self.host,
            scope: Scope::Core,
            user: &self.user,
            build: None,
            data: &Value::Null,
            strict_data: false,
            build_data: None,
        };
        render_until_stable(text, &cx)
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|value| value.parse().ok())
}

fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    number("AMIBAKE_SEED").unwrap_or(u64::from(now.subsec_nanos()))
}
