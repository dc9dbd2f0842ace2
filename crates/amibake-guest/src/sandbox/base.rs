//! What all guests of a run share: a small root directory with this machine's public settings, the stand-ins, this program.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use serde::{Deserialize, Serialize};

use super::fault::{During as _, Fault, Step};
use super::{stand_in, tree};

/// What to make.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Base {
    /// The trees of all guests.
    pub(super) trees: Vec<String>,
    /// Whether directories of this machine's programs belong to the guest's root anyway.
    pub(super) owned: bool,
    /// Whether guests have users other than root.
    pub(super) many: bool,
    /// More programs that something stands in for.
    pub(super) stand_ins: Vec<String>,
}

/// Directories of a fresh machine, with their permissions.
const DIRECTORIES: &[(&str, u32)] = &[
    ("boot", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("etc/sudoers.d", 0o750),
    ("etc/ssh", 0o755),
    ("home", 0o755),
    ("media", 0o755),
    ("mnt", 0o755),
    ("opt", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("srv", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("var", 0o755),
    ("var/backups", 0o755),
    ("var/cache", 0o755),
    ("var/cache/apt", 0o755),
    ("var/cache/apt/archives", 0o755),
    ("var/cache/dnf", 0o755),
    ("var/cache/yum", 0o755),
    ("var/lib", 0o755),
    ("var/lib/apt", 0o755),
    ("var/lib/apt/lists", 0o755),
    ("var/lib/cloud", 0o755),
    ("var/lib/cloud/data", 0o755),
    ("var/lib/cloud/instances", 0o755),
    ("var/lib/cloud/scripts", 0o755),
    ("var/lib/cloud/scripts/per-boot", 0o755),
    ("var/lib/cloud/scripts/per-instance", 0o755),
    ("var/lib/cloud/scripts/per-once", 0o755),
    ("var/lib/dpkg", 0o755),
    ("var/lib/misc", 0o755),
    ("var/lib/rpm", 0o755),
    ("var/lib/systemd", 0o755),
    ("var/local", 0o2775),
    ("var/log", 0o755),
    ("var/log/journal", 0o755),
    ("var/mail", 0o2775),
    ("var/opt", 0o755),
    ("var/spool", 0o755),
    ("var/tmp", 0o1777),
];

/// Of `/etc`, what is this machine's own affair, or may hold somebody's credentials though everybody may read it.
const NOT_COPIED: &[&str] = &[
    "amibake",
    "containers",
    "crypttab",
    "docker",
    "environment",
    "fstab",
    "gitconfig",
    "group",
    "group-",
    "gshadow",
    "gshadow-",
    "hostname",
    "hosts",
    "kubernetes",
    "letsencrypt",
    "machine-id",
    "mtab",
    "netrc",
    "npmrc",
    "os-release",
    "passwd",
    "passwd-",
    "pip.conf",
    "pki/private",
    "resolv.conf",
    "shadow",
    "shadow-",
    "ssl/private",
    "subgid",
    "subgid-",
    "subuid",
    "subuid-",
    "sudoers",
    "sudoers.d",
];

/// A setting larger than this is data.
const LARGEST: u64 = 4 << 20;

impl Base {
    /// In the run's directory: `shared/base/TREE` for each tree, and tries whether a guest could start.
    pub(super) fn make(&self) -> Result<(), Fault> {
        let root = Path::new("shared/base/root");
        for at in &self.trees {
            directory(&Path::new("shared/base").join(tree::dir_of(at)), 0o755)?;
        }
        for (path, mode) in DIRECTORIES {
            directory(&root.join(path), *mode)?;
        }
        for at in self.trees.iter().filter(|at| !at.is_empty()) {
            directory(&root.join(at), 0o755)?;
            if !self.owned {
                skeleton(&Path::new("/").join(at), &Path::new("shared/base").join(at), DEEP)?;
            }
        }
        copy_settings(Path::new("/etc"), &root.join("etc"), Path::new(""))?;
        links(root)?;
        let sshd = root.join("etc/ssh/sshd_config");
        if !sshd.exists() {
            // Every image has one, and many scripts edit it.
            fs::write(&sshd, "#PermitRootLogin prohibit-password\n#PasswordAuthentication yes\nUsePAM yes\n")
                .during(|| "sshd_config".to_owned())?;
        }
        stand_in::make(Path::new("shared/base"), self.many, &self.stand_ins)?;
        sudo(Path::new("shared/program"))?;
        probe()
    }
}

/// Makes a directory, and those above it.
pub(super) fn directory(path: &Path, mode: u32) -> Result<(), Fault> {
    fs::create_dir_all(path)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)))
        .during(|| format!("{}", path.display()))
}

fn links(root: &Path) -> Result<(), Fault> {
    let fixed = [("var/run", "/run"), ("var/lock", "/run/lock"), ("etc/mtab", "../proc/self/mounts"), ("var/spool/mail", "../mail")];
    let fixed = fixed.into_iter().map(|(name, target)| (name, PathBuf::from(target)));
    for (name, target) in fixed.chain(tree::links()) {
        symlink(&target, root.join(name)).during(|| format!("/{name} of a guest"))?;
    }
    Ok(())
}

/// How deep directories of this machine are made anew where the guest's root could not write to them: down to
/// `/usr/lib/systemd/system` and `/usr/local/lib/python3/dist-packages`. Here that is 1,700 of 17,000 directories,
/// and 700 of them without [`DATA`]'s.
const DEEP: usize = 3;

/// Directories of many directories, in which programs find their data and scripts change nothing.
const DATA: [&str; 5] = ["/usr/share/bug", "/usr/share/doc", "/usr/share/locale", "/usr/share/terminfo", "/usr/share/zoneinfo"];

