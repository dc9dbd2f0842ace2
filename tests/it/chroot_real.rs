//! `amazon-chroot` with real mounts: a loop device is what the lab attaches, a small file system on it what the image is made of.
//!
//! Needs root and loop devices; elsewhere it says so and does nothing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use amibake::builder::BuildError;
use amibake::communicator::{Communicator, Content, Ended};
use amibake::engine::teardown::mounted_here;
use amibake::event::{Reporter, What};
use amibake_ec2::lab::{At, Fault, Kind, Lab, Times};
use serde_json::{Value, json};

use super::ebs_lab::{Bench, Outcome, REGION};

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Whether this machine can do it.
fn possible(folder: &Path) -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("this is not root".to_owned());
    }
    let disk = folder.join("try");
    std::fs::write(&disk, vec![0; 1 << 20]).map_err(|error| error.to_string())?;
    let set_up = Command::new("losetup").args(["--find", "--show"]).arg(&disk).output();
    let set_up = set_up.map_err(|error| format!("losetup: {error}"))?;
    if !set_up.status.success() {
        return Err(String::from_utf8_lossy(&set_up.stderr).trim().to_owned());
    }
    run("losetup", &["--detach", String::from_utf8_lossy(&set_up.stdout).trim()]);
    Command::new("mkfs.ext4").arg("-V").output().map(drop).map_err(|error| format!("mkfs.ext4: {error}"))
}

/// A disk of the source image, and where it appears when it is attached.
struct Disk {
    folder: tempfile::TempDir,
    attached: Arc<Mutex<Option<String>>>,
}

impl Disk {
    /// A file system with what a shell needs; None, aloud, where that cannot be. With `AMIBAKE_E2E=require` that is a failure where
    /// root has loop devices.
    #[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "what this machine offers to tests; one that does nothing says so")]
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        if let Err(why) = possible(folder.path()) {
            let could = rustix::process::geteuid().is_root() && Path::new("/dev/loop-control").exists();
            let required = std::env::var_os("AMIBAKE_E2E").is_some_and(|word| word == "require");
            assert!(!(could && required), "no loop device can be mounted here: {why}");
            eprintln!("NOT TESTED: no loop device can be mounted here: {why}");
            return None;
        }
        let disk = Self { folder, attached: Arc::default() };
        let image = disk.path("image");
        std::fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        run("mkfs.ext4", &["-q", "-F", &image.to_string_lossy()]);
        disk.inside(|root| {
            for place in ["tmp", "etc", "proc", "sys", "dev", "home/app"] {
                std::fs::create_dir_all(root.join(place)).unwrap();
            }
            std::fs::write(root.join("etc/old"), "from the source image\n").unwrap();
            // On this machine that would be its own file.
            std::os::unix::fs::symlink("/home/app", root.join("app")).unwrap();
            for program in ["/bin/sh", "/bin/cat", "/bin/chmod", "/bin/rm", "/bin/mkdir", "/bin/sleep"] {
                copy_program(Path::new(program), root);
            }
        });
        Some(disk)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Looks into the file system.
    fn inside<T>(&self, look: impl FnOnce(&Path) -> T) -> T {
        let place = self.path("look");
        std::fs::create_dir_all(&place).unwrap();
        run("mount", &["-o", "loop", &self.path("image").to_string_lossy(), &place.to_string_lossy()]);
        let seen = look(&place);
        // A process that another test is starting may hold a file of ours for a moment.
        let unmount = format!("for n in 1 2 3 4 5 6 7 8 9; do umount {} && exit; sleep 0.1; done; exit 1", place.display());
        run("/bin/sh", &["-c", &unmount]);
        seen
    }

    fn config(&self, keys: Value) -> Value {
        let mut config = json!({
            "type": "amazon-chroot", "region": REGION, "ami_name": "an-image",
            "source_ami_filter": {"filters": {"name": "al2023-ami-2023*x86_64"}, "owners": ["amazon"], "most_recent": true},
            "device_path": self.path("sdf"), "mount_partition": "0", "mount_path": self.path("mnt/deep/{{.Device}}"),
            "mount_options": ["noatime"],
            "chroot_mounts": [["proc", "proc", "/proc"], ["bind", "/dev", "/dev"]],
            "copy_files": ["/etc/hosts"],
        });
        if let (Value::Object(config), Value::Object(keys)) = (&mut config, keys) {
            config.extend(keys);
        }
        config
    }

