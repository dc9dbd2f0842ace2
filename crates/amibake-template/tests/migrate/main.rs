//! A template in its best form: what changes, and above all what does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failing test may panic")]

#[path = "../fix/generate.rs"]
mod generate;
#[path = "../model/parts.rs"]
mod parts;
mod proof;
mod properties;

use amibake_template::finding::render_human;
use amibake_template::json::Dialect;
use amibake_template::migrate::{Wishes, migrate};
use amibake_template::source::Sources;

const PLAIN: Wishes<'static> = Wishes { dialect: Dialect { jsonc: true }, native: false, schema: None };

/// The migrated text, or the findings as people see them. All texts may hold comments.
fn migrated(text: &str, wishes: Wishes<'_>) -> Result<String, String> {
    let mut sources = Sources::default();
    let source = sources.add("t.jsonc", text);
    let result = migrate(&mut sources, source, &parts::registry(), wishes);
    result.map_err(|findings| render_human(&findings, &sources, false))
}

#[track_caller]
fn check_with(wishes: Wishes<'_>, text: &str, expected: &str) {
    let once = migrated(text, wishes).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(once, expected, "\nmigrating {text}\nmakes {once}");
    assert_eq!(migrated(&once, wishes).as_deref(), Ok(once.as_str()), "the second time");
}

#[track_caller]
fn check(text: &str, expected: &str) {
    check_with(PLAIN, text, expected);
}

