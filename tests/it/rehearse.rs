//! Rehearsals by the program itself: the lab, a guest in a sandbox, the system's `ssh`.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::program::{Ran, Sandbox, repository, setting};

/// A place to rehearse in; None, said aloud, where this machine cannot have guests.
#[expect(clippy::print_stderr, reason = "a test that does nothing has to say so")]
fn stage(test: &str) -> Option<Sandbox> {
    let sandbox = Sandbox::new();
    let probe = sandbox.file("probe.json", &template(&json!([]))).run(&["rehearse", "probe.json"], "");
    if probe.exit == 0 {
        return Some(sandbox);
    }
    let why = format!("{test}: no rehearsal on this machine: {}{}", probe.stdout, probe.stderr);
    assert_ne!(setting("AMIBAKE_E2E").as_deref(), Some("require"), "{why}");
    eprintln!("NOT TESTED: {why}");
    None
}

/// One `amazon-ebs` builder with these provisioners.
fn template(provisioners: &Value) -> String {
    with_builder(&json!({}), provisioners)
}

/// The builder with other keys.
fn with_builder(keys: &Value, provisioners: &Value) -> String {
    let mut builder = json!({
        "type": "amazon-ebs", "region": "us-east-1", "instance_type": "t3.micro", "ssh_username": "ec2-user", "ami_name": "probe",
        "source_ami_filter": {"filters": {"name": "al2023-ami-2023*x86_64"}, "owners": ["amazon"], "most_recent": true}
    });
    builder.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    json!({"builders": [builder], "provisioners": provisioners}).to_string()
}

fn shell(commands: &[&str]) -> Value {
    json!([{"type": "shell", "inline": commands}])
}

fn rehearse(sandbox: &Sandbox, template: &str) -> Ran {
    sandbox.file("t.json", template).run(&["rehearse", "-color=false", "t.json"], "")
}

/// The report of the last rehearsal.
fn report(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&std::fs::read_to_string(sandbox.work().join(".amibake/report.json")).unwrap()).unwrap()
}

/// The folder of the one image.
fn image(sandbox: &Sandbox) -> PathBuf {
    let report = report(sandbox);
    let images = report["images"].as_array().unwrap();
    assert_eq!(images.len(), 1, "{images:?}");
    PathBuf::from(images[0]["folder"].as_str().unwrap())
}

/// Members of a layer.
fn members(layer: &Path) -> Vec<String> {
    let listed = Command::new("tar").arg("-tf").arg(layer).output().unwrap();
    String::from_utf8(listed.stdout).unwrap().lines().map(|line| line.trim_start_matches("./").to_owned()).collect()
}

#[track_caller]
fn assert_nothing_left(sandbox: &Sandbox) {
    let left: Vec<_> = std::fs::read_dir(sandbox.home().with_file_name("tmp")).unwrap().flatten().map(|entry| entry.path()).collect();
    // Folders that are shared between runs may stay; guests' files may not.
    let guests: Vec<_> = left.iter().flat_map(|path| walk(path)).filter(|path| path.is_file()).collect();
    assert_eq!(guests, Vec::<PathBuf>::new());
}

fn walk(path: &Path) -> Vec<PathBuf> {
    let children = std::fs::read_dir(path).map(|dir| dir.flatten().map(|entry| entry.path()).collect::<Vec<_>>()).unwrap_or_default();
    std::iter::once(path.to_owned()).chain(children.iter().flat_map(|child| walk(child))).collect()
}

#[test]
fn the_flagship_rehearses_to_an_image() {
    let Some(sandbox) = stage("flagship") else { return };
    let path = |name: &str| repository(name).to_string_lossy().into_owned();
    let vars = format!("-var-file={}", path("packer-vars.json"));
    let ran = sandbox.run(&["rehearse", "-color=false", &vars, &path("packer-template.json")], "");
    assert_eq!(ran.exit, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("nothing was created in AWS"), "{}", ran.stdout);
    let folder = image(&sandbox);
    let files = std::fs::read_to_string(folder.join("files.txt")).unwrap();
    assert!(files.contains(" /flask/app.py\n") && files.contains(" /etc/systemd/system/flask-server.service\n"), "{files}");
    let layer = members(&folder.join("layer.tar"));
    assert!(layer.contains(&"flask/app.py".to_owned()), "{layer:?}");
    assert!(!layer.iter().any(|path| path.starts_with("tmp/script")), "scripts left in the image: {layer:?}");
    let report = report(&sandbox);
    let asked = report["stand_ins"].as_object().unwrap().values().next().unwrap();
    assert_eq!(asked[0], "dnf install -y python3-flask");
    assert_eq!(report["calls"]["RunInstances"], json!({"count": 1, "changes": true}));
    assert!(!sandbox.work().join("manifest.json").exists(), "a manifest must not name an image that does not exist");
    assert!(sandbox.work().join(".amibake/manifest.json").exists());
    assert_nothing_left(&sandbox);
}