    /// A lab where the disk appears and disappears as its volume is attached and detached.
    fn lab(&self) -> Lab {
        let lab = Lab::with_times(Times::instant());
        let (image, link) = (self.path("image"), self.path("sdf"));
        let attached = Arc::clone(&self.attached);
        let attach = move || {
            let device = run("losetup", &["--find", "--show", &image.to_string_lossy()]);
            std::os::unix::fs::symlink(&device, &link).unwrap();
            *attached.lock().unwrap() = Some(device);
        };
        lab.fault(Fault::new(At::Every("AttachVolume"), Kind::After(Arc::new(attach))));
        let (attached, link) = (Arc::clone(&self.attached), self.path("sdf"));
        let detach = move || {
            if let Some(device) = attached.lock().unwrap().take() {
                // A device that is still mounted would stay busy.
                run("losetup", &["--detach", &device]);
                std::fs::remove_file(&link).unwrap();
            }
        };
        lab.fault(Fault::new(At::Every("DetachVolume"), Kind::Before(Arc::new(detach))));
        lab
    }

    async fn bake(&self, config: Value, lab: Lab, provision: super::ebs_lab::Provision) -> Outcome {
        Bench::of(lab, &config).await.with(provision).bake(config).await
    }

    /// Nothing of a build is left on this machine.
    #[track_caller]
    fn is_clean(&self, outcome: &Outcome) {
        assert_eq!(outcome.leftovers, [], "{}", outcome.text);
        assert_eq!(outcome.remaining, [] as [String; 0], "{}", outcome.text);
        assert!(!self.path("mnt").exists(), "{}", outcome.text);
        assert!(!mounted_here(&self.path("mnt/deep/sdf")) && !self.path("sdf").exists());
        assert!(!run("losetup", &["--list", "--noheadings", "--output", "BACK-FILE"]).contains(&*self.path("image").to_string_lossy()));
    }
}

impl Drop for Disk {
    /// After a failed test, too, nothing stays mounted.
    fn drop(&mut self) {
        for place in ["look", "mnt/deep/sdf/dev", "mnt/deep/sdf/proc", "mnt/deep/sdf"].map(|name| self.path(name)) {
            if mounted_here(&place) {
                drop(Command::new("umount").arg("--lazy").arg(&place).status());
            }
        }
    }
}

/// A program with the libraries that it needs.
fn copy_program(program: &Path, root: &Path) {
    let copy = |from: &Path| {
        let to = root.join(from.to_string_lossy().trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    };
    copy(program);
    let libraries = Command::new("ldd").arg(program).output().unwrap();
    for word in String::from_utf8_lossy(&libraries.stdout).split_whitespace().filter(|word| word.starts_with('/')) {
        copy(Path::new(word));
    }
}

/// What was told that is a command's output.
async fn said(guest: &dyn Communicator, command: &str) -> (Ended, String) {
    let (report, events) = Reporter::new();
    let ended = guest.run(command, &report).await.unwrap();
    drop(report);
    let lines = events.iter().filter_map(|event| match event.what {
        What::Output { text, .. } => Some(text),
        _ => None,
    });
    (ended, lines.collect::<Vec<_>>().join("\n"))
}

#[tokio::test]
async fn what_provisioners_do_is_in_the_image() {
    let Some(disk) = Disk::new() else { return };
    let folder = disk.path("local");
    std::fs::create_dir_all(folder.join("tree/sub")).unwrap();
    std::fs::write(folder.join("tree/sub/file"), "deep").unwrap();
    std::fs::write(folder.join("one"), "one").unwrap();
    let provision: super::ebs_lab::Provision = Arc::new(move |guest| {
        let folder = folder.clone();
        Box::pin(async move {
            let failed = |error: amibake::communicator::CommunicatorError| BuildError::Failed(error.whole());
            guest.upload(Content::Bytes(b"#!/bin/sh\necho \"$A\" > /etc/made\n"), "/tmp/script.sh", Some(0o755)).await.map_err(failed)?;
            assert_eq!(said(guest, "A='it is $HOME' /tmp/script.sh; rm /tmp/script.sh").await.0, Ended::Status(0));
            assert_eq!(said(guest, "cat /etc/made; exit 7").await, (Ended::Status(7), "it is $HOME".to_owned()));
            assert!(said(guest, "cat /etc/hosts").await.1.contains("localhost"), "copied for the build");
            guest.upload(Content::File(&folder.join("one")), "/app/one", None).await.map_err(failed)?;
            guest.upload_dir(&format!("{}/", folder.join("tree").display()), "/home/app").await.map_err(failed)?;
            guest.download("/etc/old", &folder.join("old")).await.map_err(failed)?;
            guest.download_dir("/home/", &folder.join("home")).await.map_err(failed)?;
            assert_eq!(std::fs::read_to_string(folder.join("old")).unwrap(), "from the source image\n");
            assert_eq!(std::fs::read_to_string(folder.join("home/app/sub/file")).unwrap(), "deep");
            // Left running: it would keep the file system.
            let (report, _events) = Reporter::new();
            guest.run("sleep 1000 >/dev/null 2>&1 &", &report).await.map(drop).map_err(failed)
        })
    });
    let keys = json!({
        "pre_mount_commands": ["test -b {{.Device}}"],
        "post_mount_commands": ["echo post > {{.MountPath}}/etc/post"],
    });
    let outcome = disk.bake(disk.config(keys), disk.lab(), provision).await;
    outcome.artifact();
    disk.is_clean(&outcome);
    disk.inside(|root| {
        let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| format!("{path}: {error}"));
        assert_eq!((read("etc/made").as_str(), read("etc/post").as_str()), ("it is $HOME\n", "post\n"));
        assert_eq!((read("home/app/one").as_str(), read("home/app/sub/file").as_str()), ("one", "deep"), "links lead within the guest");
        for gone in ["etc/hosts", "tmp/script.sh", "dev/null"] {
            assert!(!root.join(gone).exists(), "{gone}");
        }
    });
}

