//! Whole findings as a terminal shows them.

use crate::run::Run;

#[test]
fn a_typo_in_a_key() {
    let outcome = Run::of(
        r#"{
  "builders": [{
    "type": "amazon-ebs",
    "ami_nam": "flask",
    "launch_block_device_mappings": [{"device_name": "/dev/xvda", "volume_tipe": "gp3"}]
  }]
}
"#,
    )
    .go();
    insta::assert_snapshot!(outcome.shown(), @r#"
    error[unknown-key]: unknown key `ami_nam` in the builder `amazon-ebs`
     --> template.json:4:5
      |
    4 |     "ami_nam": "flask",
      |     ^^^^^^^^^
    help: did you mean `ami_name`?

    error[unknown-key]: unknown key `launch_block_device_mappings[0].volume_tipe` in the builder `amazon-ebs`
     --> template.json:5:67
      |
    5 |     "launch_block_device_mappings": [{"device_name": "/dev/xvda", "volume_tipe": "gp3"}]
      |                                                                   ^^^^^^^^^^^^^
    help: did you mean `volume_type`?
    "#);
}

#[test]
fn a_wrong_type() {
    let outcome = Run::of(
        r#"{
  "builders": [{"type": "null", "communicator": "none", "ssh_port": "ssh"}],
  "provisioners": [{"type": "shell", "inline": ["true"], "valid_exit_codes": [0, "two"]}]
}
"#,
    )
    .go();
    insta::assert_snapshot!(outcome.shown(), @r#"
    error[wrong-type]: `ssh_port` must be an integer, not "ssh"
     --> template.json:2:69
      |
    2 |   "builders": [{"type": "null", "communicator": "none", "ssh_port": "ssh"}],
      |                                                                     ^^^^^ expected an integer

    error[wrong-type]: `valid_exit_codes[1]` must be an integer, not "two"
     --> template.json:3:82
      |
    3 |   "provisioners": [{"type": "shell", "inline": ["true"], "valid_exit_codes": [0, "two"]}]
      |                                                                                  ^^^^^ expected an integer
    "#);
}

#[test]
fn an_undeclared_variable() {
    let outcome = Run::of(
        r#"{
  "variables": {"region": "us-east-2", "zone": "{{user `regin`}}a"},
  "builders": [{"type": "amazon-ebs", "ami_name": "flask", "region": "{{user `reggion`}}"}]
}
"#,
    )
    .go();
    insta::assert_snapshot!(outcome.shown(), @r#"
    error[undeclared-variable]: the variable `regin` is not declared
     --> template.json:2:56
      |
    2 |   "variables": {"region": "us-east-2", "zone": "{{user `regin`}}a"},
      |                                                        ^^^^^^^
    help: did you mean `region`?

    warning[undeclared-variable]: the variable `reggion` is neither declared nor given: it renders as nothing
     --> template.json:3:78
      |
    3 |   "builders": [{"type": "amazon-ebs", "ami_name": "flask", "region": "{{user `reggion`}}"}]
      |                                                                              ^^^^^^^^^
    help: did you mean `region`? if nothing is meant, declare it with the default "", or give it with -var 'reggion='
    "#);
}

#[test]
fn a_bad_choice_from_a_var_file() {
    let outcome = Run::of(
        r#"{
  "variables": {"volume": "gp3"},
  "builders": [{
    "type": "amazon-ebs",
    "ami_name": "flask",
    "launch_block_device_mappings": {"device_name": "/dev/xvda", "volume_type": "{{user `volume`}}", "volume_size": -1}
  }]
}
"#,
    )
    .var_file("packer-vars.json", "{\n  \"volume\": \"gp9\"\n}\n")
    .go();
    insta::assert_snapshot!(outcome.shown(), @r#"
    error[bad-value]: `launch_block_device_mappings[0].volume_type` cannot be "gp9"
     --> template.json:6:81
      |
    6 |     "launch_block_device_mappings": {"device_name": "/dev/xvda", "volume_type": "{{user `volume`}}", "volume_size": -1}
      |                                                                                 ^^^^^^^^^^^^^^^^^^^
     --> packer-vars.json:2:13
      |
    2 |   "volume": "gp9"
      |             ^^^^^ `volume` gets its value here
    help: did you mean `gp2`? It can be `gp2`, `gp3`, `io1`

    error[bad-value]: `launch_block_device_mappings[0].volume_size` must be at least 1, not -1
     --> template.json:6:117
      |
    6 |     "launch_block_device_mappings": {"device_name": "/dev/xvda", "volume_type": "{{user `volume`}}", "volume_size": -1}
      |                                                                                                                     ^^
    "#);
}

