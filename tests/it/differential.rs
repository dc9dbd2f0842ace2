//! Generated texts and templates, to Packer 1.6.6 and to us: what it takes, refuses and renders, we must as well, but for what
//! docs/compatibility.md lists.
//!
//! `AMIBAKE_SEED` repeats a run; `AMIBAKE_CASES` makes a longer one.

mod console;
mod document;
mod expressions;
mod random;
mod shell;

use std::collections::BTreeMap;

use amibake_template::lang::{Context, Host, LangError, Scope, Template, render_until_stable};
use serde_json::Value;

use crate::program::{Sandbox, setting};
pub use console::packer;
use console::{Answer, ask};
use document::document;
use expressions::{Expressions, Lines, USER};
use random::Random;

/// Texts that go to the console in a run.
const CASES: usize = 3_000;

#[test]
#[expect(clippy::print_stderr, reason = "the seed has to be known to repeat a run")]
fn texts_are_taken_and_rendered_as_by_packer() {
    let Some((seed, mut random)) = begin() else { return };
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
                worded += usize::from(*theirs != error.packer_message(text).split_whitespace().collect::<Vec<_>>().join(" "));
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
        (Ok(theirs), Ok(ours)) => type_of_a_byte(theirs) == type_of_a_byte(ours),
        // Newer Packers do.
        (Err(reason), Ok(_)) => reason.contains("range can't iterate over"),
        (Err(_), Err(_)) => false,
    }
}

/// A byte of a text is an int, to those who ask for its type.
fn type_of_a_byte(text: &str) -> String {
    text.to_lowercase().replace("uint8", "int")
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
        render_until_stable(text, &self.context(Scope::Core))
    }

    fn once(&self, text: &str, scope: Scope, data: &Value) -> Result<String, LangError> {
        Template::compile(text)?.render(&Context { data, ..self.context(scope) })
    }

    fn context(&self, scope: Scope) -> Context<'_> {
        let build = matches!(scope, Scope::Component { .. }).then_some(("file", "file"));
        Context { host: &self.host, scope, user: &self.user, build, data: &Value::Null, strict_data: false, build_data: None }
    }
}

/// Whether Packer is there; says so where it is not.
#[expect(clippy::print_stderr, reason = "a test that does nothing has to say so")]
pub fn has_packer() -> bool {
    let found = std::process::Command::new("packer").arg("version").env("CHECKPOINT_DISABLE", "1").output();
    let version = found.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    if version.contains("1.6.6") {
        return true;
    }
    assert!(setting("AMIBAKE_PACKER").as_deref() != Some("require"), "Packer 1.6.6 is not installed");
    eprintln!("NOT TESTED: no Packer 1.6.6 on the path to compare with");
    false
}

fn number(name: &str) -> Option<u64> {
    setting(name)?.parse().ok()
}

/// The seed of a run and what it gives; None, said aloud, where Packer is not there to compare with.
#[expect(clippy::print_stderr, reason = "the seed has to be known to repeat a run")]
fn begin() -> Option<(u64, Random)> {
    // The same one unless asked otherwise: what passes here passes elsewhere. Another one finds more.
    let seed = number("AMIBAKE_SEED").unwrap_or(20_261_124);
    has_packer().then(|| {
        eprintln!("AMIBAKE_SEED={seed}");
        (seed, Random::new(seed))
    })
}

/// Whole templates in a run: each starts Packer once.
const DOCUMENTS: usize = 40;

