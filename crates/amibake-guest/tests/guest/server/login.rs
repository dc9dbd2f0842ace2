//! Who gets in.

use amibake_guest::keys::{self, Kind};
use amibake_guest::server::{Accepted, Passwords};

use super::served::{Served, said, write_key};

#[tokio::test]
async fn both_kinds_of_the_instances_key_are_accepted() {
    for kind in [Kind::Ed25519, Kind::Rsa] {
        let served = Served::with(kind, |_| {});
        assert_eq!(served.run("echo in").await.stdout, "in\n", "{kind:?}");
        let pem = std::fs::read_to_string(served.path("key")).unwrap();
        let first = pem.lines().next().unwrap();
        match kind {
            Kind::Rsa => assert_eq!(first, "-----BEGIN RSA PRIVATE KEY-----"),
            Kind::Ed25519 => assert_eq!(first, "-----BEGIN OPENSSH PRIVATE KEY-----"),
        }
    }
}

#[tokio::test]
async fn ssh_keygen_reads_both_kinds_and_agrees_on_the_public_half() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, name) in [(Kind::Ed25519, "ed25519"), (Kind::Rsa, "rsa")] {
        let key = keys::generate(kind).unwrap();
        let path = folder.path().join(name);
        write_key(&path, &key.private_pem);
        let said = said(tokio::process::Command::new("ssh-keygen").arg("-y").arg("-f").arg(&path)).await;
        assert_eq!(said.stdout.trim(), key.public, "{name}: {}", said.stderr);
        assert!(!format!("{key:?}").contains("PRIVATE"));
    }
}

#[track_caller]
fn check_refused(said: &super::served::Said) {
    assert_eq!(said.status, Some(255), "{said:?}");
    assert!(said.stderr.contains("Permission denied (publickey)."), "{}", said.stderr);
}

#[tokio::test]
async fn another_key_is_refused_as_sshd_does() {
    let stranger = keys::generate(Kind::Ed25519).unwrap();
    let served = Served::with(Kind::Ed25519, |login| login.keys = Accepted::Only(stranger.public));
    check_refused(&served.run("true").await);
    let served = Served::with(Kind::Ed25519, |login| login.keys = Accepted::None);
    check_refused(&served.run("true").await);
}

#[tokio::test]
async fn an_unknown_key_pair_accepts_any_key() {
    let served = Served::with(Kind::Ed25519, |login| login.keys = Accepted::AnyOffered);
    assert_eq!(served.run("echo in").await.stdout, "in\n");
}

#[tokio::test]
async fn root_is_told_who_to_log_in_as() {
    let served = Served::new();
    let said = said(served.ssh().args(["root@127.0.0.1", "touch made"])).await;
    assert_eq!(said.status, Some(142));
    assert_eq!(said.stdout, "Please login as the user \"ubuntu\" rather than the user \"root\".\n\n");
    assert!(!served.home("made").exists());
}

#[tokio::test]
async fn other_users_are_refused() {
    let served = Served::new();
    for user in ["nobody-here", "other"] {
        check_refused(&said(served.ssh().args([&format!("{user}@127.0.0.1"), "true"])).await);
    }
    // Where nothing is known about the image, every user that it has is let in.
    let served = Served::with(Kind::Ed25519, |login| login.user = None);
    for user in ["root", "other"] {
        assert_eq!(said(served.ssh().args([&format!("{user}@127.0.0.1"), "true"])).await.status, Some(0), "{user}");
    }
}

/// Tries a password, in one of the two ways that SSH has.
async fn with_password(served: &Served, password: &str, method: &str) -> super::served::Said {
    let ask = served.path("askpass");
    if !ask.exists() {
        std::fs::write(&ask, "#!/bin/sh\necho \"$PASSWORD\"\n").unwrap();
        std::fs::set_permissions(&ask, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    }
    let mut ssh = tokio::process::Command::new("ssh");
    ssh.args(["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"])
        .args(["-o", &format!("PreferredAuthentications={method}"), "-o", "NumberOfPasswordPrompts=1"])
        .args(["-p", &served.address.port().to_string(), "other@127.0.0.1", "echo in"])
        .env("SSH_ASKPASS", &ask)
        .env("SSH_ASKPASS_REQUIRE", "force")
        .env("PASSWORD", password)
        .stdin(std::process::Stdio::null());
    said(&mut ssh).await
}

#[tokio::test]
async fn passwords_are_taken_only_where_they_are_allowed() {
    for method in ["password", "keyboard-interactive"] {
        let served = Served::new();
        check_refused(&with_password(&served, "secret", method).await);
        let served = Served::with(Kind::Ed25519, |login| login.passwords = Passwords::Only("secret".into()));
        assert_eq!(with_password(&served, "secret", method).await.stdout, "in\n", "{method}");
        assert_eq!(with_password(&served, "wrong", method).await.status, Some(255), "{method}");
        let served = Served::with(Kind::Ed25519, |login| login.passwords = Passwords::Any);
        assert_eq!(with_password(&served, "anything", method).await.stdout, "in\n", "{method}");
    }
    assert_eq!(format!("{:?}", Passwords::Only("secret".into())), "Only(<sensitive>)");
}

#[tokio::test]
async fn templates_may_name_older_algorithms() {
    let served = Served::with(Kind::Rsa, |_| {});
    for option in [
        "KexAlgorithms=diffie-hellman-group14-sha256",
        "KexAlgorithms=diffie-hellman-group16-sha512",
        "KexAlgorithms=ecdh-sha2-nistp256",
        "KexAlgorithms=ecdh-sha2-nistp384",
        "KexAlgorithms=ecdh-sha2-nistp521",
        "Ciphers=aes128-ctr",
        "Ciphers=aes256-ctr",
        "Ciphers=aes128-gcm@openssh.com",
        "Ciphers=aes256-gcm@openssh.com",
        "Ciphers=chacha20-poly1305@openssh.com",
        "PubkeyAcceptedAlgorithms=rsa-sha2-256",
        "PubkeyAcceptedAlgorithms=rsa-sha2-512",
    ] {
        let said = said(served.ssh().args(["-o", option, "ubuntu@127.0.0.1", "echo in"])).await;
        assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("in\n", ""), "{option}");
    }
    for mac in ["hmac-sha2-256", "hmac-sha2-512", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"] {
        let said = said(served.ssh().args(["-o", "Ciphers=aes128-ctr", "-m", mac, "ubuntu@127.0.0.1", "echo in"])).await;
        assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("in\n", ""), "{mac}");
    }
}