/// Makes directories anew that belong to somebody who does not exist in the guest, so that its root can write to them.
fn skeleton(from: &Path, to: &Path, deep: usize) -> Result<(), Fault> {
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    for entry in entries.flatten() {
        // Known without asking for each of 100,000 files.
        if !entry.file_type().is_ok_and(|found| found.is_dir()) {
            continue;
        }
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let Ok(found) = entry.metadata() else { continue };
        // What this user cannot list would look empty if it stood here again.
        if found.mode() & 0o005 != 0o005 {
            continue;
        }
        fs::create_dir(&to).during(|| format!("{}", to.display()))?;
        if found.mode() & 0o7777 != 0o755 {
            fs::set_permissions(&to, fs::Permissions::from_mode(found.mode() & 0o7777)).during(|| format!("{}", to.display()))?;
        }
        let deep = if from == Path::new("/usr/local") { deep + 1 } else { deep };
        if deep > 1 && !DATA.iter().any(|data| from == Path::new(data)) {
            skeleton(&from, &to, deep - 1)?;
        }
    }
    Ok(())
}

/// Copies what everybody may read. Symbolic links stay what they are.
fn copy_settings(from: &Path, to: &Path, below: &Path) -> Result<(), Fault> {
    let skipped: BTreeSet<&Path> = NOT_COPIED.iter().map(Path::new).collect();
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    for entry in entries.flatten() {
        let below = below.join(entry.file_name());
        if skipped.contains(below.as_path()) || names_a_secret(&below) {
            continue;
        }
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let Ok(found) = entry.metadata() else { continue };
        let copied = match found.mode() {
            // The manual's pages among Debian's alternatives: more links than all others, and nobody reads them in a rehearsal.
            _ if found.is_symlink() && below.extension().is_some_and(|extension| extension == "gz") => Ok(()),
            _ if found.is_symlink() => fs::read_link(&from).and_then(|target| symlink(target, &to)),
            mode if found.is_dir() && mode & 0o005 == 0o005 => {
                directory(&to, mode & 0o7777)?;
                copy_settings(&from, &to, &below)?;
                Ok(())
            }
            mode if found.is_file() && mode & 0o004 != 0 && found.len() <= LARGEST => copy(&from, &to, mode & 0o777),
            _ => Ok(()),
        };
        match copied {
            Err(source) if source.kind() != io::ErrorKind::PermissionDenied => {
                return Err(source).during(|| format!("copying {}", from.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path, mode: u32) -> io::Result<()> {
    fs::write(to, fs::read(from)?)?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))
}

/// Whatever its permissions are.
fn names_a_secret(below: &Path) -> bool {
    let name = below.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    name.starts_with("ssh_host_")
        || name.ends_with(".key")
        || name.ends_with("_key")
        || name.contains("password")
        || name.contains("credential")
        || name.starts_with("auth.conf")
}

/// This program, which is the guests' `sudo` too. One file: setuid, and seen without that where it is not `sudo`.
///
/// Copied here and not by the owner: of its threads, one that starts a process just then would have the file open for writing, and a
/// file that is open for writing cannot be run.
fn sudo(program: &Path) -> Result<(), Fault> {
    fs::copy("/proc/self/exe", program).during(|| "copying this program".to_owned())?;
    fs::set_permissions(program, fs::Permissions::from_mode(0o4755)).during(|| "permissions of a guest's sudo".to_owned())?;
    for dir in ["shared/base/usr/bin", "shared/base/usr/local/bin"] {
        if dir == "shared/base/usr/bin" || Path::new("/usr/local/bin/sudo").exists() {
            fs::create_dir_all(dir).during(|| dir.to_owned())?;
            fs::hard_link(program, Path::new(dir).join("sudo")).during(|| "a guest's sudo".to_owned())?;
        }
    }
    Ok(())
}

/// Tries what a guest needs, so that this is known before the first one is wanted.
fn probe() -> Result<(), Fault> {
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID).at(Step::Namespaces, || "making the namespaces of a guest".to_owned())?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .at(Step::Namespaces, || "own mounts".to_owned())?;
    for dir in ["probe/upper", "probe/work", "probe/at"] {
        fs::create_dir_all(dir).during(|| dir.to_owned())?;
    }
    let options = "lowerdir=shared/base/usr:/usr,upperdir=probe/upper,workdir=probe/work,userxattr";
    let what = || "a copy-on-write view of /usr".to_owned();
    mount(Some("overlay"), "probe/at", Some("overlay"), MsFlags::empty(), Some(options)).at(Step::Overlay, what)?;
    // What cannot hold a changed directory shows only now.
    fs::create_dir_all("probe/at/amibake").at(Step::Overlay, what)?;
    let child = Command::new("/proc/self/exe").arg("__guest-probe").env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).output();
    let output = child.during(|| "starting a process in a guest".to_owned())?;
    match serde_json::from_slice(&output.stdout) {
        Ok(fault) => Err(fault),
        Err(_) => Ok(()),
    }
}

/// `__guest-probe`: whether `/proc` can be mounted in a guest. Says on standard output why not.
pub(super) fn probe_proc() -> Result<(), Fault> {
    let mounted = mount(Some("proc"), "probe/at", Some("proc"), MsFlags::MS_NOSUID, None::<&str>)
        .at(Step::Proc, || "the /proc of a guest".to_owned());
    if let Err(fault) = mounted {
        let text = serde_json::to_vec(&fault).unwrap_or_default();
        let _ = rustix::io::write(rustix::stdio::stdout(), &text);
    }
    Ok(())
}