#[test]
fn bad_json() {
    let outcome = Run::of("{\n  \"builders\": [\n    {\"type\": \"null\",}\n  ]\n}\n").go();
    insta::assert_snapshot!(outcome.shown(), @r#"
    error[json-syntax]: trailing comma
     --> template.json:3:20
      |
    3 |     {"type": "null",}
      |                    ^
    help: remove it: JSON has no comma before `}` or `]`; .jsonc files may, and all with -jsonc
    "#);
}

#[test]
fn a_missing_script_named_by_a_variable() {
    let outcome = Run::of(
        r#"{
  "variables": {"script": "setup.sh"},
  "builders": [{"type": "null", "communicator": "none"}, {"type": "null", "name": "second", "communicator": "none"}],
  "provisioners": [{"type": "shell", "script": "./{{user `script`}}"}]
}
"#,
    )
    .go();
    insta::assert_snapshot!(outcome.shown(), @r#"
    error[missing-file]: there is no file `./setup.sh`
     --> template.json:4:48
      |
    4 |   "provisioners": [{"type": "shell", "script": "./{{user `script`}}"}]
      |                                                ^^^^^^^^^^^^^^^^^^^^^
     --> template.json:2:27
      |
    2 |   "variables": {"script": "setup.sh"},
      |                           ^^^^^^^^^^ `script` gets its value here
    "#);
}

#[test]
fn what_is_required_is_said_once() {
    let outcome = Run::of(
        r#"{
  "variables": {"name": null, "other": "{{user `name`}}"},
  "builders": [{"type": "amazon-ebs", "ami_name": "x-{{user `name`}}"}, {"type": "file"}, {"type": "amazon-ebs", "name": "b", "ami_name": ""}]
}
"#,
    )
    .go();
    insta::assert_snapshot!(outcome.shown(), @r#"
    error[required-variable]: the variable `name` has no default and was not given a value
     --> template.json:2:17
      |
    2 |   "variables": {"name": null, "other": "{{user `name`}}"},
      |                 ^^^^^^
    help: give it one: -var 'name=...', or in a file with -var-file

    error[missing-key]: the builder `file` needs `target`
     --> template.json:3:82
      |
    3 | ...x-{{user `name`}}"}, {"type": "file"}, {"type": "amazon-ebs", "name": "b", "ami_name": ""}]
      |                                  ^^^^^^
    help: `target`: Where to.

    error[missing-key]: `ami_name` is empty
     --> template.json:3:139
      |
    3 | ...bs", "name": "b", "ami_name": ""}]
      |                                  ^^
    help: `ami_name`: Name of the image.
    "#);
}

/// Neither a secret field nor a sensitive variable is quoted in a message, and no label points at the line of the variable.
#[test]
fn secrets_stay_out_of_messages() {
    let outcome = Run::of(
        r#"{
  "variables": {"port": "hunter2"},
  "sensitive-variables": ["port"],
  "builders": [{"type": "null", "communicator": "none", "ssh_port": "{{user `port`}}"}]
}
"#,
    )
    .go();
    insta::assert_snapshot!(outcome.shown(), @r#"
    error[wrong-type]: `ssh_port` must be an integer, not <sensitive>
     --> template.json:4:69
      |
    4 |   "builders": [{"type": "null", "communicator": "none", "ssh_port": "{{user `port`}}"}]
      |                                                                     ^^^^^^^^^^^^^^^^^ expected an integer
    help: the value comes from the variable `port`
    "#);
}

/// A component's own check may quote what it was given; the words are masked all the same.
#[test]
fn secrets_stay_out_of_the_checks_words() {
    let outcome = Run::of(
        r#"{
  "variables": {"script": "hunter2.sh"},
  "sensitive-variables": ["script"],
  "builders": [{"type": "null", "communicator": "none"}],
  "provisioners": [{"type": "shell", "script": "{{user `script`}}"}]
}
"#,
    )
    .go();
    insta::assert_snapshot!(outcome.shown(), @r#"
    error[missing-file]: there is no file `<sensitive>`
     --> template.json:5:48
      |
    5 |   "provisioners": [{"type": "shell", "script": "{{user `script`}}"}]
      |                                                ^^^^^^^^^^^^^^^^^^^
    help: the value comes from the variable `script`
    "#);
}

#[test]
fn an_override_takes_no_keys_of_the_core() {
    let outcome = Run::of(
        r#"{
  "builders": [{"type": "null", "communicator": "none"}],
  "provisioners": [{"type": "shell-local", "override": {"null": {"pause_before": "5s", "inlin": "x"}}}]
}
"#,
    )
    .go();
    insta::assert_snapshot!(outcome.shown(), @r#"
    error[unknown-key]: unknown key `pause_before` in the provisioner `shell-local`
     --> template.json:3:66
      |
    3 |   "provisioners": [{"type": "shell-local", "override": {"null": {"pause_before": "5s", "inlin": "x"}}}]
      |                                                                  ^^^^^^^^^^^^^^
    help: `pause_before` holds for all builders: it stands beside `override`, not in it

    error[unknown-key]: unknown key `inlin` in the provisioner `shell-local`
     --> template.json:3:88
      |
    3 |   "provisioners": [{"type": "shell-local", "override": {"null": {"pause_before": "5s", "inlin": "x"}}}]
      |                                                                                        ^^^^^^^
    help: did you mean `inline`?
    "#);
}

#[test]
fn a_function_that_does_not_exist() {
    let outcome = Run::of(
        r#"{
  "builders": [{"type": "amazon-ebs", "ami_name": "flask-{{timestmp}}", "tags": {"Name": "{{ .SourceAMI | uper }}"}}]
}
"#,
    )
    .go();
    insta::assert_snapshot!(outcome.shown(), @r#"
    error[bad-template]: `ami_name` cannot be rendered: function "timestmp" not defined
     --> template.json:2:60
      |
    2 |   "builders": [{"type": "amazon-ebs", "ami_name": "flask-{{timestmp}}", "tags": {"Name": "{{ .SourceAMI | uper }}"}}]
      |                                                            ^^^^^^^^
    help: did you mean `timestamp`?

    error[bad-template]: `tags.Name` cannot be rendered: function "uper" not defined
     --> template.json:2:107
      |
    2 |   "builders": [{"type": "amazon-ebs", "ami_name": "flask-{{timestmp}}", "tags": {"Name": "{{ .SourceAMI | uper }}"}}]
      |                                                                                                           ^^^^
    help: did you mean `upper`?
    "#);
}
