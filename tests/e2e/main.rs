//! The binary against an EC2 that answers over HTTP and instances that answer over SSH: what a user's build does.
//!
//! `tests/run` installs what this needs and runs it. Start reading in `cloud.rs`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test fails by panicking and says aloud what it skips")]

mod cloud;
mod permissions;
mod secrets;

// What EC2 asks IAM, and what IAM answers: the same as for the recorded builds.
#[path = "../it/plan/checks.rs"]
mod checks;
#[path = "../it/plan/simulator.rs"]
mod simulator;

use cloud::{Cloud, Finished, PROJECT, command_lines, interrupt};
use serde_json::{Value, json};

/// The flagship as text, to be changed by a test.
fn flagship() -> String {
    let text = std::fs::read_to_string(format!("{PROJECT}/packer-template.json")).unwrap();
    text.replace("{{template_dir}}", PROJECT)
}

fn build_flagship(cloud: &mut Cloud) -> Finished {
    let vars = format!("-var-file={PROJECT}/packer-vars.json");
    cloud.amibake(&["build", "-color=false", &vars, &format!("{PROJECT}/packer-template.json")])
}

/// Nothing is left, and success is said exactly where there is one finished image.
#[track_caller]
fn assert_clean(run: &Finished, report: &Value) {
    let images = report["images"].as_array().unwrap();
    assert_eq!(report["left"], json!({}), "left behind\n{}", run.output);
    assert_eq!(images.len(), usize::from(run.status.success()), "images: {images:?}\n{}", run.output);
    assert!(images.iter().all(|image| image["state"] == "available"), "{images:?}");
}

