//! Users and groups, as `/etc/passwd` and `/etc/group` of a guest have them. The guest may write anything there: nothing here fails.

use std::fs;
use std::io::Read as _;

/// A line of `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) comment: String,
    pub(super) home: String,
    pub(super) shell: String,
}

/// A line of `/etc/group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) gid: u32,
    pub(super) members: Vec<String>,
}

/// Lines that make no sense are left out, as the C library does.
pub(super) fn passwd(text: &str) -> Vec<Account> {
    text.lines().filter_map(account).collect()
}

fn account(line: &str) -> Option<Account> {
    let words: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, comment, home, shell] = words[..] else { return None };
    if name.is_empty() || name.starts_with('#') {
        return None;
    }
    Some(Account {
        name: name.to_owned(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        comment: comment.to_owned(),
        home: if home.is_empty() { "/" } else { home }.to_owned(),
        shell: if shell.is_empty() { "/bin/sh" } else { shell }.to_owned(),
    })
}

/// As [`passwd`].
pub(super) fn groups(text: &str) -> Vec<Group> {
    text.lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split(':').collect();
            let [name, _, gid, members] = words[..] else { return None };
            let members = members.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
            Some(Group { name: name.to_owned(), gid: gid.parse().ok()?, members })
        })
        .collect()
}

/// All groups of a user, the main one first.
pub(super) fn groups_of(account: &Account, groups: &[Group]) -> Vec<u32> {
    let mut ids = vec![account.gid];
    for group in groups {
        if group.members.contains(&account.name) && !ids.contains(&group.gid) {
            ids.push(group.gid);
        }
    }
    ids
}

/// The users and groups of the file system that this process is in.
pub(super) fn here() -> (Vec<Account>, Vec<Group>) {
    (passwd(&bounded("/etc/passwd")), groups(&bounded("/etc/group")))
}

/// A file's beginning: no guest has that many users, and none may fill our memory.
fn bounded(path: &str) -> String {
    let mut text = Vec::new();
    if fs::metadata(path).is_ok_and(|found| found.is_file())
        && let Ok(file) = fs::File::open(path)
    {
        let _ = file.take(4 << 20).read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_make_no_sense_are_left_out() {
        let names = |text: &str| passwd(text).into_iter().map(|account| (account.name, account.uid, account.shell)).collect::<Vec<_>>();
        assert_eq!(names("ann:x:1000:1000::/home/ann:/bin/bash\n"), [("ann".to_owned(), 1000, "/bin/bash".to_owned())]);
        assert_eq!(names("ann:x:1000:1000::/home/ann:"), [("ann".to_owned(), 1000, "/bin/sh".to_owned())]);
        assert_eq!(names("ann:x:-1:0::/:/bin/sh\nbob\n:x:0:0::/:/bin/sh\n#c:x:1:1::/:/bin/sh\n"), []);
    }

    #[test]
    fn a_user_is_in_the_main_group_and_where_listed() {
        let ann = passwd("ann:x:1000:1000::/home/ann:/bin/bash").remove(0);
        assert_eq!(groups_of(&ann, &groups("ann:x:1000:\nwheel:x:10:bob,ann\nadm:x:4:anna\n")), [1000, 10]);
    }
}
