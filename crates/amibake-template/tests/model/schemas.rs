//! The published schemas: what editors check templates against.

use amibake_template::schema::{template_schema, vars_schema};
use serde_json::{Value, json};

use crate::parts::registry;

#[track_caller]
fn check(template: &Value, valid: bool) {
    let schema = template_schema(&registry());
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(template).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors.is_empty(), valid, "template {template}\n{errors:#?}");
}

fn builder(keys: &Value) -> Value {
    let mut builder = json!({ "type": "amazon-ebs", "ami_name": "flask" });
    builder.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    json!({ "builders": [builder] })
}

#[test]
fn accepts_what_templates_write() {
    check(&builder(&json!({})), true);
    check(&builder(&json!({ "tags": {"a": "{{ .SourceAMI }}", "b": 5} })), true);
    check(&builder(&json!({ "tags": [{"a": "b"}] })), true);
    check(&builder(&json!({ "launch_block_device_mappings": {"device_name": "x", "volume_size": "8"} })), true);
    check(
        &builder(&json!({ "launch_block_device_mappings": [{"device_name": "x", "volume_type": "{{user `t`}}", "encrypted": ""}] })),
        true,
    );
    check(&builder(&json!({ "capacity_reservation_preference": "<<user \"p\">>" })), true);
    check(&builder(&json!({ "source_ami_filter": {"owners": "a,b", "most_recent": "true"} })), true);
    check(&builder(&json!({ "packer_build_name": "x", "name": "n" })), true);
    check(&json!({ "_comment": "x", "$schema": "x", "builders": [{"type": "null", "ssh_timeout": "5m", "ssh_port": "0x16"}] }), true);
    check(&json!({ "builders": [{"type": "null"}], "post-processors": ["manifest", ["manifest", {"type": "manifest"}]] }), true);
    check(
        &json!({ "builders": [{"type": "null"}], "provisioners": [{"type": "shell", "only": "x", "pause_before": "5s", "inline": "a"}] }),
        true,
    );
}

#[test]
fn refuses_mistakes() {
    check(&json!({}), false);
    check(&json!({ "builders": [{"type": "nosuch"}] }), false);
    check(&json!({ "builders": [{"type": "null"}], "foo": 1 }), false);
    check(&builder(&json!({ "ami_nam": "x" })), false);
    check(&builder(&json!({ "launch_block_device_mappings": [{"device_name": "x", "volume_tipe": "gp3"}] })), false);
    check(&builder(&json!({ "launch_block_device_mappings": [{"device_name": "x", "volume_type": "gp9"}] })), false);
    check(&builder(&json!({ "capacity_reservation_preference": "shut" })), false);
    check(&json!({ "builders": [{"type": "null", "ssh_timeout": "5"}] }), false);
    check(&json!({ "builders": [{"type": "null", "ssh_port": "22.5"}] }), false);
    check(&json!({ "builders": [{"type": "null"}], "post-processors": [["nosuch"]] }), false);
    check(&json!({ "builders": [{"type": "null"}], "provisioners": [{"type": "shell", "pause_before": "{{user `x`}}"}] }), false);
}

#[test]
fn says_exactly_what_is_wrong() {
    let schema = template_schema(&registry());
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let template = builder(&json!({ "regoin": "x" }));
    let errors: Vec<String> = validator.iter_errors(&template).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, ["/builders/0: Additional properties are not allowed ('regoin' was unexpected)"]);
}

#[test]
fn describes_keys_and_values_for_editors() {
    let schema = template_schema(&registry());
    insta::assert_snapshot!(
        serde_json::to_string_pretty(&schema["definitions"]["builder.amazon-ebs"]["properties"]["launch_block_device_mappings"]["items"])
            .unwrap()
    );
}

#[test]
fn is_the_same_every_time() {
    assert_eq!(template_schema(&registry()).to_string(), template_schema(&registry()).to_string());
}

#[test]
fn var_files_are_objects_of_strings() {
    let validator = jsonschema::draft7::new(&vars_schema()).unwrap();
    assert!(validator.is_valid(&json!({ "a": "b", "c": null })));
    assert!(!validator.is_valid(&json!({ "a": 5 })));
}
