//! Files to and from a guest with the system's clients, through the SSH server.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use amibake_guest::Guest;

use crate::sandbox_support::{boot, prints, sandbox};
use crate::server::served::{Served, said};

/// Runs a client, which must succeed and say nothing on standard error.
async fn client(served: &Served<dyn Guest>, program: &str, words: &[&str]) -> String {
    let port = if program == "ssh" { "-p" } else { "-P" };
    let said = said(served.client(program, port).args(words)).await;
    assert_eq!((said.status, said.stderr.as_str()), (Some(0), ""), "{program} {words:?}");
    said.stdout
}

#[track_caller]
fn check(path: &Path, content: &[u8], mode: u32) {
    assert!(fs::read(path).unwrap() == content, "{} differs", path.display());
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, mode, "{}", path.display());
}

#[tokio::test]
async fn ssh_scp_and_sftp_carry_files_both_ways_as_the_login_user() {
    let (_dir, sandbox) = sandbox();
    let guest = boot(&sandbox).await;
    let served = Served::over_as(guest.clone(), "ec2-user");
    let content: Vec<u8> = (0..1_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let local = served.path("file");
    fs::write(&local, &content).unwrap();
    fs::set_permissions(&local, Permissions::from_mode(0o640)).unwrap();
    let (local, remote) = (local.to_str().unwrap(), "ec2-user@127.0.0.1");
    let at = |name: &str| format!("{remote}:{name}");
    let back = |name: &str| served.path(name).to_str().unwrap().to_owned();

    client(&served, "scp", &["-O", "-p", local, &at("old")]).await;
    client(&served, "scp", &["-s", "-p", local, &at("/tmp/new")]).await;
    fs::write(
        served.path("batch"),
        format!("put -p {local} both\nchmod 751 both\nget -p both {0}\nget /etc/passwd {0}.passwd\n", back("sftp")),
    )
    .unwrap();
    client(&served, "sftp", &["-q", "-b", &back("batch"), remote]).await;
    client(&served, "scp", &["-O", "-p", &at("old"), &back("old")]).await;
    client(&served, "scp", &["-s", "-p", &at("/tmp/new"), &back("new")]).await;
    for (name, mode) in [("old", 0o640), ("new", 0o640), ("sftp", 0o751)] {
        check(&served.path(name), &content, mode);
    }
    // What came is the guest's own, not this machine's.
    let passwd = prints(&guest, "cat /etc/passwd").await;
    assert_eq!(fs::read_to_string(served.path("sftp.passwd")).unwrap(), passwd);
    assert_ne!(fs::read_to_string("/etc/passwd").unwrap(), passwd);
    let owner = prints(&guest, "id -un").await;
    let owner = owner.trim();
    let listed = client(&served, "ssh", &[remote, "stat -c '%U %a %n' old both /tmp/new"]).await;
    assert_eq!(listed, format!("{owner} 640 old\n{owner} 751 both\n{owner} 640 /tmp/new\n"));
    // Only root may write there, and sftp is not root where somebody else exists.
    if owner != "root" {
        fs::write(served.path("batch"), format!("put {local} /etc/passwd\n")).unwrap();
        let refused = said(served.client("sftp", "-P").args(["-q", "-b", &back("batch"), remote])).await;
        assert!(refused.status == Some(1) && refused.stderr.contains("ermission denied"), "{refused:?}");
    }
    served.cancel().await;
}
