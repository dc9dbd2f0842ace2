//! Every key that `amazon-ebs`, `amazon-ebssurrogate` and `amazon-ebsvolume` have in Packer: in the schema, with its type and default, and
//! with a test that sees its effect.
//!
//! `fields/amazon-fields.json` lists the keys; `fields/seen.txt` says of each who sees its effect, `fields/exceptions.txt` what differs and
//! why. A line of `seen.txt` is a key and
//! - `trace NAME`: a recording that is replayed and whose builder has the key;
//! - `test FILE::FUNCTION`: a test of this folder that names the key;
//! - `not-yet`: the key is refused, and its description says so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::program::repository;

/// Builders that exist.
const BUILDERS: &[&str] = &["amazon-ebs", "amazon-ebssurrogate", "amazon-ebsvolume"];

const FIELDS: &str = include_str!("fields/amazon-fields.json");
const SEEN: &str = include_str!("fields/seen.txt");
const EXCEPTIONS: &str = include_str!("fields/exceptions.txt");

/// A key of the list, with those around it: `metadata_options/http_tokens`.
struct Field {
    key: String,
    kind: String,
    default: Value,
}

/// The fields of a builder that users write.
fn fields(builder: &str) -> Vec<Field> {
    let all: Value = serde_json::from_str(FIELDS).unwrap();
    let of_builder = all["fields"].as_array().unwrap().iter().filter(|field| {
        let internal = ["injected", "internal"].iter().any(|mark| field[*mark] == true);
        !internal && field["builders"].as_array().unwrap().iter().any(|one| one == builder)
    });
    let mut found = Vec::new();
    of_builder.for_each(|field| collect(field, "", &mut found));
    assert!(found.len() > 150, "{} fields of {builder}", found.len());
    found
}

fn collect(field: &Value, around: &str, found: &mut Vec<Field>) {
    let key = format!("{around}{}", field["key"].as_str().unwrap());
    let kind = field["type"].as_str().unwrap().to_owned();
    found.push(Field { key: key.clone(), kind, default: field["default"].clone() });
    for nested in field["nested"].as_array().into_iter().flatten() {
        collect(nested, &format!("{key}/"), found);
    }
}

/// What a key's schema says.
fn property<'a>(schema: &'a Value, builder: &str, key: &str) -> Option<&'a Value> {
    let definitions = &schema["definitions"];
    key.split('/').try_fold(&definitions[format!("builder.{builder}")], |at, part| {
        let at = at["$ref"].as_str().and_then(|path| path.strip_prefix("#/definitions/")).map_or(at, |name| &definitions[name]);
        Some(&at["properties"][part]).filter(|found| !found.is_null())
    })
}

/// The JSON type that a value has once it is decoded.
fn json_type(property: &Value) -> Option<&str> {
    let alternatives = property["anyOf"].as_array().into_iter().flatten();
    std::iter::once(property).chain(alternatives).find_map(|one| one["else"]["type"].as_str().or(one["type"].as_str()))
}

fn expected_type(kind: &str) -> &'static str {
    match kind {
        "bool" | "trilean" => "boolean",
        "int" => "number",
        "object" => "object",
        kind if kind.starts_with("list") => "array",
        kind if kind.starts_with("map") => "object",
        _ => "string",
    }
}

/// The default as a description tells it; None where there is nothing to tell.
fn shown_default(field: &Field) -> Option<String> {
    match &field.default {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if number.as_f64() != Some(0.0) => Some(number.to_string()),
        Value::Array(list) if !list.is_empty() => list[0].as_str().map(str::to_owned),
        _ => None,
    }
}

/// Lines of a table: a key, a blank, the rest.
fn table(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter(|line| !line.is_empty()).map(|line| line.split_once(' ').unwrap_or_else(|| panic!("{line}"))).collect()
}

