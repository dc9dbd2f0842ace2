//! Generated templates, laid out at random with comments and trailing commas: the migration says what `fix` says, and changes nothing
//! the second time.

use amibake_template::fix;
use amibake_template::json::{Dialect, parse};
use amibake_template::migrate::{Wishes, migrate};
use amibake_template::registry::Registry;
use amibake_template::source::Sources;
use serde_json::Value as Json;

use crate::generate::{Random, template};
use crate::{PLAIN, migrated};

const JSONC: Dialect = Dialect { jsonc: true };

#[test]
fn says_what_fix_says() {
    let mut wrong: Vec<String> = (0..2000).filter_map(says_something_else).collect();
    wrong.sort_by_key(String::len);
    assert!(wrong.is_empty(), "{} differ; the shortest:\n{}", wrong.len(), wrong[0]);
}

fn says_something_else(seed: u64) -> Option<String> {
    let mut random = Random::new(seed);
    let components = 1 + random.below(4);
    let template = template(&mut random, components, true);
    let text = laid_out(&template, &mut random);
    let fixed = fixed(&text)?;
    // No component is known: nothing but fixing is done.
    let mut sources = Sources::default();
    let source = sources.add("t.jsonc", text.as_str());
    let result = migrate(&mut sources, source, &Registry::default(), PLAIN);
    (result.as_ref().map(|once| read(once)) != Ok(fixed)).then(|| format!("seed {seed}: {result:?}\n{text}"))
}

#[test]
fn a_second_time_changes_nothing() {
    for seed in 0..1000 {
        let mut random = Random::new(seed);
        let template = template(&mut random, 6, false);
        let text = laid_out(&template, &mut random);
        let wishes = Wishes { native: seed % 2 == 0, schema: (seed % 3 == 0).then_some("./s.json"), ..PLAIN };
        let Ok(once) = migrated(&text, wishes) else { continue };
        assert_eq!(migrated(&once, wishes).as_ref(), Ok(&once), "seed {seed}:\n{text}");
    }
}

/// A template without old keys and with every value in its type comes back byte for byte.
#[test]
fn a_good_template_is_left_alone() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let template = serde_json::json!({
            "variables": {"a": "22"},
            "builders": [{"type": "amazon-ebs", "ami_name": "{{timestamp}}", "tags": {"Name": "22"}}, {"type": "null", "ssh_port": 22}],
            "provisioners": [{"type": "shell", "inline": ["a", "b"]}],
        });
        let text = laid_out(&template, &mut random);
        assert_eq!(migrated(&text, PLAIN).as_ref(), Ok(&text), "seed {seed}");
    }
}

fn read(text: &str) -> Json {
    let mut sources = Sources::default();
    let source = sources.add("t", text);
    let (tree, findings) = parse(source, text, JSONC);
    assert!(findings.is_empty(), "{text}: {findings:?}");
    fix::as_go_reads(&tree.unwrap())
}

fn fixed(text: &str) -> Option<Json> {
    let mut sources = Sources::default();
    let source = sources.add("t", text);
    fix::read(source, text, JSONC).and_then(|root| fix::fix(&root)).ok()
}

/// A JSON text with white space, comments and trailing commas where they may stand.
fn laid_out(value: &Json, random: &mut Random) -> String {
    let mut out = String::new();
    write(value, random, &mut out);
    out + trivia(random)
}

fn write(value: &Json, random: &mut Random, out: &mut String) {
    let brackets = match value {
        Json::Object(_) => ('{', '}'),
        Json::Array(_) => ('[', ']'),
        _ => return out.push_str(&value.to_string()),
    };
    out.push(brackets.0);
    let empty = serde_json::Map::new();
    let members = value.as_object().unwrap_or(&empty).iter().map(|(key, value)| (Some(key), value));
    let elements = value.as_array().into_iter().flatten().map(|value| (None, value));
    let all: Vec<_> = members.chain(elements).collect();
    for (index, (key, value)) in all.iter().enumerate() {
        out.push_str(trivia(random));
        if let Some(key) = key {
            out.push_str(&Json::from(key.as_str()).to_string());
            out.push_str(trivia(random));
            out.push(':');
            out.push_str(trivia(random));
        }
        write(value, random, out);
        out.push_str(trivia(random));
        if index + 1 < all.len() || random.below(4) == 0 {
            out.push(',');
        }
    }
    out.push_str(trivia(random));
    out.push(brackets.1);
}

fn trivia(random: &mut Random) -> &'static str {
    ["", "", " ", "\n  ", "\n\t\t", "\r\n", " // one, \"two\"\n", "/* { , */", "\n/* a\n b */ ", "  "][random.below(10)]
}