#[test]
fn a_failing_script_fails_the_rehearsal() {
    let Some(sandbox) = stage("failing script") else { return };
    let ran = rehearse(&sandbox, &template(&shell(&["echo before", "false", "echo after"])));
    assert_eq!(ran.exit, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("before") && !ran.stdout.contains("    amazon-ebs: after"), "{}", ran.stdout);
    assert!(ran.stdout.contains("Script exited with non-zero exit status: 1"), "{}", ran.stdout);
    assert!(ran.stdout.contains("guests have no network"), "a likely reason is named: {}", ran.stdout);
    assert_eq!(report(&sandbox)["images"], json!([]));
    assert_nothing_left(&sandbox);
}

#[test]
fn what_a_failed_guest_held_can_be_kept() {
    let Some(sandbox) = stage("abort") else { return };
    sandbox.file("t.json", &template(&shell(&["echo evidence | sudo tee /opt/evidence", "false"])));
    let ran = sandbox.run(&["rehearse", "-color=false", "-on-error=abort", "t.json"], "");
    assert_eq!(ran.exit, 1, "{}", ran.stdout);
    let failed = sandbox.work().join(".amibake/failed");
    let guest = std::fs::read_dir(failed).unwrap().next().unwrap().unwrap().path();
    assert!(std::fs::read_to_string(guest.join("files.txt")).unwrap().contains(" /opt/evidence\n"));
    assert_nothing_left(&sandbox);
}

#[test]
fn a_rehearsal_starts_from_the_image_of_another() {
    let Some(sandbox) = stage("from an image") else { return };
    let base = with_builder(&json!({"ami_name": "base"}), &shell(&["echo one | sudo tee /opt/one", "sudo rm /etc/issue"]));
    assert_eq!(rehearse(&sandbox, &base).exit, 0);
    let id = report(&sandbox)["images"][0]["id"].as_str().unwrap().to_owned();
    let check = shell(&["cat /opt/one", "test ! -e /etc/issue", "echo two | sudo tee /opt/two"]);
    for source in [
        json!({"ami_name": "by-id", "source_ami_filter": null, "source_ami": id}),
        json!({"ami_name": "by-name", "source_ami_filter": {"filters": {"name": "base"}, "owners": ["self"]}}),
    ] {
        let ran = rehearse(&sandbox, &with_builder(&source, &check));
        assert_eq!(ran.exit, 0, "{source}: {}", ran.stdout);
        assert!(ran.stdout.contains("    amazon-ebs: one\n"), "{}", ran.stdout);
        let layer = members(&image(&sandbox).join("layer.tar"));
        assert!(layer.contains(&"opt/two".to_owned()) && !layer.contains(&"opt/one".to_owned()), "{layer:?}");
    }
    // Twice the same name is a new try, not a clash.
    assert_eq!(rehearse(&sandbox, &base).exit, 0);
}

#[test]
fn a_wrong_user_is_refused_as_on_ec2() {
    let Some(sandbox) = stage("wrong user") else { return };
    let keys = json!({"ssh_username": "ubuntu", "ssh_timeout": "3s", "ssh_handshake_attempts": 1});
    let ran = rehearse(&sandbox, &with_builder(&keys, &shell(&["true"])));
    assert_eq!(ran.exit, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("Error waiting for SSH"), "{}", ran.stdout);
}

#[test]
fn users_and_sudo_are_as_on_an_instance() {
    let Some(sandbox) = stage("sudo") else { return };
    let commands =
        ["echo $(id -un) $HOME $(sudo id -un) $(sudo -u nobody id -un) $(sudo sh -c 'echo $HOME')", ". /etc/os-release; echo $ID"];
    let ran = rehearse(&sandbox, &template(&shell(&commands)));
    assert!(ran.stdout.contains("amazon-ebs: ec2-user /home/ec2-user root nobody /root"), "{}", ran.stdout);
    assert!(ran.stdout.contains("amazon-ebs: amzn"), "{}", ran.stdout);
}

