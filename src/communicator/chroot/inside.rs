//! Paths as a guest means them: links in them start at the guest's root, and nothing leads out of it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// How many links a path may lead over: Linux's own limit.
const LINKS: u32 = 40;

/// Where `path` of the guest at `root` is on this machine. A link is followed as in the guest: one to `/etc/x` must not write to this
/// machine's `/etc/x`. What cannot be looked at counts as no link.
pub(super) fn inside(root: &Path, path: &Path) -> PathBuf {
    let (mut at, mut left) = (PathBuf::new(), names(path));
    let mut links = 0;
    while let Some(name) = left.pop_front() {
        if name == ".." {
            at.pop();
            continue;
        }
        at.push(&name);
        let target = std::fs::read_link(root.join(&at)).ok().filter(|_| links < LINKS);
        let Some(target) = target else { continue };
        links += 1;
        if target.is_absolute() {
            at = PathBuf::new();
        } else {
            at.pop();
        }
        let mut rest = names(&target);
        rest.append(&mut left);
        left = rest;
    }
    root.join(at)
}

fn names(path: &Path) -> VecDeque<OsString> {
    let name = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    };
    path.components().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_leads_out_of_the_guest() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("usr/lib")).unwrap();
        symlink("usr/lib", root.join("lib")).unwrap();
        symlink("/run/resolv.conf", root.join("resolv.conf")).unwrap();
        symlink("../../../etc", root.join("usr/out")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let check = |path: &str, expected: &str| assert_eq!(inside(root, Path::new(path)), root.join(expected), "{path}");
        check("/etc/hosts", "etc/hosts");
        check("etc//./hosts", "etc/hosts");
        check("/../../etc/hosts", "etc/hosts");
        check("/lib/x.so", "usr/lib/x.so");
        check("/resolv.conf", "run/resolv.conf");
        check("/usr/out/passwd", "etc/passwd");
        check("/usr/../lib", "usr/lib");
        check("/", "");
        assert!(inside(root, Path::new("/loop/x")).starts_with(root));
    }
}
