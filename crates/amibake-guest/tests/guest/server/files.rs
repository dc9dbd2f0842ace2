//! Files: `scp`, the old way and the new, and `sftp`.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use super::served::{Said, Served, said};

fn write(path: &Path, content: &[u8], mode: u32) {
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[track_caller]
fn check_file(path: &Path, content: &[u8], mode: u32) {
    assert!(std::fs::read(path).unwrap() == content, "{} differs", path.display());
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, mode, "{}", path.display());
}

#[track_caller]
fn check_quiet(said: &Said) {
    assert_eq!((said.status, said.stderr.as_str()), (Some(0), ""), "{said:?}");
}

#[tokio::test]
async fn scp_copies_files_and_trees_both_ways_with_their_modes() {
    for flag in ["-O", "-s"] {
        let served = Served::new();
        let content = vec![b'a'; 3_000_000];
        std::fs::create_dir_all(served.path("tree/deep")).unwrap();
        write(&served.path("tree/script"), &content, 0o751);
        write(&served.path("tree/deep/empty"), b"", 0o600);
        let remote = "ubuntu@127.0.0.1:";
        let tree = served.path("tree");
        check_quiet(&said(served.client("scp", "-P").args(["-q", flag, "-rp"]).arg(&tree).arg(remote)).await);
        check_file(&served.home("tree/script"), &content, 0o751);
        check_file(&served.home("tree/deep/empty"), b"", 0o600);
        let mtime = |path: &Path| path.metadata().unwrap().mtime();
        assert_eq!(mtime(&served.home("tree/script")), mtime(&served.path("tree/script")), "{flag}");
        let back = served.path("back");
        check_quiet(&said(served.client("scp", "-P").args(["-q", flag, "-rp", &format!("{remote}tree")]).arg(&back)).await);
        check_file(&back.join("script"), &content, 0o751);
        let home = format!("{remote}~/named");
        check_quiet(&said(served.client("scp", "-P").args(["-q", flag]).arg(tree.join("script")).arg(&home)).await);
        check_file(&served.home("named"), &content, 0o751);
    }
}

/// Runs an sftp script.
async fn sftp(served: &Served, script: &str) -> Said {
    let batch = served.path("batch");
    std::fs::write(&batch, script).unwrap();
    said(served.client("sftp", "-P").arg("-q").arg("-b").arg(batch).arg("ubuntu@127.0.0.1")).await
}

#[tokio::test]
async fn sftp_does_what_its_commands_say() {
    let served = Served::new();
    let local = served.path("file");
    write(&local, b"content", 0o640);
    let script = format!(
        "mkdir made\nput {0} made/one\nchmod 4755 made/one\nrename made/one made/two\nsymlink two made/link\nln made/two made/hard\n\
         ls -l made\npwd\nget made/link {0}.back\nput -p {0} made/kept\nput {0} gone\nrm gone\nmkdir empty\nrmdir empty\n\
         reput {0} part\nput -f {0} synced\nls -a\n",
        local.display()
    );
    std::fs::write(served.home("part"), "cont").unwrap();
    let said = sftp(&served, &script).await;
    check_quiet(&said);
    assert_eq!(std::fs::read(served.home("part")).unwrap(), b"content", "resumed");
    check_file(&served.home("made/two"), b"content", 0o4755);
    check_file(&served.home("made/kept"), b"content", 0o640);
    check_file(&served.path("file.back"), b"content", 0o755);
    check_file(&served.home("synced"), b"content", 0o640);
    assert_eq!(std::fs::read_link(served.home("made/link")).unwrap(), Path::new("two"));
    assert_eq!(served.home("made/hard").metadata().unwrap().nlink(), 2);
    assert!(!served.home("gone").exists() && !served.home("empty").exists());
    assert!(said.stdout.contains("-rwsr-xr-x"), "{}", said.stdout);
    assert!(said.stdout.contains(&format!("Remote working directory: {}", served.guest.home.display())), "{}", said.stdout);
}

#[tokio::test]
async fn sftp_says_what_is_wrong() {
    let served = Served::new();
    let check = async |script: &str, expected: &str| {
        let said = sftp(&served, script).await;
        assert_eq!(said.status, Some(1), "{script}: {said:?}");
        assert!(said.stderr.contains(expected), "{script}: {}", said.stderr);
    };
    check("rm nothing", "No such file").await;
    check("get nothing here", "not found").await;
    check("mkdir a\nmkdir a", "Failure").await;
    check("mkdir b\nmkdir b/c\nrmdir b", "Failure").await;
    check("cd nowhere", "No such file").await;
}

#[tokio::test]
async fn a_folder_of_many_files_is_listed_whole() {
    let served = Served::new();
    for number in 0..1_234 {
        std::fs::write(served.home(&format!("file-{number:04}")), "").unwrap();
    }
    let said = sftp(&served, "ls -1").await;
    let names: Vec<_> = said.stdout.lines().filter(|line| line.starts_with("file-")).map(str::trim).collect();
    assert_eq!(names.len(), 1_234);
    assert_eq!(names[1_233], "file-1233");
}

#[tokio::test]
async fn large_files_go_both_ways_at_speed() {
    let served = Served::new();
    let content: Vec<u8> = (0..64 << 20_u32).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    write(&served.path("large"), &content, 0o600);
    let start = Instant::now();
    check_quiet(&sftp(&served, &format!("put {0} large\nget large {0}.back", served.path("large").display())).await);
    let took = start.elapsed();
    assert!(std::fs::read(served.path("large.back")).unwrap() == content);
    // It takes a second or two; the rest is for a machine that is busy with other tests.
    assert!(took < Duration::from_secs(40), "{took:?}");
}

#[tokio::test]
async fn an_unknown_subsystem_is_refused() {
    let served = Served::new();
    let said = said(served.ssh().args(["-s", "ubuntu@127.0.0.1", "netconf"])).await;
    assert_eq!(said.status, Some(255));
    assert!(said.stderr.contains("subsystem request failed"), "{}", said.stderr);
}