#[test]
fn flagship_bakes_an_image_with_its_files_and_tags() {
    let Some(mut cloud) = Cloud::start(&[]) else { return };
    let run = build_flagship(&mut cloud);
    let report = cloud.report();
    assert!(run.status.success(), "{}", run.output);
    assert_clean(&run, &report);
    let image = &report["images"][0];
    assert!(image["name"].as_str().unwrap().starts_with("flask_server_ami_"), "{image}");
    assert_eq!(image["tags"]["Name"], "flask-server");
    assert_eq!(image["tags"], image["snapshot"]["tags"]);
    let guest = &report["guests"][0];
    assert_eq!(guest["connections"], 1, "one SSH connection does for a build");
    assert_eq!(guest["stubs"][0], "dnf install -y python3-flask");
    for name in ["app.py", "flask-server.service"] {
        let file = &guest["files"][format!("/flask/{name}")];
        let source = std::fs::read_to_string(format!("{PROJECT}/examples/flask/scripts/{name}")).unwrap();
        assert_eq!((&file["text"], &file["mode"]), (&json!(source), &json!("644")), "{name}");
    }
    let paths: Vec<_> = guest["files"].as_object().unwrap().keys().filter(|path| path.starts_with("/tmp")).collect();
    assert!(paths.is_empty(), "scripts left in the image: {paths:?}");
    let manifest = std::fs::read_to_string(cloud.home.path().join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let artifact = &manifest["builds"][0];
    assert_eq!(artifact["builder_type"], "amazon-ebs");
    assert_eq!(artifact["artifact_id"], format!("us-east-1:{}", image["id"].as_str().unwrap()));
    assert_eq!(manifest["last_run_uuid"], artifact["packer_run_uuid"]);
}

#[test]
fn a_running_build_is_two_processes_that_show_no_credentials() {
    let Some(mut cloud) = Cloud::start(&[]) else { return };
    cloud.write("t.json", &flagship());
    let mut seen = Vec::new();
    let program = env!("CARGO_BIN_EXE_amibake");
    let run = cloud.run(program, &["build", "-color=false", "t.json"], |client, line| {
        if line.contains("installing the Flask server") {
            seen = command_lines(client);
        }
    });
    assert!(!seen.is_empty() && seen.len() <= 2, "{seen:?}\n{}", run.output);
    for text in seen.iter().chain([&run.output]) {
        assert!(!text.contains(&cloud.secret()) && !text.contains("PRIVATE KEY"), "{text}");
    }
}

#[test]
fn two_builders_bake_two_images() {
    let Some(mut cloud) = Cloud::start(&[]) else { return };
    let mut template: Value = serde_json::from_str(&flagship()).unwrap();
    let mut second = template["builders"][0].clone();
    second["name"] = json!("second");
    second["ami_name"] = json!("second");
    template["builders"].as_array_mut().unwrap().push(second);
    cloud.write("t.json", &template.to_string());
    let run = cloud.amibake(&["build", "-color=false", "t.json"]);
    let report = cloud.report();
    assert!(run.status.success(), "{}", run.output);
    assert_eq!((report["images"].as_array().unwrap().len(), &report["left"]), (2, &json!({})));
    assert!(run.output.contains("==> amazon-ebs: ") && run.output.contains("==> second: "), "{}", run.output);
}

#[test]
fn a_failing_script_leaves_nothing() {
    let Some(mut cloud) = Cloud::start(&[]) else { return };
    cloud.write("t.json", &flagship().replace("sudo mkdir -p /flask", "echo about to fail; exit 3"));
    let run = cloud.amibake(&["build", "-color=false", "t.json"]);
    assert_eq!(run.status.code(), Some(1), "{}", run.output);
    assert!(run.output.contains("about to fail") && run.output.contains('3'), "{}", run.output);
    assert_clean(&run, &cloud.report());
}

#[test]
fn an_interrupt_while_provisioning_leaves_nothing() {
    let Some(mut cloud) = Cloud::start(&[]) else { return };
    cloud.write("t.json", &flagship().replace("sudo mkdir -p /flask", "echo now; sleep 60"));
    let program = env!("CARGO_BIN_EXE_amibake");
    let mut interrupted = false;
    let run = cloud.run(program, &["build", "-color=false", "t.json"], |client, line| {
        if line.trim_end().ends_with(": now") {
            interrupt(client);
            interrupted = true;
        }
    });
    assert!(interrupted, "the script never ran\n{}", run.output);
    assert_eq!(run.status.code(), Some(1), "{}", run.output);
    assert_clean(&run, &cloud.report());
}

#[test]
fn a_typo_costs_no_call() {
    let Some(mut cloud) = Cloud::start(&[]) else { return };
    cloud.write("t.json", &flagship().replace("ssh_username", "ssh_user_name"));
    let run = cloud.amibake(&["build", "-color=false", "t.json"]);
    assert_eq!(run.status.code(), Some(1), "{}", run.output);
    assert!(run.output.contains("t.json:") && run.output.contains("ssh_username"), "{}", run.output);
    assert_eq!(cloud.report()["calls"], json!([]));
}

/// Builds the flagship with one fault in EC2's answers.
#[track_caller]
fn check_fault(fault: &str) {
    let Some(mut cloud) = Cloud::start(&["--fault", fault]) else { return };
    let run = build_flagship(&mut cloud);
    let report = cloud.report();
    let struck = report["calls"].as_array().unwrap().iter().any(|call| call.get("fault").is_some());
    assert!(struck, "{fault} never came to pass\n{}", run.output);
    assert_clean(&run, &report);
}

macro_rules! faults {
    ($($name:ident: $fault:literal;)*) => { $(#[test] fn $name() { check_fault($fault); })* };
}

faults! {
    interrupted_at_run_instances: "RunInstances#1=SIGINT";
    interrupted_at_stop: "StopInstances#1=SIGINT";
    interrupted_at_create_image: "CreateImage#1=SIGINT";
    run_instances_refused: "RunInstances=UnauthorizedOperation";
    run_instances_reply_lost: "RunInstances#1=drop";
    stop_refused: "StopInstances=UnauthorizedOperation";
    stop_reply_lost: "StopInstances#1=drop";
    create_image_refused: "CreateImage=UnauthorizedOperation";
    create_image_reply_lost: "CreateImage#1=drop";
    terminate_fails_once: "TerminateInstances#1=InternalError";
    terminate_reply_lost: "TerminateInstances#1=drop";
}

/// What a build leaves in image and guest, without names that are new each time.
fn baked(report: &Value) -> Value {
    let guest = &report["guests"][0];
    json!([report["images"][0]["tags"], guest["files"], guest["stubs"], report["left"]])
}

#[test]
fn image_and_guest_are_as_packer_leaves_them() {
    if !std::path::Path::new("/usr/bin/packer").exists() {
        eprintln!("SKIPPED: no /usr/bin/packer to compare with");
        return;
    }
    let (Some(mut theirs), Some(mut ours)) = (Cloud::start(&[]), Cloud::start(&[])) else { return };
    let mut template: Value = serde_json::from_str(&flagship().replace("<<timestamp>>", "{{timestamp}}")).unwrap();
    template.as_object_mut().unwrap().remove("$schema");
    template["variables"]["endpoint"] = json!("{{env `AWS_ENDPOINT_URL`}}");
    template["builders"][0]["custom_endpoint_ec2"] = json!("{{user `endpoint`}}");
    template["builders"][0]["region"] = json!("us-east-1");
    for cloud in [&theirs, &ours] {
        cloud.write("t.json", &template.to_string());
    }
    let packer = theirs.run("/usr/bin/packer", &["build", "-color=false", "t.json"], |_, _| ());
    assert!(packer.status.success(), "{}", packer.output);
    let amibake = ours.amibake(&["build", "-color=false", "t.json"]);
    assert!(amibake.status.success(), "{}", amibake.output);
    assert_eq!(baked(&ours.report()), baked(&theirs.report()));
}
