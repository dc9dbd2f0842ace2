//! Programs that a rehearsal does not have: package managers, services, the power switch. A script stands in for each; it records
//! how it was called, says what scripts expect to read, and succeeds.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::base::directory;
use super::fault::{During as _, Fault};

/// Always.
const ALWAYS: &[&str] = &[
    "add-apt-repository",
    "amazon-linux-extras",
    "apk",
    "apt",
    "apt-cache",
    "apt-get",
    "apt-key",
    "apt-mark",
    "chkconfig",
    "cloud-init",
    "debconf-set-selections",
    "dnf",
    "dpkg",
    "dpkg-query",
    "dpkg-reconfigure",
    "dracut",
    "ec2-bundle-vol",
    "ec2-upload-bundle",
    "firewall-cmd",
    "grubby",
    "halt",
    "hostnamectl",
    "init",
    "initctl",
    "journalctl",
    "localectl",
    "microdnf",
    "modprobe",
    "poweroff",
    "reboot",
    "restorecon",
    "rpm",
    "semanage",
    "service",
    "setenforce",
    "shutdown",
    "snap",
    "sysctl",
    "systemctl",
    "tdnf",
    "telinit",
    "timedatectl",
    "update-grub",
    "update-initramfs",
    "update-rc.d",
    "yum",
    "zypper",
];

/// Where this machine has none: else the real ones work on the guest's own files.
const WHERE_MISSING: &[&str] = &[
    "chpasswd",
    "groupadd",
    "groupdel",
    "groupmod",
    "locale-gen",
    "useradd",
    "userdel",
    "usermod",
    "update-ca-certificates",
    "yum-config-manager",
];

/// Where there is only root: nobody could own what they would make or change.
const WITHOUT_USERS: &[&str] = &["chgrp", "chown"];

/// Directories with programs, in the order of preference.
const PLACES: [&str; 4] = ["usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin"];

/// Makes them below `shared/base/TREE`; `more` only where `PATH` looks first, since others may be meant by their path.
pub(super) fn make(base: &Path, many: bool, more: &[String]) -> Result<(), Fault> {
    for name in more.iter().filter(|name| !name.is_empty() && !name.contains('/') && !name.starts_with('.')) {
        write(&base.join("usr/local/bin"), name)?;
    }
    let missing = WHERE_MISSING.iter().filter(|name| PLACES.iter().all(|place| !Path::new("/").join(place).join(name).exists()));
    let without = WITHOUT_USERS.iter().filter(|_| !many);
    for name in ALWAYS.iter().chain(missing).chain(without) {
        let mut stands = false;
        for place in PLACES {
            if shadows(place, name) {
                write(&base.join(place), name)?;
                stands = true;
            }
        }
        if !stands {
            write(&base.join(PLACES[0]), name)?;
        }
    }
    Ok(())
}

/// Whether this machine has such a program there. Directories that are links are the others again.
fn shadows(place: &str, name: &str) -> bool {
    let place = Path::new("/").join(place);
    !place.is_symlink() && place.join(name).symlink_metadata().is_ok()
}

fn write(dir: &Path, name: &str) -> Result<(), Fault> {
    if !dir.is_dir() {
        directory(dir, 0o755)?;
    }
    let path = dir.join(name);
    fs::write(&path, SCRIPT)
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
        .during(|| format!("{}", path.display()))
}

const SCRIPT: &str = include_str!("stand_in.sh");