#[test]
fn templates_are_taken_and_refused_as_by_packer() {
    let Some((seed, mut random)) = begin() else { return };
    let count = number("AMIBAKE_DOCUMENTS").map_or(DOCUMENTS, |count| usize::try_from(count).unwrap());
    let texts: Vec<String> = (0..count).map(|_| document(&mut random)).collect();
    let (left, right) = texts.split_at(texts.len() / 2);
    let differences: Vec<String> = std::thread::scope(|scope| {
        let workers = [left, right].map(|texts| scope.spawn(|| texts.iter().filter_map(|text| verdicts_differ(text)).collect::<Vec<_>>()));
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(differences.is_empty(), "seed {seed}, {} of {count}:\n{}", differences.len(), differences.join("\n"));
}

fn verdicts_differ(text: &str) -> Option<String> {
    let sandbox = Sandbox::new();
    sandbox.file("t.json", text);
    let theirs = packer(&sandbox.work()).args(["validate", "t.json"]).output().unwrap();
    let ours = sandbox.run(&["validate", "t.json"], "");
    let words = String::from_utf8_lossy(&theirs.stdout);
    if theirs.status.success() == (ours.exit == 0) || verdict_is_listed(&ours.stdout) {
        return None;
    }
    Some(format!("{text}\n    packer: {}{words}\n    ours:   {}{}", theirs.status, ours.stdout, ours.stderr))
}

/// What docs/compatibility.md lists.
fn verdict_is_listed(ours: &str) -> bool {
    let errors = |code: &str| ours.matches(&format!("error[{code}")).count();
    errors("") > 0 && errors("") == errors("undeclared-variable]") + errors("duplicate-name]")
}

/// Texts of several lines in a run: half in a component, half as variables.
const MANY_LINES: usize = 1_600;

#[test]
#[expect(clippy::print_stderr, reason = "the seed has to be known to repeat a run")]
fn builds_write_what_packer_writes() {
    let Some((seed, mut random)) = begin() else { return };
    let sandbox = Sandbox::new();
    let world = World::new(&sandbox, 0);
    let mut variables: BTreeMap<String, String> = USER.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut data = BTreeMap::new();
    let mut refused = Vec::new();
    let late = serde_json::json!({"ID": "x", "Host": "x"});
    for at in 0..MANY_LINES {
        let text = Expressions::new(&mut random, Lines::Many).text();
        if !is_comparable(&text) {
            continue;
        }
        // A result that is template text is rendered again, elsewhere.
        let taken = |scope, data: &Value| world.once(&text, scope, data).map(|result| !result.contains("{{"));
        let component = Scope::Component { amazon: false };
        if at % 2 == 0 {
            if taken(component, &late) == Ok(true) {
                data.insert(format!("k{at}"), text);
            } else if taken(component, &Value::Null).is_err() {
                refused.push(text);
            }
        } else if taken(Scope::Variables, &Value::Null) == Ok(true) {
            data.insert(format!("v{at}"), format!("{{{{user `v{at}`}}}}"));
            variables.insert(format!("v{at}"), text);
        }
    }
    eprintln!("{} taken, {} refused", data.len(), refused.len());
    let template = serde_json::json!({
        "variables": variables,
        "builders": [{"type": "file", "target": "out", "content": "x"}],
        "post-processors": [{"type": "manifest", "output": "m.json", "custom_data": data}],
    });
    sandbox.file("t.json", &template.to_string());
    let theirs = packer(&sandbox.work()).args(["build", "t.json"]).output().unwrap();
    let theirs = (String::from_utf8_lossy(&theirs.stdout).into_owned(), manifest(&sandbox));
    let ours = sandbox.run(&["build", "t.json"], "");
    let ours = (ours.stdout, manifest(&sandbox));
    for (key, text) in &data {
        if theirs.1.get(key) != ours.1.get(key) {
            eprintln!("{key} {:?}\n   {:?}\n   {:?}", variables.get(key).unwrap_or(text), theirs.1.get(key), ours.1.get(key));
        }
    }
    refused.truncate(30);
    let taken = taken_by_packer(&sandbox, &refused);
    assert!(taken.is_empty(), "seed {seed}: refused here only:\n{}", taken.join("\n"));
    // Listed: `range` over a number, which newer Packers have.
    let listed = theirs.0.contains("range can't iterate over");
    let typed = |data: &BTreeMap<String, String>| data.iter().map(|(key, text)| (key.clone(), type_of_a_byte(text))).collect::<Vec<_>>();
    assert!(listed || typed(&theirs.1) == typed(&ours.1) && !ours.1.is_empty(), "seed {seed}\n{}\n{}", theirs.0, ours.0);
}

/// Whether two runs of two programs answer alike: they begin at different times, and what is listed in docs/compatibility.md is
/// known.
fn is_comparable(text: &str) -> bool {
    let unknown = |template: &Template| template.user_references().iter().any(|user| !USER.iter().any(|(name, _)| *name == user.name));
    !text.contains("time") && !Template::compile(text).is_ok_and(|template| unknown(&template))
}

/// Those of the texts that Packer takes in a builder: every builder is examined, also where another is wrong.
fn taken_by_packer<'t>(sandbox: &Sandbox, texts: &'t [String]) -> Vec<&'t str> {
    let user: BTreeMap<&str, &str> = USER.into_iter().collect();
    let builder =
        |(at, text): (usize, &String)| serde_json::json!({"type": "file", "name": format!("b{at}"), "target": "out", "content": text});
    let builders: Vec<Value> = texts.iter().enumerate().map(builder).collect();
    sandbox.file("refused.json", &serde_json::json!({"variables": user, "builders": builders}).to_string());
    let output = packer(&sandbox.work()).args(["validate", "refused.json"]).output().unwrap();
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    texts.iter().enumerate().filter(|(at, _)| !words.contains(&format!("\"b{at}\""))).map(|(_, text)| text.as_str()).collect()
}

fn manifest(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let Ok(text) = std::fs::read_to_string(sandbox.work().join("m.json")) else { return BTreeMap::new() };
    std::fs::remove_file(sandbox.work().join("m.json")).unwrap();
    let manifest: Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(manifest["builds"][0]["custom_data"].clone()).unwrap()
}

/// Shell texts in a run: half in a component, half as variables.
const SCRIPTS: usize = 1_000;

#[test]
fn shell_text_goes_through_byte_for_byte() {
    let Some((seed, mut random)) = begin() else { return };
    let sandbox = Sandbox::new();
    let texts: Vec<String> = (0..SCRIPTS).map(|_| shell::script(&mut random)).collect();
    let mut variables = BTreeMap::new();
    let data: BTreeMap<String, String> = texts
        .iter()
        .enumerate()
        .map(|(at, text)| {
            if at % 2 == 0 {
                return (format!("k{at}"), text.clone());
            }
            variables.insert(format!("v{at}"), text.clone());
            (format!("k{at}"), format!("{{{{user `v{at}`}}}}"))
        })
        .collect();
    let template = serde_json::json!({
        "variables": variables,
        "builders": [{"type": "file", "target": "out", "content": texts.concat()}],
        "post-processors": [{"type": "manifest", "output": "m.json", "custom_data": data}],
    });
    sandbox.file("t.json", &template.to_string());
    let file = || std::fs::read_to_string(sandbox.work().join("out")).unwrap();
    let ours = sandbox.run(&["build", "t.json"], "");
    assert_eq!(ours.exit, 0, "seed {seed}: {}", ours.stdout);
    let ours = (file(), manifest(&sandbox));
    assert!(packer(&sandbox.work()).args(["build", "t.json"]).output().unwrap().status.success());
    let theirs = (file(), manifest(&sandbox));
    for (at, text) in texts.iter().enumerate() {
        let key = format!("k{at}");
        assert_eq!((ours.1.get(&key), theirs.1.get(&key)), (Some(text), Some(text)), "seed {seed}");
    }
    assert!(ours.0 == texts.concat() && theirs.0 == ours.0, "seed {seed}");
}
