//! Plans: what a checked template comes to.

use amibake_template::plan::{PostProcessorPart, Selection};
use serde_json::{Value, json};

use crate::run::Run;

/// The flagship's shape, as the rig has it.
const FLASK: &str = r#"{
  "variables": {"region": "us-east-1", "instance_type": "t2.micro", "vpc_id": "", "endpoint": "{{env `ENDPOINT`}}"},
  "builders": [{
    "type": "amazon-ebs",
    "region": "{{user `region`}}",
    "custom_endpoint_ec2": "{{user `endpoint`}}",
    "instance_type": "{{user `instance_type`}}",
    "vpc_id": "{{user `vpc_id`}}",
    "source_ami_filter": {
      "filters": {"name": "al2023-ami-2023*x86_64", "root-device-type": "ebs"},
      "owners": "137112412989",
      "most_recent": "true"
    },
    "ami_name": "flask_server_ami_{{isotime | clean_resource_name}}",
    "ssh_username": "ec2-user",
    "tags": {"Name": "flask", "Source": "{{ .SourceAMI }}", "Region-{{ .BuildRegion }}": 5}
  }],
  "provisioners": [
    {"type": "shell", "inline": ["sudo mkdir -p /flask", "echo {{build `ID`}} {{build_name}} {{build_type}}"]},
    {"type": "file", "source": "./scripts/", "destination": "/flask/"},
    {"type": "shell", "script": "./install.sh", "pause_before": "10s", "max_retries": "{{user `region` | len}}", "timeout": 5000000000}
  ],
  "post-processors": [{"type": "manifest", "output": "manifest.json"}]
}
"#;

#[test]
fn the_flask_template() {
    let mut run = Run::of(FLASK).var("region", "us-east-2");
    run.files = &["./install.sh"];
    run.host.env.insert("ENDPOINT".to_owned(), "http://localhost:5000".to_owned());
    run.host.started_unix_nanos = 1_700_000_000_000_000_000;
    let outcome = run.go();
    let build = &outcome.plan().builds[0];
    let parts = json!({
        "name": build.name,
        "builder": build.builder.config,
        "provisioners": build.provisioners.iter().map(|p| json!({
            "type": p.part.type_name,
            "config": p.part.config,
            "pause_before": p.pause_before.map(|pause| pause.as_secs()),
            "timeout": p.timeout.map(|limit| limit.as_secs()),
            "max_retries": p.max_retries,
        })).collect::<Vec<_>>(),
        "post-processors": build.post_processors.iter().flatten().map(|p| json!({ p.name.as_str(): p.part.config })).collect::<Vec<_>>(),
    });
    insta::assert_snapshot!(serde_json::to_string_pretty(&parts).unwrap());
}

/// Builder keys to what the struct gets.
#[track_caller]
fn check(written: &Value, decoded: &Value) {
    let mut builder = json!({ "type": "amazon-ebs", "ami_name": "name" });
    builder.as_object_mut().unwrap().extend(written.as_object().unwrap().clone());
    let outcome = Run::of(&json!({ "variables": {"empty": "", "list": "a,b"}, "builders": [builder] }).to_string()).go();
    let mut config = outcome.plan().builds[0].builder.config.clone();
    config.as_object_mut().unwrap().remove("ami_name");
    assert_eq!(config, *decoded, "from {written}");
}