#[tokio::test]
async fn whatever_fails_nothing_stays_mounted() {
    let Some(disk) = Disk::new() else { return };
    let nothing = || -> super::ebs_lab::Provision { Arc::new(|_| Box::pin(async { Ok(()) })) };
    let fails: super::ebs_lab::Provision = Arc::new(|_| Box::pin(async { Err(BuildError::Failed("a script failed".to_owned())) }));
    let outcome = disk.bake(disk.config(json!({})), disk.lab(), fails).await;
    assert_eq!(outcome.error(), "a script failed");
    disk.is_clean(&outcome);
    for (keys, error) in [
        (json!({"chroot_mounts": [["proc", "proc", "/proc"], ["nosuchfs", "x", "/sys"]]}), "Error mounting: exit status 32"),
        (json!({"copy_files": ["/no/such/file"]}), "Error copying file: exit status 1"),
        (json!({"mount_partition": "7"}), "Error mounting root volume: exit status 32"),
        (json!({"pre_mount_commands": ["exit 5"]}), "received non-zero exit code 5 from command: exit 5"),
        (json!({"post_mount_commands": ["cd {{.MountPath}}; exit 6"]}), "received non-zero exit code 6 from command: cd "),
    ] {
        let outcome = disk.bake(disk.config(keys), disk.lab(), nothing()).await;
        assert!(outcome.error().starts_with(error), "{}", outcome.error());
        disk.is_clean(&outcome);
    }
    for refused in ["CreateSnapshot", "RegisterImage"] {
        let lab = disk.lab();
        lab.fault(Fault::new(At::Operation(refused, 1), Kind::Refuse("UnauthorizedOperation", "You are not authorized.")));
        let outcome = disk.bake(disk.config(json!({})), lab, nothing()).await;
        assert!(outcome.error().contains("UnauthorizedOperation"), "{}", outcome.error());
        disk.is_clean(&outcome);
    }
}

#[tokio::test]
async fn a_cancelled_build_ends_its_script_and_its_mounts() {
    let Some(disk) = Disk::new() else { return };
    let config = disk.config(json!({}));
    let bench = Bench::of(disk.lab(), &config).await;
    let cancel = bench.cancel.clone();
    let provision: super::ebs_lab::Provision = Arc::new(move |guest| {
        let cancel = cancel.clone();
        Box::pin(async move {
            let (report, _events) = Reporter::new();
            tokio::select! {
                _ = guest.run("sleep 1000; cat", &report) => panic!("it sleeps"),
                () = tokio::time::sleep(std::time::Duration::from_millis(300)) => cancel.cancel(),
            }
            Err(BuildError::Cancelled)
        })
    });
    let outcome = bench.with(provision).bake(config).await;
    assert_eq!(outcome.error(), "cancelled");
    disk.is_clean(&outcome);
}
