//! What guests of one operating system share: its name, its users.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use nix::unistd::chown;
use serde::{Deserialize, Serialize};

use super::account::{Account, Group, groups, passwd};
use super::base::directory;
use super::fault::{During as _, Fault};

/// What to make.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Making {
    /// Where, below the run's directory.
    pub(super) dir: String,
    /// The trees of all guests.
    pub(super) trees: Vec<String>,
    /// Content of `/etc/os-release`; empty: this machine's.
    pub(super) os_release: String,
    /// Who logs in; empty: any of the usual ones.
    pub(super) login: String,
    /// Whether users other than root exist.
    pub(super) many: bool,
}

/// Users that images of Amazon Linux, Ubuntu, Debian and others log in as.
const USUAL: [&str; 9] = ["ec2-user", "ubuntu", "admin", "debian", "centos", "fedora", "rocky", "almalinux", "cloud-user"];

/// Groups that those users are in, where this machine has them.
const THEIR_GROUPS: [&str; 6] = ["adm", "wheel", "sudo", "systemd-journal", "cdrom", "video"];

impl Making {
    /// In the run's directory.
    pub(super) fn make(&self) -> Result<(), Fault> {
        for at in &self.trees {
            directory(&Path::new(&self.dir).join(super::tree::dir_of(at)), 0o755)?;
        }
        let root = Path::new(&self.dir).join("root");
        directory(&root.join("etc/sudoers.d"), 0o750)?;
        directory(&root.join("etc"), 0o755)?;
        self.name(&root)?;
        let accounts = self.accounts();
        self.users(&root, &accounts)?;
        sudoers(&root, &self.logins())?;
        for account in accounts.iter().filter(|account| self.logins().contains(&account.name)) {
            self.home(&root, account)?;
        }
        skel(&root.join("root"), None)
    }

    fn logins(&self) -> Vec<String> {
        if self.login.is_empty() { USUAL.iter().map(|name| (*name).to_owned()).collect() } else { vec![self.login.clone()] }
    }

    fn name(&self, root: &Path) -> Result<(), Fault> {
        let text =
            if self.os_release.is_empty() { fs::read_to_string("/etc/os-release").unwrap_or_default() } else { self.os_release.clone() };
        write(&root.join("etc/os-release"), &text, 0o644)?;
        let shared = Path::new(&self.dir).join("usr/lib");
        directory(&shared, 0o755)?;
        write(&shared.join("os-release"), &text, 0o644)
    }

    /// Root, this machine's system users (its programs may ask for them), and who logs in.
    fn accounts(&self) -> Vec<Account> {
        let user = |name: &str, uid: u32, home: String| Account {
            name: name.to_owned(),
            uid,
            gid: uid,
            comment: String::new(),
            home,
            shell: "/bin/bash".to_owned(),
        };
        let mut accounts = vec![user("root", 0, "/root".to_owned())];
        let logins = self.logins();
        let here = passwd(&fs::read_to_string("/etc/passwd").unwrap_or_default());
        accounts.extend(here.into_iter().filter(|here| {
            (0 < here.uid && here.uid < 1000 || here.name == "nobody")
                && !logins.contains(&here.name)
                && !USUAL.contains(&here.name.as_str())
        }));
        for (name, uid) in logins.iter().filter(|name| *name != "root").zip(1000..) {
            accounts.push(user(name, if self.many { uid } else { 0 }, format!("/home/{name}")));
        }
        accounts
    }

    fn users(&self, root: &Path, accounts: &[Account]) -> Result<(), Fault> {
        let etc = root.join("etc");
        let logins = self.logins();
        let mut all = groups(&fs::read_to_string("/etc/group").unwrap_or_default());
        all.retain(|group| group.gid < 1000 || group.name == "nogroup" || group.name == "nobody");
        all.retain(|group| !logins.contains(&group.name));
        for group in &mut all {
            group.members = if THEIR_GROUPS.contains(&group.name.as_str()) { logins.clone() } else { Vec::new() };
        }
        let own = accounts.iter().filter(|account| logins.contains(&account.name) && account.uid != 0);
        all.extend(own.map(|account| Group { name: account.name.clone(), gid: account.gid, members: Vec::new() }));
        let shadow_group = all.iter().find(|group| group.name == "shadow").map_or(0, |group| group.gid);
        let lines = |line: &dyn Fn(&Account) -> String| accounts.iter().map(line).collect::<String>();
        let passwd = lines(&|a| format!("{}:x:{}:{}:{}:{}:{}\n", a.name, a.uid, a.gid, a.comment, a.home, a.shell));
        let shadow = lines(&|a| format!("{}:{}:19000:0:99999:7:::\n", a.name, if logins.contains(&a.name) { "!" } else { "*" }));
        let group: String = all.iter().map(|group| format!("{}:x:{}:{}\n", group.name, group.gid, group.members.join(","))).collect();
        let gshadow: String = all.iter().map(|group| format!("{}:*::{}\n", group.name, group.members.join(","))).collect();
        write(&etc.join("passwd"), &passwd, 0o644)?;
        write(&etc.join("group"), &group, 0o644)?;
        for (name, text) in [("shadow", shadow), ("gshadow", gshadow)] {
            let path = etc.join(name);
            write(&path, &text, 0o640)?;
            own_path(&path, 0, if self.many { shadow_group } else { 0 })?;
        }
        write(&etc.join("subuid"), "", 0o644)?;
        write(&etc.join("subgid"), "", 0o644)
    }

    fn home(&self, root: &Path, account: &Account) -> Result<(), Fault> {
        let home = root.join("home").join(&account.name);
        let owner = (account.uid, account.gid);
        skel(&home, Some(owner))?;
        directory(&home.join(".ssh"), 0o700)?;
        own_path(&home.join(".ssh"), owner.0, owner.1)?;
        write(&home.join(".ssh/authorized_keys"), "", 0o600)?;
        own_path(&home.join(".ssh/authorized_keys"), owner.0, owner.1)
    }
}

/// A home directory with what new ones have here.
fn skel(home: &Path, owner: Option<(u32, u32)>) -> Result<(), Fault> {
    directory(home, 0o700)?;
    let (uid, gid) = owner.unwrap_or((0, 0));
    for name in [".bash_logout", ".bash_profile", ".bashrc", ".profile"] {
        if let Ok(text) = fs::read_to_string(Path::new("/etc/skel").join(name)) {
            write(&home.join(name), &text, 0o644)?;
            own_path(&home.join(name), uid, gid)?;
        }
    }
    own_path(home, uid, gid)
}

fn sudoers(root: &Path, logins: &[String]) -> Result<(), Fault> {
    let text = "Defaults env_reset\nDefaults secure_path=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\n\
                root ALL=(ALL:ALL) ALL\n#includedir /etc/sudoers.d\n";
    write(&root.join("etc/sudoers"), text, 0o440)?;
    let users: String = logins.iter().map(|login| format!("{login} ALL=(ALL) NOPASSWD:ALL\n")).collect();
    write(&root.join("etc/sudoers.d/90-cloud-init-users"), &users, 0o440)
}

pub(super) fn write(path: &Path, text: &str, mode: u32) -> Result<(), Fault> {
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)))
        .during(|| format!("{}", path.display()))
}

fn own_path(path: &Path, uid: u32, gid: u32) -> Result<(), Fault> {
    chown(path, Some(uid.into()), Some(gid.into())).during(|| format!("the owner of {}", path.display()))
}