#[test]
fn a_restart_is_a_restart() {
    let Some(sandbox) = stage("restart") else { return };
    let provisioners = json!([
        {"type": "shell", "inline": ["touch /run/lock-of-old-boot 2>/dev/null || sudo touch /run/lock-of-old-boot", "echo kept > kept", "sudo reboot"], "expect_disconnect": true},
        {"type": "shell", "inline": ["test ! -e /run/lock-of-old-boot", "cat kept"], "pause_before": "1s"}
    ]);
    let ran = rehearse(&sandbox, &template(&provisioners));
    assert_eq!(ran.exit, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("amazon-ebs: kept"), "{}", ran.stdout);
}

#[test]
fn scripts_on_this_machine_have_no_access_to_aws() {
    let Some(mut sandbox) = stage("shell-local") else { return };
    sandbox.env("AWS_SECRET_ACCESS_KEY", "do-not-show").env("AWS_PROFILE", "production");
    let script = "echo [${AWS_SECRET_ACCESS_KEY-none}] [${AWS_PROFILE-none}] $AWS_SHARED_CREDENTIALS_FILE $AMIBAKE_REHEARSAL";
    let ran = rehearse(&sandbox, &template(&json!([{"type": "shell-local", "inline": [script]}])));
    assert!(ran.stdout.contains("amazon-ebs: [none] [none] /dev/null 1"), "{}", ran.stdout);
}

#[test]
fn post_processors_run_only_on_request() {
    let Some(sandbox) = stage("post-processors") else { return };
    let mut template: Value = serde_json::from_str(&template(&json!([]))).unwrap();
    template["post-processors"] = json!([{"type": "shell-local", "inline": ["touch ran"]}, {"type": "manifest", "output": "m.json"}]);
    sandbox.file("t.json", &template.to_string());
    let exists = |name: &str| sandbox.work().join(name).exists();
    assert_eq!(sandbox.run(&["rehearse", "t.json"], "").exit, 0);
    assert_eq!((exists("ran"), exists("m.json"), exists(".amibake/m.json")), (false, false, true));
    assert_eq!(sandbox.run(&["rehearse", "-post-process", "t.json"], "").exit, 0);
    assert_eq!((exists("ran"), exists("m.json")), (true, true));
}

#[test]
fn a_machine_that_exists_is_not_rehearsed_on() {
    let sandbox = Sandbox::new();
    let null = r#"{"builders": [{"type": "null", "ssh_host": "db.example", "ssh_username": "u", "ssh_password": "p"}]}"#;
    let ran = rehearse(&sandbox, null);
    assert_eq!(ran.exit, 1);
    assert!(ran.stdout.contains("error[real-host]: `null` cannot be rehearsed"), "{}", ran.stdout);
    assert!(ran.stdout.contains("t.json:1:"), "{}", ran.stdout);
}

