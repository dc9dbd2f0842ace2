//! The published schemas: generated from the configuration types, committed, and true.

use amibake::parts::Parts;
use amibake_template::finding::findings_schema;
use amibake_template::schema::{template_schema, vars_schema};
use serde_json::Value;

use crate::program::{entries, repository};

fn read(path: &str) -> Value {
    let text = std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// `UPDATE=1` rewrites the file.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "a switch of the test, not of the program")]
fn check_committed(path: &str, generated: &Value) {
    let text = serde_json::to_string_pretty(generated).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(repository(path), &text).unwrap();
    }
    let committed = std::fs::read_to_string(repository(path)).unwrap_or_default();
    assert!(committed == text, "{path} is not what the types say: run `UPDATE=1 tests/run -quick --test it schema`");
}

#[test]
fn committed_schemas_are_what_the_types_say() {
    check_committed("schema/packer-template.schema.json", &template_schema(&Parts::all().registry));
    check_committed("schema/packer-vars.schema.json", &vars_schema());
    check_committed("schema/findings.schema.json", &findings_schema());
}

#[test]
fn the_flagship_and_its_vars_satisfy_them() {
    for (schema, file) in
        [("schema/packer-template.schema.json", "packer-template.json"), ("schema/packer-vars.schema.json", "packer-vars.json")]
    {
        let validator = jsonschema::validator_for(&read(schema)).unwrap();
        let errors: Vec<_> = validator.iter_errors(&read(file)).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{file}: {errors:?}");
    }
}

/// A key that `amazon-ebs` loses, or calls otherwise, would vanish from its siblings without a word.
#[test]
fn keys_that_builders_share_are_there() {
    let schema = read("schema/packer-template.schema.json");
    for file in entries(&repository("crates/amibake-template/src/foreign/keys")) {
        let outline: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        for (model, keys) in outline["x-amibake-as-in"].as_object().into_iter().flatten() {
            let known = &schema["definitions"][format!("builder.{model}")]["properties"];
            let missing: Vec<_> = keys.as_array().unwrap().iter().filter(|key| known[key.as_str().unwrap()].is_null()).collect();
            assert!(missing.is_empty(), "{}: `{model}` has no {missing:?}", file.display());
        }
    }
}

#[test]
fn findings_are_what_their_schema_says() {
    let validator = jsonschema::validator_for(&read("schema/findings.schema.json")).unwrap();
    check_recorded("validate-json", &validator);
}

/// The schema comes with what `tests/editor/setup.sh` installs.
#[test]
fn sarif_is_what_the_standard_says() {
    let Some(packages) = crate::editor::packages() else { return };
    let schema = packages.join("node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json");
    // One of its regular expressions has a bracket too many.
    let schema = std::fs::read_to_string(schema).unwrap().replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}?$");
    let schema: Value = serde_json::from_str(&schema).unwrap();
    check_recorded("validate-sarif", &jsonschema::validator_for(&schema).unwrap());
}

/// What the program printed in the cases whose names begin so.
fn check_recorded(prefix: &str, validator: &jsonschema::Validator) {
    let cases = entries(&repository("tests/cases"));
    let cases: Vec<_> = cases.iter().filter(|case| case.file_name().unwrap().to_string_lossy().starts_with(prefix)).collect();
    assert!(!cases.is_empty(), "no cases {prefix}");
    for case in cases {
        let document = std::fs::read_to_string(case.join("stdout")).unwrap();
        let document: Value = serde_json::from_str(&document).unwrap_or_else(|error| panic!("{}: {error}", case.display()));
        let errors: Vec<_> = validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", case.display());
    }
}

#[test]
fn every_key_says_what_it_is_for() {
    let schema = read("schema/packer-template.schema.json");
    let mut silent = Vec::new();
    collect_silent(&schema, "#", &mut silent);
    assert!(silent.is_empty(), "keys without a description: {silent:?}");
}

fn collect_silent(schema: &Value, at: &str, silent: &mut Vec<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        for (key, property) in properties {
            // A `const` or a reference speaks elsewhere.
            if property.is_object() && property["const"].is_null() && property["$ref"].is_null() && property["description"].is_null() {
                silent.push(format!("{at}/{key}"));
            }
        }
    }
    match schema {
        Value::Object(members) => members.iter().for_each(|(key, value)| collect_silent(value, &format!("{at}/{key}"), silent)),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, value)| collect_silent(value, &format!("{at}/{n}"), silent)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