#[test]
fn old_spellings_convert() {
    check(&json!({ "region": 5 }), &json!({ "region": "5" }));
    check(&json!({ "region": null }), &json!({}));
    check(&json!({ "REGION": true }), &json!({ "region": "1" }));
    check(&json!({ "tags": [{"a": "1", "b": "1"}, {"b": 2.50}] }), &json!({ "tags": {"a": "1", "b": "2.5"} }));
    check(&json!({ "tags": [] }), &json!({ "tags": {} }));
    check(&json!({ "tags": {"a": null} }), &json!({ "tags": {"a": ""} }));
    check(&json!({ "source_ami_filter": {"owners": "{{user `list`}}"} }), &json!({ "source_ami_filter": {"owners": ["a", "b"]} }));
    check(&json!({ "source_ami_filter": {"owners": 137_112} }), &json!({ "source_ami_filter": {"owners": ["137112"]} }));
    check(
        &json!({ "launch_block_device_mappings": {"device_name": "x", "encrypted": "", "volume_size": "0x10"} }),
        &json!({ "launch_block_device_mappings": [{"device_name": "x", "volume_size": 16}] }),
    );
    check(
        &json!({ "launch_block_device_mappings": [{"device_name": "x", "encrypted": "T", "volume_type": "{{user `empty`}}"}] }),
        &json!({ "launch_block_device_mappings": [{"device_name": "x", "encrypted": true}] }),
    );
    check(&json!({ "capacity_reservation_preference": "" }), &json!({}));
    check(&json!({ "packer_anything": {"x": 1} }), &json!({}));
}

fn names(selection: Selection) -> Result<Vec<String>, String> {
    let mut run = Run::of(
        r#"{
  "variables": {"n": "three"},
  "builders": [
    {"type": "null", "communicator": "none", "name": "two"},
    {"type": "null", "communicator": "none", "name": "{{user `n`}}"},
    {"type": "null", "communicator": "none", "name": "one"}
  ]
}
"#,
    );
    run.selection = selection;
    let outcome = run.go();
    match &outcome.plan {
        Some(plan) => Ok(plan.builds.iter().map(|build| build.name.clone()).collect()),
        None => Err(outcome.shown()),
    }
}

fn only(names: &[&str]) -> Selection {
    Selection { only: Some(names.iter().map(|name| (*name).to_owned()).collect()), ..Selection::default() }
}

#[test]
fn builds_are_selected_by_interpolated_name_and_sorted() {
    assert_eq!(names(Selection::default()).unwrap(), ["one", "three", "two"]);
    assert_eq!(names(only(&["two", "three"])).unwrap(), ["three", "two"]);
    assert_eq!(names(only(&["two", "zzz"])).unwrap(), ["two"]);
    assert_eq!(names(Selection { except: vec!["three".to_owned(), "zzz".to_owned()], ..Selection::default() }).unwrap(), ["one", "two"]);
    insta::assert_snapshot!(names(only(&["thre", "*"])).unwrap_err(), @r"
    error[no-builds]: no builds to run: -only matches none of `one`, `three`, `two`
    help: did you mean `three`?
    ");
}

#[test]
fn a_name_is_rendered_until_it_no_longer_changes() {
    let run = Run::of(r#"{"builders": [{"type": "file", "target": "o", "content": "{{`{{x}}`}}", "name": "{{`{{upper \"x\"}}`}}"}]}"#);
    let outcome = run.go();
    let build = &outcome.plan().builds[0];
    // As Packer 1.6.6: the core's own texts again and again, those of components once.
    assert_eq!((build.name.as_str(), &build.builder.config["content"]), ("X", &json!("{{x}}")));
}

#[test]
fn only_except_and_override_go_by_raw_names() {
    let outcome = Run::of(
        r#"{
  "variables": {"x": "X"},
  "builders": [
    {"type": "null", "communicator": "none", "name": "{{user `x`}}"},
    {"type": "null", "communicator": "none", "name": "b"}
  ],
  "provisioners": [
    {"type": "shell-local", "inline": ["1"], "only": "{{user `x`}}"},
    {"type": "shell-local", "inline": ["2"], "except": ["{{user `x`}}"]},
    {"type": "shell-local", "inline": "3,tail", "override": {"{{user `x`}}": {"INLINE": ["over"], "environment_vars": ["A=1"]}}}
  ],
  "error-cleanup-provisioner": {"type": "shell-local", "inline": ["clean"], "only": ["nobody"]}
}
"#,
    )
    .go();
    let lines: Vec<Vec<Value>> =
        outcome.plan().builds.iter().map(|build| build.provisioners.iter().map(|p| p.part.config["inline"].clone()).collect()).collect();
    assert_eq!(lines, [vec![json!(["1"]), json!(["over", "tail"])], vec![json!(["2"]), json!(["3", "tail"])]]);
    assert_eq!(outcome.plan().builds[0].provisioners[1].part.config["environment_vars"], json!(["A=1"]));
    assert!(outcome.plan().builds.iter().all(|build| build.error_cleanup_provisioner.is_some()));
}

fn chains(except: &[&str]) -> Vec<Vec<String>> {
    let mut run = Run::of(
        r#"{
  "builders": [{"type": "null", "communicator": "none"}],
  "post-processors": [
    "manifest",
    [{"type": "manifest", "name": "a"}, {"type": "manifest", "name": "b", "keep_input_artifact": true}, {"type": "manifest", "name": "c"}],
    [],
    {"type": "manifest", "name": "d", "except": ["null"]}
  ]
}
"#,
    );
    run.selection.except = except.iter().map(|name| (*name).to_owned()).collect();
    let outcome = run.go();
    let chain = |chain: &Vec<PostProcessorPart>| chain.iter().map(|part| part.name.clone()).collect();
    outcome.plan().builds[0].post_processors.iter().map(chain).collect()
}