/// Starts a rehearsal whose guest waits, and gives it a signal when it does.
fn signalled(sandbox: &Sandbox, signal: &str) -> std::process::Output {
    sandbox.file("t.json", &template(&shell(&["touch /tmp/here", "echo waiting; sleep 60"])));
    let mut child = sandbox.command(&["rehearse", "-color=false", "t.json"]).stdin(Stdio::null()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let waiting = lines.by_ref().map_while(Result::ok).find(|line| line.ends_with(": waiting"));
    assert!(waiting.is_some(), "the guest never waited");
    Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
    let mut stdout: String = lines.map_while(Result::ok).map(|line| line + "\n").collect();
    let output = child.wait_with_output().unwrap();
    stdout += &String::from_utf8_lossy(&output.stdout);
    std::process::Output { stdout: stdout.into_bytes(), ..output }
}

#[test]
fn an_interrupt_leaves_nothing() {
    let Some(sandbox) = stage("interrupt") else { return };
    let output = signalled(&sandbox, "INT");
    assert_eq!(output.status.code(), Some(1));
    assert_nothing_left(&sandbox);
}

#[test]
fn after_a_kill_the_next_start_leaves_nothing() {
    let Some(sandbox) = stage("kill") else { return };
    let output = signalled(&sandbox, "KILL");
    assert_eq!(output.status.signal(), Some(9));
    assert_eq!(rehearse(&sandbox, &template(&json!([]))).exit, 0);
    assert_nothing_left(&sandbox);
}

#[test]
fn programs_can_be_replaced_by_stand_ins() {
    let Some(sandbox) = stage("stand-ins") else { return };
    sandbox.file("t.json", &template(&shell(&["curl -fsS https://example.com/agent.sh -o agent.sh", "sudo deploy 'two words'"])));
    let ran = sandbox.run(&["rehearse", "-stand-in", "curl,deploy", "t.json"], "");
    assert_eq!(ran.exit, 0, "{}", ran.stdout);
    let report = report(&sandbox);
    let asked = report["stand_ins"].as_object().unwrap().values().next().unwrap();
    assert_eq!(asked, &json!(["curl -fsS https://example.com/agent.sh -o agent.sh", "deploy 'two words'"]));
}

#[test]
fn the_report_holds_no_secret() {
    let Some(sandbox) = stage("secrets") else { return };
    let mut template: Value =
        serde_json::from_str(&with_builder(&json!({"tags": {"key": "{{user `key`}}"}}), &shell(&["upload --key '{{user `key`}}'"])))
            .unwrap();
    template["variables"] = json!({"key": "hunter2-hunter2"});
    template["sensitive-variables"] = json!(["key"]);
    sandbox.file("t.json", &template.to_string());
    let ran = sandbox.run(&["rehearse", "-stand-in", "upload", "t.json"], "");
    let written = report(&sandbox).to_string();
    assert!(ran.exit == 0 && written.contains("upload --key <sensitive>"), "{}{written}", ran.stdout);
    assert!(!written.contains("hunter2") && !ran.stdout.contains("hunter2"), "{}{written}", ran.stdout);
}

#[test]
fn a_spot_build_with_a_temporary_profile() {
    let Some(sandbox) = stage("a_spot_build_with_a_temporary_profile") else { return };
    let keys = json!({
        "spot_price": "auto", "instance_type": null, "spot_instance_types": ["t3.micro", "t3a.micro"], "spot_tags": {"a": "b"},
        "temporary_iam_instance_profile_policy_document": {
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["logs:*"], "Resource": ["*"]}]
        },
        "temporary_security_group_source_public_ip": true,
        "subnet_filter": {"filters": {"tag:Class": "build"}, "random": true},
    });
    let ran = rehearse(&sandbox, &with_builder(&keys, &shell(&["sudo touch /opt/baked"])));
    assert_eq!(ran.exit, 0, "{}{}", ran.stdout, ran.stderr);
    for line in
        ["Launching a spot AWS instance...", "Creating temporary role for this instance: packer-", "Deleting temporary instance profile..."]
    {
        assert!(ran.stdout.contains(line), "{line}:\n{}", ran.stdout);
    }
    // EC2 restarts a running instance for its image, and so does the lab.
    assert!(members(&image(&sandbox).join("layer.tar")).iter().any(|member| member == "opt/baked"));
    assert_nothing_left(&sandbox);
}

#[test]
fn a_bundle_is_rehearsed_by_stand_ins_and_leaves_no_key() {
    let Some(sandbox) = stage("a_bundle_is_rehearsed_by_stand_ins_and_leaves_no_key") else { return };
    let sandbox = sandbox.file("cert.pem", "a certificate\n").file("key.pem", "the private key of a test\n");
    let look = "ls -l /tmp/key.pem | cut -c1-10; ls -l /tmp/cert.pem | cut -c1-10; cat /tmp/key.pem";
    let keys = json!({
        "type": "amazon-instance", "account_id": "1111-2222-3333", "s3_bucket": "b", "x509_cert_path": "cert.pem", "x509_key_path": "key.pem",
        "bundle_vol_command": look, "bundle_upload_command": "echo {{.SecretKey}}; sudo -i -n ec2-upload-bundle -m {{.ManifestPath}}",
    });
    let ran = rehearse(sandbox, &with_builder(&keys, &json!([])));
    assert_eq!(ran.exit, 0, "{}{}", ran.stdout, ran.stderr);
    for line in ["    amazon-instance: -rw-------", "    amazon-instance: -rw-r--r--", "ec2-upload-bundle -m /tmp/image-"] {
        assert!(ran.stdout.contains(line), "no `{line}` in {}", ran.stdout);
    }
    assert_eq!(ran.stdout.matches("    amazon-instance: <sensitive>").count(), 2, "key and secret key: {}", ran.stdout);
    assert!(!ran.stdout.contains("the private key"), "{}", ran.stdout);
}