#[test]
fn every_key_is_in_the_schema_with_its_type_and_default() {
    let schema = std::fs::read_to_string(repository("schema/packer-template.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let (exceptions, mut needed, mut wrong) = (table(EXCEPTIONS), BTreeSet::new(), Vec::new());
    for builder in BUILDERS {
        for field in fields(builder) {
            for problem in problems(&field, property(&schema, builder, &field.key)) {
                let about = format!("{}:{}", field.key, problem.0);
                if exceptions.contains_key(about.as_str()) {
                    needed.insert(about);
                } else {
                    wrong.push(format!("{about}: {}", problem.1));
                }
            }
        }
    }
    wrong.extend(
        exceptions
            .keys()
            .filter(|key| !key.ends_with(":seen") && !needed.contains(**key))
            .map(|key| format!("{key}: no exception is needed")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn problems(field: &Field, property: Option<&Value>) -> Vec<(&'static str, String)> {
    let Some(property) = property else { return vec![("missing", "the schema lacks it".to_owned())] };
    let mut found = Vec::new();
    let (is, expected) = (json_type(property), expected_type(&field.kind));
    if is != Some(expected) {
        found.push(("type", format!("{is:?} instead of {expected}")));
    }
    let description = property["description"].as_str().unwrap_or_default().replace('`', "");
    if let Some(default) = shown_default(field).filter(|default| !description.contains(&format!("Default: {default}"))) {
        found.push(("default", format!("`Default: {default}` is not in: {description}")));
    }
    if property["default"] == true {
        found.push(("default", "true".to_owned()));
    }
    found
}

#[test]
fn every_key_has_a_test_that_sees_its_effect() {
    let schema = std::fs::read_to_string(repository("schema/packer-template.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let (seen, exceptions, mut wrong) = (table(SEEN), table(EXCEPTIONS), Vec::new());
    let mut known = BTreeSet::new();
    for builder in BUILDERS {
        for field in fields(builder) {
            let key = field.key;
            let excused = exceptions.contains_key(format!("{key}:seen").as_str());
            match seen.get(key.as_str()) {
                None if !excused => wrong.push(format!("{key}: no line in seen.txt")),
                None => {}
                Some(_) if excused => wrong.push(format!("{key}: it is seen, and no exception is needed")),
                Some(witness) => wrong.extend(doubt(&key, witness, property(&schema, builder, &key)).map(|why| format!("{key}: {why}"))),
            }
            known.insert(key);
        }
    }
    wrong.extend(seen.keys().filter(|key| !known.contains(**key)).map(|key| format!("{key}: no builder has this key")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Why a witness has not seen the key.
fn doubt(key: &str, witness: &str, property: Option<&Value>) -> Option<String> {
    let parts: Vec<&str> = key.split('/').collect();
    match witness.split_once(' ') {
        Some(("trace", name)) if !crate::traces::is_replayed(name) => Some(format!("the trace {name} is not replayed")),
        Some(("trace", name)) => {
            (!has(&crate::traces::template(name)["builders"], &parts)).then(|| format!("the builder of {name} has no such key"))
        }
        Some(("test", place)) => {
            let Some((file, function)) = place.split_once("::") else { return Some(format!("{place} is no test")) };
            let text = std::fs::read_to_string(repository(&format!("tests/it/{file}.rs"))).unwrap_or_default();
            let Some((_, body)) = text.split_once(&format!("fn {function}(")) else { return Some(format!("there is no test {place}")) };
            let body = body.split_once("\n}\n").map_or(body, |(body, _)| body);
            parts.iter().find(|part| !body.contains(&format!("\"{part}\""))).map(|part| format!("{place} does not name {part}"))
        }
        _ if witness == "not-yet" => {
            let text = property.map(ToString::to_string).unwrap_or_default().to_lowercase();
            let parent = parts.len() > 1;
            (!text.contains("not supported") && !parent).then(|| "its description does not say that it is not supported".to_owned())
        }
        _ => Some(format!("`{witness}` is no witness")),
    }
}

/// Whether a value has this path of keys, in any element of its lists.
fn has(value: &Value, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    match value {
        Value::Array(items) => items.iter().any(|item| has(item, path)),
        Value::Object(members) => members.get(*first).is_some_and(|inner| has(inner, rest)),
        _ => false,
    }
}