/// One builder's members before and after.
#[track_caller]
fn check_builder(type_name: &str, members: &str, expected: &str) {
    let whole = |members: &str| format!(r#"{{"builders": [{{"type": "{type_name}", {members}}}]}}"#);
    check(&whole(members), &whole(expected));
}

#[test]
fn keys_are_renamed_where_they_stand() {
    check(
        "{\n\t\"builders\": [{\n\t\t\"ssh_wait_timeout\" : \"5m\",\n\t\t\"type\":\"null\"\n\t}]}\n",
        "{\n\t\"builders\": [{\n\t\t\"ssh_timeout\" : \"5m\",\n\t\t\"type\":\"null\"\n\t}]}\n",
    );
    check_builder("amazon-ebs", r#""ssh_private_ip":  true, "region": "r""#, r#""ssh_interface":  "private_ip", "region": "r""#);
    check_builder("amazon-ebs", r#""ami_name": "a {{.CreateTime}}""#, r#""ami_name": "a {{timestamp}}""#);
}

#[test]
fn keys_without_meaning_go_with_their_line() {
    check(
        "{\n  \"builders\": [\n    {\n      \"type\": \"amazon-ebs\",\n      \"spot_price_auto_product\": \"x\",\n      \"region\": \"r\"\n    }\n  ]\n}",
        "{\n  \"builders\": [\n    {\n      \"type\": \"amazon-ebs\",\n      \"region\": \"r\"\n    }\n  ]\n}",
    );
    check(
        "{\r\n  \"builders\": [{\r\n    \"type\": \"amazon-ebs\",\r\n    \"spot_price_auto_product\": \"x\"\r\n  }]\r\n}",
        "{\r\n  \"builders\": [{\r\n    \"type\": \"amazon-ebs\"\r\n  }]\r\n}",
    );
    check_builder("parallels-iso", r#""headless": true, "a": 1"#, r#""a": 1"#);
    check(r#"{"builders": [{"type": "parallels-iso", "headless": true}]}"#, r#"{"builders": [{"type": "parallels-iso"}]}"#);
}

#[test]
fn new_keys_stand_last_and_look_like_the_others() {
    check_builder(
        "vmware-iso",
        r#""remote_type": "esx5""#,
        r#""remote_type": "esx5", "disk_type_id": "zeroedthick", "skip_compaction": true"#,
    );
    check(
        "{\"builders\": [{\n   \"type\": \"vsphere-iso\",\n   \"disk_size\": 5,\n   \"disk_thin_provisioned\": true\n}]}",
        "{\"builders\": [{\n   \"type\": \"vsphere-iso\",\n   \"storage\": [{\"disk_size\": 5, \"disk_thin_provisioned\": true}]\n}]}",
    );
    check(
        "{\"post-processors\": [{\n  \"type\": \"vagrant\",\n  \"aws\": {\"a\": 1},\n  \"output\": \"x\"\n}]}",
        "{\"post-processors\": [{\n  \"type\": \"vagrant\",\n  \"override\": {\"aws\": {\"a\": 1}},\n  \"output\": \"x\"\n}]}",
    );
}

#[test]
fn comments_and_trailing_commas_stay() {
    check(
        r#"{
  // what is built
  "builders": [{
    "type": "amazon-ebs", /* the one we use */
    "spot_price_auto_product": "x", // for spot
    "ssh_wait_timeout": "10m", // slow
    /* last */ "enhanced_networking": true // none follows
  },]
}"#,
        r#"{
  // what is built
  "builders": [{
    "type": "amazon-ebs", /* the one we use */
    // for spot
    "ssh_timeout": "10m", // slow
    /* last */ "ena_support": true // none follows
  },]
}"#,
    );
    check(
        "{\"builders\": [{\n  \"remote_type\": \"esx5\",\n  \"type\": \"vmware-iso\" // ESXi\n}]}",
        "{\"builders\": [{\n  \"remote_type\": \"esx5\",\n  \"type\": \"vmware-iso\", // ESXi\n  \"disk_type_id\": \"zeroedthick\",\n  \"skip_compaction\": true\n}]}",
    );
    check(
        r#"{"_comment": "{{.CreateTime}} \u00e9", "_": "22", "builders": []}"#,
        r#"{"_comment": "{{.CreateTime}} \u00e9", "_": "22", "builders": []}"#,
    );
}

#[test]
fn values_get_the_type_of_their_field() {
    check_builder("null", r#""ssh_port": "22", "ssh_pty": "true""#, r#""ssh_port": 22, "ssh_pty": true"#);
    check_builder("null", r#""ssh_pty": "F", "ssh_host": 10"#, r#""ssh_pty": false, "ssh_host": "10""#);
    check_builder("null", r#""ssh_pty": 1, "SSH_Port": "-1""#, r#""ssh_pty": true, "SSH_Port": -1"#);
    check_builder("null", r#""ssh_ciphers": "a,b""#, r#""ssh_ciphers": ["a", "b"]"#);
    check_builder("null", r#""ssh_timeout": 60000000000"#, r#""ssh_timeout": "1m0s""#);
    check_builder(
        "amazon-ebs",
        r#""launch_block_device_mappings": {"volume_size": "8", "encrypted": "true"}, "tags": {"n": 5}"#,
        r#""launch_block_device_mappings": [{"volume_size": 8, "encrypted": true}], "tags": {"n": "5"}"#,
    );
    check(
        r#"{"provisioners": [{"type": "shell", "inline": "ls", "max_retries": "3", "valid_exit_codes": "0,1", "override": {"null": {"valid_exit_codes": ["2"]}}}]}"#,
        r#"{"provisioners": [{"type": "shell", "inline": ["ls"], "max_retries": 3, "valid_exit_codes": [0, 1], "override": {"null": {"valid_exit_codes": [2]}}}]}"#,
    );
}

#[test]
fn what_a_person_has_to_decide_stays() {
    for members in [
        r#""ssh_port": "{{user `port`}}""#,
        r#""ssh_port": "010", "ssh_pty": "yes""#,
        r#""ssh_port": "", "ssh_pty": """#,
        r#""ssh_ciphers": "{{user `ciphers`}}""#,
        r#""ssh_host": true"#,
        r#""ssh_host": 1e3"#,
        r#""nobody": "22""#,
    ] {
        check_builder("null", members, members);
    }
    check(r#"{"builders": [{"type": "nobodys", "port": "22"}]}"#, r#"{"builders": [{"type": "nobodys", "port": "22"}]}"#);
    check(r#"{"variables": {"port": "22"}, "builders": []}"#, r#"{"variables": {"port": "22"}, "builders": []}"#);
}

#[test]
fn native_spelling_where_it_is_wished() {
    let native = Wishes { native: true, ..PLAIN };
    check_with(
        native,
        r#"{"variables": {"a": "{{env `A`}}"}, "builders": [{"type": "amazon-ebs", "name": "{{user `a`}}", "ami_name": "x-{{user \"a\"}}-{{isotime | clean_resource_name}}",
 "tags": {"{{timestamp}}": "{{ .SourceAMI }} \u007b{timestamp}}"}}], "provisioners": [{"type": "shell", "only": ["{{user `a`}}"], "inline": "cat <<EOF >> {{user `a`}}"}]}"#,
        r#"{"variables": {"a": "<<env `A`>>"}, "builders": [{"type": "amazon-ebs", "name": "{{user `a`}}", "ami_name": "x-<<user \"a\">>-<<isotime | clean_resource_name>>",
 "tags": {"{{timestamp}}": "{{ .SourceAMI }} <<timestamp>>"}}], "provisioners": [{"type": "shell", "only": ["{{user `a`}}"], "inline": "cat <<EOF >> <<user `a`>>"}]}"#,
    );
}

#[test]
fn the_schema_is_named_first() {
    let schema = Wishes { schema: Some("./packer-template.schema.json"), ..PLAIN };
    const NAME: &str = r#""$schema": "./packer-template.schema.json""#;
    check_with(schema, "{\n\t\"builders\": []\n}\n", &format!("{{\n\t{NAME},\n\t\"builders\": []\n}}\n"));
    check_with(schema, r#"{"builders": []}"#, &format!(r#"{{{NAME}, "builders": []}}"#));
    check_with(schema, "{ // first\n  \"a\": 1}", &format!("{{ // first\n  {NAME},\n  \"a\": 1}}"));
    check_with(schema, r#"{"a": 1, "$schema": "mine"}"#, r#"{"a": 1, "$schema": "mine"}"#);
}

#[track_caller]
fn check_refused(text: &str, expected: &str) {
    let error = migrated(text, PLAIN).unwrap_err();
    assert!(error.contains(expected), "{text}: {error}");
}

#[test]
fn what_cannot_be_read_is_refused_at_its_place() {
    check_refused("{\"a\" 1}", "t.jsonc:1:");
    check_refused("{\"builders\": [{\"type\": \"null\", \"type\": \"null\"}]}", "stands twice");
    check_refused("{\"builders\": [{\"type\": \"amazon-ebs\", \"ssh_private_ip\": \"x\"}]}", "is not a boolean");
    check_refused("[]", "a template is an object");
    check_refused("{} {}", "text after the end");
}