#[test]
fn except_cuts_a_chain_from_the_named_post_processor_on() {
    assert_eq!(chains(&[]), [vec!["manifest"], vec!["a", "b", "c"]]);
    assert_eq!(chains(&["b"]), [vec!["manifest"], vec!["a"]]);
    assert_eq!(chains(&["manifest"]), [vec!["a", "b", "c"]]);
}

#[test]
fn secrets_of_fields_and_variables_are_known_to_the_output() {
    let outcome = Run::of(
        r#"{
  "variables": {"pw": "from-variable", "plain": "open"},
  "sensitive-variables": ["pw", "unknown"],
  "builders": [{"type": "amazon-ebs", "ami_name": "{{user `plain`}}", "secret_key": "from-field"}]
}
"#,
    )
    .go();
    let secrets: Vec<&str> = outcome.plan().variables.sensitive.iter().map(|secret| secret.expose()).collect();
    assert_eq!(secrets, ["from-variable", "from-field"]);
    assert!(!format!("{:?}", outcome.plan()).contains("from-"));
}

/// A value that holds itself must neither hang nor eat the machine's memory.
#[test]
fn a_variable_that_grows_is_an_error() {
    let outcome = Run::of(r#"{"builders": [{"type": "null", "communicator": "none"}]}"#).var("a", "x{{user `a`}}{{user `a`}}").go();
    assert!(outcome.shown().contains("grows without end"), "{}", outcome.shown());
}

/// Every value of a template replaced by every kind of value, and the text cut off everywhere: findings, never a panic.
#[test]
fn no_template_makes_it_panic() {
    for end in (0..FLASK.len()).filter(|end| FLASK.is_char_boundary(*end)) {
        Run::of(&FLASK[..end]).go();
    }
    let template: Value = serde_json::from_str(FLASK).unwrap();
    let mut pointers = Vec::new();
    collect_pointers(&template, String::new(), &mut pointers);
    for pointer in pointers {
        for odd in [json!(null), json!(1e300), json!("{{"), json!("{{user `nope`}}"), json!([[]]), json!({ "type": {} })] {
            let mut broken = template.clone();
            *broken.pointer_mut(&pointer).unwrap() = odd;
            let outcome = Run::of(&broken.to_string()).go();
            outcome.shown();
        }
    }
}

fn collect_pointers(value: &Value, at: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members
                .iter()
                .for_each(|(key, value)| collect_pointers(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), pointers));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| collect_pointers(value, format!("{at}/{index}"), pointers))
        }
        _ => {}
    }
    pointers.push(at);
}
